/** Search spaces as data: the operations of an edge, in the order of alpha's columns, and the edges of a cell, in the order of its rows. */
import { avgPool2d } from '../autodiff/ops/index.js'
import { identity, type Layer, reluConvNorm, simple } from './layers.js'

export interface Space {
  readonly name: string
  /** Names of `OPERATIONS`. */
  readonly operations: readonly string[]
  /** Nodes of a cell; node 0 is its input, the last one its output. */
  readonly nodes: number
  /** `[to, from]` of each edge. */
  readonly edges: readonly (readonly [number, number])[]
}

/**
 * NAS-Bench-201 (Dong & Yang, ICLR 2020): four nodes, six edges, five operations.
 */
export const nb201: Space = {
  name: 'nb201',
  operations: ['none', 'skip_connect', 'nor_conv_1x1', 'nor_conv_3x3', 'avg_pool_3x3'],
  nodes: 4,
  edges: [
    [1, 0],
    [2, 0],
    [2, 1],
    [3, 0],
    [3, 1],
    [3, 2]
  ]
}

/** How an operation is built: its name's prefix, its channels, whether its batch norms have parameters (in derived networks they do). */
type Operation = (name: string, channels: number, affine: boolean) => Layer | undefined

/** Operations by the papers' names; to add one is to add a line. `undefined` contributes nothing: the operation `none`. */
export const OPERATIONS: Readonly<Record<string, Operation>> = {
  none: () => undefined,
  skip_connect: () => identity,
  nor_conv_1x1: (name, channels, affine) => reluConvNorm(name, channels, channels, 1, 1, affine),
  nor_conv_3x3: (name, channels, affine) => reluConvNorm(name, channels, channels, 3, 1, affine),
  avg_pool_3x3: () => simple(x => avgPool2d(x, { kernel: 3, stride: 1, padding: 1 }))
}
