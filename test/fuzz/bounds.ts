/**
 * What a graph gives in float64, and beside every element how far float32 may be from it: an error bound that goes
 * through the graph with the values. So rounding is told from a fault by arithmetic, not by a tolerance, and a choice
 * that rounding may decide either way (a kink, a tie) shows as the bound that it makes: what is taken in one case and
 * not in the other.
 *
 * - A pointwise operation: its largest change when its operands move by their bounds, and its own rounding.
 * - Movement moves bounds. Sums and products, which are linear in each operand, add bounds up by themselves, with the rounding of the sum of sizes.
 * - A comparison that the bounds of its operands allow both ways is uncertain, and what is selected by it may be either.
 */
import { topological } from '../../src/autodiff/graph.js'
import type { NdArray } from '../../src/autodiff/ndarray.js'
import { sizeOf } from '../../src/autodiff/shape.js'
import type { Tensor } from '../../src/autodiff/tensor.js'

/**
 * A value, and the bound of each element's error; none: it is exact. Of integers, a bound says that they are uncertain.
 */
export interface Bounded {
  readonly value: NdArray
  readonly error: Float64Array | undefined
}

/** Half a unit in the last place of float32, relative. */
const HALF = 2 ** -24

/**
 * Rounding of a pointwise operation, relative to its result; all others are exact. WGSL: division within 2.5 units; the
 * polynomials of shaders/common.wgsl.
 */
const ROUNDING: Readonly<Record<string, number>> = {
  ...{
    div: 3e-7,
    sqrt: 3e-7,
    rsqrt: 6e-7,
    exp: 6e-7,
    log: 6e-7,
    tanh: 6e-7,
    sigmoid: 8e-7,
    pow: 6e-6,
    mul: 1.01 * HALF
  },
  ...{ random_normal: 2e-6 }
}
/** Sums of two may be taken in another order by a compiler: relative to the operands, not to what is left of them. */
const SUMS = new Set(['add', 'sub'])

/**
 * Rounding of a sum of so many terms, relative to the sum of their sizes: test/laws/digits.test.ts holds long sums to
 * 3e-6.
 */
const ofSum = (terms: number): number => Math.min(terms * HALF * 1.01, 4e-6)

const none = (length: number): Float64Array => new Float64Array(length)
const asArray = (like: NdArray, data: NdArray['data']): NdArray => ({ shape: like.shape, dtype: 'f32', data })
/**
 * `f` of each number and its place. Loops are written out: `Float64Array.from` takes ten times as long, and there are
 * millions.
 */
const filled = (data: ArrayLike<number>, f: (value: number, i: number) => number): Float64Array => {
  const made = new Float64Array(data.length)
  for (let i = 0; i < made.length; i++) made[i] = f(data[i] as number, i)
  return made
}
const sized = ({ value }: Bounded): NdArray => asArray(value, filled(value.data, Math.abs))
const bound = ({ value, error }: Bounded): Float64Array => error ?? none(value.data.length)
/** No NaN among bounds: what is not known may be anything. */
const settled = (error: Float64Array): Float64Array | undefined => {
  let any = false
  for (let i = 0; i < error.length; i++) {
    if (Number.isNaN(error[i])) error[i] = Number.POSITIVE_INFINITY
    any ||= error[i] !== 0
  }
  return any ? error : undefined
}

/** The primitive of a node on other operands. */
const again = (node: Tensor, inputs: readonly NdArray[]): NdArray['data'] =>
  node.primitive.reference(inputs, node.attributes, node)

/** The largest change of a pointwise node when its operands move by their bounds, each up or down. */
const pointwise = (node: Tensor, inputs: readonly Bounded[], value: NdArray['data']): Float64Array => {
  const error = none(value.length)
  const moving = inputs.flatMap(({ error: own }, k) => (own ? [k] : []))
  for (let corner = 0; corner < 2 ** moving.length && moving.length > 0; corner++) {
    const moved = inputs.map(({ value: x, error: own }, k) => {
      if (!own) return x
      const sign = (corner >> moving.indexOf(k)) & 1 ? 1 : -1
      return { ...x, data: filled(x.data, (v, i) => v + sign * (own[i] as number)) }
    })
    const there = again(node, moved)
    for (let i = 0; i < error.length; i++) {
      const change = Math.abs((there[i] as number) - (value[i] as number))
      if (!(change <= (error[i] as number))) error[i] = Number.isNaN(change) ? Number.POSITIVE_INFINITY : change
    }
  }
  return error
}

