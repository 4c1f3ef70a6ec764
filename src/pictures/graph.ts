/** Graphs of tensors in Graphviz' dot language: what is computed, from what, of which shape. Pure. */
import { attributesOf, leafText, numberOf, topological } from '../autodiff/graph.js'
import { interpret } from '../autodiff/interpret.js'
import { type NdArray, valuesText } from '../autodiff/ndarray.js'
import { checkOptions, fail, show } from '../autodiff/shape.js'
import { isTensor, type Tensor } from '../autodiff/tensor.js'
import { leaves, leavesOf, type Tree } from '../autodiff/tree.js'
import { type Caption, DOT_FONT, dotColour } from './dot.js'
import { escaped } from './markup.js'

/** Nodes that belong together: they are drawn in a frame. */
export interface GraphGroup {
  readonly label: string
  readonly nodes: readonly Tensor[]
  /** How dark the frame is filled, from 0 to 1. */
  readonly shade?: number
}

/** How a graph is drawn. */
export interface GraphOptions extends Caption {
  /** Where results stand from what they are computed of: beneath (the usual), or to the right. */
  readonly direction?: 'down' | 'right'
  /** Chains of operations that have one reader each are one box, and single numbers stand where they are used. */
  readonly collapse?: boolean
  /** Tensors by the names that their boxes shall have, also in trees: `{ x, weights }` names `weights.w`. */
  readonly names?: { readonly [name: string]: Tree }
  /** The numbers of each node, computed by the reference; a map says what inputs are bound to. */
  readonly values?: boolean | ReadonlyMap<Tensor, NdArray>
  /** Tensors whose boxes stand out. */
  readonly highlight?: readonly Tensor[]
  /** Frames around nodes; a node is in one of them at most. */
  readonly groups?: readonly GraphGroup[]
  /** A line beneath the graph: what its shades say. */
  readonly legend?: string
  /** Colours of nodes by how much each takes, from 0 to 1. */
  readonly shades?: ReadonlyMap<Tensor, number>
}

const KNOWN = [
  ...['direction', 'collapse', 'names', 'values', 'highlight', 'groups', 'legend', 'shades', 'title', 'description']
] as (keyof GraphOptions)[]

/**
 * Boxes that Graphviz places as well as it can. For more it takes many seconds (426 boxes of a gradient took 5, and 1.4
 * with these limits on its search).
 */
const MOST_AT_LEISURE = 150

/** A box: the nodes that it stands for, the last of which is what others read. */
interface Box {
  readonly nodes: readonly Tensor[]
  readonly inputs: readonly Tensor[]
}

const isView = ({ primitive: { kernel } }: Tensor): boolean => kernel?.kind === 'view'
const isLeaf = ({ inputs }: Tensor): boolean => inputs.length === 0

/** The boxes of a graph, in its order: one a node, or chains as one. `apart`: what has to have a box that ends with it. */
const boxesOf = (
  order: readonly Tensor[],
  collapse: boolean,
  apart: ReadonlySet<Tensor>,
  groupOf: ReadonlyMap<Tensor, GraphGroup>
): readonly Box[] => {
  if (!collapse) return order.map(node => ({ nodes: [node], inputs: node.inputs }))
  const drawn = (input: Tensor): boolean => apart.has(input) || numberOf(input) === undefined
  const readers = new Map<Tensor, number>()
  for (const node of order) for (const input of node.inputs) readers.set(input, (readers.get(input) ?? 0) + 1)
  const boxes = new Map<Tensor, Box>()
  for (const node of order) {
    if (!drawn(node)) continue
    const inputs = node.inputs.filter(drawn)
    const [before] = inputs
    const one =
      before &&
      inputs.length === 1 &&
      !isLeaf(before) &&
      !apart.has(before) &&
      readers.get(before) === 1 &&
      groupOf.get(before) === groupOf.get(node)
    const chain = one ? boxes.get(before) : undefined
    if (chain) boxes.delete(before as Tensor)
    boxes.set(node, chain ? { nodes: [...chain.nodes, node], inputs: chain.inputs } : { nodes: [node], inputs })
  }
  return [...boxes.values()]
}

