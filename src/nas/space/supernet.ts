/**
 * The network that is searched: a function (weights, a mixture for each cell, images) -> logits, for any space and
 * size.
 */
import { globalAvgPool } from '../../autodiff/nn.js'
import * as $ from '../../autodiff/ops/index.js'
import { fail, type Shape } from '../../autodiff/shape.js'
import type { Tensor } from '../../autodiff/tensor.js'
import { auxiliaryHead } from './auxiliary.js'
import {
  type Activation,
  activation,
  chain,
  conv,
  droppable,
  factorizedReduce,
  fullyConnected,
  identity,
  type Layer,
  type LayerContext,
  type LayerNeeds,
  momentsOf,
  needsOf,
  norm,
  type Output,
  reluConvNorm,
  simple,
  sumOf,
  tableOf,
  unpack,
  type Weights
} from './layers.js'
import { OPERATIONS } from './operations.js'
import type { CellType, Edge, Skeleton, Space } from './space.js'
import { type SpaceProblem, spaceProblem } from './spacefile.js'

/** The size of a network: channels, layers, images, classes. */
export interface NetworkConfig {
  /** C: channels of the first cells; doubled at each reduction. */
  readonly channels: number
  /** Cells of the whole network, or of each of its stages: see `Skeleton`. */
  readonly layers: number
  readonly imageChannels: number
  /** Height and width of the images. */
  readonly size: readonly [number, number]
  readonly classes: number
  /** Default: relu. */
  readonly activation?: Activation
  /**
   * Whether training sees a second classifier at the second reduction. Default: it does not. Networks of `layers` alone
   * can have it.
   */
  readonly auxiliary?: boolean
}

/** Logits; in training, where the network has an auxiliary head, its logits too. */
export interface NetworkOutput extends Output {
  readonly auxiliary?: Tensor
}

/** A searched cell: its name, which alpha it follows, and whether it halves the image. */
export interface SearchedCell {
  readonly name: string
  readonly type: string
  readonly reduction: boolean
}

/**
 * What is searched: parameters, batch norms and noise by name, and the logits, given a mixture f32[edges, operations]
 * for each cell.
 */
export interface Supernet extends LayerNeeds {
  readonly space: Space
  readonly config: NetworkConfig
  /** In the order of the mixtures. */
  readonly cells: readonly SearchedCell[]
  logits(context: LayerContext, mixtures: readonly Tensor[], images: Tensor): NetworkOutput
}

/** A block of the network: from the outputs of the two blocks before it, the older first, and the cells' mixtures. */
interface Block extends LayerNeeds {
  readonly cell?: SearchedCell
  apply(context: LayerContext, mixture: Tensor | undefined, before: readonly [Tensor, Tensor]): Output
}

/** An edge with its operations, built. */
interface BuiltEdge {
  readonly from: number
  readonly to: number
  readonly operations: readonly (Layer | undefined)[]
}

const fixed = (layer: Layer): Block => ({ ...needsOf([layer]), apply: (context, _, [, x]) => layer.apply(context, x) })

const entry = (matrix: Tensor, row: number, column: number): Tensor =>
  $.reshape(
    $.slice(matrix, [
      [row, row + 1],
      [column, column + 1]
    ]),
    []
  )

/**
 * The terms of a mixed operation: p[edge, o] o(x) for each operation o that contributes; without a mixture o(x) itself.
 */
const mixedTerms = (
  context: LayerContext,
  { operations }: BuiltEdge,
  mixture: Tensor | undefined,
  edge: number,
  x: Tensor
): readonly Output[] =>
  operations.flatMap((operation, o) => {
    if (!operation) return []
    const { y, moments } = operation.apply(context, x)
    return [{ y: mixture ? $.mul(entry(mixture, edge, o), y) : y, moments }]
  })

const sum = (terms: readonly Tensor[]): Tensor => terms.reduce((a, b) => $.add(a, b))

/**
 * A cell: its inputs brought to its channels, its nodes, each the sum of the operations that lead to it, and the states
 * of its output one after another. `size` is that of the images it makes.
 */
