/**
 * The networks of the golden files: a supernet from a file's metadata, its state as vectors, and its tables by the
 * file's names.
 */

import type { Tensor } from '../../src/autodiff/tensor.js'
import type { HostArray } from '../../src/engine/index.js'
import { dtypeOf, type FileTensor, type Safetensors } from '../../src/formats/safetensors.js'
import { type TensorTable, tableOf } from '../../src/nas/space/layers.js'
import { SPACES, type Space } from '../../src/nas/space/space.js'
import { type Supernet, supernet } from '../../src/nas/space/supernet.js'

export interface GoldenConfig {
  readonly space: string
  readonly C: number
  /** Cells of a stage of nb201; the others have `layers`. */
  readonly N?: number
  readonly layers?: number
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

export const goldenNetwork = (file: Safetensors, images: string, classifier = 'state/classifier.bias') => {
  const config: GoldenConfig = JSON.parse(file.metadata['config'] as string)
  const hyper: Hyper = JSON.parse(file.metadata['hyper'] as string)
  const [, channels, height, width] = (file.tensors.get(images) as FileTensor).shape as [number, number, number, number]
  const net: Supernet = supernet(SPACES[config.space] as Space, {
    channels: config.C,
    layers: (config.N ?? config.layers) as number,
    imageChannels: channels,
    size: [height, width],
    classes: (file.tensors.get(classifier) as FileTensor).shape[0] as number
  })
  return { config, hyper, net, table: goldenTable(file), ...describedBy(file, net) }
}

/** What the file says of the space: the operations of each edge by kind of cell, and the kind of each searched cell. */
const describedBy = ({ metadata }: Safetensors, { space }: Supernet) => {
  const json = (name: string): readonly unknown[] => JSON.parse(metadata[name] as string)
  const edgesOf = (kind: string): readonly unknown[] =>
    kind === 'alpha'
      ? Object.keys(JSON.parse(metadata['edges'] as string)).map(() => json('ops'))
      : json(`primitives_${kind}`)
  return {
    operations: Object.fromEntries(Object.keys(space.cells).map(kind => [kind, edgesOf(kind)])),
    kinds: json('cells')
      .filter(cell => cell !== 'resnet')
      .map(cell => (cell === 'search' ? 'alpha' : cell))
  }
}

/** The names in the files of what each kind of cell has: `alpha`, or `normal` and `reduce`. */
export const perKind = <A>(prefix: string, values: Readonly<Record<string, A>>): Readonly<Record<string, A>> =>
  Object.fromEntries(Object.entries(values).map(([kind, value]) => [`${prefix}.${kind}`, value]))

/** What each cell has, by the numbers of the cells: `g.cell4` is that of `cells.4`. */
export const perCell = (
  { cells }: Supernet,
  prefix: string,
  values: readonly Tensor[]
): Readonly<Record<string, Tensor>> =>
  Object.fromEntries(cells.map(({ name }, l) => [`${prefix}.cell${name.split('.')[1]}`, values[l] as Tensor]))

/** The frozen noise of a file, by the names of the sites: `in/noise.cell0.edge3` is that of `cells.0._ops.3._ops.0`. */
export const noiseOfFile = (file: Safetensors, { noises }: Supernet): Readonly<Record<string, HostArray>> =>
  Object.fromEntries(
    noises.map(({ name }) => {
      const [, cell, edge] = /^cells\.(\d+)\._ops\.(\d+)\./.exec(name) as RegExpExecArray
      return [name, host(golden(file, `in/noise.cell${cell}.edge${edge}`))]
    })
  )

/** The file's own table of its flat vectors. */
export const goldenTable = ({ metadata }: Safetensors): TensorTable =>
  tableOf(
    (JSON.parse(metadata['params'] as string) as [string, number[], number][]).map(([name, shape]) => ({ name, shape }))
  )

export const golden = ({ tensors }: Safetensors, name: string): FileTensor => {
  const found = tensors.get(name)
  if (!found) throw new Error(`the golden tensor '${name}' was wanted, but the file has none of that name`)
  return found
}

export const host = ({ data, shape }: FileTensor): HostArray =>
  ({ data, shape, dtype: dtypeOf(data) === 'I32' ? 'i32' : 'f32' }) as HostArray

/** The file's weights as one vector, in the order of a table. */
export const weightVector = (file: Safetensors, table: TensorTable): HostArray => {
  const data = new Float64Array(table.size)
  for (const { name, offset } of table.entries) data.set(golden(file, `state/${name}`).data, offset)
  return { data, shape: [table.size], dtype: 'f32' }
}

/** A vector of one table in the order of another with the same names. */
export const reorder = (vector: ArrayLike<number>, from: TensorTable, to: TensorTable): Float64Array => {
  const offsets = new Map(from.entries.map(({ name, offset }) => [name, offset]))
  const result = new Float64Array(to.size)
  for (const { name, shape, offset } of to.entries) {
    const start = offsets.get(name)
    if (start === undefined)
      throw new Error(`the parameter '${name}' was wanted in both tables, but one has none of that name`)
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

/** Of running statistics, in every file. */
const MOMENTUM = 0.1

/**
 * The size of what a tensor is the mean of, where that can be much larger than the mean: its rounding is that of the
 * values. Λ is a mean of cosines of both signs, numbers near 1 however small it is. Running means after `updates`
 * batches: the largest deviation of a channel from its mean, as far as the running variances, which begin at 1, have
 * taken it in; channels whose mean is a hundredth of that are among them. Without updates: their own size.
 */
export const scaleOf = (name: string, { tensors }: Safetensors, updates: number): number => {
  if (/Lambda|value$/.test(name)) return 1
  const spread =
    updates > 0 && name.endsWith('running_mean') ? tensors.get(name.replace(/mean$/, 'var'))?.data : undefined
  if (spread === undefined) return 0
  const first = (1 - MOMENTUM) ** updates
  const variances = Array.from(spread, value => (Number(value) - first) / (1 - first))
  return (1 - first) * Math.sqrt(Math.max(...variances))
}
