/**
 * Siblings: operations of one kind that share an operand, or whose results are added, become one, so that a device is
 * called once and its tiles are full. They are what mixed operations are made of: each edge that leaves a node
 * convolves one tensor with filters of its own, and the node's cotangent is the sum of what comes back.
 *
 *   conv(x, v), conv(x, w)                  slices of conv(x, [v, w])
 *   filterGrad(x, g), filterGrad(x, h)      slices of filterGrad(x, [g, h])
 *   inputGrad(g, v) + inputGrad(h, w)       inputGrad([g, h], [v, w])
 *   spread(g) + spread(h)                   spread(g + h)
 *   where(m, 0, g) + where(m, 0, h)         where(m, 0, g + h)
 *
 * The first two keep every bit, the others add in another order.
 *
 * That nothing comes to wait for itself is seen by levels, which rise from what is read to what reads it: at first the
 * nodes on the longest way to each. Operations that become one are raised to the highest of them, and with them what
 * would no longer stand above; where that is one of them, they are left. A sum stays where it is, and what it is made
 * of is read by nothing else.
 */
import { type Graph, numberOf, topological } from '../graph.js'
import { withInputs } from '../node.js'
import { add, concat, reshape, slice, where } from '../ops/index.js'
import { bind } from '../primitive.js'
import { sizeOf } from '../shape.js'
import type { Tensor } from '../tensor.js'

/** What is asked of a graph: its nodes in order, the place of each, what reads it. */
interface Index {
  readonly order: readonly Tensor[]
  readonly number: ReadonlyMap<Tensor, number>
  readonly readers: ReadonlyMap<Tensor, readonly Tensor[]>
  readonly outputs: ReadonlySet<Tensor>
}

/** Operations with one first operand that become one: they lie side by side along `axis` of the result. */
interface Family {
  readonly members: readonly Tensor[]
  readonly axis: 0 | 1
}

/** What a sum adds: `value`, or that where `condition` says so, as operand 1 or 2 of a `where` whose other one is 0. */
interface Term {
  readonly value: Tensor
  readonly mask?: { readonly condition: Tensor; readonly operand: 1 | 2; readonly zero: Tensor }
  /** What terms that become one have in common; undefined of one that stays. */
  readonly kind: string | undefined
}

interface Sum {
  readonly root: Tensor
  /** By mask, and those by kind; in each kind in the order of their filters. */
  readonly terms: readonly (readonly (readonly Term[])[])[]
}

const isView = (node: Tensor): boolean => node.primitive.kernel?.kind === 'view'
const isPlain = (node: Tensor, name: string): boolean => node.primitive.name === name && node.attributes['groups'] === 1
const first = (node: Tensor): Tensor => node.inputs[0] as Tensor
const second = (node: Tensor): Tensor => node.inputs[1] as Tensor

const indexOf = ({ outputs }: Graph): Index => {
  const order = topological(outputs)
  const readers = new Map<Tensor, Tensor[]>(order.map(node => [node, []]))
  for (const node of order) {
    for (const one of new Set(node.inputs)) (readers.get(one) as Tensor[]).push(node)
  }
  return { order, number: new Map(order.map((node, i) => [node, i])), readers, outputs: new Set(outputs) }
}

/** Views have the level of what they are views of. */
const levelsOf = ({ order }: Index): Map<Tensor, number> => {
  const levels = new Map<Tensor, number>()
  for (const node of order) {
    const below = node.inputs.reduce((most, one) => Math.max(most, levels.get(one) as number), 0)
    levels.set(node, isView(node) ? below : below + 1)
  }
  return levels
}

/** Lists of what has one key, in the order of their first; what has none is left out. */
const grouped = <T>(
  all: readonly T[],
  keyOf: (one: T, place: number) => string | number | undefined
): readonly (readonly T[])[] => {
  const groups = new Map<string | number, T[]>()
  all.forEach((one, place) => {
    const key = keyOf(one, place)
    const group = key === undefined ? undefined : groups.get(key)
    if (group) group.push(one)
    else if (key !== undefined) groups.set(key, [one])
  })
  return [...groups.values()]
}

