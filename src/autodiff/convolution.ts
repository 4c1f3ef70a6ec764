/**
 * Two-dimensional convolution (cross-correlation, as in every deep learning library), NCHW, zero padding, and its two
 * gradients. The three are bilinear maps between images x, filters w and outputs g, and the vjp of each is the other
 * two: closed under differentiation.
 *
 *   conv2d        g[b,o,i,j] = sum over c,k,l of x[b, c, i s - p + k d, j s - p + l d] w[o,c,k,l]
 *   input grad    x[b,c,y,x] = sum over o,k,l of g w     (the transpose in x)
 *   filter grad   w[o,c,k,l] = sum over b,i,j of x g     (the transpose in w)
 */
import * as E from 'fp-ts/lib/Either.js'
import { intoAxis, outOfAxis } from './batching.js'
import { allocate, type NdArray } from './ndarray.js'
import { bind, primitive } from './primitive.js'
import { type Aval, heightAndWidth, refuse, type Shape, show, sizeOf } from './shape.js'
import type { Primitive, Tensor } from './tensor.js'

/** A number for the height and one for the width. */
export type HeightWidth = readonly [number, number]
type Four = readonly [number, number, number, number]

/** What a convolution is told besides its operands. */
export interface ConvAttributes {
  readonly [key: string]: unknown
  readonly stride: HeightWidth
  readonly padding: HeightWidth
  readonly dilation: HeightWidth
  readonly groups: number
}

/** Height and width of what a gradient restores: the image's, or the filter's. */
interface GradAttributes extends ConvAttributes {
  readonly size: HeightWidth
}

/** A number for the height, and one for the width. */
export const onBoth = (f: (i: 0 | 1) => number): HeightWidth => [f(0), f(1)]

/** The outputs along each spatial axis: floor((extent + 2 p - d (k - 1) - 1) / s) + 1. */
const outputSize = (
  image: HeightWidth,
  filter: HeightWidth,
  { stride, padding, dilation }: ConvAttributes
): HeightWidth =>
  onBoth(i => Math.floor((image[i] + 2 * padding[i] - (dilation[i] * (filter[i] - 1) + 1)) / stride[i]) + 1)

/**
 * The numbers of all three shaders and references: B, C, H, W, O, K, L, I, J of x[B,C,H,W], w[O,C/groups,K,L],
 * g[B,O,I,J].
 */
const geometryOf = (x: Shape, w: Shape, g: Shape) => ({
  batch: x[0] as number,
  channels: x[1] as number,
  image: heightAndWidth(x),
  outputs: w[0] as number,
  perGroup: w[1] as number,
  filter: heightAndWidth(w),
  out: heightAndWidth(g)
})
type Geometry = ReturnType<typeof geometryOf>

/** The uniform of the three shaders. */
const params = (shape: Shape, q: Geometry, { padding, dilation, groups }: ConvAttributes): number[] => [
  sizeOf(shape),
  q.batch,
  q.channels,
  q.outputs,
  ...q.image,
  ...q.out,
  ...q.filter,
  0,
  0,
  ...padding,
  ...dilation,
  q.perGroup,
  q.outputs / groups,
  0,
  0
]

/** Strides as constants of the shaders: the input gradient divides by them. */
const strides = (_: readonly Aval[], attributes: Readonly<Record<string, unknown>>) => {
  const { stride } = attributes as ConvAttributes
  return { STRIDE_Y: stride[0], STRIDE_X: stride[1] }
}

/**
 * Visits every row of outputs that a tap of a filter touches: `count` pairs that start at x[xStart] (step xStep) and
 * g[gStart] (step 1), all with the weight w[wIndex]. What lies in the padding is left out.
 */
