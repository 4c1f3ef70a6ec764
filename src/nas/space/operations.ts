/** The operations that an edge may hold, by the papers' names. To add one is to add a block to `OPERATIONS`. */
import * as $ from '../../autodiff/ops/index.js'
import {
  activation,
  chain,
  conv,
  factorizedReduce,
  identity,
  type Layer,
  noise,
  norm,
  reluConvNorm,
  simple
} from './layers.js'

/** Where an operation is built. */
export interface Site {
  /** Its path in the network: parameters and batch norms are named after it. */
  readonly name: string
  /** Channels in and out. */
  readonly channels: number
  /** 1, or 2 where the edge halves the image. */
  readonly stride: number
  /** Height and width of the image that comes in. */
  readonly size: readonly [number, number]
  /**
   * Whether batch norms have a scale and a shift: in derived networks they do, in the cells of a supernet they do not.
   */
  readonly affine: boolean
  /**
   * Whether a batch norm follows a pool: in the supernets of S1 to S5, so that the terms of a mixture are of one size.
   */
  readonly normAfterPool: boolean
}

/** `undefined` contributes nothing: the operation `none`. */
export type Operation = (site: Site) => Layer | undefined

/** Activation, depthwise convolution, 1x1 convolution, batch norm: the n-th module of `op` and those after it. */
const separable = (
  { name, channels, affine }: Site,
  n: number,
  kernel: number,
  options: { readonly stride?: number; readonly dilation?: number }
): Layer =>
  chain(
    activation,
    conv(`${name}.op.${n}`, channels, channels, kernel, { ...options, groups: channels }),
    conv(`${name}.op.${n + 1}`, channels, channels, 1),
    norm(`${name}.op.${n + 2}`, channels, affine)
  )

/** A separable convolution is two in a row, the second at stride 1. */
const sepConv =
  (kernel: number): Operation =>
  site =>
    chain(separable(site, 1, kernel, { stride: site.stride }), separable(site, 5, kernel, {}))

const dilConv =
  (kernel: number): Operation =>
  site =>
    separable(site, 1, kernel, { stride: site.stride, dilation: 2 })

/** Padding is minus infinity for a maximum, and is not counted by an average. */
const pool =
  (kind: typeof $.maxPool2d): Operation =>
  ({ name, channels, stride, normAfterPool, affine }) => {
    const pooled = simple(x => kind(x, { kernel: 3, stride, padding: 1 }))
    return normAfterPool ? chain(pooled, norm(`${name}.1`, channels, affine)) : pooled
  }

const norConv =
  (kernel: number): Operation =>
  ({ name, channels, stride, affine }) =>
    reluConvNorm(name, channels, channels, kernel, stride, affine)

/** The candidate operations by the names of the papers: a site of an edge becomes a layer, or nothing. */
export const OPERATIONS: Readonly<Record<string, Operation>> = {
  none: () => undefined,
  noise: ({ name, channels, stride, size: [height, width] }) =>
    noise(name, [channels, Math.ceil(height / stride), Math.ceil(width / stride)]),
  skip_connect: ({ name, channels, stride, affine }) =>
    stride === 1 ? identity : factorizedReduce(name, channels, channels, affine),
  max_pool_3x3: pool($.maxPool2d),
  avg_pool_3x3: pool($.avgPool2d),
  sep_conv_3x3: sepConv(3),
  sep_conv_5x5: sepConv(5),
  sep_conv_7x7: sepConv(7),
  dil_conv_3x3: dilConv(3),
  dil_conv_5x5: dilConv(5),
  conv_7x1_1x7: ({ name, channels, stride, affine }) =>
    chain(
      activation,
      conv(`${name}.1`, channels, channels, [1, 7], { stride: [1, stride] }),
      conv(`${name}.2`, channels, channels, [7, 1], { stride: [stride, 1] }),
      norm(`${name}.3`, channels, affine)
    ),
  nor_conv_1x1: norConv(1),
  nor_conv_3x3: norConv(3)
}

/** An operation without weights of its own, where it does not halve the image: a skip, a pool, none. */
export const isParameterFree = (name: string): boolean => {
  const layer = OPERATIONS[name]?.({
    name,
    channels: 1,
    stride: 1,
    size: [4, 4],
    affine: false,
    normAfterPool: false
  })
  return (layer?.parameters.length ?? 0) === 0
}
