/**
 * Layers as values: the parameters and batch norms that a layer has, by name, and what it does to a tensor. Names are the paths of the
 * official modules (`cells.0.edges.1<-0.3.op.1.weight`), so that states can be compared and exchanged by name.
 */
import { type Affine, batchNorm, batchNormEval, type Moments } from '../autodiff/nn.js'
import * as $ from '../autodiff/ops/index.js'
import { sizeOf } from '../autodiff/shape.js'
import type { Shape, Tensor } from '../autodiff/tensor.js'

/** How a parameter starts: uniform on +-1/sqrt(fanIn) (method: Kaiming uniform with a = sqrt 5), or a constant. */
export type Start = { readonly kind: 'uniform'; readonly fanIn: number } | { readonly kind: 'constant'; readonly value: number }

export interface Parameter {
  readonly name: string
  readonly shape: Shape
  readonly start: Start
}

export interface Norm {
  readonly name: string
  readonly channels: number
}

export type Weights = Readonly<Record<string, Tensor>>
/** Means and variances of batch norms, by name. */
export type Statistics = Readonly<Record<string, Moments>>

/** What layers compute with. `running` statistics mean evaluation mode; without them the batch's own normalise it. */
export interface Context {
  readonly weights: Weights
  readonly running?: Statistics
}

/** A result, and the statistics of the batch norms on the way (none in evaluation mode). */
export interface Output {
  readonly y: Tensor
  readonly moments: Statistics
}

export interface Layer {
  readonly parameters: readonly Parameter[]
  readonly norms: readonly Norm[]
  apply(context: Context, x: Tensor): Output
}

/** A layer without parameters. */
export const simple = (f: (x: Tensor) => Tensor): Layer => ({
  parameters: [],
  norms: [],
  apply: (_, x) => ({ y: f(x), moments: {} })
})

export const identity: Layer = simple(x => x)
export const relu: Layer = simple($.relu)

/** One after another. */
export const chain = (...layers: readonly Layer[]): Layer => ({
  parameters: layers.flatMap(layer => layer.parameters),
  norms: layers.flatMap(layer => layer.norms),
  apply: (context, x) =>
    layers.reduce<Output>(
      (before, layer) => {
        const after = layer.apply(context, before.y)
        return { y: after.y, moments: { ...before.moments, ...after.moments } }
      },
      { y: x, moments: {} }
    )
})

/** The sum of what two layers make of one tensor. */
export const sumOf = (first: Layer, second: Layer): Layer => ({
  parameters: [...first.parameters, ...second.parameters],
  norms: [...first.norms, ...second.norms],
  apply: (context, x) => {
    const [a, b] = [first.apply(context, x), second.apply(context, x)]
    return { y: $.add(a.y, b.y), moments: { ...a.moments, ...b.moments } }
  }
})

export const weightOf = ({ weights }: Context, name: string): Tensor => weights[name] as Tensor

/** A convolution without bias: `name.weight` is [channelsOut, channelsIn / groups, kernel, kernel]. Padding keeps the size at stride 1. */
export const conv = (name: string, channelsIn: number, channelsOut: number, kernel: number, stride = 1): Layer => ({
  parameters: [
    {
      name: `${name}.weight`,
      shape: [channelsOut, channelsIn, kernel, kernel],
      start: { kind: 'uniform', fanIn: channelsIn * kernel * kernel }
    }
  ],
  norms: [],
  apply: (context, x) => ({
    y: $.conv2d(x, weightOf(context, `${name}.weight`), { stride, padding: (kernel - 1) / 2 }),
    moments: {}
  })
})

/** Batch norm: `name.weight` and `name.bias` where it is affine. */
export const norm = (name: string, channels: number, isAffine: boolean): Layer => ({
  parameters: isAffine
    ? [
        { name: `${name}.weight`, shape: [channels], start: { kind: 'constant', value: 1 } },
        { name: `${name}.bias`, shape: [channels], start: { kind: 'constant', value: 0 } }
      ]
    : [],
  norms: [{ name, channels }],
  apply: (context, x) => {
    const affine: Affine | undefined = isAffine
      ? { scale: weightOf(context, `${name}.weight`), shift: weightOf(context, `${name}.bias`) }
      : undefined
    if (context.running) return { y: batchNormEval(x, context.running[name] as Moments, affine), moments: {} }
    const { y, moments } = batchNorm(x, affine)
    return { y, moments: { [name]: moments } }
  }
})

/** ReLU, convolution, batch norm: the unit of all search spaces. */
export const reluConvNorm = (
  name: string,
  channelsIn: number,
  channelsOut: number,
  kernel: number,
  stride: number,
  isAffine: boolean
): Layer =>
  chain(relu, conv(`${name}.op.1`, channelsIn, channelsOut, kernel, stride), norm(`${name}.op.2`, channelsOut, isAffine))

/** One vector that holds a list of tensors, one after another: a handful of device calls serve them all. */
export interface Table {
  readonly entries: readonly { readonly name: string; readonly shape: Shape; readonly offset: number }[]
  readonly size: number
}

export const tableOf = (parts: readonly { readonly name: string; readonly shape: Shape }[]): Table =>
  parts.reduce<Table>(
    ({ entries, size }, { name, shape }) => ({
      entries: [...entries, { name, shape, offset: size }],
      size: size + sizeOf(shape)
    }),
    { entries: [], size: 0 }
  )

/** The tensors of a vector, by name. Views: no work. */
export const unpack = ({ entries }: Table, vector: Tensor): Weights =>
  Object.fromEntries(
    entries.map(({ name, shape, offset }) => [name, $.reshape($.slice(vector, [[offset, offset + sizeOf(shape)]]), shape)])
  )

/** The vector of tensors by name. */
export const pack = ({ entries }: Table, tensors: Weights): Tensor =>
  $.concat(entries.map(({ name }) => $.reshape(tensors[name] as Tensor, [-1])))

/** Where running statistics lie in their vector: mean and variance of each norm in turn. */
export const statisticsTable = (norms: readonly Norm[]): Table =>
  tableOf(
    norms.flatMap(({ name, channels }) => [
      { name: `${name}.running_mean`, shape: [channels] },
      { name: `${name}.running_var`, shape: [channels] }
    ])
  )

export const packStatistics = (table: Table, statistics: Statistics): Tensor =>
  pack(
    table,
    Object.fromEntries(
      Object.entries(statistics).flatMap(([name, { mean, variance }]) => [
        [`${name}.running_mean`, mean],
        [`${name}.running_var`, variance]
      ])
    )
  )

export const unpackStatistics = (table: Table, norms: readonly Norm[], vector: Tensor): Statistics => {
  const parts = unpack(table, vector)
  return Object.fromEntries(
    norms.map(({ name }) => [
      name,
      { mean: parts[`${name}.running_mean`] as Tensor, variance: parts[`${name}.running_var`] as Tensor }
    ])
  )
}
