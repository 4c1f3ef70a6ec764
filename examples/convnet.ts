/**
 * A convolutional network on handwritten digits: 1,497 to train on, 300 to test on.
 * Run it with `node --import tsx examples/convnet.ts`.
 */
import { $, grad, nn, openGpu, optim, type Tensor } from 'lambda-darts'
import { digits, part } from './digits.js'

const TRAIN = 1497
const BATCH = 50
const EPOCHS = 6

/** Filters and matrices with the deviation sqrt(2 / inputs), which keeps sizes through relu. */
const normal = (seed: number, shape: readonly number[]): Tensor => {
  const inputs = shape.slice(1).reduce((product, extent) => product * extent, 1)
  return $.mul($.randomNormal($.key(seed), shape), Math.sqrt(2 / inputs))
}
const weights = {
  first: normal(1, [16, 1, 3, 3]),
  second: normal(2, [32, 16, 3, 3]),
  matrix: normal(3, [10, 512]),
  bias: $.tensor(new Float32Array(10))
}
type Weights = typeof weights

const network = (w: Weights, images: Tensor): Tensor => {
  const first = $.relu(nn.batchNorm($.conv2d(images, w.first, { padding: 1 })).y)
  const second = $.relu(nn.batchNorm($.conv2d(first, w.second, { padding: 1, stride: 2 })).y)
  return nn.linear($.reshape(second, [-1, 512]), w.matrix, w.bias)
}

const loss = (w: Weights, images: Tensor, labels: Tensor): Tensor => nn.crossEntropy(network(w, images), labels)

const { init, update } = optim.adam({ rate: 0.01 })
type State = ReturnType<typeof update<Weights>>

/** One step on the images at these places of all. */
const step = ({ weights, state }: State, images: Tensor, labels: Tensor, places: Tensor): State => {
  const classes = $.convert($.take($.convert(labels, 'f32'), places), 'i32')
  return update(grad(loss)(weights, $.take(images, places), classes), state, weights)
}

const correct = (w: Weights, images: Tensor, labels: Tensor): Tensor =>
  $.sum($.convert($.equal($.argmax(network(w, images), 1), labels), 'f32'))

const gpu = await openGpu()
const [train, test] = await Promise.all([gpu.store(part(0, TRAIN)), gpu.store(part(TRAIN, digits.count))])
let now = await gpu.store({ weights, state: init(weights) })
const places = (from: number, stride: number) =>
  Int32Array.from({ length: BATCH }, (_, i) => ((from + i) * stride) % TRAIN)
const compiled = await gpu.compile(step, [now, train.images, train.labels, places(0, 1)], { donate: [0] })
for (let epoch = 0; epoch < EPOCHS; epoch++)
  for (let from = 0; from + BATCH <= TRAIN; from += BATCH)
    // A stride without a factor in common with the count visits every image once, in an order of its own for each epoch.
    now = await compiled(now, train.images, train.labels, places(from, 7 + 6 * epoch))

const right = await gpu.read(gpu.run(correct, now.weights, test.images, test.labels))
export const accuracy = (right.data[0] as number) / (digits.count - TRAIN)
console.log(`${(100 * accuracy).toFixed(1)} % of the digits that it has not seen`)
gpu.dispose()
