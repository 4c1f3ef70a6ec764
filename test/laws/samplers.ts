/**
 * A sampler for every primitive: inputs and attributes that its shape rule takes, of random shapes. Values stay in the
 * domain where the primitive is smooth, so that central differences say something.
 */
import fc from 'fast-check'
import { evaluate } from '../../src/autodiff/interpret.js'
import type { Attributes } from '../../src/autodiff/kernel.js'
import type { NdArray } from '../../src/autodiff/ndarray.js'
import { argsort, customVjp, mul, tensor } from '../../src/autodiff/ops/index.js'
import { bind, registry } from '../../src/autodiff/primitive.js'
import { type Shape, sizeOf } from '../../src/autodiff/shape.js'
import type { Primitive, Tensor } from '../../src/autodiff/tensor.js'
import type { DType } from '../../src/kernels/spec.js'
import {
  anything,
  array,
  between,
  extents,
  type Fill,
  type Limits,
  nonzero,
  permutations,
  positive,
  shapes,
  spread,
  subset,
  whole
} from './values.js'

export interface Sample {
  readonly inputs: readonly NdArray[]
  readonly attributes: Attributes
  /** How the primitive is made, where it is not made from inputs and attributes. */
  readonly make?: (...inputs: readonly Tensor[]) => Tensor
}
export type Sampler = fc.Arbitrary<Sample>

export const primitiveOf = (name: string): Primitive => {
  const found = registry.get(name)
  if (!found) throw new Error(`there is no primitive named '${name}'; the samplers' table names it`)
  return found
}

/** A sample's function of tensors like its inputs. */
export const applied =
  (name: string, { attributes, make }: Sample) =>
  (...inputs: readonly Tensor[]): Tensor =>
    make ? make(...inputs) : bind(primitiveOf(name), inputs, attributes)

/** A structure and a seed become a sample. */
const of = <S>(structure: fc.Arbitrary<S>, make: (structure: S, seed: number) => Sample): Sampler =>
  fc.tuple(structure, fc.nat()).map(([found, seed]) => make(found, seed))

/** Seeds for the inputs of one sample. */
const seeds = (seed: number, i: number): number => seed + 2 ** 32 * (i + 1)

const small = between(-1.2, 1.2)
const belowOne = between(-0.75, 0.75)
const aboveOne = between(1.2, 4)
/** Of a remainder: far from 0 and 1. */
const within = between(0.2, 0.8)

const integer: Fill = whole(-50, 50)
const natural: Fill = whole(0, 50)

/** The float32 domain, or small integers. */
const filled = (fill: Fill, dtype: DType, seed: number, shape: Shape): NdArray =>
  array(dtype === 'f32' ? fill : dtype === 'i32' ? integer : natural, seed, shape, dtype)

const dtypes = ({ integers }: Limits, list: readonly DType[] = ['f32', 'i32', 'u32']): fc.Arbitrary<DType> =>
  integers ? fc.constantFrom(...list) : fc.constant('f32')

/** Inputs of one shape. */
const pointwise = (limits: Limits, fills: readonly Fill[], dtype = fc.constant<DType>('f32')): Sampler =>
  of(fc.tuple(shapes(limits), dtype), ([shape, kind], seed) => ({
    inputs: fills.map((fill, i) => filled(fill, kind, seeds(seed, i), shape)),
    attributes: {}
  }))

/** One input, and attributes that depend on its shape. */
const unary = (
  limits: Limits,
  attributes: (shape: Shape) => fc.Arbitrary<Attributes>,
  {
    fill = anything,
    least = 0,
    dtype = dtypes(limits)
  }: { fill?: Fill; least?: number; dtype?: fc.Arbitrary<DType> } = {}
): Sampler =>
  of(
    shapes(limits, least).chain(shape => fc.tuple(fc.constant(shape), attributes(shape), dtype)),
    ([shape, found, kind], seed) => ({ inputs: [filled(fill, kind, seed, shape)], attributes: found })
  )

const f32 = fc.constant<DType>('f32')
const none = (): fc.Arbitrary<Attributes> => fc.constant({})

/** Two operands that are never equal. */
const apart = (limits: Limits): Sampler =>
  of(shapes(limits), (shape, seed) => {
    const [x, gap] = [array(anything, seeds(seed, 0), shape), array(nonzero, seeds(seed, 1), shape)]
    return {
      inputs: [x, { ...x, data: x.data.map((value, i) => Math.fround(value + (gap.data[i] as number))) }],
      attributes: {}
    }
  })

