/**
 * Functions of one example as functions of a batch. `f` is traced once, on inputs like one example; then each node that
 * depends on them is computed for the whole batch by the batching rule of its primitive. Nodes that do not are shared,
 * by identity, so what `f` closes over may itself be an example of an outer `vmap` or the argument of an outer
 * derivative: fresh inputs keep levels apart, as `alias` does for `grad`.
 */
import { topological } from './graph.js'
import { input } from './leaves.js'
import { broadcastTo } from './ops/broadcast.js'
import { moveAxis } from './ops/movement.js'
import { checkFunction, checkOptions, describe, fail, sameShape, show } from './shape.js'
import { type Batching, isTensor, type Tensor } from './tensor.js'
import { inTree, leavesOf, rebuild, type Tree } from './tree.js'

/** An axis for each tensor of a tree; one that stands where the tree has a branch is that of all tensors beneath it. */
export type Axes<Axis = number> = Axis | readonly Axes<Axis>[] | { readonly [key: string]: Axes<Axis> }

/** Along which axes examples and results lie. */
export interface VmapOptions {
  /**
   * The axis of the arguments along which the examples lie, negative from the end: one for all arguments, or a list
   * with an entry for each. `null`: the argument is the same for every example. Default 0.
   */
  readonly inAxes?: Axes<number | null>
  /** The axis of the results along which the examples lie: one for all of them, or a tree. Default 0. */
  readonly outAxes?: Axes
}

/** A tensor of a tree with its axis, and its name in messages. */
interface Placed<Axis> {
  readonly axis: Axis
  readonly tensor: Tensor
  readonly name: string
}

const placed = <Axis extends number | null>(
  option: string,
  axes: Axes<Axis>,
  tree: Tree,
  root: string,
  path = ''
): Placed<Axis>[] => {
  const here = `${root}${inTree(path)}`
  if (axes === null || typeof axes === 'number')
    return leavesOf(tree, isTensor, path).map(leaf => ({
      axis: axes,
      tensor: leaf.value,
      name: `${root}${inTree(leaf.path)}`
    }))
  const isBranch =
    typeof tree === 'object' && tree !== null && !isTensor(tree) && Array.isArray(tree) === Array.isArray(axes)
  const keys = isBranch ? Object.keys(tree) : []
  if (
    !isBranch ||
    typeof axes !== 'object' ||
    Object.keys(axes).length !== keys.length ||
    keys.some(key => !Object.hasOwn(axes, key))
  )
    return fail(
      'vmap',
      `${option} that fits ${here}, ${describe(tree)}`,
      describe(axes),
      'give an axis, or a tree of axes like it'
    )
  return keys.flatMap(key =>
    placed(
      option,
      (axes as Readonly<Record<string, Axes<Axis>>>)[key] as Axes<Axis>,
      (tree as Readonly<Record<string, Tree>>)[key] as Tree,
      root,
      path ? `${path}.${key}` : key
    )
  )
}

/** The arguments' tensors with their axes, `null` for those that are the same for every example. */
const argumentsOf = (args: readonly Tree[], inAxes: Axes<number | null>): Placed<number | null>[] => {
  const list = Array.isArray(inAxes) ? (inAxes as readonly Axes<number | null>[]) : args.map(() => inAxes)
  if (list.length !== args.length || (!Array.isArray(inAxes) && inAxes !== null && typeof inAxes !== 'number'))
    fail(
      'vmap',
      `inAxes as a number, null or a list for ${args.length} arguments`,
      describe(inAxes),
      'write { inAxes: [null, 0] }'
    )
  return args.flatMap((arg, n) => placed('inAxes', list[n] as Axes<number | null>, arg, `argument ${n}`))
}

/** An axis among `rank`, not negative. */
const axisAmong = (axis: number, rank: number, what: string): number =>
  Number.isInteger(axis) && axis >= -rank && axis < rank
    ? axis < 0
      ? axis + rank
      : axis
    : fail('vmap', `an axis from ${-rank} to ${rank - 1} for ${what}`, describe(axis), 'name an axis that exists')

/** How many examples there are: all mapped arguments say the same. */
const sizeOfBatch = (mapped: readonly Placed<number>[]): number => {
  const extents = mapped.map(({ axis, tensor, name }) => ({
    name,
    axis,
    extent: tensor.shape[axisAmong(axis, tensor.shape.length, `${name}, ${show(tensor)}`)] as number
  }))
  const [first] = extents
  if (!first)
    return fail('vmap', 'an argument that is mapped', 'none', 'give an axis among inAxes, or call the function itself')
  const other = extents.find(({ extent }) => extent !== first.extent)
  const say = ({ extent, axis, name }: typeof first) => `${extent} (axis ${axis} of ${name})`
  return other
    ? fail(
        'vmap',
        'as many examples in each argument',
        `${say(first)} and ${say(other)}`,
        'give null for what is not mapped'
      )
    : first.extent
}