type Rule = (node: Tensor, inputs: readonly Bounded[], value: NdArray['data']) => Float64Array

/** Where a condition is uncertain, either may be taken. */
const where: Rule = (node, inputs, value) => {
  const [condition, x, y] = inputs as readonly [Bounded, Bounded, Bounded]
  const error = pointwise(node, [{ value: condition.value, error: undefined }, x, y], value)
  const uncertain = condition.error
  if (!uncertain) return error
  const [a, b] = [bound(x), bound(y)]
  return filled(error, (own, i) =>
    uncertain[i]
      ? Math.abs((x.value.data[i] as number) - (y.value.data[i] as number)) + (a[i] as number) + (b[i] as number)
      : own
  )
}

/** Comparisons: uncertain where the difference of the operands is within their bounds. */
const comparison: Rule = (_, inputs, value) => {
  const [x, y] = inputs as readonly [Bounded, Bounded | undefined]
  const error = none(value.length)
  const [a, b] = [bound(x), y ? bound(y) : error]
  for (let i = 0; i < error.length; i++) {
    const room = (a[i] as number) + (b[i] as number)
    const apart = Math.abs((x.value.data[i] as number) - ((y?.value.data[i] as number) ?? 0))
    error[i] = room > 0 && !(apart > room) ? 1 : 0
  }
  return error
}

/** A map that is linear in the operand. */
const linear =
  (terms: (node: Tensor, inputs: readonly Bounded[]) => number): Rule =>
  (node, inputs) => {
    const [x] = inputs as readonly [Bounded]
    const own = x.error
    const unit = ofSum(terms(node, inputs))
    const sizes = filled(x.value.data, (v, i) => unit * Math.abs(v) + (own?.[i] ?? 0))
    return again(node, [asArray(x.value, sizes), ...inputs.slice(1).map(({ value }) => value)]) as Float64Array
  }

/** A map that is linear in each of two operands: |x| (Ey + u |y|) + Ex (|y| + Ey). */
const bilinear =
  (terms: (node: Tensor) => number): Rule =>
  (node, inputs) => {
    const [x, y] = inputs as readonly [Bounded, Bounded]
    const unit = ofSum(terms(node))
    const [sx, sy] = [sized(x), sized(y)]
    const first = again(node, [
      sx,
      asArray(
        y.value,
        filled(sy.data, (v, i) => unit * v + (y.error?.[i] ?? 0))
      )
    ]) as Float64Array
    if (!x.error) return first
    const second = again(node, [
      asArray(x.value, x.error),
      asArray(
        y.value,
        filled(sy.data, (v, i) => v + (y.error?.[i] ?? 0))
      )
    ])
    return first.map((v, i) => v + (second[i] as number))
  }

const filterTerms = ({ inputs: [, w] }: Tensor): number => sizeOf((w as Tensor).shape.slice(1))

/** The places of maxima: uncertain where another element is as near as the bounds allow. */
const argmax: Rule = (_, inputs, value) => {
  const [x] = inputs as readonly [Bounded]
  const { data, shape } = x.value
  const own = bound(x)
  const extent = shape.at(-1) as number
  return filled(value, (best, row) => {
    const top = row * extent + best
    for (let i = row * extent; i < (row + 1) * extent; i++)
      if (
        i !== top &&
        (own[i] as number) + (own[top] as number) > 0 &&
        !((data[top] as number) - (data[i] as number) > (own[i] as number) + (own[top] as number))
      )
        return Number.POSITIVE_INFINITY
    return 0
  })
}