const cellBlock = (
  cell: SearchedCell,
  { inputs, nodes, concat }: CellType,
  preprocess: readonly Layer[],
  edges: readonly BuiltEdge[],
  channels: number,
  size: readonly [number, number]
): Block => ({
  ...needsOf([
    ...preprocess,
    ...edges.flatMap(({ operations }) => operations.filter(operation => operation !== undefined))
  ]),
  cell,
  apply: (context, mixture, before) => {
    const given = before.slice(2 - inputs).map((x, i) => preprocess[i]?.apply(context, x) ?? { y: x, moments: {} })
    const start = { states: given.map(({ y }) => y), outputs: given as readonly Output[] }
    const { states, outputs } = Array.from({ length: nodes }, (_, i) => inputs + i).reduce((done, node) => {
      const terms = edges.flatMap((edge, row) =>
        edge.to === node ? mixedTerms(context, edge, mixture, row, done.states[edge.from] as Tensor) : []
      )
      const y = terms.length
        ? sum(terms.map(term => term.y))
        : $.broadcastTo($.tensor(0), [before[1].shape[0] as number, channels, ...size])
      return { states: [...done.states, y], outputs: [...done.outputs, ...terms] }
    }, start)
    const last = concat.map(state => states[state] as Tensor)
    return { y: last.length === 1 ? (last[0] as Tensor) : $.concat(last, 1), moments: momentsOf(outputs) }
  }
})

/** How the cells of a network are built. */
export interface Style {
  /** What refusals call the network. */
  readonly network: string
  /** Whether the batch norms of cells have a scale and a shift. */
  readonly affine: boolean
  /** The path of an operation within its cell: of the o-th on the e-th edge. */
  readonly pathOf: (edge: Edge, e: number, o: number) => string
}

/** A cell by itself: its output, of its inputs (the older first) and the mixture of its edges, if it has one. */
export interface SingleCell extends LayerNeeds {
  readonly inputs: readonly Shape[]
  /** Edges and operations of a mixture. */
  readonly mixture: Shape
  apply(context: LayerContext, mixture: Tensor | undefined, inputs: readonly Tensor[]): Tensor
}

/** The cell of a kind by itself, of images f32[batch,channels,size,size]; a reduction cell halves them. */
export const singleCell = (
  space: Space,
  type: string,
  style: Style,
  { batch, channels, size }: { readonly batch: number; readonly channels: number; readonly size: number }
): SingleCell => {
  const kind =
    space.cells[type] ?? fail('a cell', `a kind among ${Object.keys(space.cells).join(', ')}`, type, 'name one')
  const [stride, extent] = [type === 'reduce' ? 2 : 1, [size, size] as const]
  const layers = space.skeleton.kind === 'layers'
  const preprocess = layers
    ? [0, 1].map(i => reluConvNorm(`preprocess${i}`, channels, channels, 1, 1, style.affine))
    : []
  const edges = buildEdges(space, style, kind, 'cell', { channels, size: extent, stride })
  const cell = { name: 'cell', type, reduction: stride === 2 }
  const block = cellBlock(cell, kind, preprocess, edges, channels, halved(extent, stride))
  const operations = Math.max(...kind.edges.map(edge => edge.operations.length))
  return {
    ...needsOf([block]),
    inputs: Array.from({ length: kind.inputs }, () => [batch, channels, size, size]),
    mixture: [kind.edges.length, operations],
    apply: (context, mixture, inputs) => {
      const last = inputs.at(-1) as Tensor
      return block.apply(context, mixture, [inputs.at(-2) ?? last, last]).y
    }
  }
}

/** The edges of a cell; those from its inputs have the cell's stride. */
const buildEdges = (
  space: Space,
  { affine, pathOf }: Style,
  { inputs, edges }: CellType,
  name: string,
  site: { readonly channels: number; readonly size: readonly [number, number]; readonly stride: number }
): readonly BuiltEdge[] =>
  edges.map((edge, e) => {
    const { from, to, operations } = edge
    const [stride, size] = from < inputs ? [site.stride, site.size] : [1, halved(site.size, site.stride)]
    return {
      from,
      to,
      operations: operations.map((operation, o) => {
        const path = `${name}.${pathOf(edge, e, o)}`
        const layer = (OPERATIONS[operation] ?? unknownOperation(space, operation))({
          name: path,
          channels: site.channels,
          stride,
          size,
          affine,
          normAfterPool: space.normAfterPool
        })
        return layer === undefined || layer === identity ? layer : droppable(path, layer)
      })
    }
  })

const unknownOperation = ({ name }: Space, operation: string): never =>
  fail(`space ${name}`, `operations among ${Object.keys(OPERATIONS).join(', ')}`, `'${operation}'`, 'correct its name')

const halved = ([height, width]: readonly [number, number], stride: number): readonly [number, number] => [
  Math.ceil(height / stride),
  Math.ceil(width / stride)
]

/** A 3x3 convolution at stride 2 and another, beside a pooled 1x1: halves the image. */
export const residualBlock = (name: string, channelsIn: number, channelsOut: number): Layer =>
  sumOf(
    chain(
      reluConvNorm(`${name}.conv_a`, channelsIn, channelsOut, 3, 2, true),
      reluConvNorm(`${name}.conv_b`, channelsOut, channelsOut, 3, 1, true)
    ),
    chain(
      simple(x => $.avgPool2d(x, { kernel: 2 })),
      conv(`${name}.downsample.1`, channelsIn, channelsOut, 1)
    )
  )

