/** Convolutions and matrix products for GPUs: workgroup tiles and registers, whatever the subgroups. */
import { byParts, convolutionOf, filterGradParams, MOST_ROW, ofAnyExtents, PARTS } from './convolution.js'
import { FEW, productOf, tiled } from './product.js'
import { type Variant, type Variants, WORKGROUP } from './variant.js'

/** Columns, and values of the depth at a time, of `tile.wgsl`. */
const COLUMNS = 64
const DEPTH = 16

/** The lowest tile that holds so many rows, or the highest. */
const rowsFor = (rows: number): number => (rows > 32 ? 64 : rows > 16 ? 32 : 16)

/** Outputs of a group, or fewer, for which a tile would be mostly empty. */
const MOST_DIRECT = 4
/** `conv2d_direct`: pixels of a workgroup. */
const DIRECT_PIXELS = 256

/** `conv2d_tile`, or `conv2d_direct` where groups have few outputs. */
const convolution = (flip: boolean): Variant =>
  ofAnyExtents(flip, ({ groups, outputs, pixels }) => {
    const each = outputs / groups
    const rows = rowsFor(each)
    return each > MOST_DIRECT
      ? {
          shader: 'conv2d_tile',
          constants: { ROWS: rows },
          workgroups: [Math.ceil(pixels / COLUMNS), Math.ceil(each / rows), groups]
        }
      : { shader: 'conv2d_direct', constants: {}, workgroups: [Math.ceil(pixels / DIRECT_PIXELS), outputs, 1] }
  })

/** Workgroups that keep a GPU busy. */
const ENOUGH = 512

/**
 * `conv2d_filter_grad_tile`, or `conv2d_filter_grad_tree` where groups have few outputs, into partial sums, and a fold
 * that adds them.
 */
const filterGrad: Variant = (call, _, newSlot) => {
  const conv = convolutionOf(call)
  const { outputs, kernels, groups, perGroup } = conv
  const [k, l] = kernels
  const each = outputs / groups
  const few = each <= MOST_DIRECT
  if (few && l > MOST_ROW) return undefined
  const tile = rowsFor(each)
  const [x, y] = few
    ? [outputs * perGroup, k]
    : [Math.ceil((perGroup * k * l) / COLUMNS), groups * Math.ceil(each / tile)]
  return byParts(
    call,
    newSlot,
    outputs * perGroup * k * l,
    (images, parts) => ({
      shader: few ? 'conv2d_filter_grad_tree' : 'conv2d_filter_grad_tile',
      constants: few ? { L: l } : { ROWS: tile },
      params: filterGradParams(conv, images, few ? WORKGROUP : DEPTH),
      workgroups: [x, y, parts]
    }),
    { most: Math.max(few ? 1 : PARTS, Math.ceil(ENOUGH / (x * y))) }
  )
}

/** `matmul_tile`. */
const matmul: Variant = (call, _, newSlot) => {
  const { count, m, k } = productOf(call)
  const rows = rowsFor(m)
  return count * k < FEW ? undefined : tiled(call, newSlot, 'matmul_tile', { ROWS: rows }, [rows, COLUMNS])
}

export const tiles: Variants = {
  conv2d: [convolution(false)],
  conv2d_input_grad: [convolution(true)],
  conv2d_filter_grad: [filterGrad],
  matmul: [matmul]
}