/** Letters of a line in a box. */
const MOST_LETTERS = 36
const cut = (text: string): string => (text.length > MOST_LETTERS ? `${text.slice(0, MOST_LETTERS - 3)}...` : text)

type Ink = 'ink' | 'muted'

const line = (text: string, size: number, ink: Ink, bold = false): string => {
  const inside = bold ? `<b>${escaped(cut(text))}</b>` : escaped(cut(text))
  return `<font point-size="${size}" color="${dotColour(ink)}">${inside}</font>`
}

/** A name with the numbers that the operation takes, where those have no box: `mul 2`. */
const operationName = (node: Tensor, collapse: boolean, names: ReadonlyMap<Tensor, string>): string => {
  const numbers = collapse ? node.inputs.flatMap(input => (names.has(input) ? [] : (numberOf(input) ?? []))) : []
  return [node.primitive.name, ...numbers.map(value => String(Number(value.toPrecision(4))))].join(' ')
}

/** What a leaf is: a given name stands for that of an input. */
const leafLines = (node: Tensor, name: string | undefined): readonly string[] =>
  node.primitive.name === 'input' && name !== undefined
    ? []
    : [line(leafText(node) || node.primitive.name, 12, 'ink', name === undefined)]

/** Lines of a box: what it is called, what it is told, its shape, its value. */
const labelOf = (
  { nodes }: Box,
  collapse: boolean,
  names: ReadonlyMap<Tensor, string>,
  values: ReadonlyMap<Tensor, NdArray>
): string => {
  const node = nodes.at(-1) as Tensor
  const name = names.get(node)
  const operations = isLeaf(node)
    ? leafLines(node, name)
    : nodes.flatMap(one => [
        line(operationName(one, collapse, names), 12, 'ink', name === undefined),
        // Where views are, their shape says most of what they are told.
        ...(collapse && isView(one) ? [] : attributesOf(one).map(([key, value]) => line(`${key} ${value}`, 9, 'muted')))
      ])
  const value = isLeaf(node) && node.primitive.name === 'constant' ? undefined : values.get(node)
  return [
    ...(name === undefined ? [] : [line(name, 13, 'ink', true)]),
    ...operations,
    line(show(node), 9, 'muted'),
    ...(value ? [line(`= ${valuesText(value, 4)}`, 10, 'ink')] : [])
  ].join('<br/>')
}

/** How a box looks: what is given in blue and round, views without a frame's full line, results with two. */
const styleOf = (node: Tensor, isOutput: boolean, highlighted: boolean, shade: number | undefined): string => {
  const input = node.primitive.name === 'input'
  const styles = ['rounded', ...(isView(node) || node.primitive.name === 'constant' ? ['dashed'] : []), 'filled']
  const colour = highlighted ? 'series-2' : input ? 'series-1' : isLeaf(node) ? 'muted' : 'ink'
  const fill =
    shade === undefined ? (input ? tinted('series-1', 0.12) : dotColour('surface')) : tinted('series-2', shade)
  return [
    `style="${styles.join(',')}"`,
    `color="${dotColour(colour)}"`,
    `fillcolor="${fill}"`,
    ...(highlighted ? ['penwidth=2.5'] : []),
    ...(isOutput ? ['peripheries=2'] : [])
  ].join(' ')
}

/** A colour of the theme, from nothing (0) to four fifths (1), on which ink can still be read. */
const tinted = (name: 'series-1' | 'series-2', shade: number): string =>
  `${dotColour(name)}${Math.round(Math.min(1, Math.max(0, shade)) * 0.6 * 255)
    .toString(16)
    .padStart(2, '0')}`

const quoted = (text: string): string => `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`

/** Values of all nodes of a graph. */
const valuesOf = (outputs: readonly Tensor[], given: GraphOptions['values']): ReadonlyMap<Tensor, NdArray> => {
  const values = new Map<Tensor, NdArray>()
  if (given === undefined || given === false) return values
  const bound = given === true ? new Map<Tensor, NdArray>() : given
  for (const node of topological(outputs, one => bound.has(one)))
    if (node.primitive.name === 'input' && !bound.has(node))
      fail('draw', 'values of all inputs', `none of ${leafText(node)}`, 'pass a map of arrays as values')
  interpret(outputs, bound, (node, value) => values.set(node, value))
  return values
}

