/** Pooling windows by rows of vec4. */
import type { Call } from '../spec.js'
import { dispatchable, greatestDivisor, launches, rowsFit, type Variant, type Variants } from './variant.js'

/** The uniform of the window shaders, by the names of `window_params.wgsl`. */
const windowsOf = ({ params }: Call) => {
  const at = (i: number) => params[i] as number
  const [count, height, width, rows, columns] = [at(4), at(5), at(6), at(8), at(9)]
  return {
    offsets: [at(0), at(1)] as const,
    count,
    height,
    width,
    rows,
    columns,
    kernel: at(10),
    stride: at(11),
    padding: at(12)
  }
}

/** Whole vec4s of windows over whole vec4s of pixels. `side` is where the result is. */
const row4 =
  (shader: string, side: 'windows' | 'image'): Variant =>
  (call, { subgroupSize: size }) => {
    const { offsets, count, height, width, rows, columns, kernel, stride, padding } = windowsOf(call)
    const fits =
      rowsFit(columns, size) &&
      stride <= 2 &&
      width === stride * columns &&
      kernel <= 5 &&
      padding <= 4 &&
      offsets.every(offset => offset % 4 === 0)
    if (!fits) return undefined
    const planes = count / (side === 'windows' ? rows * columns : height * width)
    const walks = (planes * columns) / 4
    const workgroup = walks % size === 0 ? greatestDivisor(walks, size, 64) : size
    return dispatchable([
      {
        ...call,
        shader,
        constants: {
          KERNEL: kernel,
          STRIDE: stride,
          PADDING: padding,
          H: height,
          ROWS: rows,
          J4: columns / 4,
          S: size,
          SIZE: workgroup
        },
        params: [...offsets, planes, 0],
        workgroups: [Math.ceil(walks / workgroup), 1, 1]
      }
    ])
  }

/** `window_gather4`. */
const gather4: Variant = (call, facts) => {
  const { offsets, count, rows, columns } = windowsOf(call)
  if ((rows * columns) % 4 !== 0 || offsets[1] % 4 !== 0) return undefined
  return [{ ...call, shader: 'window_gather4', workgroups: [launches(count / 4, facts), 1, 1] }]
}

/** For every adapter. */
export const gathers: Variants = { window_gather: [gather4] }

/**
 * For software adapters. A GPU runs the plain ones: neighbouring invocations load neighbouring pixels, and its cache
 * serves the overlap.
 */
export const windows: Variants = {
  window_argmax: [row4('window_argmax_row4', 'windows')],
  window_scatter: [row4('window_scatter_row4', 'image')],
  window_sum: [row4('window_sum_row4', 'windows')],
  window_spread: [row4('window_spread_row4', 'image')]
}
