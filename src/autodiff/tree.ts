/**
 * Parameter trees: lists and records of leaves, to any depth. A leaf's path reads like `cells.3.edge.1`. Leaves are
 * recognised by a predicate, so the same functions serve tensors, stored tensors and arrays.
 */
import { cut, describe, fail, isPlain } from './shape.js'
import type { Tensor } from './tensor.js'
import { isTensor } from './tensor.js'

/** A tree of tensors. An empty list or record is a tree without leaves. */
export type Tree = Tensor | readonly Tree[] | { readonly [key: string]: Tree }

/** The tree's type with every tensor replaced by `L`. */
export type WithLeaves<T, L> = T extends Tensor ? L : { readonly [K in keyof T]: WithLeaves<T[K], L> }

export interface Leaf<L> {
  readonly path: string
  readonly value: L
}

type IsLeaf<L> = (value: unknown) => value is L

/** Most letters of a path in a message: keys of a user's own may have any length. */
const MOST_LETTERS = 200
/** Where a leaf stands in a tree that has more than one, for messages: `" at 'cells.3.edge.1'"`. */
export const inTree = (path: string): string => (path ? ` at '${cut(path, MOST_LETTERS)}'` : '')
const atPath = (path: string): string => (path ? inTree(path).trimStart() : 'at the root')
const below = (path: string, key: string): string => (path ? `${path}.${key}` : key)
const kindOf = (part: unknown): string => (Array.isArray(part) ? 'a list' : 'a record')

/** Lists and plain records: what has a class of its own (a promise, a map, a date) would be a record without leaves. */
const isBranch = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && (Array.isArray(value) || isPlain(value))

const cureFor = (value: unknown): string => {
  if (value instanceof Promise) return 'await it first, and pass functions that are not async'
  return typeof value === 'object' && value !== null && !ArrayBuffer.isView(value)
    ? 'copy what it holds to a list or a plain record'
    : 'wrap numbers with tensor()'
}

/** Leaves with their paths, records in the order of their keys. */
export const leavesOf = <L>(tree: unknown, isLeaf: IsLeaf<L>, path = ''): Leaf<L>[] => {
  if (isLeaf(tree)) return [{ path, value: tree }]
  if (!isBranch(tree))
    return fail('a tree', 'tensors, lists and records of them', `${describe(tree)} ${atPath(path)}`, cureFor(tree))
  return Object.entries(tree as object).flatMap(([key, value]) => leavesOf(value, isLeaf, below(path, key)))
}

/**
 * The leaves of `tree` in the order of those of `like`: records are matched by key, in whatever order they have them.
 * Refused, in the name of `what`: a leaf, a list or a record where the other tree has something else or nothing;
 * `place` says where.
 */
export const leavesLike = <K, L>(
  what: string,
  like: unknown,
  isLike: IsLeaf<K>,
  tree: unknown,
  isLeaf: IsLeaf<L>,
  path = '',
  place = atPath
): readonly Leaf<L>[] => {
  const cure = 'pass a tree with the same keys, whatever their order'
  const matched = (part: unknown, own: unknown, path: string): readonly Leaf<L>[] => {
    if (isLike(part)) {
      if (!isLeaf(own))
        return fail(what, `one tensor ${place(path)}`, describe(own), isBranch(own) ? cure : 'pass a tensor there')
      return [{ path, value: own }]
    }
    const branch = !isLeaf(own) && isBranch(own)
    if (!branch || Array.isArray(own) !== Array.isArray(part))
      return fail(
        what,
        `${kindOf(part)} ${place(path)}`,
        isLeaf(own) ? 'one tensor' : branch ? kindOf(own) : describe(own),
        cure
      )
    const [wanted, given] = [part, own].map(one => Object.keys(one as object)) as [string[], string[]]
    const missing = wanted.find(key => !Object.hasOwn(own, key))
    if (missing !== undefined) return fail(what, `a leaf or branch ${place(below(path, missing))}`, 'none', cure)
    const extra = given.find(key => !Object.hasOwn(part as object, key))
    if (extra !== undefined) return fail(what, `nothing ${place(below(path, extra))}`, 'a leaf or branch there', cure)
    return wanted.flatMap(key =>
      matched((part as Record<string, unknown>)[key], (own as Record<string, unknown>)[key], below(path, key))
    )
  }
  return matched(like, tree, path)
}

/** The same tree with other leaves, taken in the order of `leavesOf`. */
export const rebuild = <L>(tree: unknown, isLeaf: IsLeaf<L>, values: readonly unknown[]): unknown => {
  let next = 0
  const build = (part: unknown): unknown => {
    if (isLeaf(part)) return values[next++]
    if (Array.isArray(part)) return part.map(build)
    return Object.fromEntries(Object.entries(part as object).map(([key, value]) => [key, build(value)]))
  }
  return build(tree)
}

/** The tensors of a tree, in order. */
export const leaves = (tree: Tree): Tensor[] => leavesOf(tree, isTensor).map(leaf => leaf.value)

/** The paths of a tree's tensors, in order. */
export const paths = (tree: Tree): string[] => leavesOf(tree, isTensor).map(leaf => leaf.path)

/** `f` on every tensor. @example mapTree(weights, w => $.mul(w, 0.9)) // { w: f32[3,2], b: f32[2] } */
export const mapTree = <T extends Tree>(tree: T, f: (leaf: Tensor, index: number) => Tensor): T =>
  rebuild(tree, isTensor, leaves(tree).map(f)) as T

/**
 * `f` on corresponding tensors of trees of one structure: those of one path, whatever the order of keys. The result is
 * like the first.
 */
export const zipTrees = <T extends Tree>(
  tree: T,
  others: readonly Tree[],
  f: (leaf: Tensor, ...others: Tensor[]) => Tensor
): T => {
  const rest = others.map(other => leavesLike('zipTrees', tree, isTensor, other, isTensor))
  return mapTree(tree, (leaf, i) => f(leaf, ...rest.map(list => (list[i] as Leaf<Tensor>).value)))
}