/** Names of tensors: those that are given, and of results those that they have in their tree. */
const namesOf = (outputs: Tree, given: GraphOptions['names'] = {}): ReadonlyMap<Tensor, string> =>
  new Map(
    [
      ...(isTensor(outputs) || Array.isArray(outputs) ? [] : leavesOf(outputs, isTensor)),
      ...leavesOf(given, isTensor)
    ].map(({ path, value }) => [value, path])
  )

/**
 * The graph of a tree of tensors in the dot language of Graphviz: a box for each node, an arrow from each of its inputs.
 * Inputs are blue, what costs nothing (views) is dashed, results have a double frame. The same graph gives the same
 * text, to the bit.
 *
 * @example
 * import { $ } from 'lambda-darts'
 * import { graphDot } from 'lambda-darts/pictures'
 * graphDot($.mul($.tensor(2), $.tensor(3))).includes('n0 -> n2') // true
 */
export const graphDot = (outputs: Tree, options: GraphOptions = {}): string => {
  checkOptions('draw', options, KNOWN)
  const { direction = 'down', collapse = false, highlight = [], groups = [], legend, shades } = options
  const results = leaves(outputs)
  const order = topological(results)
  const names = namesOf(outputs, options.names)
  const values = valuesOf(results, options.values)
  const groupOf = new Map(groups.flatMap(group => group.nodes.map(node => [node, group] as const)))
  const apart = new Set([...results, ...names.keys(), ...highlight])
  const boxes = boxesOf(order, collapse, apart, groupOf)
  const number = new Map(order.map((node, i) => [node, i]))
  const idOf = (node: Tensor): string => `n${number.get(node)}`
  const lastOf = ({ nodes }: Box): Tensor => nodes.at(-1) as Tensor
  const boxText = (box: Box): string => {
    const node = lastOf(box)
    const style = styleOf(node, results.includes(node), highlight.includes(node), shades?.get(node))
    return `  ${idOf(node)} [label=<${labelOf(box, collapse, names, values)}> ${style}]`
  }
  return [
    'digraph {',
    ...(boxes.length > MOST_AT_LEISURE ? ['  graph [nslimit=1 nslimit1=1 mclimit=0.2]'] : []),
    `  graph [rankdir=${direction === 'down' ? 'TB' : 'LR'} bgcolor="transparent" nodesep=0.25 ranksep=0.35]`,
    ...(legend === undefined
      ? []
      : [`  graph [label=${quoted(legend)} fontname="${DOT_FONT}" fontsize=10 fontcolor="${dotColour('muted')}"]`]),
    `  node [shape=box margin="0.12,0.06" height=0.3 fontname="${DOT_FONT}"]`,
    `  edge [color="${dotColour('muted')}" arrowsize=0.6]`,
    ...boxes.map(boxText),
    ...groups.flatMap((group, i) => frame(group, i, boxes, idOf)),
    ...boxes.flatMap(box => box.inputs.map(input => `  ${idOf(input)} -> ${idOf(lastOf(box))}`)),
    '}'
  ].join('\n')
}

/** A group as a cluster of Graphviz. */
const frame = (
  { label, nodes, shade }: GraphGroup,
  place: number,
  boxes: readonly Box[],
  idOf: (node: Tensor) => string
): readonly string[] => {
  const inside = new Set(nodes)
  const own = boxes.flatMap(box => (inside.has(box.nodes.at(-1) as Tensor) ? [box.nodes.at(-1) as Tensor] : []))
  if (own.length === 0) return []
  const fill = shade === undefined ? `${dotColour('rule')}66` : tinted('series-2', shade)
  const ink = dotColour(shade === undefined ? 'muted' : 'ink')
  return [
    `  subgraph cluster_${place} {`,
    `    graph [label=${quoted(label)} labeljust=l fontname="${DOT_FONT}" fontsize=10 fontcolor="${ink}" ` +
      `style="rounded,filled" color="${dotColour('rule')}" fillcolor="${fill}" margin=8]`,
    `    ${own.map(idOf).join('; ')}`,
    '  }'
  ]
}
