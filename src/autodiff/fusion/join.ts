/** Folds side by side: sums over the same axes of spaces of one shape become one kernel with several results. */
import { sizeOf } from '../shape.js'
import type { Tensor } from '../tensor.js'
import {
  type Body,
  type Fold,
  isSmall,
  MOST_STEPS,
  OWN,
  type Placement,
  placeIn,
  type Root,
  type Source,
  sameAccess,
  sameNumber
} from './roots.js'

const MOST_FOLDS = 4

/** What a root stores, and what it reads. */
const storedBy = (root: Root): readonly Tensor[] =>
  root.kind === 'fold' ? root.folds.map(({ node }) => node) : [root.node]
const readBy = (root: Root): readonly Tensor[] =>
  root.kind === 'shader'
    ? root.operands.map(({ node }) => node)
    : root.kind === 'regions'
      ? root.parts.flatMap(({ body }) => body.inputs.map(({ node }) => node))
      : root.kind === 'constant'
        ? []
        : root.body.inputs.map(({ node }) => node)

/** Folds that are joined so far: where they stand, and the depths at which they may be computed. */
interface Joined {
  root: Root & { readonly kind: 'fold' }
  readonly at: number
  earliest: number
  latest: number
}

/** The depth of what each root stores, and the highest at which what it reads may be. */
const depthsOf = (roots: readonly Root[], parts: ReadonlyMap<Tensor, readonly Tensor[]>) => {
  const depths = new Map<Tensor, number>()
  const highest = new Map<Tensor, number>()
  for (const root of roots) {
    const below = [...readBy(root), ...storedBy(root).flatMap(node => parts.get(node) ?? [])]
    const depth = 1 + below.reduce((most, node) => Math.max(most, depths.get(node) ?? 0), 0)
    for (const node of storedBy(root)) depths.set(node, depth)
    for (const node of below) highest.set(node, Math.min(highest.get(node) ?? Number.POSITIVE_INFINITY, depth - 1))
  }
  return { depths, highest }
}

/**
 * Sums over the same axes that share a large input become one kernel with several results. Depths (stored tensors on
 * the longest way to a root) keep the order sound: a fold may wait for another as long as it stays above all that reads
 * it. It waits only where it keeps no large tensor alive that the other does not read anyway.
 */
export const joinFolds = (
  roots: readonly Root[],
  placements: ReadonlyMap<Tensor, Placement>,
  mostInputs: number
): readonly Root[] => {
  const parts = new Map<Tensor, Tensor[]>()
  for (const [node, { within }] of placements) parts.set(within, [...(parts.get(within) ?? []), node])
  const { depths, highest } = depthsOf(roots, parts)
  /**
   * Groups by what they fold over and by each large input, since only those that share one can be joined: all against
   * all would be quadratic.
   */
  const open = new Map<string, Map<Tensor, Joined[]>>()
  const joined: (Root | undefined)[] = [...roots]
  roots.forEach((root, i) => {
    if (root.kind !== 'fold') return
    const [{ node, fold }] = root.folds as readonly [Fold]
    if (fold.primitive.name !== 'sum' || fold.dtype !== 'f32') return
    const [earliest, latest] = [depths.get(node) as number, highest.get(node) ?? Number.POSITIVE_INFINITY]
    const within = placements.get(node)?.within
    const space = sizeOf(root.body.shape)
    const largeOf = ({ inputs }: Body) =>
      inputs.filter(one => !isSmall(sizeOf(one.node.shape), space)).map(one => one.node)
    const large = largeOf(root.body)
    const key = [root.body.shape.join('x'), JSON.stringify(fold.attributes)].join(' ')
    const groups = open.get(key) ?? new Map<Tensor, Joined[]>()
    open.set(key, groups)
    for (const group of new Set(large.flatMap(one => groups.get(one) ?? []))) {
      const [{ node: other }] = group.root.folds as readonly [Fold]
      const from = Math.max(earliest, group.earliest)
      const to = Math.min(latest, group.latest)
      if (from > to || group.root.folds.length === MOST_FOLDS || placements.get(other)?.within !== within) continue
      const theirs = largeOf(group.root.body)
      const mine = large.filter(one => !theirs.includes(one))
      const waits =
        (earliest < from && mine.length > 0) || (group.earliest < from && theirs.some(one => !large.includes(one)))
      if (waits) continue
      const { body, moved } = merged(group.root.body, root.body)
      if (body.inputs.length > mostInputs || body.steps.length > MOST_STEPS) continue
      const added = root.folds.map(one => movedFold(one, moved))
      group.root = { ...group.root, body, folds: [...group.root.folds, ...added] }
      group.earliest = from
      group.latest = to
      joined[group.at] = group.root
      joined[i] = undefined
      for (const one of mine) groups.set(one, [...(groups.get(one) ?? []), group])
      return
    }
    const own = { root, at: i, earliest, latest }
    for (const one of new Set(large)) groups.set(one, [...(groups.get(one) ?? []), own])
  })
  return sequenced(
    joined.filter(root => root !== undefined),
    parts
  )
}

const sameStep = (a: Body['steps'][number], b: Body['steps'][number]): boolean =>
  a.node === b.node &&
  a.operands.every(({ kind, index }, k) => kind === b.operands[k]?.kind && index === b.operands[k]?.index)

/** Two bodies of one space as one, and where the sources of the second are in it. */
const merged = (a: Body, b: Body): { readonly body: Body; readonly moved: (source: Source) => Source } => {
  const [inputs, numbers, steps] = [[...a.inputs], [...a.numbers], [...a.steps]]
  const places = {
    input: b.inputs.map(one => placeIn(inputs, one, sameAccess)),
    number: b.numbers.map(one => placeIn(numbers, one, sameNumber)),
    step: [] as number[]
  }
  const moved = ({ kind, index }: Source): Source => ({ kind, index: places[kind][index] as number })
  for (const { node, operands } of b.steps) {
    places.step.push(placeIn(steps, { node, operands: operands.map(moved) }, sameStep))
  }
  return { body: { ...a, inputs, numbers, steps }, moved }
}

export const movedFold = ({ finish, ...fold }: Fold, moved: (source: Source) => Source): Fold => ({
  ...fold,
  value: moved(fold.value),
  ...(finish && {
    finish: {
      ...finish,
      tails: finish.tails.map(index => (index === OWN ? OWN : moved({ kind: 'input', index }).index))
    }
  })
})

/** Roots so that what each reads, and the parts of a whole, come before it; otherwise in their order. */
const sequenced = (roots: readonly Root[], parts: ReadonlyMap<Tensor, readonly Tensor[]>): readonly Root[] => {
  const makers = new Map(roots.flatMap(root => storedBy(root).map(node => [node, root] as const)))
  const done = new Set<Root>()
  const sequence: Root[] = []
  const emit = (root: Root): void => {
    if (done.has(root)) return
    done.add(root)
    for (const node of [...readBy(root), ...storedBy(root).flatMap(stored => parts.get(stored) ?? [])]) {
      const maker = makers.get(node)
      if (maker) emit(maker)
    }
    sequence.push(root)
  }
  for (const root of roots) emit(root)
  return sequence
}