/** A fresh input like one example of a batch, which has the examples along axis 0. `known` learns of both. */
const exampleOf = (batch: Tensor, known: Map<Tensor, Tensor>): Tensor => {
  const example = input({ shape: batch.shape.slice(1), dtype: batch.dtype }, 'an example of vmap')
  known.set(example, batch)
  return example
}

/**
 * What nodes of one example are for a batch, with the batch as axis 0. `known` holds what has been computed, at first
 * the batches of the example's inputs; it grows. What does not depend on those is the same for every example, and
 * repeated.
 */
const batcher = (size: number, known: Map<Tensor, Tensor>) => {
  const wide = (x: Tensor): Tensor => broadcastTo(x, [size, ...x.shape])
  const map: Batching['map'] = (f, args) => {
    const results = f(...args.map(arg => exampleOf(arg, known)))
    const found = batches(results.filter(isTensor))
    return results.map(result => result && (found.shift() as Tensor))
  }
  const batchOf = (node: Tensor): Tensor => {
    const { batch, name } = node.primitive
    if (!batch) {
      const cure = 'give it a `batch`, or apply it outside of the function that is mapped'
      return fail('vmap', 'a batching rule for every primitive on the way', `'${name}' without one`, cure)
    }
    const inputs = node.inputs.map(x => known.get(x) ?? wide(x))
    const shared = node.inputs.map(x => (known.has(x) ? undefined : x))
    const result = batch(inputs, node.attributes, node, { size, shared, map })
    const aval = { shape: [size, ...node.shape], dtype: node.dtype }
    return sameShape(result.shape, aval.shape) && result.dtype === aval.dtype
      ? result
      : fail('vmap', `${show(aval)} from the batching rule of '${name}'`, show(result), 'mend its `batch`')
  }
  const batches = (outputs: readonly Tensor[]): Tensor[] => {
    for (const node of topological(outputs, node => known.has(node)))
      if (!known.has(node) && node.inputs.some(x => known.has(x))) known.set(node, batchOf(node))
    return outputs.map(output => known.get(output) ?? wide(output))
  }
  return batches
}

/**
 * `f`, a function of one example, as a function of a batch of them. Its arguments and its result are trees; along
 * `inAxes` lie the examples (one axis for all arguments, or a list with an axis, a tree of axes, or `null` for each),
 * along `outAxes` their results. It computes what a loop over the examples does, without a loop: what depends on no
 * mapped argument is computed once. It nests, and with derivatives too. Throws where arguments differ in their number
 * of examples, where none is mapped, and where a primitive has no batching rule.
 * @example vmap((x, y) => $.sum($.mul(x, y)))(x, v) // f32[4]
 * @example
 * const gradient = grad((w, x) => $.sum($.tanh($.matmul(x, w))))
 * vmap(gradient, { inAxes: [null, 0] })(w, x) // f32[4,3,2]
 */
export function vmap<A extends readonly Tensor[], R extends Tree>(
  f: (...args: A) => R,
  options?: VmapOptions
): (...args: A) => R
export function vmap<A extends readonly Tree[], R extends Tree>(
  f: (...args: A) => R,
  options?: VmapOptions
): (...args: A) => R
export function vmap<A extends readonly Tree[], R extends Tree>(f: (...args: A) => R, options: VmapOptions = {}) {
  return (...args: A): R => {
    checkFunction('vmap', f)
    const { inAxes = 0, outAxes = 0 } = checkOptions('vmap', options, ['inAxes', 'outAxes'])
    const given = argumentsOf(args, inAxes)
    const mapped = given.filter((one): one is Placed<number> => one.axis !== null)
    const size = sizeOfBatch(mapped)
    const known = new Map<Tensor, Tensor>()
    const examples = given.map(({ axis, tensor }) =>
      axis === null ? tensor : exampleOf(moveAxis(tensor, axis, 0), known)
    )
    const out = f(...(rebuild(args, isTensor, examples) as A))
    const results = placed('outAxes', outAxes, out, 'the result')
    const batches = batcher(size, known)(results.map(({ tensor }) => tensor))
    const moved = results.map(({ axis, tensor, name }, i) =>
      moveAxis(batches[i] as Tensor, 0, axisAmong(axis, tensor.shape.length + 1, name))
    )
    return rebuild(out, isTensor, moved) as R
  }
}
