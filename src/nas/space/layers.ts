/**
 * Layers as values: the parameters and batch norms that a layer has, by name, and what it does to a tensor. Names are
 * the paths of the official modules (`cells.0.edges.1<-0.3.op.1.weight`), so that states can be compared and exchanged
 * by name.
 */
import { type Affine, batchNorm, batchNormEval, linear, type Moments, softplus } from '../../autodiff/nn.js'
import * as $ from '../../autodiff/ops/index.js'
import { fail, show, sizeOf } from '../../autodiff/shape.js'
import type { Shape, Tensor } from '../../autodiff/tensor.js'

/** How a parameter starts: uniform on +-1/sqrt(fanIn) (method: Kaiming uniform with a = sqrt 5), or a constant. */
export type Start =
  | { readonly kind: 'uniform'; readonly fanIn: number }
  | { readonly kind: 'constant'; readonly value: number }

/** A tensor that a network learns. */
export interface Parameter {
  readonly name: string
  readonly shape: Shape
  readonly start: Start
}

/** A batch norm of a network. */
export interface Norm {
  readonly name: string
  readonly channels: number
}

/** A site of noise: the name of the operation, and the shape [C,H,W] that it draws for each image. */
export interface NoiseSite {
  readonly name: string
  readonly shape: Shape
}

/** Tensors by name: weights, or the noise of a pass. */
export type Weights = Readonly<Record<string, Tensor>>
/** Means and variances of batch norms, by name. */
export type Statistics = Readonly<Record<string, Moments>>

/** x Phi(x) by its tanh form: x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2 (Hendrycks & Gimpel, 2016). */
const gelu = (x: Tensor): Tensor => {
  const cubic = $.add(x, $.mul($.mul($.mul(x, x), x), 0.044715))
  return $.mul($.mul(x, 0.5), $.add($.tanh($.mul(cubic, Math.sqrt(2 / Math.PI))), 1))
}

/**
 * What stands before convolutions. ReLU is what all papers use; the other two have no kink, so that the share of kinks
 * can be seen.
 */
export const ACTIVATIONS = { relu: $.relu, softplus, gelu } as const
/** The name of what stands before convolutions. */
export type Activation = keyof typeof ACTIVATIONS

/** What layers compute with. `running` statistics mean evaluation mode; without them the batch's own normalise it. */
export interface LayerContext {
  readonly weights: Weights
  readonly running?: Statistics
  /** What the sites of noise give, by name, f32[B,C,H,W]: drawn outside, so that passes can share it. */
  readonly noise?: Weights
  /** What each image's branches are multiplied by in training, by name, f32[B,1,1,1]: see `droppable`. */
  readonly paths?: Weights
  /** Default: relu. */
  readonly activation?: Activation
}

/** A result, and the statistics of the batch norms on the way (none in evaluation mode). */
export interface Output {
  readonly y: Tensor
  readonly moments: Statistics
}

/**
 * What a layer must be given: parameters and noise; the batch norms whose statistics it keeps; the names of its
 * branches that can be dropped.
 */
export interface LayerNeeds {
  readonly parameters: readonly Parameter[]
  readonly norms: readonly Norm[]
  readonly noises: readonly NoiseSite[]
  readonly branches: readonly string[]
}

/** A part of a network: what it needs, and what it computes. */
export interface Layer extends LayerNeeds {
  apply(context: LayerContext, x: Tensor): Output
}

const nothing: LayerNeeds = { parameters: [], norms: [], noises: [], branches: [] }

/** What several layers need together, in their order. */
export const needsOf = (layers: readonly LayerNeeds[]): LayerNeeds => ({
  parameters: layers.flatMap(({ parameters }) => parameters),
  norms: layers.flatMap(({ norms }) => norms),
  noises: layers.flatMap(({ noises }) => noises),
  branches: layers.flatMap(({ branches }) => branches)
})

export const momentsOf = (outputs: readonly Output[]): Statistics =>
  Object.assign({}, ...outputs.map(({ moments }) => moments))

