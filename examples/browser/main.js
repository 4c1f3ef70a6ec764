// Differentiates a function twice on the page's GPU, then trains a small network on the digits that come with the package.
import { $, decodeDigits, grad, nn, openGpu, valueAndGrad } from 'lambda-darts'
import digitsFile from 'lambda-darts/data/digits.csv.gz?url'

const STEPS = 150
const BATCH = 128
const RATE = 0.5
/** Digits that the network is shown; it is judged by the others. */
const SHOWN = 1500

const say = (id, text) => {
  document.getElementById(id).textContent = text
}

/** The digits as a data set. A server may have unpacked the file on its way. */
const loadDigits = async () => {
  const file = await (await fetch(digitsFile)).blob()
  const [first, second] = new Uint8Array(await file.slice(0, 2).arrayBuffer())
  const isPacked = first === 0x1f && second === 0x8b
  const unpacked = isPacked
    ? new Response(file.stream().pipeThrough(new DecompressionStream('gzip')))
    : new Response(file)
  const decoded = decodeDigits(new Uint8Array(await unpacked.arrayBuffer()))
  if (decoded._tag === 'Left') throw new Error(decoded.left.message)
  return decoded.right
}

/** Images as rows of 64 numbers from 0 to 1, and their labels. */
const rows = ({ images, labels }, from, to) => ({
  x: { shape: [to - from, 64], dtype: 'f32', data: images.slice(64 * from, 64 * to).map(pixel => pixel / 16) },
  y: labels.slice(from, to)
})

const network = ({ w1, b1, w2, b2 }, x) => nn.linear($.tanh(nn.linear(x, w1, b1)), w2, b2)
const loss = (weights, x, y) => nn.crossEntropy(network(weights, x), y)

/** A step of gradient descent: weights in, weights and loss out. */
const descend = (weights, x, y) => {
  const [value, slopes] = valueAndGrad(loss)(weights, x, y)
  const next = Object.fromEntries(
    Object.entries(weights).map(([name, w]) => [name, $.sub(w, $.mul(RATE, slopes[name]))])
  )
  return { weights: next, value }
}

const initial = seed => {
  const [first, second] = $.split($.key(seed))
  return {
    w1: $.mul(0.125, $.randomNormal(first, [32, 64])),
    b1: new Float32Array(32),
    w2: $.mul(0.18, $.randomNormal(second, [10, 32])),
    b2: new Float32Array(10)
  }
}

const train = async gpu => {
  const digits = await loadDigits()
  let weights = await gpu.store(initial(1))
  const step = await gpu.compile(descend, [weights, rows(digits, 0, BATCH).x, rows(digits, 0, BATCH).y], {
    donate: [0]
  })
  for (let i = 0; i < STEPS; i++) {
    const from = (i * BATCH) % (SHOWN - BATCH)
    const { x, y } = rows(digits, from, from + BATCH)
    const result = await step(weights, x, y)
    weights = result.weights
    if (i % 10 === 9) say('loss', (await gpu.read(result.value)).data[0].toFixed(3))
    document.getElementById('progress').value = (i + 1) / STEPS
  }
  const { x, y } = rows(digits, SHOWN, digits.count)
  const guesses = await gpu.read(gpu.run((w, images) => $.argmax(network(w, images), 1), weights, x))
  return y.filter((label, i) => label === guesses.data[i]).length / y.length
}

const main = async () => {
  const gpu = await openGpu()
  say('adapter', gpu.name)
  const f = x => $.mul(x, $.tanh(x))
  const start = performance.now()
  say('first', (await gpu.read(gpu.run(grad(f), 0.5))).data[0])
  document.getElementById('first').dataset.milliseconds = performance.now() - start
  say('second', (await gpu.read(gpu.run(grad(grad(f)), 0.5))).data[0])
  say('accuracy', (await train(gpu)).toFixed(3))
}

const end = (state, text) => {
  document.getElementById('state').dataset.state = state
  say('state', text)
}
main().then(
  () => end('done', 'Done'),
  error => end('failed', error.message)
)
