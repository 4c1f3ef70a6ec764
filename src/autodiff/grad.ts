/**
 * Derivatives as functions from functions to functions. Everything here extends graphs with more nodes, so a derivative
 * of a derivative needs nothing new.
 *
 * A gradient wraps each argument in a fresh `alias` and pulls the cotangent back to that alias. The fresh identity is
 * what keeps nested derivatives apart (no levels, no perturbation confusion): d/dx [x * d/dy (x + y)] is 1.
 */

import { work } from './graph.js'
import { alias } from './leaves.js'
import { reshape } from './ops/broadcast.js'
import { tensor } from './ops/core.js'
import { oneHot } from './ops/indexing.js'
import { sliceAlong } from './ops/movement.js'
import { pullBack, zerosLike } from './pullback.js'
import { type Aval, checkFunction, checkOptions, describe, fail, sameShape, show, sizeOf } from './shape.js'
import type { Tensor } from './tensor.js'
import { isTensor } from './tensor.js'
import { inTree, leaves, leavesLike, mapTree, paths, rebuild, type Tree } from './tree.js'
import { vmap } from './vmap.js'

/** A result that does not depend on an argument whose gradient was asked for. */
export class UnreachedError extends Error {
  override readonly name = 'UnreachedError'
  constructor(
    /** As in `argument 0 at 'layers.1.w'`. */
    readonly argument: string,
    aval: Aval
  ) {
    super(
      `grad requires a result that depends on every argument, but got no path from ${argument} (${show(aval)}); ` +
        `leave it out of argnums, or pass { unreached: 'zero' } if its gradient is meant to be zero.`
    )
  }
}

/** What becomes of an argument that does not reach the result. */
export interface Unreached {
  /**
   * `'zero'`: an argument that the result does not depend on gets a gradient of zeros. Default: it throws, naming its
   * path.
   */
  readonly unreached?: 'zero' | 'throw'
}

const zeroOrThrow = (
  found: readonly (Tensor | undefined)[],
  targets: readonly Tensor[],
  names: readonly string[],
  { unreached = 'throw' }: Unreached
): Tensor[] =>
  found.map((cotangent, i) => {
    if (cotangent) return cotangent
    const target = targets[i] as Tensor
    if (unreached === 'zero') return zerosLike(target)
    throw new UnreachedError(names[i] as string, target)
  })

const requireFloat = (args: readonly Tensor[], names: readonly string[]): void =>
  args.forEach((arg, i) => {
    if (arg.dtype !== 'f32') fail('grad', 'f32 arguments', `${show(arg)} at ${names[i]}`, 'leave it out of argnums')
  })

/** `argument 0 at cells.3.edge.1`, for messages. */
const argumentNames = (args: readonly Tree[], argnums: readonly number[]): string[] =>
  argnums.flatMap(n => paths(args[n] as Tree).map(path => `argument ${n}${inTree(path)}`))

/** A function from a cotangent of a result (a tree like it) to cotangents of arguments. */
export type Pullback<R, A> = (cotangent: R, options?: Unreached) => A

/**
 * The value of `f` and its pull-back: a function from a cotangent of the result (a tree like it) to cotangents of the
 * arguments. It may be called any number of times.
 * @example
 * const [y, pullback] = vjp($.matmul, x, w)
 * const [dx, dw] = pullback(y) // [f32[4,3], f32[3,2]]
 */
export const vjp: {
  <A extends readonly Tensor[], R extends Tree>(f: (...args: A) => R, ...args: NoInfer<A>): [R, Pullback<R, A>]
  <A extends readonly Tree[], R extends Tree>(f: (...args: A) => R, ...args: A): [R, Pullback<R, A>]
} = <A extends readonly Tree[], R extends Tree>(f: (...args: A) => R, ...args: A): [R, Pullback<R, A>] => {
  checkFunction('vjp', f)
  const originals = args.flatMap(leaves)
  const targets = originals.map(alias)
  const out = f(...(rebuild(args, isTensor, targets) as A))
  const outputs = leaves(out)
  const names = argumentNames(args, [...args.keys()])
  requireFloat(originals, names)
  return [
    out,
    (cotangent, options = {}) => {
      checkOptions('a pull-back', options, ['unreached'])
      const matched = leavesLike('a pull-back', out, isTensor, cotangent, isTensor)
      const given = matched.map(({ value, path }, i) => {
        const output = outputs[i] as Tensor
        return sameShape(value.shape, output.shape)
          ? value
          : fail(
              'a pull-back',
              `a cotangent like the result, ${show(output)}${inTree(path)}`,
              show(value),
              'pass a tree of the same structure and shapes'
            )
      })
      return rebuild(args, isTensor, zeroOrThrow(pullBack(outputs, given, targets), targets, names, options)) as A
    }
  ]
}