/** A layer without parameters. */
export const simple = (f: (x: Tensor) => Tensor): Layer => ({ ...nothing, apply: (_, x) => ({ y: f(x), moments: {} }) })

export const identity: Layer = simple(x => x)
/** The activation of the context. */
export const activation: Layer = {
  ...nothing,
  apply: ({ activation: name = 'relu' }, x) => ({ y: ACTIVATIONS[name](x), moments: {} })
}

/** One after another. */
export const chain = (...layers: readonly Layer[]): Layer => ({
  ...needsOf(layers),
  apply: (context, x) =>
    layers.reduce<Output>(
      (before, layer) => {
        const after = layer.apply(context, before.y)
        return { y: after.y, moments: { ...before.moments, ...after.moments } }
      },
      { y: x, moments: {} }
    )
})

/** Several layers on one tensor, joined. */
const joined =
  (join: (tensors: readonly Tensor[]) => Tensor) =>
  (...layers: readonly Layer[]): Layer => ({
    ...needsOf(layers),
    apply: (context, x) => {
      const outputs = layers.map(layer => layer.apply(context, x))
      return { y: join(outputs.map(({ y }) => y)), moments: momentsOf(outputs) }
    }
  })

/** The sum of what layers make of one tensor. */
export const sumOf = joined(tensors => tensors.reduce((a, b) => $.add(a, b)))
/** Their channels one after another. */
export const concatOf = joined(tensors => $.concat(tensors, 1))

export const weightOf = ({ weights }: LayerContext, name: string): Tensor => weights[name] as Tensor

type Two = readonly [number, number]
const two = (value: number | Two): Two => (typeof value === 'number' ? [value, value] : value)

/** A number stands for both axes. */
export interface ConvOptions {
  readonly stride?: number | Two
  readonly dilation?: number
  readonly groups?: number
  /** Zeros around the image. Default: as many as keep its size at stride 1. */
  readonly padding?: number
}

/** A convolution without bias: `name.weight` is [channelsOut, channelsIn / groups, ...kernel]. */
export const conv = (
  name: string,
  channelsIn: number,
  channelsOut: number,
  kernel: number | Two,
  { stride = 1, dilation = 1, groups = 1, padding: given }: ConvOptions = {}
): Layer => {
  const [height, width] = two(kernel)
  const padding: Two = given === undefined ? [((height - 1) * dilation) / 2, ((width - 1) * dilation) / 2] : two(given)
  const shape = [channelsOut, channelsIn / groups, height, width]
  return {
    ...nothing,
    parameters: [
      { name: `${name}.weight`, shape, start: { kind: 'uniform', fanIn: (channelsIn / groups) * height * width } }
    ],
    apply: (context, x) => ({
      y: $.conv2d(x, weightOf(context, `${name}.weight`), { stride, padding, dilation, groups }),
      moments: {}
    })
  }
}