/** What stands around the blocks: the stem before them, and what is between the last of them and the pooling. */
interface Body {
  readonly stem: Layer
  readonly blocks: readonly Block[]
  readonly last: readonly Layer[]
  /** Channels that the classifier sees. */
  readonly width: number
  /** The auxiliary head, and the block whose output it sees. */
  readonly auxiliary?: { readonly block: number; readonly head: Layer }
}

const stemOf = (imageChannels: number, channels: number): Layer =>
  chain(conv('stem.0', imageChannels, channels, 3), norm('stem.1', channels, true))

/** Stem, stages of N cells with a residual block between them, batch norm, activation. */
const stagesBody = (
  space: Space,
  style: Style,
  stages: number,
  { channels, layers, imageChannels, size, auxiliary = false }: NetworkConfig
): Body => {
  if (auxiliary)
    fail(style.network, 'a network of layers for an auxiliary head', `stages of ${space.name}`, 'leave the head out')
  const [type, kind] = Object.entries(space.cells)[0] as [string, CellType]
  const plan = Array.from({ length: stages }, (_, stage) => [
    ...(stage > 0 ? [{ stage, reduction: true }] : []),
    ...Array.from({ length: layers }, () => ({ stage, reduction: false }))
  ]).flat()
  const blocks = plan.map(({ stage, reduction }, i): Block => {
    const [name, width] = [`cells.${i}`, channels * 2 ** stage]
    if (reduction) return fixed(residualBlock(name, width / 2, width))
    const here = halved(size, 2 ** stage)
    const edges = buildEdges(space, style, kind, name, { channels: width, size: here, stride: 1 })
    return cellBlock({ name, type, reduction }, kind, [], edges, width, here)
  })
  const width = channels * 2 ** (stages - 1)
  return { stem: stemOf(imageChannels, channels), blocks, last: [norm('lastact.0', width, true), activation], width }
}

/** Where the cells of a network of `layers` halve the image: at a third and at two thirds. */
export const reductionsAt = (layers: number): readonly number[] => [
  ...new Set([Math.floor(layers / 3), Math.floor((2 * layers) / 3)])
]

/** Stem, L cells; a cell sees the outputs of the two before it, each brought to its channels and its size. */
const layersBody = (
  space: Space,
  style: Style,
  stemMultiplier: number,
  { channels, layers, imageChannels, size, classes, auxiliary = false }: NetworkConfig
): Body => {
  const reductions = reductionsAt(layers)
  const kindAt = (i: number) => (reductions.includes(i) ? 'reduce' : 'normal')
  const halvings = (i: number) => reductions.filter(at => at <= i).length
  const widthAt = (i: number) => channels * 2 ** halvings(i)
  /** Channels of the output of cell i; before the first cell that of the stem. */
  const outputAt = (i: number) =>
    i < 0 ? stemMultiplier * channels : (space.cells[kindAt(i)] as CellType).concat.length * widthAt(i)
  const blocks = Array.from({ length: layers }, (_, i): Block => {
    const [name, type, width] = [`cells.${i}`, kindAt(i), widthAt(i)]
    const kind = space.cells[type] as CellType
    const reduction = type === 'reduce'
    const before = `${name}.preprocess0`
    const preprocess = [
      reductions.includes(i - 1)
        ? factorizedReduce(before, outputAt(i - 2), width, style.affine)
        : reluConvNorm(before, outputAt(i - 2), width, 1, 1, style.affine),
      reluConvNorm(`${name}.preprocess1`, outputAt(i - 1), width, 1, 1, style.affine)
    ]
    const site = { channels: width, size: halved(size, 2 ** halvings(i - 1)), stride: reduction ? 2 : 1 }
    const edges = buildEdges(space, style, kind, name, site)
    return cellBlock({ name, type, reduction }, kind, preprocess, edges, width, halved(size, 2 ** halvings(i)))
  })
  const body = { stem: stemOf(imageChannels, stemMultiplier * channels), blocks, last: [], width: outputAt(layers - 1) }
  if (!auxiliary) return body
  const block = reductions.at(-1) as number
  return {
    ...body,
    auxiliary: { block, head: auxiliaryHead(outputAt(block), halved(size, 2 ** halvings(block)), classes) }
  }
}

/** How often a network of a space halves its images. */
export const halvingsOf = ({ skeleton }: Space, layers: number): number =>
  skeleton.kind === 'stages' ? skeleton.stages - 1 : reductionsAt(layers).length

const LEAST_LAYERS = { stages: 1, layers: 3 } as const