/** Sums in which something becomes one. */
const sumsOf = ({ order, number, readers, outputs }: Index): readonly Sum[] => {
  const isRead = (node: Tensor, by: (reader: Tensor) => boolean): boolean => {
    const [only, ...others] = readers.get(node) as readonly Tensor[]
    return only !== undefined && others.length === 0 && by(only) && !outputs.has(node)
  }
  const isAdd = (node: Tensor): boolean => node.primitive.name === 'add' && node.dtype === 'f32'
  const kindOf = (value: Tensor): string | undefined => {
    const { name } = value.primitive
    const joins = (name === 'window_spread' || isPlain(value, 'conv2d_input_grad')) && isRead(value, () => true)
    const filters = value.inputs[1]?.shape.slice(1) ?? ''
    return joins ? `${name} ${JSON.stringify(value.attributes)} ${filters}` : undefined
  }
  const termOf = (node: Tensor): Term => {
    const [condition, ...branches] = node.inputs
    const zero =
      node.primitive.name === 'where' && isRead(node, isAdd) ? branches.findIndex(one => numberOf(one) === 0) : -1
    if (zero < 0) return { value: node, kind: kindOf(node) }
    const value = branches[1 - zero] as Tensor
    const mask = {
      condition: condition as Tensor,
      operand: zero === 0 ? 2 : 1,
      zero: branches[zero] as Tensor
    } as const
    return { value, mask, kind: kindOf(value) }
  }
  const termsOf = (root: Tensor): readonly Term[] => {
    const terms: Term[] = []
    const left = [root]
    for (let node = left.pop(); node; node = left.pop()) {
      if (node === root || (isAdd(node) && isRead(node, isAdd))) left.push(second(node), first(node))
      else terms.push(termOf(node))
    }
    return terms
  }
  const inOrder = (terms: readonly Term[]) =>
    terms.toSorted((a, b) => (number.get(second(a.value)) ?? 0) - (number.get(second(b.value)) ?? 0))
  return order
    .filter(node => isAdd(node) && !isRead(node, isAdd))
    .map(root => ({
      root,
      terms: grouped(termsOf(root), ({ mask }) => (mask ? `${number.get(mask.condition)} ${mask.operand}` : '')).map(
        alike => grouped(alike, ({ kind }, place) => kind ?? place).map(inOrder)
      )
    }))
    .filter(({ terms }) => terms.some(alike => alike.some(({ length }) => length > 1)))
}

/** What reads a node, and what reads views of it. */
const readersOf = (index: Index, node: Tensor): readonly Tensor[] =>
  (index.readers.get(node) as readonly Tensor[]).flatMap(reader =>
    isView(reader) ? readersOf(index, reader) : [reader]
  )
const isOutput = (index: Index, node: Tensor): boolean =>
  index.outputs.has(node) ||
  (index.readers.get(node) as readonly Tensor[]).some(reader => isView(reader) && isOutput(index, reader))

/**
 * Convolutions of one tensor. A kernel that wants rows side by side would copy its slice: what such a kernel reads is
 * left.
 */
const convolutionsOf = (index: Index, levels: ReadonlyMap<Tensor, number>): readonly Family[] => {
  const { order, number } = index
  const isOne = (node: Tensor): boolean =>
    isPlain(node, 'conv2d') &&
    !isOutput(index, node) &&
    readersOf(index, node).every(({ primitive }) => primitive.kernel?.kind !== 'shader')
  const groups = grouped(order, node =>
    isOne(node)
      ? [number.get(first(node)), levels.get(node), JSON.stringify(node.attributes), second(node).shape.slice(1)].join(
          ' '
        )
      : undefined
  )
  return groups
    .filter(({ length }) => length > 1)
    .map(members => ({
      members: members.toSorted((a, b) => (number.get(second(a)) as number) - (number.get(second(b)) as number)),
      axis: 1
    }))
}

/** Gradients of filters, where a sum has the cotangents of all of them side by side already: in that order. */
const filterGradientsOf = (index: Index, sums: readonly Sum[]): readonly Family[] => {
  const { order, number } = index
  /** By cotangent, the bundle in which it lies, of how many, and where. */
  const places = new Map<Tensor, { readonly bundle: number; readonly size: number; readonly place: number }>()
  const bundles = sums.flatMap(({ terms }) => terms.flat()).filter(bundle => bundle.length > 1)
  bundles.forEach((bundle, number) => {
    if (bundle.some(({ value }) => !isPlain(value, 'conv2d_input_grad') || places.has(first(value)))) return
    bundle.forEach(({ value }, place) => places.set(first(value), { bundle: number, size: bundle.length, place }))
  })
  const groups = grouped(order, node => {
    const found = isPlain(node, 'conv2d_filter_grad') && !isOutput(index, node) ? places.get(second(node)) : undefined
    return found && [number.get(first(node)), JSON.stringify(node.attributes), found.bundle].join(' ')
  })
  return groups.flatMap(members => {
    const placeOf = (node: Tensor) => places.get(second(node)) as { size: number; place: number }
    const isWhole = members.length === placeOf(members[0] as Tensor).size
    return isWhole
      ? [{ members: members.toSorted((a, b) => placeOf(a).place - placeOf(b).place), axis: 0 as const }]
      : []
  })
}