const eachRun = (
  q: Geometry,
  { stride, padding, dilation, groups }: ConvAttributes,
  visit: (xStart: number, xStep: number, gStart: number, wIndex: number, count: number) => void
): void => {
  const outputsPerGroup = q.outputs / groups
  for (let b = 0; b < q.batch; b++)
    for (let o = 0; o < q.outputs; o++)
      for (let c = 0; c < q.perGroup; c++) {
        const channel = Math.floor(o / outputsPerGroup) * q.perGroup + c
        for (let k = 0; k < q.filter[0]; k++)
          for (let l = 0; l < q.filter[1]; l++) {
            const left = l * dilation[1] - padding[1]
            const first = Math.max(0, Math.ceil(-left / stride[1]))
            const last = Math.min(q.out[1] - 1, Math.floor((q.image[1] - 1 - left) / stride[1]))
            if (first > last) continue
            const wIndex = ((o * q.perGroup + c) * q.filter[0] + k) * q.filter[1] + l
            for (let i = 0; i < q.out[0]; i++) {
              const y = i * stride[0] + k * dilation[0] - padding[0]
              if (y < 0 || y >= q.image[0]) continue
              visit(
                ((b * q.channels + channel) * q.image[0] + y) * q.image[1] + first * stride[1] + left,
                stride[1],
                ((b * q.outputs + o) * q.out[0] + i) * q.out[1] + first,
                wIndex,
                last - first + 1
              )
            }
          }
      }
}

const flops = (q: Geometry): number =>
  2 * q.batch * q.outputs * q.perGroup * q.out[0] * q.out[1] * q.filter[0] * q.filter[1]

const rank4 = (name: string, inputs: readonly Aval[], a: ConvAttributes): string | undefined => {
  if (inputs.some(({ shape, dtype }) => shape.length !== 4 || dtype !== 'f32'))
    return `${name} of ${inputs.map(show).join(' and ')}`
  const counts = [...a.stride, ...a.dilation, a.groups]
  if (counts.some(n => !Number.isInteger(n) || n < 1) || a.padding.some(n => !Number.isInteger(n) || n < 0))
    return `stride [${a.stride}], padding [${a.padding}], dilation [${a.dilation}], groups ${a.groups}`
  return undefined
}

/** An axis into which the batch is taken, and the parts of it that each get the batch: one, or as many as groups. */
type Place = readonly [axis: number, parts: number]

/**
 * The batching rule of a bilinear map: where the batch goes in the operands and is found in the result, by which of the
 * operands have one. Where both do, the examples become groups.
 */
const batched =
  (
    places: (groups: number) => {
      readonly first: readonly [operand: Place, result: Place]
      readonly second: readonly [operand: Place, result: Place]
      readonly both: readonly [first: Place, second: Place, result: Place]
    }
  ): NonNullable<Primitive<ConvAttributes>['batch']> =>
  (inputs, attributes, out, { size, shared }) => {
    const [a, b] = inputs as readonly [Tensor, Tensor]
    const { groups } = attributes
    const { first, second, both } = places(groups)
    const of = (x: Tensor, y: Tensor, place: Place, times = 1) =>
      outOfAxis(bind(out.primitive, [x, y], { ...attributes, groups: groups * times }), size, ...place)
    if (shared[1]) return of(intoAxis(a, ...first[0]), shared[1], first[1])
    if (shared[0]) return of(shared[0], intoAxis(b, ...second[0]), second[1])
    return of(intoAxis(a, ...both[0]), intoAxis(b, ...both[1]), both[2], size)
  }