/** Operands whose quotient is no whole number, nor close to one: (n + u) y and y, u from 0.2 to 0.8. */
const remainders = (limits: Limits): Sampler =>
  of(shapes(limits), (shape, seed) => {
    const [y, n, u] = [nonzero, whole(-3, 4), within].map((fill, i) => array(fill, seeds(seed, i), shape))
    const data = y?.data.map((value, i) => Math.fround(value * ((n?.data[i] as number) + (u?.data[i] as number))))
    return { inputs: [{ ...(y as NdArray), data: data as Float64Array }, y as NdArray], attributes: {} }
  })

/** Another shape of as many elements: axes in another order, some joined, some of extent 1 put in. */
const sameSize = (shape: Shape): fc.Arbitrary<Shape> =>
  fc.tuple(permutations(shape.length), fc.array(fc.constantFrom('keep', 'join', 'one'))).map(([order, steps]) => {
    const made: number[] = []
    order.forEach((axis, i) => {
      const extent = shape[axis] as number
      if (steps[i] === 'join' && made.length) made.push((made.pop() as number) * extent)
      else made.push(...(steps[i] === 'one' ? [1, extent] : [extent]))
    })
    return made
  })

const broadcasts = (limits: Limits): Sampler =>
  of(
    shapes(limits).chain(shape =>
      fc.tuple(fc.constant(shape), fc.nat({ max: shape.length }), subset(shape.length), dtypes(limits))
    ),
    ([shape, dropped, ones, dtype], seed) => ({
      inputs: [
        filled(anything, dtype, seed, shape.map((extent, axis) => (ones.includes(axis) ? 1 : extent)).slice(dropped))
      ],
      attributes: { shape }
    })
  )

const slices = (shape: Shape): fc.Arbitrary<Attributes> =>
  fc
    .tuple(
      ...shape.map(extent =>
        fc
          .tuple(fc.nat({ max: extent - 1 }), fc.integer({ min: 1, max: extent }), fc.integer({ min: 1, max: 3 }))
          .map(([start, length, step]) => ({ start, stop: Math.min(extent, start + length), step }))
      )
    )
    .map(axes => ({
      start: axes.map(({ start }) => start),
      stop: axes.map(({ stop }) => stop),
      step: axes.map(({ step }) => step)
    }))

const counts = (rank: number): fc.Arbitrary<number[]> =>
  fc.array(fc.nat({ max: 2 }), { minLength: rank, maxLength: rank })

const concatenations = (limits: Limits): Sampler =>
  of(
    shapes(limits, 1).chain(shape =>
      fc.tuple(
        fc.constant(shape),
        fc.nat({ max: shape.length - 1 }),
        fc.array(extents(limits), { minLength: 2, maxLength: 3 }),
        dtypes(limits)
      )
    ),
    ([shape, axis, parts, dtype], seed) => ({
      inputs: parts.map((part, i) => filled(anything, dtype, seeds(seed, i), shape.with(axis, part))),
      attributes: { axis }
    })
  )

const products = (limits: Limits): Sampler =>
  of(
    fc.tuple(shapes(limits, 0, limits.rank - 2), extents(limits), extents(limits), extents(limits)),
    ([batch, m, k, n], seed) => ({
      inputs: [array(anything, seeds(seed, 0), [...batch, m, k]), array(anything, seeds(seed, 1), [...batch, k, n])],
      attributes: {}
    })
  )

const indices = (seed: number, shape: Shape, below: number): NdArray => array(whole(0, below), seed, shape, 'i32')

/** The order that sorts indices. */
const orderOf = (x: NdArray, axis: number): NdArray => evaluate(argsort(tensor(x.data, x.shape, x.dtype), axis))

const takes = (limits: Limits): Sampler =>
  of(
    shapes(limits, 1, limits.rank - 1).chain(shape =>
      fc.tuple(fc.constant(shape), fc.nat({ max: shape.length - 1 }), shapes(limits, 0, 2))
    ),
    ([shape, axis, rows], seed) => ({
      inputs: [array(anything, seeds(seed, 0), shape), indices(seeds(seed, 1), rows, shape[axis] as number)],
      attributes: { axis }
    })
  )