/** Why a space makes no network of these sizes, if it does not. */
export const networkProblem = (
  space: Space,
  { layers, size }: Pick<NetworkConfig, 'layers' | 'size'>
): SpaceProblem | undefined => {
  const { kind } = space.skeleton
  if (layers < LEAST_LAYERS[kind])
    return {
      wanted:
        kind === 'layers' ? 'at least 3 layers: a normal cell and two reductions' : 'at least one cell in each stage',
      got: String(layers),
      cure: 'use more layers'
    }
  const reductions = halvingsOf(space, layers)
  return size.some(extent => extent % 2 ** reductions !== 0)
    ? {
        wanted:
          `images whose height and width are multiples of ${2 ** reductions} ` +
          `(${reductions} reductions halve them)`,
        got: size.join('x'),
        cure: 'crop or pad the images'
      }
    : undefined
}

/** Cells of a supernet: batch norms without parameters, and the official modules' paths. */
export const SEARCHED: Readonly<Record<Skeleton['kind'], Style>> = {
  stages: { network: 'supernet', affine: false, pathOf: ({ from, to }, _, o) => `edges.${to}<-${from}.${o}` },
  layers: { network: 'supernet', affine: false, pathOf: (_, e, o) => `_ops.${e}._ops.${o}` }
}

/**
 * The supernet of a space. Images must halve at each reduction without remainder; a network of layers has at least 3,
 * so that it has cells of both kinds.
 * @example supernet(SPACES.s5, { channels: 16, layers: 8, imageChannels: 3, size: [32, 32], classes: 10 })
 */
export const supernet = (space: Space, config: NetworkConfig): Supernet => {
  const problem = spaceProblem(space)
  return problem
    ? fail(`the space '${space.name}'`, problem.wanted, problem.got, problem.cure)
    : networkOf(space, SEARCHED[space.skeleton.kind], config)
}

/** A network of the cells of a space, built in a style; cells that are given no mixture add up their operations. */
export const networkOf = (space: Space, style: Style, config: NetworkConfig): Supernet => {
  const { classes } = config
  const { skeleton } = space
  const problem = networkProblem(space, config)
  if (problem) return fail(style.network, problem.wanted, problem.got, problem.cure)
  const { stem, blocks, last, width, auxiliary } =
    skeleton.kind === 'stages'
      ? stagesBody(space, style, skeleton.stages, config)
      : layersBody(space, style, skeleton.stemMultiplier, config)
  const head = chain(...last, simple(globalAvgPool), fullyConnected('classifier', width, classes))
  const needs = needsOf([stem, ...blocks, head, ...(auxiliary ? [auxiliary.head] : [])])
  const cells = blocks.flatMap(({ cell }) => cell ?? [])
  return {
    ...needs,
    space,
    config,
    cells,
    logits: (given, mixtures, images) => {
      const context = { activation: config.activation ?? 'relu', ...given }
      const start = stem.apply(context, images)
      const { pair, outputs } = blocks.reduce<{
        readonly pair: readonly [Tensor, Tensor]
        readonly outputs: readonly Output[]
      }>(
        (before, block) => {
          const mixture = block.cell && mixtures[cells.indexOf(block.cell)]
          const after = block.apply(context, mixture, before.pair)
          return { pair: [before.pair[1], after.y], outputs: [...before.outputs, after] }
        },
        { pair: [start.y, start.y], outputs: [start] }
      )
      const { y, moments } = head.apply(context, pair[1])
      const beside =
        auxiliary && !context.running && auxiliary.head.apply(context, (outputs[auxiliary.block + 1] as Output).y)
      return beside
        ? { y, moments: momentsOf([...outputs, { y, moments }, beside]), auxiliary: beside.y }
        : { y, moments: momentsOf([...outputs, { y, moments }]) }
    }
  }
}

/**
 * Noise for all sites of a network and a batch, by name: one draw from a key u32[2], shared out. Equal keys give equal
 * noise.
 */
export const noiseOf = ({ noises }: LayerNeeds, key: Tensor, batch: number): Weights => {
  if (noises.length === 0) return {}
  const table = tableOf(noises.map(({ name, shape }) => ({ name, shape: [batch, ...shape] })))
  return unpack(table, $.randomNormal(key, [table.size]))
}

/**
 * What drop path multiplies the branches of a batch's images by (method.md 5.1): each with probability `keep` 1 / keep,
 * else 0, so that its mean stays. One draw from a key u32[2], shared out; `keep` is a scalar f32. Branches that only
 * pass their input on are not among them.
 */
export const pathsOf = ({ branches }: LayerNeeds, key: Tensor, batch: number, keep: Tensor): Weights => {
  if (branches.length === 0) return {}
  const table = tableOf(branches.map(name => ({ name, shape: [batch, 1, 1, 1] })))
  return unpack(table, $.where($.less($.randomUniform(key, [table.size]), keep), $.div(1, keep), 0))
}