/** Batch norm: `name.weight` and `name.bias` where it is affine. */
export const norm = (name: string, channels: number, isAffine: boolean): Layer => ({
  ...nothing,
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

/** Activation, convolution, batch norm: the unit of all search spaces. */
export const reluConvNorm = (
  name: string,
  channelsIn: number,
  channelsOut: number,
  kernel: number,
  stride: number,
  isAffine: boolean
): Layer =>
  chain(
    activation,
    conv(`${name}.op.1`, channelsIn, channelsOut, kernel, { stride }),
    norm(`${name}.op.2`, channelsOut, isAffine)
  )

/** x without its first row and column. */
const shifted: Layer = simple(x => $.slice(x, [[], [], [1], [1]]))

/**
 * Halves an image without losing its odd pixels: half of the channels from a 1x1 convolution at stride 2 of the image,
 * half of the image shifted by a row and a column. Even channels, height and width.
 */
export const factorizedReduce = (name: string, channelsIn: number, channelsOut: number, isAffine: boolean): Layer =>
  chain(
    simple(x =>
      [channelsOut, x.shape[2] as number, x.shape[3] as number].every(extent => extent % 2 === 0)
        ? x
        : fail(
            name,
            'an even number of channels, and images of even height and width, to halve',
            `${channelsOut} channels of ${show(x)}`,
            'crop or pad the images'
          )
    ),
    activation,
    concatOf(
      conv(`${name}.conv_1`, channelsIn, channelsOut / 2, 1, { stride: 2 }),
      chain(shifted, conv(`${name}.conv_2`, channelsIn, channelsOut / 2, 1, { stride: 2 }))
    ),
    norm(`${name}.bn`, channelsOut, isAffine)
  )

/** x w^T + b: `name.weight` is [to, from], `name.bias` [to]. */
export const fullyConnected = (name: string, from: number, to: number): Layer => ({
  ...nothing,
  parameters: [
    { name: `${name}.weight`, shape: [to, from], start: { kind: 'uniform', fanIn: from } },
    { name: `${name}.bias`, shape: [to], start: { kind: 'uniform', fanIn: from } }
  ],
  apply: (context, x) => ({
    y: linear(x, weightOf(context, `${name}.weight`), weightOf(context, `${name}.bias`)),
    moments: {}
  })
})

/** A layer as a branch that training drops now and then, image by image, if the context says so (drop path). */
export const droppable = (name: string, layer: Layer): Layer => ({
  ...layer,
  branches: [name],
  apply: (context, x) => {
    const output = layer.apply(context, x)
    const factor = context.running ? undefined : context.paths?.[name]
    return factor ? { ...output, y: $.mul(output.y, factor) } : output
  }
})

/** What was drawn for this site, whatever the input is. */
export const noise = (name: string, shape: Shape): Layer => ({
  ...nothing,
  noises: [{ name, shape }],
  apply: ({ noise: drawn }, x) => ({
    y:
      drawn?.[name] ??
      fail(
        name,
        `noise f32[${[x.shape[0], ...shape].join(',')}] in the context`,
        'none of that name',
        'draw it from a key with noiseOf'
      ),
    moments: {}
  })
})

/** One vector that holds a list of tensors, one after another: a handful of device calls serve them all. */
export interface TensorTable {
  readonly entries: readonly { readonly name: string; readonly shape: Shape; readonly offset: number }[]
  readonly size: number
}

export const tableOf = (parts: readonly { readonly name: string; readonly shape: Shape }[]): TensorTable =>
  parts.reduce<TensorTable>(
    ({ entries, size }, { name, shape }) => ({
      entries: [...entries, { name, shape, offset: size }],
      size: size + sizeOf(shape)
    }),
    { entries: [], size: 0 }
  )

/** The tensors of a vector, by name. Views: no work. */
export const unpack = ({ entries }: TensorTable, vector: Tensor): Weights =>
  Object.fromEntries(
    entries.map(({ name, shape, offset }) => [
      name,
      $.reshape($.slice(vector, [[offset, offset + sizeOf(shape)]]), shape)
    ])
  )

/** The vector of tensors by name. */
export const pack = ({ entries }: TensorTable, tensors: Weights): Tensor =>
  $.concat(entries.map(({ name }) => $.reshape(tensors[name] as Tensor, [-1])))

/** Where running statistics lie in their vector: mean and variance of each norm in turn. */
export const statisticsTable = (norms: readonly Norm[]): TensorTable =>
  tableOf(
    norms.flatMap(({ name, channels }) => [
      { name: `${name}.running_mean`, shape: [channels] },
      { name: `${name}.running_var`, shape: [channels] }
    ])
  )

export const packStatistics = (table: TensorTable, statistics: Statistics): Tensor =>
  pack(
    table,
    Object.fromEntries(
      Object.entries(statistics).flatMap(([name, { mean, variance }]) => [
        [`${name}.running_mean`, mean],
        [`${name}.running_var`, variance]
      ])
    )
  )

export const unpackStatistics = (table: TensorTable, norms: readonly Norm[], vector: Tensor): Statistics => {
  const parts = unpack(table, vector)
  return Object.fromEntries(
    norms.map(({ name }) => [
      name,
      { mean: parts[`${name}.running_mean`] as Tensor, variance: parts[`${name}.running_var`] as Tensor }
    ])
  )
}