const conv2dPrimitive: Primitive<ConvAttributes> = primitive({
  name: 'conv2d',
  shape: ([x, w], attributes) => {
    const [image, filter] = [x as Aval, w as Aval]
    const wrong = rank4('conv2d', [image, filter], attributes)
    if (wrong)
      return refuse(
        'conv2d',
        'f32 images [B,C,H,W], f32 filters [O,C/groups,K,L], whole strides, dilations and groups >= 1 and padding >= 0',
        wrong,
        'reshape the operands or mend the options'
      )
    const [, channels, height, width] = image.shape as Four
    const [outputs, perGroup, k, l] = filter.shape as Four
    if (perGroup * attributes.groups !== channels || outputs % attributes.groups !== 0)
      return refuse(
        'conv2d',
        `filters of ${channels / attributes.groups} channels for ${channels} channels in ${attributes.groups} ` +
          `groups, and a multiple of ${attributes.groups} filters`,
        `${show(filter)} on ${show(image)}`,
        'change groups or the filters'
      )
    const out = outputSize([height, width], [k, l], attributes)
    return out[0] > 0 && out[1] > 0
      ? E.right({ shape: [image.shape[0] as number, outputs, ...out], dtype: 'f32' as const })
      : refuse(
          'conv2d',
          'an image at least as large as the dilated filter',
          `${show(filter)} with dilation [${attributes.dilation}] on ${show(image)} with padding ` +
            `[${attributes.padding}]`,
          'pad the image or shrink the filter'
        )
  },
  reference: ([x, w], attributes, out) => {
    const [image, filter] = [(x as NdArray).data, (w as NdArray).data]
    const result = allocate('f32', sizeOf(out.shape))
    eachRun(
      geometryOf((x as NdArray).shape, (w as NdArray).shape, out.shape),
      attributes,
      (xStart, xStep, gStart, wIndex, count) => {
        const weight = filter[wIndex] as number
        for (let n = 0; n < count; n++)
          result[gStart + n] = (result[gStart + n] as number) + weight * (image[xStart + n * xStep] as number)
      }
    )
    return result
  },
  kernel: {
    kind: 'shader',
    shader: 'conv2d',
    hook: 0,
    constants: strides,
    params: ([x, w], attributes, out) =>
      params(out.shape, geometryOf((x as Aval).shape, (w as Aval).shape, out.shape), attributes as ConvAttributes)
  },
  vjp: (g, [x, w], attributes) => {
    const [image, filter] = [x as Tensor, w as Tensor]
    return [
      inputGrad(g, filter, attributes, heightAndWidth(image.shape)),
      filterGrad(image, g, attributes, heightAndWidth(filter.shape))
    ]
  },
  batch: batched(groups => ({
    first: [
      [0, 1],
      [0, 1]
    ],
    second: [
      [0, groups],
      [1, groups]
    ],
    both: [
      [1, 1],
      [0, 1],
      [1, 1]
    ]
  })),
  flops: ([x, w], _, out) => flops(geometryOf((x as Aval).shape, (w as Aval).shape, out.shape))
})

/** The transposes are built by derivatives only, from shapes that fit; a wrong one is refused all the same. */
const transposeShape =
  (
    name: string,
    shapeOf: (first: Shape, second: Shape, attributes: GradAttributes) => Shape
  ): Primitive<GradAttributes>['shape'] =>
  ([a, b], attributes) => {
    const wrong = rank4(name, [a as Aval, b as Aval], attributes)
    return wrong
      ? refuse(name, 'two f32 tensors of rank 4 and whole options', wrong, 'use conv2d and differentiate it')
      : E.right({ shape: shapeOf((a as Aval).shape, (b as Aval).shape, attributes), dtype: 'f32' as const })
  }

const inputGradPrimitive: Primitive<GradAttributes> = primitive({
  name: 'conv2d_input_grad',
  shape: transposeShape('conv2d_input_grad', ([b], [, perGroup], { size, groups }) => [
    b as number,
    (perGroup as number) * groups,
    ...size
  ]),
  reference: ([g, w], attributes, out) => {
    const [grad, filter] = [(g as NdArray).data, (w as NdArray).data]
    const result = allocate('f32', sizeOf(out.shape))
    eachRun(
      geometryOf(out.shape, (w as NdArray).shape, (g as NdArray).shape),
      attributes,
      (xStart, xStep, gStart, wIndex, count) => {
        const weight = filter[wIndex] as number
        for (let n = 0; n < count; n++)
          result[xStart + n * xStep] = (result[xStart + n * xStep] as number) + weight * (grad[gStart + n] as number)
      }
    )
    return result
  },
  kernel: {
    kind: 'shader',
    shader: 'conv2d_input_grad',
    constants: strides,
    params: ([g, w], attributes, out) =>
      params(out.shape, geometryOf(out.shape, (w as Aval).shape, (g as Aval).shape), attributes as GradAttributes)
  },
  vjp: (cotangent, [g, w], attributes) => [
    convolve(cotangent, w as Tensor, attributes),
    filterGrad(cotangent, g as Tensor, attributes, heightAndWidth((w as Tensor).shape))
  ],
  batch: batched(groups => ({
    first: [
      [0, 1],
      [0, 1]
    ],
    second: [
      [1, 1],
      [1, groups]
    ],
    both: [
      [1, 1],
      [0, 1],
      [1, 1]
    ]
  })),
  flops: ([g, w], _, out) => flops(geometryOf(out.shape, (w as Aval).shape, (g as Aval).shape))
})