/** Which arguments to differentiate in: one number gives that argument's gradient, a list gives a list. Default 0. */
export interface GradOptions<N extends number | readonly number[] = 0> extends Unreached {
  readonly argnums?: N
}

/** The gradients of the arguments that `argnums` names: of one, or a list. */
export type Picked<A extends readonly unknown[], N> = N extends number
  ? A[N]
  : { readonly [K in keyof N]: N[K] extends number ? A[N[K]] : never }

/** A scalar, what else was computed on the way, and the scalar's gradient. */
export interface ValueAuxAndGradient<A extends readonly unknown[], X, N> {
  readonly value: Tensor
  readonly aux: X
  readonly gradient: Picked<A, N>
}

/**
 * Value, gradient and whatever else `f` computed on the way: `f` returns `[scalar, auxiliary tree]`.
 * @example
 * const { value, aux, gradient } = valueAuxAndGrad(w => {
 *   const logits = $.matmul(x, w)
 *   return [nn.crossEntropy(logits, labels), { logits }]
 * })(w)
 */
export const valueAuxAndGrad: {
  <A extends readonly Tensor[], X extends Tree, const N extends number | readonly number[] = 0>(
    f: (...args: A) => readonly [Tensor, X],
    options?: GradOptions<N>
  ): (...args: A) => ValueAuxAndGradient<A, X, NoInfer<N>>
  <A extends readonly Tree[], X extends Tree, const N extends number | readonly number[] = 0>(
    f: (...args: A) => readonly [Tensor, X],
    options?: GradOptions<N>
  ): (...args: A) => ValueAuxAndGradient<A, X, NoInfer<N>>
} =
  <A extends readonly Tree[], X extends Tree, const N extends number | readonly number[] = 0>(
    f: (...args: A) => readonly [Tensor, X],
    options: GradOptions<N> = {}
  ) =>
  (...args: A): ValueAuxAndGradient<A, X, NoInfer<N>> => {
    checkFunction('grad', f)
    const { argnums = 0 } = checkOptions('grad', options, ['argnums', 'unreached'])
    const list: readonly number[] = typeof argnums === 'number' ? [argnums] : argnums
    if (!Array.isArray(list) || !list.every(n => Number.isInteger(n) && n >= 0 && n < args.length))
      fail('grad', `argnums among the ${args.length} arguments`, describe(argnums), 'count from 0')
    if (new Set(list).size < list.length) fail('grad', 'argnums that are all different', `[${list}]`, 'name each once')
    const originals = list.flatMap(n => leaves(args[n] as Tree))
    const names = argumentNames(args, list)
    requireFloat(originals, names)
    const targets = originals.map(alias)
    const wrapped = rebuild(
      list.map(n => args[n]),
      isTensor,
      targets
    ) as Tree[]
    const result: unknown = f(
      ...(args.map((arg, n) => (list.includes(n) ? (wrapped[list.indexOf(n)] as Tree) : arg)) as readonly Tree[] as A)
    )
    if (!Array.isArray(result) || result.length !== 2)
      return fail(
        'valueAuxAndGrad',
        'a function that gives [scalar, auxiliary tree]',
        describe(result),
        'return both in a list'
      )
    const [value, aux] = result as readonly unknown[] as readonly [Tensor, X]
    if (!isTensor(value) || value.shape.length !== 0 || value.dtype !== 'f32')
      fail(
        'grad',
        'a function with a scalar f32 result',
        describe(value),
        'reduce it with sum or mean, or use jacobian'
      )
    const found = zeroOrThrow(pullBack([value], [tensor(1)], targets), targets, names, options)
    const gradients = rebuild(
      list.map(n => args[n]),
      isTensor,
      found
    ) as Tree[]
    return { value, aux, gradient: (typeof argnums === 'number' ? gradients[0] : gradients) as Picked<A, N> }
  }

/**
 * Value and gradient of a scalar function.
 * @example const [value, gradient] = valueAndGrad(loss)(weights, x, labels)
 */
export const valueAndGrad: {
  <A extends readonly Tensor[], const N extends number | readonly number[] = 0>(
    f: (...args: A) => Tensor,
    options?: GradOptions<N>
  ): (...args: A) => readonly [Tensor, Picked<A, NoInfer<N>>]
  <A extends readonly Tree[], const N extends number | readonly number[] = 0>(
    f: (...args: A) => Tensor,
    options?: GradOptions<N>
  ): (...args: A) => readonly [Tensor, Picked<A, NoInfer<N>>]
} =
  <A extends readonly Tree[], const N extends number | readonly number[] = 0>(
    f: (...args: A) => Tensor,
    options: GradOptions<N> = {}
  ) =>
  (...args: A): readonly [Tensor, Picked<A, NoInfer<N>>] => {
    checkFunction('grad', f)
    const { value, gradient } = valueAuxAndGrad((...inner: A) => [f(...inner), []] as const, options)(...args)
    return [value, gradient]
  }

