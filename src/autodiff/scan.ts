/** A loop of a fixed count as an expression: `jax.lax.scan`, unrolled. */
import { reshape } from './ops/broadcast.js'
import { concat, sliceAlong } from './ops/movement.js'
import { checkFunction, describe, fail, sameShape, show } from './shape.js'
import { isTensor, type Tensor } from './tensor.js'
import { inTree, leaves, leavesLike, leavesOf, mapTree, rebuild, type Tree } from './tree.js'

/** How many steps there are: all of `xs` have as many rows. */
const countOf = (xs: Tree): number => {
  const all = leavesOf(xs, isTensor)
  const [first] = all
  const wrong = all.find(({ value }) => value.shape.length === 0 || value.shape[0] !== first?.value.shape[0])
  if (!first || wrong)
    return fail(
      'scan',
      'xs with tensors of equally many rows, one for each step',
      wrong ? all.map(({ value }) => show(value)).join(', ') : describe(xs),
      'lay the steps along axis 0'
    )
  return first.value.shape[0] as number
}

/** The carry of the next step, which is like the one before. */
const checkCarry = (before: Tree, after: Tree, step: number): void => {
  const was = leaves(before)
  leavesLike('scan', before, isTensor, after, isTensor).forEach(({ value, path }, i) => {
    const wanted = was[i] as Tensor
    if (!sameShape(value.shape, wanted.shape) || value.dtype !== wanted.dtype)
      fail(
        'scan',
        `a carry that stays ${show(wanted)}${inTree(path)}`,
        `${show(value)} after step ${step}`,
        'convert or reshape it, or begin with what it becomes'
      )
  })
}

const row = (x: Tensor, step: number): Tensor => reshape(sliceAlong(x, 0, [step, step + 1]), x.shape.slice(1))
const rows = (all: readonly Tensor[]): Tensor => concat(all.map(x => reshape(x, [1, ...x.shape])))

/**
 * Steps `[carry, y] = f(carry, x)` over the rows of `xs`, a tree of tensors with one row for each step: the last carry,
 * and the `y`s of all steps as rows. The carry keeps its structure, shapes and dtypes. It differentiates to every order
 * and takes part in `vmap`, as any expression.
 *
 * It is unrolled: the graph has `f`'s nodes for each step, and the device a call of their kernels, so that building and
 * compiling take time in proportion to the steps (docs/autodiff.md has figures); equal steps share their pipelines. Its
 * derivative keeps the carry of each step.
 * @example scan((carry, x) => [$.add(carry, x), $.mul(carry, x)], $.tensor(0), $.tensor([1, 2, 3]))[1] // [0, 2, 9]
 */
export function scan<Y extends Tree>(
  f: (carry: Tensor, x: Tensor) => readonly [carry: Tensor, y: Y],
  init: Tensor,
  xs: Tensor
): readonly [carry: Tensor, ys: Y]
export function scan<C extends Tree, X extends Tree, Y extends Tree>(
  f: (carry: C, x: X) => readonly [carry: C, y: Y],
  init: C,
  xs: X
): readonly [carry: C, ys: Y]
export function scan<C extends Tree, X extends Tree, Y extends Tree>(
  f: (carry: C, x: X) => readonly [C, Y],
  init: C,
  xs: X
): readonly [C, Y] {
  checkFunction('scan', f)
  const results: Y[] = []
  let carry = init
  for (let step = 0, count = countOf(xs); step < count; step++) {
    const result: unknown = f(
      carry,
      mapTree(xs, x => row(x, step))
    )
    if (!Array.isArray(result) || result.length !== 2)
      return fail('scan', 'a function that gives [carry, y]', describe(result), 'return both in a list')
    const [next, y] = result as [C, Y]
    checkCarry(carry, next, step)
    carry = next
    results.push(y)
  }
  const [first] = results as [Y, ...Y[]]
  const lists = results.map(y => leavesLike('scan', first, isTensor, y, isTensor))
  const stacked = leaves(first).map((_, i) => rows(lists.map(list => list[i]?.value as Tensor)))
  return [carry, rebuild(first, isTensor, stacked) as Y]
}
