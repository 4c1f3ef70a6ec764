/** Matrix products, for the variants of all adapters: what a call says, and the call of a shader by tiles. */
import { stretch } from '../regions.js'
import type { Call } from '../spec.js'
import { chain } from './chain.js'
import { sumOfParts } from './folds.js'
import { dispatchable, type NewSlot } from './variant.js'

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

/** Terms that a product adds up in one chain. */
const LONGEST = 1024

interface Product extends ReturnType<typeof productOf> {
  readonly batch: number
}

/** The product by a shader of which a workgroup takes so many rows and columns. */
const tiledCall = (
  call: Call,
  { offsets, x, y, m, n, k, batch }: Product,
  shader: string,
  constants: Readonly<Record<string, number>>,
  [rows, columns]: readonly [number, number]
): Call => ({
  ...call,
  shader,
  constants,
  params: [...offsets, ...x, ...y, m, n, k, 0],
  stores: [stretch(offsets[2] as number, batch * m * n)],
  workgroups: [Math.ceil(n / columns), Math.ceil(m / rows), batch],
  flops: 2 * batch * m * n * k
})

/**
 * The same, where the depth is long in parts of it, [parts][batch][m][n], and the fold that adds them. The parts of a
 * single product are a batch: their operands lie one length of the depth apart.
 */
export const tiled = (
  call: Call,
  newSlot: NewSlot,
  shader: string,
  constants: Readonly<Record<string, number>>,
  tile: readonly [number, number]
): readonly Call[] | undefined => {
  const product = productOf(call)
  const { offsets, x, y, count, m, n, k } = product
  const batch = count / (m * n)
  const { length, parts } = chain(k, LONGEST, count)
  if (parts === 1) return dispatchable([tiledCall(call, { ...product, batch }, shader, constants, tile)])
  const partial = newSlot({ dtype: 'f32', shape: [parts, count] })
  const [alongX, alongY] = [x[2] as number, y[1] as number]
  const full = Math.floor(k / length)
  /** From part `first` on, `of` parts of `depth` each. */
  const partOf = (first: number, of: number, depth: number): Call => {
    const start = first * length
    const at = [(offsets[0] as number) + start * alongX, (offsets[1] as number) + start * alongY, first * count, 0]
    const strides =
      of > 1 ? { x: [length * alongX, x[1], x[2]], y: [length * alongY, y[1], y[2]], batch: of } : { x, y, batch }
    const one = {
      ...product,
      ...strides,
      x: [...strides.x.slice(0, 3), 0] as number[],
      y: [...strides.y.slice(0, 3), 0] as number[]
    }
    return tiledCall({ ...call, write: partial }, { ...one, offsets: at, k: depth }, shader, constants, tile)
  }
  const whole = batch === 1 ? [partOf(0, full, length)] : Array.from({ length: full }, (_, i) => partOf(i, 1, length))
  const rest = full < parts ? [partOf(full, 1, k - full * length)] : []
  return dispatchable([
    ...whole,
    ...rest,
    sumOfParts(call, { partial, parts, outputs: count, start: offsets[2] as number })
  ])
}
