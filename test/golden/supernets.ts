/** The networks of the golden files: a supernet from a file's metadata, its state as vectors, and its tables by the file's names. */

import type { HostArray } from '../../src/engine.js'
import { type Table, tableOf } from '../../src/nas/layers.js'
import { nb201, type Space } from '../../src/nas/space.js'
import { type Supernet, supernet } from '../../src/nas/supernet.js'
import type { GoldenTensor, Safetensors } from './safetensors.js'

/** The spaces that are built; a file of another is listed as skipped, with the reason. */
export const SPACES: Readonly<Record<string, Space>> = { nb201 }

export interface GoldenConfig {
  readonly space: string
  readonly C: number
  readonly N: number
  readonly epsilon_0: number
  readonly lambda: number
  readonly reg?: string
  readonly unrolled?: boolean
}

export interface Hyper {
  readonly lr: number
  readonly momentum: number
  readonly weight_decay: number
  readonly grad_clip: number
  readonly arch_learning_rate: number
  readonly arch_betas: readonly [number, number]
  readonly arch_weight_decay: number
}

export const spaceOf = ({ metadata }: Safetensors): string => JSON.parse(metadata['config'] as string).space

export const goldenNetwork = (file: Safetensors, images: string, classifier = 'state/classifier.bias') => {
  const config: GoldenConfig = JSON.parse(file.metadata['config'] as string)
  const hyper: Hyper = JSON.parse(file.metadata['hyper'] as string)
  const [, channels, height, width] = (file.tensors.get(images) as GoldenTensor).shape as [number, number, number, number]
  const net: Supernet = supernet(SPACES[config.space] as Space, {
    channels: config.C,
    cellsPerStage: config.N,
    imageChannels: channels,
    size: [height, width],
    classes: (file.tensors.get(classifier) as GoldenTensor).shape[0] as number
  })
  return { config, hyper, net, table: goldenTable(file) }
}

/** The file's own table of its flat vectors. */
export const goldenTable = ({ metadata }: Safetensors): Table =>
  tableOf((JSON.parse(metadata['params'] as string) as [string, number[], number][]).map(([name, shape]) => ({ name, shape })))

export const golden = ({ tensors }: Safetensors, name: string): GoldenTensor => {
  const found = tensors.get(name)
  if (!found) throw new Error(`the golden tensor '${name}' was wanted, but the file has none of that name`)
  return found
}

export const host = ({ data, shape, dtype }: GoldenTensor): HostArray => ({ data, shape, dtype: dtype === 'I32' ? 'i32' : 'f32' })

/** The file's weights as one vector, in the order of a table. */
export const weightVector = (file: Safetensors, table: Table): HostArray => {
  const data = new Float64Array(table.size)
  for (const { name, offset } of table.entries) data.set(golden(file, `state/${name}`).data, offset)
  return { data, shape: [table.size], dtype: 'f32' }
}

/** A vector of one table in the order of another with the same names. */
export const reorder = (vector: ArrayLike<number>, from: Table, to: Table): Float64Array => {
  const offsets = new Map(from.entries.map(({ name, offset }) => [name, offset]))
  const result = new Float64Array(to.size)
  for (const { name, shape, offset } of to.entries) {
    const start = offsets.get(name)
    if (start === undefined) throw new Error(`the parameter '${name}' was wanted in both tables, but one has none of that name`)
    for (let i = 0; i < shape.reduce((a, b) => a * b, 1); i++) result[offset + i] = vector[start + i] as number
  }
  return result
}

export const zeros = (shape: readonly number[]): HostArray => ({
  data: new Float64Array(shape.reduce((a, b) => a * b, 1)),
  shape,
  dtype: 'f32'
})
export const scalar = (value: number): HostArray => ({ data: Float64Array.of(value), shape: [], dtype: 'f32' })