const scatters = (limits: Limits): Sampler =>
  of(
    fc.tuple(shapes(limits, 0, 1), shapes(limits, 1, 2), shapes(limits, 0, 2), extents(limits)),
    ([before, rows, after, extent], seed) => {
      const places = indices(seeds(seed, 1), rows, extent)
      const flat = { ...places, shape: [sizeOf(rows)] }
      return {
        inputs: [array(anything, seeds(seed, 0), [...before, ...rows, ...after]), places, orderOf(flat, 0)],
        attributes: { axis: before.length, extent }
      }
    }
  )

/** A tensor, indices of its shape but for one axis, and that axis. */
const alongAxis = (limits: Limits) =>
  shapes(limits, 1).chain(shape =>
    fc.tuple(fc.constant(shape), fc.nat({ max: shape.length - 1 }), fc.integer({ min: 1, max: limits.extent }))
  )

const takesAlong = (limits: Limits): Sampler =>
  of(alongAxis(limits), ([shape, axis, count], seed) => ({
    inputs: [
      array(anything, seeds(seed, 0), shape),
      indices(seeds(seed, 1), shape.with(axis, count), shape[axis] as number)
    ],
    attributes: { axis }
  }))

const scattersAlong = (limits: Limits): Sampler =>
  of(alongAxis(limits), ([shape, axis, extent], seed) => {
    const places = indices(seeds(seed, 1), shape, extent)
    return {
      inputs: [array(anything, seeds(seed, 0), shape), places, orderOf(places, axis)],
      attributes: { axis, extent }
    }
  })

/**
 * Rows whose runs of eight are sorted. Integers: an operand that has the shape of floats alone would not be in the
 * order that is given.
 */
const runs = (limits: Limits): Sampler =>
  of(
    fc.tuple(shapes(limits, 0, 1), fc.integer({ min: 1, max: 4 * limits.extent }), fc.boolean()),
    ([rows, extent, descending], seed) => {
      const x = array(whole(-9, 9), seed, [...rows, extent], 'i32')
      const sign = descending ? -1 : 1
      const order = Int32Array.from(x.data, (_, at) => {
        const [base, start] = [at - (at % extent), (at % extent) - ((at % extent) % 8)]
        const places = Array.from({ length: Math.min(8, extent - start) }, (__, i) => start + i)
        places.sort((a, b) => sign * ((x.data[base + a] as number) - (x.data[base + b] as number)))
        return places[(at % extent) - start] as number
      })
      return { inputs: [x, { data: order, shape: x.shape, dtype: 'i32' }], attributes: { width: 8, descending } }
    }
  )

interface Convolution {
  readonly images: Shape
  readonly filters: Shape
  readonly results: Shape
  readonly attributes: Attributes
}
const convolutions = ({ extent }: Limits): fc.Arbitrary<Convolution> => {
  const small = (max: number, min = 1) => fc.integer({ min, max: Math.min(max, extent) })
  const axis = fc
    .record({
      filter: small(3),
      stride: small(3),
      dilation: small(2),
      padding: fc.nat({ max: 2 }),
      more: fc.nat({ max: extent })
    })
    .map(one => {
      const reach = one.dilation * (one.filter - 1) + 1
      const image = Math.max(1, reach - 2 * one.padding) + one.more
      return { ...one, image, result: Math.floor((image + 2 * one.padding - reach) / one.stride) + 1 }
    })
  return fc
    .record({ y: axis, x: axis, batch: small(2), groups: small(3), inputs: small(7), outputs: small(9) })
    .map(({ y, x, batch, groups, inputs, outputs }) => ({
      images: [batch, groups * inputs, y.image, x.image],
      filters: [groups * outputs, inputs, y.filter, x.filter],
      results: [batch, groups * outputs, y.result, x.result],
      attributes: {
        stride: [y.stride, x.stride],
        padding: [y.padding, x.padding],
        dilation: [y.dilation, x.dilation],
        groups
      }
    }))
}

/** A convolution or one of its gradients: two of the three shapes, and the size that has to be restored. */
const convolution = (
  limits: Limits,
  first: 'images' | 'results',
  second: 'filters' | 'results',
  restored?: 'images' | 'filters'
): Sampler =>
  of(convolutions(limits), (found, seed) => ({
    inputs: [array(anything, seeds(seed, 0), found[first]), array(anything, seeds(seed, 1), found[second])],
    attributes: { ...found.attributes, ...(restored && { size: found[restored].slice(2) }) }
  }))

