// The workloads in TensorFlow.js with its WebGPU backend, eager: it has no compiler. Images and filters in its own layouts (NHWC, HWIO), changed on
// the host before and after, outside the time. Results are named by the paths of our own results' leaves.
import * as tf from '@tensorflow/tfjs'
import '@tensorflow/tfjs-backend-webgpu'

const conv = (x, w, { dilation = 1 } = {}) => tf.conv2d(x, w, 1, 'same', 'NHWC', dilation)
const depthwise = (x, w, dilation) => tf.depthwiseConv2d(x, w, 1, 'same', 'NHWC', dilation)
const batchNorm = (x, scale, shift) => {
  const { mean, variance } = tf.moments(x, [0, 1, 2])
  return tf.batchNorm(x, mean, variance, shift, scale, 1e-5)
}
const maxPool = x => tf.maxPool(x, 3, 1, 'same')
const avgPool = x => tf.avgPool(x, 3, 1, 'same')
const crossEntropy = (logits, labels) =>
  tf
    .oneHot(labels, logits.shape[1])
    .mul(tf.logSoftmax(logits))
    .sum()
    .mul(-1 / logits.shape[0])
const linear = (x, w) => tf.matMul(x, w, false, true)

const forwardBackward = f => (args, cotangent) => {
  const { value, grads } = tf.valueAndGrads(f)(args, cotangent)
  return [value, ...grads]
}

/** `f` of a tree of weights as a function of their list, which is what tfjs differentiates. */
const isTensor = value => value instanceof tf.Tensor
const named = (value, path = []) =>
  isTensor(value)
    ? [[path.join('.'), value]]
    : Object.entries(value).flatMap(([key, part]) => named(part, [...path, key]))
const rebuild = (value, list) =>
  isTensor(value)
    ? list.shift()
    : Array.isArray(value)
      ? value.map(part => rebuild(part, list))
      : Object.fromEntries(Object.entries(value).map(([key, part]) => [key, rebuild(part, list)]))
const flat = weights => named(weights).map(([, tensor]) => tensor)
const gradient = (loss, weights) => {
  const { value, grads } = tf.valueAndGrads((...list) => loss(rebuild(weights, [...list])))(flat(weights))
  return { value, grads }
}
const step = loss => (weights, x, y) => {
  const { value, grads } = gradient(w => loss(w, x, y), weights)
  return {
    loss: value,
    weights: rebuild(
      weights,
      flat(weights).map((w, i) => w.sub(grads[i].mul(0.05)))
    )
  }
}
const cnnLoss = ({ convolutions, scales, shifts, head }, x, y) => {
  const features = convolutions.reduce((h, w, i) => tf.relu(batchNorm(conv(h, w), scales[i], shifts[i])), x)
  return crossEntropy(linear(tf.mean(features, [1, 2]), head), y)
}
const mlpLoss = (layers, x, y) =>
  crossEntropy(
    layers.reduce((h, { w, b }, i) => {
      const z = linear(h, w).add(b)
      return i + 1 < layers.length ? tf.relu(z) : z
    }, x),
    y
  )
const normalise = x => {
  const { mean, variance } = tf.moments(x, [0, 1, 2], true)
  return x.sub(mean).div(variance.add(1e-5).sqrt())
}
const mixed = ({ one, three }, alpha, x) => {
  const p = tf.softmax(alpha)
  const outputs = [x, normalise(conv(tf.relu(x), one)), normalise(conv(tf.relu(x), three)), avgPool(x), maxPool(x)]
  return outputs.map((y, o) => y.mul(p.slice([o], [1]).reshape([]))).reduce((a, b) => a.add(b))
}

