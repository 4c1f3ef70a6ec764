/** Matrix products, for software adapters; and what those for GPUs share with them. */
import type { Call } from '../spec.js'
import { dispatchable, type Variant, type Variants } from './variant.js'

/** The uniform of `matmul.wgsl`. Strides are of batch, row, column. */
export const productOf = ({ params }: Call) => ({
  offsets: params.slice(0, 4),
  x: params.slice(4, 8),
  y: params.slice(8, 12),
  count: params[12] as number,
  m: params[13] as number,
  n: params[14] as number,
  k: params[15] as number
})

/** Rows of a subgroup of the shuffling shaders, and single columns of a lane of `matmul_shuffle_any`. */
const ROWS = 16
const COLUMNS = 2
/** Of smaller products that run once in a step, the compile costs more than they do. In multiply-adds. */
export const FEW = 2 ** 16

/** The product by a shader of which a workgroup takes so many rows and columns. */
export const tiled = (
  call: Call,
  shader: string,
  constants: Readonly<Record<string, number>>,
  [rows, columns]: readonly [number, number]
): readonly Call[] | undefined => {
  const { offsets, x, y, count, m, n, k } = productOf(call)
  return dispatchable([
    {
      ...call,
      shader,
      constants,
      params: [...offsets, ...x, ...y, m, n, k, 0],
      workgroups: [Math.ceil(n / columns), Math.ceil(m / rows), count / (m * n)]
    }
  ])
}

/** `matmul_shuffle`, on y as it is or transposed. */
const shuffle4: Variant = (call, { subgroupSize: size }) => {
  const { offsets, y, count, n, k } = productOf(call)
  const [batch, row, column] = y as [number, number, number]
  const transposed = row === 1 && column !== 1
  const aligned = [offsets[1] as number, offsets[2] as number, batch, transposed ? column : row].every(stride => stride % 4 === 0)
  if (count * k < FEW || n % 4 !== 0 || !aligned || (transposed ? k % 4 !== 0 : column !== 1)) return undefined
  return tiled(call, 'matmul_shuffle', { TRANSPOSED: Number(transposed), S: size }, [ROWS, 4 * size])
}

/** `matmul_shuffle_any`. */
const shuffleAny: Variant = (call, { subgroupSize: size }) => {
  const { count, k } = productOf(call)
  return count * k < FEW ? undefined : tiled(call, 'matmul_shuffle_any', { S: size }, [ROWS, COLUMNS * size])
}

export const matmuls: Variants = { matmul: [shuffle4, shuffleAny] }