/** Windows: the image's or the windows' side, with the places of maxima or without. */
const windows = (limits: Limits, side: 'image' | 'windows', places: boolean): Sampler =>
  of(
    fc
      .record({
        planes: fc.tuple(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 3 })),
        kernel: fc.integer({ min: 1, max: 3 }),
        stride: fc.integer({ min: 1, max: 3 }),
        padding: fc.nat({ max: 1 }),
        more: fc.tuple(fc.nat({ max: limits.extent }), fc.nat({ max: limits.extent }))
      })
      .filter(({ kernel, padding }) => 2 * padding <= kernel),
    ({ planes, kernel, stride, padding, more }, seed) => {
      const size = more.map(extra => Math.max(1, kernel - 2 * padding) + extra)
      const attributes = { kernel, stride, padding, size }
      const images = array(spread, seeds(seed, 0), [...planes, ...size])
      const results = [...planes, ...size.map(extent => Math.floor((extent + 2 * padding - kernel) / stride) + 1)]
      const found: NdArray = {
        data: primitiveOf('window_argmax').reference([images], attributes, { shape: results, dtype: 'i32' }),
        shape: results,
        dtype: 'i32'
      }
      const operand = side === 'image' ? images : array(anything, seeds(seed, 1), results)
      return { inputs: places ? [operand, found] : [operand], attributes }
    }
  )

const draws = (limits: Limits): Sampler =>
  of(fc.tuple(shapes(limits), shapes(limits, 0, 1)), ([shape, keys], seed) => ({
    inputs: [array(whole(0, 2 ** 32), seed, [...keys, 2], 'u32')],
    attributes: { shape }
  }))

