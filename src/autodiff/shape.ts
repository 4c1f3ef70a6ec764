/**
 * Shapes: the abstract values of tensors, the error of a shape rule, and the small functions that rules are made of.
 */
import * as E from 'fp-ts/lib/Either.js'
import type { DType } from '../kernels/spec.js'

/** A tensor's extents along its axes; `[]` is a scalar's. */
export type Shape = readonly number[]

/** An abstract value: what is known of a tensor before anything runs. */
export interface Aval {
  readonly shape: Shape
  readonly dtype: DType
}

/**
 * A shape rule's refusal: one sentence with what was required, what was got and the cure. Thrown inside traced
 * functions.
 */
export class ShapeError extends Error {
  override readonly name = 'ShapeError'
  constructor(
    readonly primitive: string,
    readonly required: string,
    readonly got: string,
    readonly cure: string
  ) {
    super(`${primitive} requires ${required}, but got ${got}; ${cure}.`)
  }
}

/** Refuses with a sentence. `refuse('matmul', 'at least 2 axes', show(x), 'reshape the vector to a row')`. */
export const refuse = (primitive: string, required: string, got: string, cure: string): E.Either<ShapeError, never> =>
  E.left(new ShapeError(primitive, required, got, cure))

/** The value of a rule, or its refusal thrown. */
export const orThrow = <A>(rule: E.Either<ShapeError, A>): A => {
  if (E.isLeft(rule)) throw rule.left
  return rule.right
}

/** Throws the refusal at once, for checks outside shape rules. */
export const fail = (primitive: string, required: string, got: string, cure: string): never =>
  orThrow(refuse(primitive, required, got, cure))

/**
 * What `f` gives, whose refusals bear this name instead of those of the operations inside: a user reads of the call
 * that he wrote. Of names within each other the outermost counts. Not around functions of the user's own.
 */
export const named = <A>(name: string, f: () => A): A => {
  try {
    return f()
  } catch (error) {
    throw error instanceof ShapeError ? new ShapeError(name, error.required, error.got, error.cure) : error
  }
}

/**
 * Whether an object is a plain record, with no class of its own: the prototype of such has none itself, in whichever
 * realm it was made.
 */
export const isPlain = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

/** Any value in a sentence, not too long: `'same'`, `[0,1,0,1]`, `a function`. */
export const describe = (value: unknown): string => described(value, 3)
const described = (value: unknown, depth: number): string => {
  if (typeof value === 'function' || typeof value === 'symbol') return `a ${typeof value}`
  if (ArrayBuffer.isView(value)) return value.constructor.name
  if (typeof value === 'object' && value !== null && 'dtype' in value && Array.isArray((value as Aval).shape))
    return show(value as Aval)
  if (Array.isArray(value)) {
    if (depth === 0) return '[...]'
    return cut(
      `[${value
        .slice(0, MOST_CHARACTERS)
        .map(one => described(one, depth - 1))
        .join(',')}]`
    )
  }
  if (typeof value === 'object' && value !== null)
    return isPlain(value) ? cut(`{ ${Object.keys(value).join(', ')} }`) : `a ${value.constructor.name}`
  return cut(typeof value === 'string' ? `'${value}'` : String(value))
}
const MOST_CHARACTERS = 60
/** A text of a user's as a sentence has it: of a bounded length, `?` for what would steer a terminal. */
export const cut = (text: string, most = MOST_CHARACTERS): string =>
  (text.length > most ? `${text.slice(0, most)}...` : text).replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, '?')

/** Options, none of whose names is misspelt. `known` are the names that there are. */
export const checkOptions = <O extends object>(
  primitive: string,
  options: O,
  known: readonly (keyof O & string)[]
): O => {
  const among = `options among ${known.join(', ')}`
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    return fail(primitive, among, describe(options), `pass a record like { ${known[0]}: ... }`)
  const unknown = Object.keys(options).find(name => !(known as readonly string[]).includes(name))
  if (unknown === undefined) return options
  const letters = (name: string): string => name.toLowerCase().replace(/[^a-z]/g, '')
  const near = known.find(
    name => letters(unknown).startsWith(letters(name)) || letters(name).startsWith(letters(unknown))
  )
  return fail(primitive, among, describe(unknown), near ? `write ${near}` : 'leave it out')
}

/** A function that is one. */
export const checkFunction = <F>(primitive: string, f: F): F =>
  typeof f === 'function' ? f : fail(primitive, 'a function', describe(f), 'pass x => ..., not what it gives')

