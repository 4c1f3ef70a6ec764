/**
 * The network of a genotype: the skeleton of its space, with the chosen operations in the place of mixtures; and its
 * size.
 */

import { topological } from '../../autodiff/graph.js'
import { input } from '../../autodiff/leaves.js'
import { fail, type Shape, sizeOf } from '../../autodiff/shape.js'
import type { Tensor } from '../../autodiff/tensor.js'
import type { LayerContext, LayerNeeds } from '../space/layers.js'
import { type CellType, nb201, SPACES, type Space } from '../space/space.js'
import {
  type NetworkConfig,
  type NetworkOutput,
  networkOf,
  type SingleCell,
  type Style,
  singleCell
} from '../space/supernet.js'
import type { ConcatCell, Genotype } from './genotype.js'

/** A network of chosen operations: the logits f32[B,classes] of images f32[B,C,H,W]. */
export interface DerivedNetwork extends LayerNeeds {
  readonly genotype: Genotype
  readonly config: NetworkConfig
  logits(context: LayerContext, images: Tensor): NetworkOutput
}

/** A cell with an edge for each choice, in the order of the genotype. */
const cellOf = (inputs: number, { nodes, concat }: ConcatCell): CellType => ({
  inputs,
  nodes: nodes.length,
  concat,
  edges: nodes.flatMap((node, i) =>
    node.map(({ operation, from }) => ({ from, to: inputs + i, operations: [operation] }))
  )
})

/** The genotype as a space with one operation an edge. No batch norm follows a pool. */
const spaceOf = (genotype: Genotype, { name, skeleton }: Space): Space => ({
  name,
  skeleton,
  cells:
    genotype.family === 'nb201'
      ? { alpha: cellOf(1, { nodes: genotype.nodes, concat: [genotype.nodes.length] }) }
      : { normal: cellOf(2, genotype.normal), reduce: cellOf(2, genotype.reduce) },
  normAfterPool: false
})

/** The space whose skeleton the networks of a family have. */
export const FAMILIES: Readonly<Record<Genotype['family'], Space>> = { nb201, darts: SPACES.s5 }

/** All batch norms have a scale and a shift; the paths are those of the official modules. */
const STYLES: Readonly<Record<Genotype['family'], Style>> = {
  nb201: { network: 'derived network', affine: true, pathOf: (_, e) => `layers.${e}` },
  darts: { network: 'derived network', affine: true, pathOf: (_, e) => `_ops.${e}` }
}

/**
 * The network of a genotype. DARTS: each node adds its two operations; `layers` are all cells, of which those at L/3
 * and 2L/3 reduce. NAS-Bench-201: `layers` cells in each of three stages. A space of one's own gives its skeleton.
 * Throws a ShapeError for too few layers, or images that cannot be halved.
 * @example
 * const config = { channels: 36, layers: 20, imageChannels: 3, size: [32, 32], classes: 10 } as const
 * derivedNetwork(PUBLISHED.lambdadarts_corr_0, config)
 */
export const derivedNetwork = (
  genotype: Genotype,
  config: NetworkConfig,
  space: Space = FAMILIES[genotype.family]
): DerivedNetwork => {
  const { parameters, norms, noises, branches, logits } = networkOf(
    spaceOf(genotype, space),
    STYLES[genotype.family],
    config
  )
  return {
    genotype,
    config,
    parameters,
    norms,
    noises,
    branches,
    logits: (context, images) => logits(context, [], images)
  }
}

/** The cell of a genotype by itself: the chosen operations of a kind. */
export const derivedCell = (
  genotype: Genotype,
  type: string,
  size: { readonly batch: number; readonly channels: number; readonly size: number }
): SingleCell => singleCell(spaceOf(genotype, FAMILIES[genotype.family]), type, STYLES[genotype.family], size)

/** Trainable numbers of a network, and multiply-adds of convolutions and linear layers for one image. */
export interface NetworkSize {
  readonly parameters: number
  readonly multiplyAdds: number
}

const COUNTED: readonly string[] = ['conv2d', 'matmul']

/** Counted on the expression of one image's logits: what the network computes, not what a formula says of it. */
export const sizeOfNetwork = ({ parameters, norms, noises, config, logits }: DerivedNetwork): NetworkSize => {
  const f32 = (name: string, shape: Shape): Tensor => input({ shape, dtype: 'f32' }, name)
  const context: LayerContext = {
    weights: Object.fromEntries(parameters.map(({ name, shape }) => [name, f32(name, shape)])),
    running: Object.fromEntries(
      norms.map(({ name, channels }) => [
        name,
        { mean: f32(`${name}.running_mean`, [channels]), variance: f32(`${name}.running_var`, [channels]) }
      ])
    ),
    noise: Object.fromEntries(noises.map(({ name, shape }) => [name, f32(name, [1, ...shape])]))
  }
  const { y } = logits(context, f32('images', [1, config.imageChannels, ...config.size]))
  const operations = topological([y]).reduce(
    (total, node) =>
      COUNTED.includes(node.primitive.name)
        ? total + (node.primitive.flops?.(node.inputs, node.attributes, node) ?? 0)
        : total,
    0
  )
  const size = {
    parameters: parameters.reduce((total, { shape }) => total + sizeOf(shape), 0),
    multiplyAdds: operations / 2
  }
  return Object.values(size).every(Number.isSafeInteger)
    ? size
    : fail(
        'derived network',
        'counts below 2^53, which are exact',
        Object.values(size).join(' and '),
        'choose a smaller network'
      )
}
