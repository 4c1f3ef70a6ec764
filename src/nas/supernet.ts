/** The supernet of NAS-Bench-201: a function (weights, a mixture for each cell, images) -> logits, for any size. */
import { globalAvgPool, linear } from '../autodiff/nn.js'
import * as $ from '../autodiff/ops/index.js'
import { fail } from '../autodiff/shape.js'
import type { Tensor } from '../autodiff/tensor.js'
import {
  type Context,
  chain,
  conv,
  type Layer,
  type Norm,
  norm,
  type Output,
  type Parameter,
  relu,
  reluConvNorm,
  simple,
  sumOf,
  weightOf
} from './layers.js'
import { OPERATIONS, type Space } from './space.js'

export interface NetworkConfig {
  /** C: channels of the first stage; doubled at each reduction. */
  readonly channels: number
  /** N: search cells of a stage. */
  readonly cellsPerStage: number
  readonly imageChannels: number
  /** Height and width of the images. */
  readonly size: readonly [number, number]
  readonly classes: number
}

/** What is searched: parameters and batch norms by name, and the logits, a mixture f32[edges, operations] given to each searched cell. */
export interface Supernet {
  readonly space: Space
  readonly config: NetworkConfig
  /** Searched cells, by their names in order. */
  readonly cells: readonly string[]
  readonly parameters: readonly Parameter[]
  readonly norms: readonly Norm[]
  logits(context: Context, mixtures: readonly Tensor[], images: Tensor): Output
}

/** A cell's edges: each with its operations, in the order of the space. */
type CellOperations = readonly (readonly (Layer | undefined)[])[]

const entry = (matrix: Tensor, row: number, column: number): Tensor =>
  $.reshape(
    $.slice(matrix, [
      [row, row + 1],
      [column, column + 1]
    ]),
    []
  )

const sum = (terms: readonly Tensor[], like: Tensor): Tensor =>
  terms.length ? terms.reduce((a, b) => $.add(a, b)) : $.broadcastTo($.tensor(0), like.shape)

/** The mixed operation of an edge: the sum over operations o of p[edge, o] o(x). */
const mixedOperation = (
  context: Context,
  operations: readonly (Layer | undefined)[],
  mixture: Tensor,
  edge: number,
  x: Tensor
): Output => {
  const outputs = operations.flatMap((operation, o) => {
    if (!operation) return []
    const { y, moments } = operation.apply(context, x)
    return [{ y: $.mul(entry(mixture, edge, o), y), moments }]
  })
  return {
    y: sum(
      outputs.map(({ y }) => y),
      x
    ),
    moments: mergeAll(outputs)
  }
}

const mergeAll = (outputs: readonly Output[]): Output['moments'] => Object.assign({}, ...outputs.map(({ moments }) => moments))

/** Node i is the sum over its edges; the last node is the cell's output. */
const applyCell = (
  context: Context,
  { edges, nodes }: Space,
  operations: CellOperations,
  mixture: Tensor,
  input: Tensor
): Output => {
  const start: { readonly states: readonly Tensor[]; readonly outputs: readonly Output[] } = { states: [input], outputs: [] }
  const { states, outputs } = Array.from({ length: nodes - 1 }, (_, i) => i + 1).reduce((before, node) => {
    const incoming = edges.flatMap(([to, from], edge) =>
      to === node
        ? [mixedOperation(context, operations[edge] as CellOperations[number], mixture, edge, before.states[from] as Tensor)]
        : []
    )
    return {
      states: [
        ...before.states,
        sum(
          incoming.map(({ y }) => y),
          input
        )
      ],
      outputs: [...before.outputs, ...incoming]
    }
  }, start)
  return { y: states.at(-1) as Tensor, moments: mergeAll(outputs) }
}

/** Two convolutions at stride 2 beside a pooled 1x1: halves the image, doubles the channels. */
const residualBlock = (name: string, channelsIn: number, channelsOut: number): Layer =>
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

type Block = { readonly name: string } & (
  | { readonly kind: 'cell'; readonly operations: CellOperations }
  | { readonly kind: 'fixed'; readonly layer: Layer }
)

const layersOf = (block: Block): readonly Layer[] =>
  block.kind === 'fixed' ? [block.layer] : block.operations.flat().filter(operation => operation !== undefined)

/** Reductions of the image between the three stages. */
const STAGES = 3

/**
 * The network of NAS-Bench-201: stem, three stages of N cells with a residual block between them, batch norm, ReLU, pooling, linear.
 * Images must halve twice without remainder.
 */
export const supernet = (space: Space, config: NetworkConfig): Supernet => {
  const { channels, cellsPerStage, imageChannels, size, classes } = config
  if (size.some(extent => extent % 4 !== 0))
    return fail(
      'supernet',
      'images whose height and width are multiples of 4 (two reductions halve them)',
      size.join('x'),
      'crop or pad the images'
    )
  const stem = chain(conv('stem.0', imageChannels, channels, 3), norm('stem.1', channels, true))
  const kinds = Array.from({ length: STAGES }, (_, stage) => [
    ...(stage > 0 ? [{ stage, reduction: true }] : []),
    ...Array.from({ length: cellsPerStage }, () => ({ stage, reduction: false }))
  ]).flat()
  const blocks = kinds.map(({ stage, reduction }, i): Block => {
    const [name, width] = [`cells.${i}`, channels * 2 ** stage]
    if (reduction) return { name, kind: 'fixed', layer: residualBlock(name, width / 2, width) }
    const operations = space.edges.map(([to, from]) =>
      space.operations.map((operation, o) => OPERATIONS[operation]?.(`${name}.edges.${to}<-${from}.${o}`, width, false))
    )
    return { name, kind: 'cell', operations }
  })
  const width = channels * 2 ** (STAGES - 1)
  const last = chain(norm('lastact.0', width, true), relu, simple(globalAvgPool))
  const classifier: readonly Parameter[] = [
    { name: 'classifier.weight', shape: [classes, width], start: { kind: 'uniform', fanIn: width } },
    { name: 'classifier.bias', shape: [classes], start: { kind: 'uniform', fanIn: width } }
  ]
  const layers = [stem, ...blocks.flatMap(layersOf), last]
  const cells = blocks.filter(({ kind }) => kind === 'cell').map(({ name }) => name)
  return {
    space,
    config,
    cells,
    parameters: [...layers.flatMap(layer => layer.parameters), ...classifier],
    norms: layers.flatMap(layer => layer.norms),
    logits: (context, mixtures, images) => {
      const body = blocks.reduce<Output>(
        (before, block) => {
          const after =
            block.kind === 'fixed'
              ? block.layer.apply(context, before.y)
              : applyCell(context, space, block.operations, mixtures[cells.indexOf(block.name)] as Tensor, before.y)
          return { y: after.y, moments: mergeAll([before, after]) }
        },
        stem.apply(context, images)
      )
      const pooled = last.apply(context, body.y)
      return {
        y: linear(pooled.y, weightOf(context, 'classifier.weight'), weightOf(context, 'classifier.bias')),
        moments: mergeAll([body, pooled])
      }
    }
  }
}