/** Invocations that share a value of a filter's gradient: more of them where the sum is long, for its digits. */
const filterGradLanes = ([, g]: readonly Aval[]): number => {
  const [batch, , rows, columns] = (g as Aval).shape as Four
  return batch * rows * columns <= 8192 ? 8 : 64
}

const filterGradPrimitive: Primitive<GradAttributes> = primitive({
  name: 'conv2d_filter_grad',
  shape: transposeShape('conv2d_filter_grad', ([, channels], [, outputs], { size, groups }) => [
    outputs as number,
    (channels as number) / groups,
    ...size
  ]),
  reference: ([x, g], attributes, out) => {
    const [image, grad] = [(x as NdArray).data, (g as NdArray).data]
    const result = allocate('f32', sizeOf(out.shape))
    eachRun(
      geometryOf((x as NdArray).shape, out.shape, (g as NdArray).shape),
      attributes,
      (xStart, xStep, gStart, wIndex, count) => {
        let total = 0
        for (let n = 0; n < count; n++) total += (image[xStart + n * xStep] as number) * (grad[gStart + n] as number)
        result[wIndex] = (result[wIndex] as number) + total
      }
    )
    return result
  },
  kernel: {
    kind: 'shader',
    shader: 'conv2d_filter_grad',
    hook: 0,
    placed: true,
    constants: (inputs, attributes) => ({ ...strides(inputs, attributes), LANES: filterGradLanes(inputs) }),
    params: ([x, g], attributes, out) =>
      params(out.shape, geometryOf((x as Aval).shape, out.shape, (g as Aval).shape), attributes as GradAttributes),
    invocations: (inputs, _, out) => filterGradLanes(inputs) * sizeOf(out.shape)
  },
  vjp: (cotangent, [x, g], attributes) => [
    inputGrad(g as Tensor, cotangent, attributes, heightAndWidth((x as Tensor).shape)),
    convolve(x as Tensor, cotangent, attributes)
  ],
  batch: batched(groups => ({
    first: [
      [1, groups],
      [1, 1]
    ],
    second: [
      [1, groups],
      [0, groups]
    ],
    both: [
      [1, 1],
      [1, 1],
      [0, 1]
    ]
  })),
  flops: ([x, g], _, out) => flops(geometryOf((x as Aval).shape, out.shape, (g as Aval).shape))
})

const plain = ({ stride, padding, dilation, groups }: ConvAttributes): ConvAttributes => ({
  stride,
  padding,
  dilation,
  groups
})
/** The convolution as a node. */
export const convolve = (x: Tensor, w: Tensor, a: ConvAttributes): Tensor => bind(conv2dPrimitive, [x, w], plain(a))
/** Its gradient in the images as a node; `size`: their height and width. */
export const inputGrad = (g: Tensor, w: Tensor, a: ConvAttributes, size: HeightWidth): Tensor =>
  bind(inputGradPrimitive, [g, w], { ...plain(a), size })
const filterGrad = (x: Tensor, g: Tensor, a: ConvAttributes, size: HeightWidth): Tensor =>
  bind(filterGradPrimitive, [x, g], { ...plain(a), size })