/** By the primitive's name. What stands without a sampler is `input`: every argument of every test is one. */
export const samplersOf = (limits: Limits): Readonly<Record<string, Sampler>> => {
  const any = dtypes(limits)
  const signed = dtypes(limits, ['f32', 'i32'])
  const axes = (shape: Shape) => subset(shape.length, 1).map(list => ({ axes: list }))
  const comparison = pointwise(limits, [anything, anything], any)
  const conditions = pointwise(limits, [anything, anything], fc.constant('u32'))
  return {
    constant: of(fc.tuple(shapes(limits), any), ([shape, dtype], seed) => ({
      inputs: [],
      attributes: { value: filled(anything, dtype, seed, shape) }
    })),
    alias: unary(limits, none),
    stop_gradient: unary(limits, none),
    custom_vjp: of(shapes(limits), (shape, seed) => ({
      inputs: [array(anything, seeds(seed, 0), shape), array(anything, seeds(seed, 1), shape)],
      attributes: {},
      make: (x, scale) =>
        customVjp(
          y => mul(mul(y as Tensor, y as Tensor), scale as Tensor),
          (g, [y]) => [mul(mul(mul(g, 2), y as Tensor), scale as Tensor)]
        )(x as Tensor)
    })),

    ...Object.fromEntries(
      'sin cos tan atan sinh cosh asinh expm1 exp2 erf erfc'.split(' ').map(name => [name, pointwise(limits, [small])])
    ),
    ...Object.fromEntries('log1p log2 acosh'.split(' ').map(name => [name, pointwise(limits, [aboveOne])])),
    ...Object.fromEntries('asin acos atanh'.split(' ').map(name => [name, pointwise(limits, [belowOne])])),
    ...Object.fromEntries('floor ceil round trunc'.split(' ').map(name => [name, pointwise(limits, [between(-3, 4)])])),
    atan2: pointwise(limits, [nonzero, nonzero]),
    rem: remainders(limits),
    power: pointwise(limits, [positive, anything]),
    and: conditions,
    or: conditions,
    add: pointwise(limits, [anything, anything], any),
    sub: pointwise(limits, [anything, anything], signed),
    mul: pointwise(limits, [anything, anything], any),
    div: pointwise(limits, [anything, nonzero]),
    neg: unary(limits, none, { dtype: signed }),
    exp: pointwise(limits, [anything]),
    log: pointwise(limits, [positive]),
    sqrt: pointwise(limits, [positive]),
    rsqrt: pointwise(limits, [positive]),
    tanh: pointwise(limits, [anything]),
    sigmoid: pointwise(limits, [anything]),
    abs: pointwise(limits, [nonzero]),
    sign: pointwise(limits, [nonzero]),
    relu: pointwise(limits, [nonzero]),
    max: apart(limits),
    min: apart(limits),
    equal: comparison,
    not_equal: comparison,
    less: comparison,
    less_equal: comparison,
    greater: comparison,
    greater_equal: comparison,
    is_finite: pointwise(limits, [anything]),
    where: of(fc.tuple(shapes(limits), any), ([shape, dtype], seed) => ({
      inputs: [
        array(whole(0, 2), seeds(seed, 0), shape, 'u32'),
        filled(anything, dtype, seeds(seed, 1), shape),
        filled(anything, dtype, seeds(seed, 2), shape)
      ],
      attributes: {}
    })),
    pow: unary(limits, () => fc.constantFrom(0, 2, 3, 7, 17, -1, -2, 0.5, -1.5, 2.5).map(exponent => ({ exponent })), {
      fill: positive,
      dtype: f32
    }),
    convert: unary(limits, () => fc.constantFrom<DType>('f32', 'i32', 'u32').map(dtype => ({ dtype }))),

    reshape: unary(limits, shape => sameSize(shape).map(other => ({ shape: other }))),
    broadcast: broadcasts(limits),
    transpose: unary(limits, shape => permutations(shape.length).map(permutation => ({ permutation }))),
    slice: unary(limits, slices),
    pad: unary(limits, ({ length }) =>
      fc
        .tuple(counts(length), counts(length), counts(length))
        .map(([before, after, interior]) => ({ before, after, interior }))
    ),
    concat: concatenations(limits),
    // Two parts along the first axis, with a gap between them, the second with gaps of its own.
    assemble: of(
      fc.tuple(shapes(limits, 1, 3), fc.nat({ max: 1 }), fc.nat({ max: 1 })),
      ([shape, gap, interior], seed) => {
        const [rows = 1, ...rest] = shape
        const zeros = shape.map(() => 0)
        return {
          inputs: [array(anything, seeds(seed, 0), shape), array(anything, seeds(seed, 1), shape)],
          attributes: {
            parts: [
              { before: zeros, interior: zeros },
              { before: [rows + gap, ...zeros.slice(1)], interior: [interior, ...zeros.slice(1)] }
            ],
            shape: [2 * rows + gap + (rows - 1) * interior, ...rest]
          }
        }
      }
    ),

    sum: unary(limits, axes, { least: 1 }),
    reduce_max: unary(limits, axes, { least: 1, fill: spread, dtype: f32 }),
    argmax: unary(limits, none, { least: 1, fill: spread, dtype: f32 }),
    matmul: products(limits),

    one_hot: of(fc.tuple(shapes(limits, 0, 3), extents(limits)), ([shape, classes], seed) => ({
      inputs: [indices(seed, shape, classes)],
      attributes: { classes }
    })),
    take: takes(limits),
    scatter_add: scatters(limits),
    take_along: takesAlong(limits),
    scatter_add_along: scattersAlong(limits),
    sort_blocks: unary(limits, () => fc.boolean().map(descending => ({ descending })), { least: 1 }),
    merge_runs: runs(limits),
    flip: unary(limits, ({ length }) => fc.nat({ max: length - 1 }).map(axis => ({ axis })), { least: 1 }),
    cumsum: unary(limits, ({ length }) => fc.record({ axis: fc.nat({ max: length - 1 }), reverse: fc.boolean() }), {
      least: 1
    }),

    conv2d: convolution(limits, 'images', 'filters'),
    conv2d_input_grad: convolution(limits, 'results', 'filters', 'images'),
    conv2d_filter_grad: convolution(limits, 'images', 'results', 'filters'),

    window_argmax: windows(limits, 'image', false),
    window_gather: windows(limits, 'image', true),
    window_scatter: windows(limits, 'windows', true),
    window_sum: windows(limits, 'image', false),
    window_spread: windows(limits, 'windows', false),

    random_bits: draws(limits),
    random_uniform: draws(limits),
    random_normal: draws(limits)
  }
}

/** The sampler of a primitive. One that was forgotten is named here, and not met as a law that cannot draw. */
export const samplerOf = (samplers: Readonly<Record<string, Sampler>>, name: string): Sampler => {
  const found = samplers[name]
  if (!found) throw new Error(`primitive '${name}' has no sampler in test/laws/samplers.ts; add an entry to samplersOf`)
  return found
}

/** Every primitive but the one that stands for an argument. */
export const sampled = (): string[] => [...registry.keys()].filter(name => name !== 'input')

/** Elements of all inputs of a sample. */
export const sizeOfSample = ({ inputs }: Sample): number =>
  inputs.reduce((total, { shape }) => total + sizeOf(shape), 0)