const workloads = {
  'conv 3x3 B32 C16 32x32 forward': conv,
  'conv 3x3 B32 C16 32x32 forward+dx+dw': (x, w, g) => forwardBackward((a, b) => conv(a, b))([x, w], g),
  'depthwise 3x3 forward+backward': (x, w, g) => forwardBackward((a, b) => depthwise(a, b, 1))([x, w], g),
  'depthwise 5x5 dilation 2 forward+backward': (x, w, g) => forwardBackward((a, b) => depthwise(a, b, 2))([x, w], g),
  'batch norm forward+backward': (x, scale, shift, g) => forwardBackward(batchNorm)([x, scale, shift], g),
  'max-pool 3x3 forward+backward': (x, g) => forwardBackward(maxPool)([x], g),
  'average-pool 3x3 forward+backward': (x, g) => forwardBackward(avgPool)([x], g),
  'sum of 1M': x => tf.sum(x),
  'elementwise chain on 1M': (x, y) => x.mul(1.5).sub(y).relu().mul(y).add(0.25).tanh(),
  '100 chained multiply-adds on 16': (x, y) => Array.from({ length: 100 }).reduce(z => z.mul(0.99).add(y), x),
  'MLP 784-256-128-10 B128 SGD step': (layers, x, y) => {
    const { loss, weights } = step(mlpLoss)(layers, x, y)
    return { loss, layers: weights }
  },
  'CNN SGD step (4 x conv-BN-ReLU C16, B32 32x32)': step(cnnLoss),
  'HVP of that CNN': (weights, x, y) => {
    const along = w => {
      const slopes = gradient(u => cnnLoss(u, x, y), w).grads
      return slopes.map((slope, i) => slope.mul(flat(weights)[i].mul(0.5)).sum()).reduce((a, b) => a.add(b))
    }
    return rebuild(weights, gradient(along, weights).grads)
  },
  'mixed derivative of a mixed operation of five': (w, alpha, x, g, v) => {
    const inner = u =>
      tf
        .grad(a => mixed(u, a, x).mul(g).sum())(alpha)
        .mul(v)
        .sum()
    return rebuild(w, gradient(inner, w).grads)
  }
}

/** The element order of `array` with its axes as `order` says. */
const transposed = ({ data, shape, dtype }, order) => {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1))
  const out = order.map(axis => shape[axis])
  const result = new data.constructor(data.length)
  const index = out.map(() => 0)
  for (let i = 0; i < data.length; i++) {
    result[i] = data[order.reduce((at, axis, k) => at + index[k] * strides[axis], 0)]
    for (let k = out.length - 1; k >= 0; k--) {
      index[k]++
      if (index[k] < out[k]) break
      index[k] = 0
    }
  }
  return { dtype, shape: out, data: result }
}
/** Arrays of rank 4 are images or filters; a depthwise filter O1HW becomes HWO1. */
const isFilter = ([, , h, w]) => h === w && h <= 5
const isDepthwise = shape => isFilter(shape) && shape[1] === 1
const ours = { image: [0, 3, 1, 2], filter: [3, 2, 0, 1], depthwise: [2, 3, 0, 1] }
const theirs = { image: [0, 2, 3, 1], filter: [2, 3, 1, 0], depthwise: [2, 3, 0, 1] }
const kindOf = shape => (isDepthwise(shape) ? 'depthwise' : isFilter(shape) ? 'filter' : 'image')

const mapHost = (value, f) =>
  ArrayBuffer.isView(value?.data)
    ? f(value)
    : Array.isArray(value)
      ? value.map(part => mapHost(part, f))
      : Object.fromEntries(Object.entries(value).map(([key, part]) => [key, mapHost(part, f)]))

export const enter = async (workload, args) => {
  await tf.setBackend('webgpu')
  await tf.ready()
  if (tf.getBackend() !== 'webgpu') throw new Error(`tfjs chose the backend ${tf.getBackend()}`)
  const f = workload.startsWith('matmul') ? (a, b) => tf.matMul(a, b) : workloads[workload]
  if (!f) throw new Error('tfjs has no such workload')
  const stored = mapHost(args, array => {
    const { data, shape, dtype } = array.shape.length === 4 ? transposed(array, theirs[kindOf(array.shape)]) : array
    return tf.tensor(data, shape, dtype === 'f32' ? 'float32' : 'int32')
  })
  const backend = tf.backend()
  return {
    call: () => tf.tidy(() => f(...stored)),
    free: tf.dispose,
    done: async () => {
      if (backend.commandEncoder) {
        backend.endComputePassEncoder()
        backend.submitQueue()
      }
      await backend.queue.onSubmittedWorkDone()
    },
    read: async result => {
      const entries = named(result).map(async ([path, tensor]) => {
        const array = { dtype: 'f32', shape: tensor.shape, data: await tensor.data() }
        if (tensor.shape.length !== 4) return [path, array]
        const [h, w, , o] = tensor.shape
        const kind = h !== w || h > 5 ? 'image' : o === 1 ? 'depthwise' : 'filter'
        return [path, transposed(array, ours[kind])]
      })
      return Object.fromEntries(await Promise.all(entries))
    }
  }
}