interface Windows {
  readonly kernel: number
  readonly stride: number
  readonly padding: number
  readonly size: readonly [number, number]
}
/** The pixels of each window of each plane. */
const eachWindow = (
  planes: number,
  a: Windows,
  visit: (window: number, pixels: () => Generator<number>) => void
): void => {
  const [height, width] = a.size
  const [rows, columns] = a.size.map(extent => Math.floor((extent + 2 * a.padding - a.kernel) / a.stride) + 1) as [
    number,
    number
  ]
  for (let window = 0; window < planes * rows * columns; window++) {
    const plane = Math.floor(window / (rows * columns))
    const [i, j] = [Math.floor(window / columns) % rows, window % columns]
    visit(window, function* () {
      const [top, left] = [i * a.stride - a.padding, j * a.stride - a.padding]
      for (let y = Math.max(0, top); y < Math.min(height, top + a.kernel); y++)
        for (let x = Math.max(0, left); x < Math.min(width, left + a.kernel); x++)
          yield (plane * height + y) * width + x
    })
  }
}
const windowsOf = (node: Tensor): Windows => node.attributes as unknown as Windows
const planesOf = ({ shape }: { readonly shape: readonly number[] }): number =>
  (shape[0] as number) * (shape[1] as number)

const windowArgmax: Rule = (node, inputs, value) => {
  const [x] = inputs as readonly [Bounded]
  const { data } = x.value
  const own = bound(x)
  const error = none(value.length)
  const a = windowsOf(node)
  const plane = a.size[0] * a.size[1]
  const windows = value.length / planesOf(node)
  if (!x.error) return error
  eachWindow(planesOf(node), a, (window, pixels) => {
    const top = Math.floor(window / windows) * plane + (value[window] as number)
    for (const pixel of pixels())
      if (
        pixel !== top &&
        !((data[top] as number) - (data[pixel] as number) > (own[pixel] as number) + (own[top] as number))
      )
        error[window] = Number.POSITIVE_INFINITY
  })
  return error
}

/** Where the place is uncertain, any pixel of the window may be meant. */
const windowGather: Rule = (node, inputs, value) => {
  const [x, places] = inputs as readonly [Bounded, Bounded]
  const own = bound(x)
  const error = again(node, [asArray(x.value, own), places.value]) as Float64Array
  if (places.error)
    eachWindow(planesOf(node), windowsOf(node), (window, pixels) => {
      if (!places.error?.[window]) return
      for (const pixel of pixels()) {
        const other = Math.abs((x.value.data[pixel] as number) - (value[window] as number)) + (own[pixel] as number)
        error[window] = Math.max(error[window] as number, other)
      }
    })
  return error
}
const windowScatter: Rule = (node, inputs, value) => {
  const [g, places] = inputs as readonly [Bounded, Bounded]
  const own = bound(g)
  const error = linear(() => windowsOf(node).kernel ** 2)(node, inputs, value)
  if (places.error)
    eachWindow(planesOf(node), windowsOf(node), (window, pixels) => {
      if (!places.error?.[window]) return
      const whole = Math.abs(g.value.data[window] as number) + (own[window] as number)
      for (const pixel of pixels()) error[pixel] = (error[pixel] as number) + whole
    })
  return error
}

/** Operations on indices: nothing is known where an index is uncertain. */
const indexed =
  (rule: Rule): Rule =>
  (node, inputs, value) =>
    inputs.some(({ value: { dtype }, error }) => dtype === 'i32' && error)
      ? none(value.length).fill(Number.POSITIVE_INFINITY)
      : rule(node, inputs, value)

const moved: Rule = (node, inputs) =>
  again(
    node,
    inputs.map(one => asArray(one.value, bound(one)))
  ) as Float64Array
const exact: Rule = (_, __, value) => none(value.length)
/** A choice among all: known where its operands are. */
const certain: Rule = (_, inputs, value) =>
  none(value.length).fill(inputs.some(({ error }) => error) ? Number.POSITIVE_INFINITY : 0)
const kernelTerms = (node: Tensor): number => windowsOf(node).kernel ** 2

