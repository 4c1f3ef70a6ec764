/** Matrix products, for the variants of all adapters: what a call says, and the call of a shader by tiles. */
import type { Call } from '../spec.js'
import { dispatchable } from './variant.js'

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