/** A list of numbers, as shapes, permutations and paddings are. */
export const checkNumbers = (primitive: string, what: string, list: readonly number[]): readonly number[] =>
  Array.isArray(list) && list.every(value => typeof value === 'number')
    ? list
    : fail(primitive, what, describe(list), 'pass a list like [2, 3]')

/** `f32[2,3]`. */
export const show = ({ dtype, shape }: Aval): string => `${dtype}[${shape.join(',')}]`

/** How many elements a shape holds; 1 for a scalar's `[]`. */
export const sizeOf = (shape: Shape): number => shape.reduce((product, extent) => product * extent, 1)

export const sameShape = (a: Shape, b: Shape): boolean =>
  a.length === b.length && a.every((extent, i) => extent === b[i])

/** Row-major strides, in elements. `denseStrides([2, 3, 4])` is `[12, 4, 1]`. */
export const denseStrides = (shape: Shape): number[] => {
  const strides = new Array<number>(shape.length)
  let stride = 1
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride
    stride *= shape[axis] as number
  }
  return strides
}

/** An axis counted from the end when negative, as an index; refused when there is no such axis. */
export const axisOf = (primitive: string, axis: number, rank: number): number => {
  // A tensor in place of an axis is no number, and refuses to be compared with one.
  const found = Number.isInteger(axis) ? axis + (axis < 0 ? rank : 0) : -1
  if (found < 0 || found >= rank)
    fail(
      primitive,
      `an axis from ${-rank} to ${rank - 1}`,
      `axis ${axis} of a tensor with ${rank} axes`,
      'name an axis that exists'
    )
  return found
}

/** Axes as sorted indices without repetition; `undefined` means all of them. */
export const axesOf = (primitive: string, axes: number | readonly number[] | undefined, rank: number): number[] => {
  if (axes === undefined) return Array.from({ length: rank }, (_, i) => i)
  const list = checkNumbers(primitive, 'an axis or a list of axes', typeof axes === 'number' ? [axes] : axes)
  return [...new Set(list.map(axis => axisOf(primitive, axis, rank)))].sort((a, b) => a - b)
}

/** Height and width of images or filters, the last two of four axes. */
export const heightAndWidth = (shape: Shape): readonly [number, number] => [shape[2] as number, shape[3] as number]

/** Extents before, on and after an axis. `around([2, 3, 4, 5], 1)` is `[2, 3, 20]`. */
export const around = (shape: Shape, axis: number): [number, number, number] => [
  sizeOf(shape.slice(0, axis)),
  shape[axis] as number,
  sizeOf(shape.slice(axis + 1))
]

/** The common shape that all broadcast to (NumPy's rule: axes aligned at the end, an extent of 1 stretches). */
export const broadcastShapes = (primitive: string, shapes: readonly Shape[]): Shape => {
  const rank = Math.max(0, ...shapes.map(shape => shape.length))
  return Array.from({ length: rank }, (_, axis) => {
    const extents = shapes.map(shape => shape[axis - rank + shape.length] ?? 1)
    const extent = extents.find(e => e !== 1) ?? 1
    if (extents.some(e => e !== 1 && e !== extent))
      fail(
        primitive,
        'shapes that broadcast (equal extents, or 1, aligned at the last axis)',
        shapes.map(shape => `[${shape.join(',')}]`).join(' and '),
        'reshape or transpose one of them so that the axes line up'
      )
    return extent
  })
}

/** Element type and count of the inputs, checked: a rule's first line. */
export const expectDtype = (
  primitive: string,
  inputs: readonly Aval[],
  dtype: DType | 'any' | 'signed'
): E.Either<ShapeError, void> =>
  inputs.every(input => dtype === 'any' || (dtype === 'signed' ? input.dtype !== 'u32' : input.dtype === dtype))
    ? E.right(undefined)
    : refuse(primitive, `${dtype} operands`, inputs.map(show).join(', '), 'convert the operand with convert(x, dtype)')

/**
 * A positive integer extent for every axis; a tensor without elements is refused, since there is nothing to compute.
 */
export const checkExtents = (primitive: string, shape: Shape): E.Either<ShapeError, Shape> =>
  shape.every(extent => Number.isInteger(extent) && extent > 0)
    ? E.right(shape)
    : refuse(primitive, 'a positive whole extent on every axis', `[${shape.join(',')}]`, 'leave empty tensors out')

/** Lists nested deeper are no tensor that anybody wants, and deep enough ones are more than recursion can go into. */
export const MOST_AXES = 64
