/**
 * Two trained networks and their images, as `make.py` sees them: a cell of NAS-Bench-201, and a DARTS genotype with
 * every operation and the auxiliary head.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Shape, sizeOf } from '../../../src/autodiff/shape.js'
import { decodeSafetensors, encodeSafetensors } from '../../../src/formats/safetensors.js'
import { type DerivedNetwork, derivedNetwork } from '../../../src/nas/genotypes/derive.js'
import { parseGenotype } from '../../../src/nas/genotypes/genotype.js'
import { tablesOf } from '../../../src/nas/method/bilevel.js'
import { decodeModel, encodeModel, type TrainedModel } from '../../../src/nas/training/model.js'
import { right } from '../../kernels/results.js'

const GENOTYPES = {
  nb201: '|nor_conv_3x3~0|+|avg_pool_3x3~0|nor_conv_1x1~1|+|skip_connect~0|none~1|nor_conv_3x3~2|',
  darts:
    "Genotype(normal=[('sep_conv_3x3', 0), ('skip_connect', 1), ('dil_conv_5x5', 0), ('max_pool_3x3', 2)], normal_concat=range(2, 4), " +
    "reduce=[('skip_connect', 0), ('sep_conv_5x5', 1), ('avg_pool_3x3', 1), ('dil_conv_3x3', 2)], reduce_concat=range(2, 4))"
}
export type Name = keyof typeof GENOTYPES
export const NAMES = Object.keys(GENOTYPES) as readonly Name[]
const LAYERS = { nb201: 1, darts: 5 }
export const CLASSES = 7
const SIDE = 32
export const COUNT = 4

/** Word i of a seed, from 0 to 1 in steps of 2^-24: the same in `make.py`. */
export const uniform = (seed: number, i: number): number => {
  const mixed = Math.imul((i + Math.imul(seed, 0x9e3779b9)) | 0, 0x85ebca6b)
  const again = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return ((again ^ (again >>> 16)) >>> 8) * 2 ** -24
}

/** Numbers from -1 to 1. */
export const hashed = (seed: number, count: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => 2 * uniform(seed, i) - 1)

export const imagesOf = (seed: number) => ({
  images: {
    shape: [COUNT, 3, SIDE, SIDE] as Shape,
    dtype: 'f32' as const,
    data: hashed(seed, COUNT * 3 * SIDE * SIDE)
  },
  labels: {
    shape: [COUNT],
    dtype: 'i32' as const,
    data: Int32Array.from({ length: COUNT }, (_, i) => Math.floor(uniform(seed + 1, i) * CLASSES))
  }
})

export const networkOf = (name: Name): DerivedNetwork =>
  derivedNetwork(right(parseGenotype(GENOTYPES[name])), {
    channels: 4,
    layers: LAYERS[name],
    imageChannels: 3,
    size: [SIDE, SIDE],
    classes: CLASSES,
    ...(name === 'darts' ? { auxiliary: true } : {})
  })

/** The one tensor that is too large to be kept: it follows from its seed. */
export const LEFT_OUT = { name: 'auxiliary_head.features.5.weight', seed: 99, bound: 1 / 16 }

const leftOut = (size: number): Float32Array => hashed(LEFT_OUT.seed, size).map(value => value * LEFT_OUT.bound)

/** What each tensor starts as: near what is usual of its kind, and nowhere trivial. */
const valuesOf = (name: string, shape: Shape, seed: number): Float32Array => {
  if (name === LEFT_OUT.name) return leftOut(sizeOf(shape))
  const values = hashed(seed, sizeOf(shape))
  if (name.endsWith('running_var')) return values.map(value => 1 + value / 2)
  if (shape.length === 1) return values.map(value => (name.endsWith('weight') ? 1 + value / 2 : value / 4))
  const fanIn = sizeOf(shape) / (shape[0] as number)
  return values.map(value => value / Math.sqrt(fanIn))
}

/** The model that is written, of values from seeds. */
export const modelOf = (name: Name): TrainedModel => {
  const net = networkOf(name)
  const { weights, statistics } = tablesOf(net)
  const vector = ({ entries, size }: typeof weights, seed: number) => {
    const data = new Float32Array(size)
    entries.forEach((entry, n) => data.set(valuesOf(entry.name, entry.shape, seed + n), entry.offset))
    return { shape: [size], dtype: 'f32' as const, data }
  }
  return {
    net,
    arrays: { weights: vector(weights, 1000), running: vector(statistics, 5000) },
    classNames: Array.from({ length: CLASSES }, (_, k) => `class ${k}`),
    normalisation: { mean: [100, 110, 120], deviation: [50, 60, 70] },
    brightest: 255
  }
}

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

/** The file of a model, without the tensor that is left out. */
export const fileOf = (name: Name): Uint8Array => {
  const { metadata, tensors } = right(decodeSafetensors(encodeModel(modelOf(name))))
  return encodeSafetensors({ metadata, tensors: new Map([...tensors].filter(([tensor]) => tensor !== LEFT_OUT.name)) })
}

export const readFile = (name: Name): Uint8Array => readFileSync(here(`${name}.safetensors`))

/** The model of a file, with the tensor that is left out. */
export const readModel = (name: Name): TrainedModel => {
  const { metadata, tensors } = right(decodeSafetensors(readFile(name)))
  const shape = tablesOf(networkOf(name)).weights.entries.find(entry => entry.name === LEFT_OUT.name)?.shape
  const whole = shape ? new Map([...tensors, [LEFT_OUT.name, { shape, data: leftOut(sizeOf(shape)) }]]) : tensors
  return right(decodeModel(encodeSafetensors({ metadata, tensors: whole })))
}

/** What `make.py` found, by name. */
export const golden = (name: Name): Readonly<Record<string, readonly number[]>> =>
  JSON.parse(readFileSync(here(`${name}.json`), 'utf8'))