/**
 * The gradient of a scalar function: a function of the same arguments.
 * @example
 * const square = (x: Tensor) => $.mul(x, x)
 * grad(square)($.tensor(3)) // 6
 * grad(grad(square))($.tensor(3)) // 2
 * @example grad(loss, { argnums: [0, 1] })(weights, x, labels) // [{ w: f32[3,2], b: f32[2] }, f32[4,3]]
 */
export const grad: {
  <A extends readonly Tensor[], const N extends number | readonly number[] = 0>(
    f: (...args: A) => Tensor,
    options?: GradOptions<N>
  ): (...args: A) => Picked<A, NoInfer<N>>
  <A extends readonly Tree[], const N extends number | readonly number[] = 0>(
    f: (...args: A) => Tensor,
    options?: GradOptions<N>
  ): (...args: A) => Picked<A, NoInfer<N>>
} =
  <A extends readonly Tree[], const N extends number | readonly number[] = 0>(
    f: (...args: A) => Tensor,
    options: GradOptions<N> = {}
  ) =>
  (...args: A): Picked<A, NoInfer<N>> =>
    valueAndGrad(f, options)(...args)[1]

/**
 * Forward mode: value and directional derivative. It is the vjp of the vjp in its cotangent: linear there, so the
 * cotangent's value is never needed and dead code takes it away.
 * @example const [y, dy] = jvp(f, [x], [v]) // [f32[], f32[]]
 */
export const jvp = <A extends readonly Tree[], R extends Tree>(
  f: (...args: A) => R,
  primals: readonly [...A],
  tangents: readonly [...A]
): [R, R] => {
  for (const given of [primals, tangents])
    if (!Array.isArray(given))
      fail('jvp', 'a list of primals and a list of tangents', describe(given), 'write jvp(f, [x], [direction])')
  const [out, pullback] = vjp<A, R>(f, ...(primals as readonly Tree[] as A))
  const [, push] = vjp((cotangent: R) => pullback(cotangent, { unreached: 'zero' }), mapTree(out, zerosLike))
  return [out, push(tangents as readonly Tree[] as A, { unreached: 'zero' })[0]]
}

/**
 * The order of the two derivatives of a second one. reverse-over-reverse: the gradient of <gradient, v>;
 * forward-over-reverse: the jvp of the gradient along v. Both are exact, and of one scalar function they mostly cost
 * the same. Without an order both are built, and the one with less to compute is taken.
 */
export interface HvpOptions {
  readonly order?: 'reverse-over-reverse' | 'forward-over-reverse'
}

/**
 * Of two ways to the same tree, the one asked for, or the one whose graph is cheaper. Building a graph computes
 * nothing.
 */
const chosen = <T extends Tree>(
  order: HvpOptions['order'],
  ways: { readonly [K in NonNullable<HvpOptions['order']>]: () => T }
): T => {
  if (order !== undefined && !Object.hasOwn(ways, order))
    fail(
      'a second derivative',
      `order to be one of ${Object.keys(ways).join(', ')}`,
      describe(order),
      'leave it out, or name one'
    )
  if (order) return ways[order]()
  const [reverse, forward] = [ways['reverse-over-reverse'](), ways['forward-over-reverse']()]
  return work(leaves(forward)) < work(leaves(reverse)) ? forward : reverse
}

/**
 * The Hessian of a scalar `f` times `v`, without the Hessian: d/dx <df/dx, v>.
 * @example hvp(f, x, v) // f32[4,3]
 */
export const hvp = <T extends Tree>(f: (x: T) => Tensor, x: T, v: T, options: HvpOptions = {}): T => {
  const { order } = checkOptions('hvp', options, ['order'])
  checkFunction('hvp', f)
  const gradient = (y: T): T => grad(f, { unreached: 'zero' })(y)
  return chosen(order, {
    'reverse-over-reverse': () => {
      const [, pullback] = vjp(gradient, x)
      return pullback(v, { unreached: 'zero' })[0]
    },
    'forward-over-reverse': () => jvp(gradient, [x], [v])[1]
  })
}

/**
 * The mixed second derivative of a scalar `f(x, y)`, times `v`, a tree like `y`: d/dx <df/dy, v>, a tree like `x`.
 * @example mixedHvp((w, x) => $.sum($.tanh($.matmul(x, w))), w, x, v) // f32[3,2]
 */