/** The families that can be one, and the levels at which they are. */
const placed = (
  index: Index,
  levels: Map<Tensor, number>,
  families: readonly Family[]
): { readonly placed: readonly Family[]; readonly levels: ReadonlyMap<Tensor, number> } => {
  const siblingsOf = new Map<Tensor, readonly Tensor[]>()
  /**
   * Raises nodes to a level, and what reads them above it, each with its siblings. False, and all as it was, where one
   * of them comes to wait for another.
   */
  const raise = (members: readonly Tensor[]): boolean => {
    const highest = Math.max(...members.map(member => levels.get(member) as number))
    const own = new Set(members)
    const before = new Map<Tensor, number>()
    const left = members.map(member => [member, highest] as const)
    for (let next = left.pop(); next; next = left.pop()) {
      const [node, least] = next
      const level = levels.get(node) as number
      if (level >= least) continue
      if (own.has(node) && least > highest) {
        for (const [one, old] of before) levels.set(one, old)
        return false
      }
      if (!before.has(node)) before.set(node, level)
      levels.set(node, least)
      for (const reader of index.readers.get(node) as readonly Tensor[])
        left.push([reader, isView(reader) ? least : least + 1])
      for (const sibling of siblingsOf.get(node) ?? []) left.push([sibling, least])
    }
    return true
  }
  const able = families.filter(({ members }) => {
    const isAble = raise(members)
    if (isAble) for (const member of members) siblingsOf.set(member, members)
    return isAble
  })
  return { placed: able, levels }
}

const elementsOf = (nodes: readonly Tensor[]): number => nodes.reduce((total, { shape }) => total + sizeOf(shape), 0)

/** How a graph is built anew: what stands for a node, and tensors side by side, which are made once. */
interface Building {
  readonly now: (node: Tensor) => Tensor
  /** Along channels: cotangents. */
  readonly beside: (nodes: readonly Tensor[]) => Tensor
  /** Along outputs: filters. */
  readonly filters: (nodes: readonly Tensor[]) => Tensor
}

/**
 * Filters side by side, for each list that operations want. All lists of a level lie one after another in one tensor,
 * so that few calls fill it; but those that would leave the next one between two vec4s.
 */
const filtersOf = (
  lists: readonly (readonly Tensor[])[],
  levels: ReadonlyMap<Tensor, number>,
  keyOf: (nodes: readonly Tensor[]) => string,
  now: Building['now']
): Building['filters'] => {
  const unique = grouped(lists, keyOf).map(([list]) => list as readonly Tensor[])
  const levelOf = (list: readonly Tensor[]): number => Math.max(...list.map(node => levels.get(node) as number))
  const made = new Map<string, Tensor>()
  return nodes => {
    const known = made.get(keyOf(nodes))
    if (known) return known
    const isEven = (list: readonly Tensor[]): boolean => elementsOf(list) % 4 === 0
    const together = isEven(nodes) ? unique.filter(list => isEven(list) && levelOf(list) === levelOf(nodes)) : [nodes]
    const whole = concat(together.flat().map(node => reshape(now(node), [sizeOf(node.shape)])))
    let start = 0
    for (const list of together) {
      const from = start
      start += elementsOf(list)
      const outputs = list.reduce((total, { shape }) => total + (shape[0] as number), 0)
      made.set(keyOf(list), reshape(slice(whole, [[from, start]]), [outputs, ...(list[0] as Tensor).shape.slice(1)]))
    }
    return made.get(keyOf(nodes)) as Tensor
  }
}

