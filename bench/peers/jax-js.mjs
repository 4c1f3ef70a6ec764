// The workloads in jax-js, each one function under `jit`. Results are named by the paths of our own results' leaves. In jax-js a function
// consumes its arguments: `.ref` keeps one for another use.
import {
  blockUntilReady,
  defaultDevice,
  grad,
  init,
  jit,
  jvp,
  lax,
  nn,
  numpy as np,
  tree,
  valueAndGrad,
  vjp
} from '@jax-js/jax'

const conv = (x, w, { padding = 0, dilation = 1, groups = 1 } = {}) =>
  lax.convGeneralDilated(
    x,
    w,
    [1, 1],
    [
      [padding, padding],
      [padding, padding]
    ],
    { rhsDilation: [dilation, dilation], featureGroupCount: groups }
  )

const channels = v => v.reshape([1, v.shape[0], 1, 1])
const normalise = x => {
  const over = [0, 2, 3]
  const centred = x.ref.sub(np.mean(x, over, { keepdims: true }))
  const variance = np.mean(np.square(centred.ref), over, { keepdims: true })
  return centred.div(np.sqrt(variance.add(1e-5)))
}
const batchNorm = (x, scale, shift) => normalise(x).mul(channels(scale)).add(channels(shift))

const border = [
  [0, 0],
  [0, 0],
  [1, 1],
  [1, 1]
]
const frame = ([, , h, w]) => np.pad(np.ones([1, 1, h, w]), border)
const maxPool = x => {
  const inside = np.greater(frame(x.shape), 0.5)
  return lax.reduceWindow(np.where(inside, np.pad(x, border), -1e30), window => np.max(window), [3, 3], [1, 1])
}
const sumPool = x => lax.reduceWindow(x, window => np.sum(window), [3, 3], [1, 1])
const avgPool = x => {
  const count = sumPool(frame(x.shape))
  return sumPool(np.pad(x, border)).div(count)
}

const crossEntropy = (logits, labels) => {
  const [batch, classes] = logits.shape
  return np.sum(nn.oneHot(labels, classes).mul(nn.logSoftmax(logits))).mul(-1 / batch)
}
const linear = (x, w) => np.matmul(x, np.transpose(w))

const cnnLoss = ({ convolutions, scales, shifts, head }, x, y) => {
  const features = convolutions.reduce(
    (h, w, i) => nn.relu(batchNorm(conv(h, w, { padding: 1 }), scales[i], shifts[i])),
    x
  )
  return crossEntropy(linear(np.mean(features, [2, 3]), head), y)
}
const mlpLoss = (layers, x, y) =>
  crossEntropy(
    layers.reduce((h, { w, b }, i) => {
      const z = linear(h, w).add(b)
      return i + 1 < layers.length ? nn.relu(z) : z
    }, x),
    y
  )
const mixed = ({ one, three }, alpha, x) => {
  const p = nn.softmax(alpha)
  const part = o => p.ref.slice([o, o + 1]).reshape([])
  const positive = () => nn.relu(x.ref)
  const outputs = [
    x.ref,
    normalise(conv(positive(), one)),
    normalise(conv(positive(), three, { padding: 1 })),
    avgPool(x.ref),
    maxPool(x.ref)
  ]
  const y = outputs.map((output, o) => output.mul(part(o))).reduce((a, b) => a.add(b))
  p.dispose()
  x.dispose()
  return y
}

const keep = x => tree.ref(x)
/** Results of ours: the value, then the gradient in each argument. */
const forwardBackward = f => (args, cotangent) => {
  const [y, pull] = vjp(f, args)
  const gradients = pull(cotangent)
  return [y, ...gradients]
}
const descend = (weights, gradient) => tree.map((w, g) => w.sub(g.mul(0.05)), weights, gradient)
const step = loss => (weights, x, y) => {
  const [value, gradient] = valueAndGrad(loss)(keep(weights), x, y)
  return { loss: value, weights: descend(weights, gradient) }
}
const halves = weights => tree.map(w => w.mul(0.5), weights)

const workloads = {
  'conv 3x3 B32 C16 32x32 forward': (x, w) => conv(x, w, { padding: 1 }),
  'conv 3x3 B32 C16 32x32 forward+dx+dw': (x, w, g) => forwardBackward((a, b) => conv(a, b, { padding: 1 }))([x, w], g),
  'depthwise 3x3 forward+backward': (x, w, g) =>
    forwardBackward((a, b) => conv(a, b, { padding: 1, groups: 16 }))([x, w], g),
  'depthwise 5x5 dilation 2 forward+backward': (x, w, g) =>
    forwardBackward((a, b) => conv(a, b, { padding: 4, dilation: 2, groups: 16 }))([x, w], g),
  'batch norm forward+backward': (x, scale, shift, g) => forwardBackward(batchNorm)([x, scale, shift], g),
  'max-pool 3x3 forward+backward': (x, g) => forwardBackward(maxPool)([x], g),
  'average-pool 3x3 forward+backward': (x, g) => forwardBackward(avgPool)([x], g),
  'sum of 1M': x => np.sum(x),
  'elementwise chain on 1M': (x, y) => np.tanh(nn.relu(x.mul(1.5).sub(y.ref)).mul(y).add(0.25)),
  '100 chained multiply-adds on 16': (x, y) => {
    const z = Array.from({ length: 100 }).reduce(value => value.mul(0.99).add(y.ref), x)
    y.dispose()
    return z
  },
  'MLP 784-256-128-10 B128 SGD step': (layers, x, y) => {
    const { loss, weights } = step(mlpLoss)(layers, x, y)
    return { loss, layers: weights }
  },
  'CNN SGD step (4 x conv-BN-ReLU C16, B32 32x32)': step(cnnLoss),
  'HVP of that CNN': (weights, x, y) => {
    const direction = halves(keep(weights))
    return jvp(w => grad(cnnLoss)(w, x, y), [weights], [direction])[1]
  },
  'mixed derivative of a mixed operation of five': (w, alpha, x, g, v) =>
    grad(u => np.sum(grad(a => np.sum(mixed(u, a, x).mul(g)))(alpha).mul(v)))(w)
}

const isArray = value => ArrayBuffer.isView(value?.data)
const mapHost = (value, f) =>
  isArray(value)
    ? f(value)
    : Array.isArray(value)
      ? value.map(part => mapHost(part, f))
      : Object.fromEntries(Object.entries(value).map(([key, part]) => [key, mapHost(part, f)]))
const named = (value, path = []) =>
  value instanceof np.Array
    ? [[path.join('.'), value]]
    : Object.entries(value).flatMap(([key, part]) => named(part, [...path, key]))

export const enter = async (workload, args) => {
  if (!(await init('webgpu')).includes('webgpu')) throw new Error('jax-js found no WebGPU')
  defaultDevice('webgpu')
  const f = workload.startsWith('matmul') ? np.matmul : workloads[workload]
  if (!f) throw new Error('jax-js has no such workload')
  const stored = mapHost(args, ({ data, shape, dtype }) =>
    np.array(data, { dtype: dtype === 'f32' ? np.float32 : np.int32 }).reshape(shape)
  )
  await blockUntilReady(stored)
  const compiled = jit(f)
  return {
    call: () => compiled(...stored.map(keep)),
    free: tree.dispose,
    // All results of a compiled function are submitted together.
    done: result => tree.leaves(result)[0].blockUntilReady(),
    read: async result => {
      const entries = named(keep(result)).map(async ([path, array]) => {
        const { shape } = array
        return [path, { dtype: 'f32', shape, data: await array.data() }]
      })
      return Object.fromEntries(await Promise.all(entries))
    }
  }
}