export const mixedHvp = <X extends Tree, Y extends Tree>(
  f: (x: X, y: Y) => Tensor,
  x: X,
  y: Y,
  v: Y,
  options: HvpOptions = {}
): X => {
  const { order } = checkOptions('mixedHvp', options, ['order'])
  checkFunction('mixedHvp', f)
  return chosen(order, {
    'reverse-over-reverse': () => {
      const [, pullback] = vjp((a: X): Y => grad((b: Y) => f(a, b), { unreached: 'zero' })(y), x)
      return pullback(v, { unreached: 'zero' })[0]
    },
    'forward-over-reverse': () => jvp((b: Y): X => grad((a: X) => f(a, b), { unreached: 'zero' })(x), [y], [v])[1]
  })
}

/**
 * A tree of trees: for each leaf of the result, a tree like the argument whose leaves have shape [...result,
 * ...argument].
 */
export type Jacobian<R, T> = R extends Tensor ? T : { readonly [K in keyof R]: Jacobian<R[K], T> }

/** The entries of a tree, counted through its leaves: how many, and where those of each leaf begin and end. */
const entriesOf = (tree: Tree): { readonly count: number; readonly ranges: readonly (readonly [number, number])[] } => {
  const sizes = leaves(tree).map(({ shape }) => sizeOf(shape))
  const ends = sizes.map((_, k) => sizes.slice(0, k + 1).reduce((sum, size) => sum + size, 0))
  return { count: ends.at(-1) ?? 0, ranges: ends.map((end, k) => [end - (sizes[k] as number), end]) }
}

/** For each entry of a tree the tree that has a one there and zeros else, along axis 0. */
const basisOf = <T extends Tree>(tree: T): T => {
  const { count, ranges } = entriesOf(tree)
  if (count === 0) return fail('jacobian', 'a tree with tensors', describe(tree), 'give at least one')
  const ones = oneHot(
    tensor(
      Int32Array.from({ length: count }, (_, i) => i),
      [count],
      'i32'
    ),
    count
  )
  return mapTree(tree, ({ shape }, k) =>
    reshape(sliceAlong(ones, 1, ranges[k] as readonly [number, number]), [count, ...shape])
  )
}

/**
 * All derivatives of `f` in its argument: one pull-back for all entries of the result at once, by `vmap`, so that work
 * and memory grow with their number, and the graph does not. For each leaf of the result, a tree like the argument
 * whose leaves have shape [...result, ...argument].
 * @example jacobian(x => $.matmul(x, w))(x) // f32[4,2,4,3]
 */
export const jacobian: {
  <R extends Tree>(f: (x: Tensor) => R): (x: Tensor) => Jacobian<R, Tensor>
  <T extends Tree, R extends Tree>(f: (x: T) => R): (x: T) => Jacobian<R, T>
} =
  <T extends Tree, R extends Tree>(f: (x: T) => R) =>
  (x: T): Jacobian<R, T> => {
    const [out, pullback] = vjp(f, x)
    const rows = vmap((cotangent: R): T => pullback(cotangent, { unreached: 'zero' })[0])(basisOf(out))
    const { ranges } = entriesOf(out)
    const blocks = leaves(out).map(({ shape }, k) =>
      mapTree(rows, row =>
        reshape(sliceAlong(row, 0, ranges[k] as readonly [number, number]), [...shape, ...row.shape.slice(1)])
      )
    )
    return rebuild(out, isTensor, blocks) as Jacobian<R, T>
  }

/**
 * The same, by one push-forward for all entries of the argument: for results with more entries than it.
 * @example jacobianForward(x => $.matmul(x, w))(x) // f32[4,2,4,3]
 */
export const jacobianForward: {
  <R extends Tree>(f: (x: Tensor) => R): (x: Tensor) => Jacobian<R, Tensor>
  <T extends Tree, R extends Tree>(f: (x: T) => R): (x: T) => Jacobian<R, T>
} =
  <T extends Tree, R extends Tree>(f: (x: T) => R) =>
  (x: T): Jacobian<R, T> => {
    const columns = vmap((tangent: T): R => jvp(f, [x], [tangent])[1], { outAxes: -1 })(basisOf(x))
    const { ranges } = entriesOf(x)
    const blocks = leaves(columns).map(column =>
      mapTree(x, ({ shape }, k) =>
        reshape(sliceAlong(column, -1, ranges[k] as readonly [number, number]), [
          ...column.shape.slice(0, -1),
          ...shape
        ])
      )
    )
    return rebuild(columns, isTensor, blocks) as Jacobian<R, T>
  }

/**
 * The second derivatives of a scalar function: the Jacobian of its gradient.
 * @example hessian(f)(x) // f32[4,3,4,3]
 */
export const hessian: {
  (f: (x: Tensor) => Tensor): (x: Tensor) => Tensor
  <T extends Tree>(f: (x: T) => Tensor): (x: T) => Jacobian<T, T>
} =
  <T extends Tree>(f: (x: T) => Tensor) =>
  (x: T): Jacobian<T, T> =>
    jacobian((y: T): T => grad(f, { unreached: 'zero' })(y))(x)