/** The one operation that computes what the terms of a kind add up to. */
const joined = ([one, ...others]: readonly Term[], { now, beside, filters }: Building): Tensor => {
  const { value } = one as Term
  if (others.length === 0) return now(value)
  const values = [value, ...others.map(term => term.value)]
  const operands = values[0]?.inputs[1]
    ? [beside(values.map(first)), filters(values.map(second))]
    : [values.map(node => now(first(node))).reduce((sum, g) => add(sum, g))]
  return bind(value.primitive, operands, value.attributes)
}

const summed = ({ terms }: Sum, building: Building): Tensor => {
  const { now } = building
  const parts = terms.map(alike => {
    const value = alike.map(kind => joined(kind, building)).reduce((sum, one) => add(sum, one))
    const mask = alike[0]?.[0]?.mask
    if (!mask) return value
    const [condition, zero] = [now(mask.condition), now(mask.zero)]
    return mask.operand === 1 ? where(condition, value, zero) : where(condition, zero, value)
  })
  return parts.reduce((sum, part) => add(sum, part))
}

/** By member, its slice of the one operation that a family becomes. */
const joinedFamily = (
  { members, axis }: Family,
  { now, beside, filters }: Building
): readonly (readonly [Tensor, Tensor])[] => {
  const [one] = members as readonly [Tensor]
  const own = members.map(second)
  const whole = bind(one.primitive, [now(first(one)), axis === 1 ? filters(own) : beside(own)], one.attributes)
  let start = 0
  return members.map(member => {
    const from = start
    start += member.shape[axis] as number
    return [member, slice(whole, axis === 1 ? [[], [from, start]] : [[from, start]])]
  })
}

/** A graph built anew, and what stands in it for a node of the graph before; itself for what is not of that graph. */
export interface Renewed {
  readonly graph: Graph
  readonly now: (node: Tensor) => Tensor
}

/** The graph in which siblings are one operation, and what stands in it for a node of before. */
export const joinSiblings = (graph: Graph): Renewed => {
  const index = indexOf(graph)
  const sums = sumsOf(index)
  const lowest = levelsOf(index)
  const candidates = [...convolutionsOf(index, lowest), ...filterGradientsOf(index, sums)]
  if (sums.length + candidates.length === 0) return { graph, now: node => node }
  const { placed: families, levels } = placed(index, lowest, candidates)
  const { number } = index
  const renewed = new Map<Tensor, Tensor>()
  const now = (node: Tensor): Tensor => renewed.get(node) as Tensor
  const keyOf = (nodes: readonly Tensor[]): string => nodes.map(node => number.get(node)).join()
  const lists = [
    ...families.filter(({ axis }) => axis === 1).map(({ members }) => members.map(second)),
    ...sums
      .flatMap(({ terms }) => terms.flat())
      .filter(kind => kind.length > 1 && kind[0]?.value.inputs[1])
      .map(kind => kind.map(({ value }) => second(value)))
  ]
  const cotangents = new Map<string, Tensor>()
  const beside = (nodes: readonly Tensor[]): Tensor => {
    const key = keyOf(nodes)
    const made = cotangents.get(key) ?? concat(nodes.map(now), 1)
    cotangents.set(key, made)
    return made
  }
  const building = { now, beside, filters: filtersOf(lists, levels, keyOf, now) }
  const sumAt = new Map(sums.map(sum => [sum.root, sum]))
  const familyOf = new Map(families.flatMap(family => family.members.map(member => [member, family] as const)))
  const inOrder = index.order.toSorted(
    (a, b) =>
      (levels.get(a) as number) - (levels.get(b) as number) ||
      Number(isView(a)) - Number(isView(b)) ||
      (number.get(a) as number) - (number.get(b) as number)
  )
  for (const node of inOrder) {
    if (renewed.has(node)) continue
    const sum = sumAt.get(node)
    const family = familyOf.get(node)
    if (family) for (const [member, own] of joinedFamily(family, building)) renewed.set(member, own)
    else if (sum) renewed.set(node, summed(sum, building))
    else {
      const inputs = node.inputs.map(now)
      renewed.set(node, inputs.every((one, i) => one === node.inputs[i]) ? node : withInputs(node, inputs))
    }
  }
  return {
    graph: { inputs: graph.inputs, outputs: graph.outputs.map(now) },
    now: node => renewed.get(node) ?? node
  }
}

/**
 * The graph in which siblings are one operation. Values are those of before, up to the order in which floats are added.
 */
export const siblings = (graph: Graph): Graph => joinSiblings(graph).graph
