/** Matrix products, for software adapters. */
import { FEW, productOf, tiled } from './product.js'
import type { Variant, Variants } from './variant.js'

/** Rows of a subgroup of the shuffling shaders, and single columns of a lane of `matmul_shuffle_any`. */
const ROWS = 16
const COLUMNS = 2

/** `matmul_shuffle`, on y as it is or transposed. */
const shuffle4: Variant = (call, { subgroupSize: size }, newSlot) => {
  const { offsets, y, count, n, k } = productOf(call)
  const [batch, row, column] = y as [number, number, number]
  const transposed = row === 1 && column !== 1
  const aligned = [offsets[1] as number, offsets[2] as number, batch, transposed ? column : row].every(
    stride => stride % 4 === 0
  )
  if (count * k < FEW || n % 4 !== 0 || !aligned || (transposed ? k % 4 !== 0 : column !== 1)) return undefined
  return tiled(call, newSlot, 'matmul_shuffle', { TRANSPOSED: Number(transposed), S: size }, [ROWS, 4 * size])
}

/** `matmul_shuffle_any`. */
const shuffleAny: Variant = (call, { subgroupSize: size }, newSlot) => {
  const { count, k } = productOf(call)
  return count * k < FEW ? undefined : tiled(call, newSlot, 'matmul_shuffle_any', { S: size }, [ROWS, COLUMNS * size])
}

export const matmuls: Variants = { matmul: [shuffle4, shuffleAny] }
