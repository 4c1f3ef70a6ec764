/**
 * Which training image decides a prediction? Influence functions (Koh & Liang, 2017, arXiv 1703.04730): leaving image i out changes a loss on
 * a test image by v H^-1 g_i / n, with v and g_i their gradients, and H^-1 by conjugate gradients, which only ask for products H p.
 * Run it with `node --import tsx examples/influence.ts`.
 */
import { $, grad, hvp, nn, openGpu, type Tensor, vmap } from 'lambda-darts'
import { PIXELS, part } from './digits.js'

const TRAIN = 200
const { images, labels } = part(0, TRAIN)
const test = part(1500, 1501)
const flat = (data: Float32Array) => ({ shape: [data.length / PIXELS, PIXELS], dtype: 'f32' as const, data })

/** Cross entropy of a linear classifier on images that count by their weights, with a decay that makes it convex. */
const DECAY = 0.01
const each = (w: Tensor, x: Tensor, labels: Tensor): Tensor =>
  $.neg($.sum($.mul(nn.logSoftmax($.matmul(x, w)), $.oneHot(labels, 10)), [1]))
const risk = (w: Tensor, x: Tensor, labels: Tensor, counts: Tensor): Tensor =>
  $.add($.div($.sum($.mul(each(w, x, labels), counts)), TRAIN), $.mul($.sum($.mul(w, w)), DECAY / 2))
const one = (w: Tensor, x: Tensor, label: Tensor): Tensor =>
  $.sum(each(w, $.reshape(x, [1, -1]), $.reshape(label, [1])))

const gpu = await openGpu()
const all = await gpu.store({ x: flat(images.data), labels })
const [w0, counts0] = [$.tensor(new Float32Array(PIXELS * 10), [PIXELS, 10]), new Float32Array(TRAIN).fill(1)]
const gradient = await gpu.compile(grad(risk), [w0, all.x, all.labels, counts0])
const product = await gpu.compile(
  (w: Tensor, x: Tensor, labels: Tensor, counts: Tensor, v: Tensor) => hvp(w => risk(w, x, labels, counts), w, v),
  [w0, all.x, all.labels, counts0, w0]
)

const shaped = (data: Float32Array) => ({ shape: [PIXELS, 10], dtype: 'f32' as const, data })
const dot = (a: Float32Array, b: Float32Array): number => a.reduce((sum, value, i) => sum + value * (b[i] as number), 0)
const plus = (a: Float32Array, b: Float32Array, scale: number) => a.map((value, i) => value + scale * (b[i] as number))

/** H^-1 b at the weights `w`, by conjugate gradients. */
const solve = async (w: Float32Array, counts: Float32Array, b: Float32Array): Promise<Float32Array> => {
  let [x, r, p] = [new Float32Array(b.length), b, b]
  for (let i = 0; i < 60 && dot(r, r) > 1e-10 * dot(b, b); i++) {
    const hp = (await gpu.read(product(shaped(w), all.x, all.labels, counts, shaped(p)))).data as Float32Array
    const length = dot(r, r) / dot(p, hp)
    const left = plus(r, hp, -length)
    ;[x, p, r] = [plus(x, p, length), plus(left, p, dot(left, left) / dot(r, r)), left]
  }
  return x
}

/** The weights at which the gradient is 0, by Newton's method: the same solve. */
const fitted = async (
  counts: Float32Array,
  from: Float32Array = new Float32Array(PIXELS * 10)
): Promise<Float32Array> => {
  let w = from
  for (let i = 0; i < 6; i++) {
    const g = (await gpu.read(gradient(shaped(w), all.x, all.labels, counts))).data as Float32Array
    w = plus(w, await solve(w, counts, g), -1)
  }
  return w
}

const w = await fitted(counts0)
const testLoss = async (w: Float32Array) =>
  (await gpu.read(gpu.run(one, shaped(w), flat(test.images.data), test.labels))).data[0] as number
const v = (await gpu.read(gpu.run(grad(one), shaped(w), flat(test.images.data), test.labels))).data as Float32Array
const s = await solve(w, counts0, v)
/** The gradient of each image's own loss, in one go, along s. */
const along = (w: Tensor, x: Tensor, labels: Tensor, s: Tensor): Tensor =>
  vmap((x: Tensor, label: Tensor) => $.sum($.mul(grad(one)(w, x, label), s)))(x, labels)
const influences = Array.from(
  (await gpu.read(gpu.run(along, shaped(w), all.x, all.labels, shaped(s)))).data,
  one => one / TRAIN
)
const most = influences.reduce(
  (best, value, i) => (Math.abs(value) > Math.abs(influences[best] as number) ? i : best),
  0
)

export const predicted = influences[most] as number
const without = await fitted(
  counts0.map((count, i) => (i === most ? 0 : count)),
  w
)
export const measured = (await testLoss(without)) - (await testLoss(w))
console.log(
  `without image ${most} the loss changes by ${predicted.toFixed(4)} as predicted, by ${measured.toFixed(4)} after training again`
)
gpu.dispose()