const RULES: Readonly<Record<string, Rule>> = {
  where,
  ...Object.fromEntries(
    ['equal', 'not_equal', 'less', 'less_equal', 'greater', 'greater_equal', 'is_finite'].map(name => [
      name,
      comparison
    ])
  ),
  sum: linear((node, [x]) => sizeOf((x as Bounded).value.shape) / sizeOf(node.shape)),
  reduce_max: moved,
  argmax,
  matmul: bilinear(({ inputs: [x] }) => (x as Tensor).shape.at(-1) as number),
  conv2d: bilinear(filterTerms),
  conv2d_input_grad: bilinear(({ inputs: [, w] }) => sizeOf((w as Tensor).shape) / ((w as Tensor).shape[1] as number)),
  conv2d_filter_grad: bilinear(({ inputs: [, g] }) => sizeOf((g as Tensor).shape) / ((g as Tensor).shape[1] as number)),
  window_argmax: windowArgmax,
  window_gather: windowGather,
  window_scatter: windowScatter,
  window_sum: linear(kernelTerms),
  window_spread: linear(kernelTerms),
  one_hot: indexed(exact),
  take: indexed(
    (node, [x, indices]) =>
      again(node, [asArray((x as Bounded).value, bound(x as Bounded)), (indices as Bounded).value]) as Float64Array
  ),
  scatter_add: indexed(linear((_, [, indices]) => (indices as Bounded).value.data.length)),
  take_along: indexed(
    (node, [x, indices]) =>
      again(node, [asArray((x as Bounded).value, bound(x as Bounded)), (indices as Bounded).value]) as Float64Array
  ),
  scatter_add_along: indexed(
    linear(({ attributes }, [x]) => (x as Bounded).value.shape[attributes['axis'] as number] as number)
  ),
  cumsum: linear(({ attributes, shape }) => shape[attributes['axis'] as number] as number),
  flip: moved,
  sort_blocks: certain,
  merge_runs: certain,
  random_bits: exact,
  random_uniform: exact
}

/** Numbers beyond this may overflow in float32: nothing is said of them. */
const LARGEST = 1e30

const errorOf = (node: Tensor, inputs: readonly Bounded[], value: NdArray['data']): Float64Array | undefined => {
  const { name, kernel } = node.primitive
  const rule = RULES[name] ?? (kernel?.kind === 'view' || kernel?.kind === 'regions' ? moved : pointwise)
  const integersMoved = inputs.some(({ value: { dtype }, error }) => dtype !== 'f32' && error)
  // Arithmetic with integers that are uncertain, but for conditions: they may be anything. A condition as a number is 0
  // or 1.
  if (rule === pointwise && integersMoved && !(name === 'convert' && inputs[0]?.value.dtype === 'u32')) {
    if (!RULES[name]) return none(value.length).fill(node.dtype === 'f32' ? Number.POSITIVE_INFINITY : 1)
  }
  const error =
    inputs.every(one => !one.error) && (rule === moved || rule === where || rule === comparison)
      ? none(value.length)
      : rule(node, inputs, value)
  const rounding = ROUNDING[name] ?? 0
  const isSum = SUMS.has(name) && node.dtype === 'f32'
  const isFloat = node.dtype === 'f32'
  for (let i = 0; i < error.length && isFloat; i++) {
    const size = Math.abs(value[i] as number)
    if (!(size < LARGEST)) error[i] = Number.POSITIVE_INFINITY
    else if (rounding) error[i] = (error[i] as number) + rounding * size
    else if (isSum)
      error[i] =
        (error[i] as number) +
        HALF * (Math.abs(inputs[0]?.value.data[i] as number) + Math.abs(inputs[1]?.value.data[i] as number))
  }
  return settled(error)
}

/** A constant's numbers are rounded as they are put on the device. */
const ofConstant = (value: NdArray): Bounded => ({
  value,
  error: value.dtype === 'f32' ? settled(filled(value.data, x => Math.abs(x - Math.fround(x)))) : undefined
})

/** Values of `outputs` with their bounds. */
export const withBounds = (outputs: readonly Tensor[], bindings: ReadonlyMap<Tensor, NdArray>): readonly Bounded[] => {
  const order = topological(outputs)
  const lastUse = new Map<Tensor, number>()
  order.forEach((node, i) => {
    for (const one of node.inputs) lastUse.set(one, i)
  })
  for (const output of outputs) lastUse.set(output, Number.POSITIVE_INFINITY)
  const known = new Map<Tensor, Bounded>()
  order.forEach((node, i) => {
    const given = bindings.get(node)
    const inputs = node.inputs.map(one => known.get(one) as Bounded)
    if (given) known.set(node, { value: given, error: undefined })
    else {
      const data = again(
        node,
        inputs.map(({ value }) => value)
      )
      const value: NdArray = { shape: node.shape, dtype: node.dtype, data }
      known.set(
        node,
        node.primitive.name === 'constant' ? ofConstant(value) : { value, error: errorOf(node, inputs, data) }
      )
    }
    for (const one of node.inputs) if (lastUse.get(one) === i) known.delete(one)
  })
  return outputs.map(output => known.get(output) as Bounded)
}
