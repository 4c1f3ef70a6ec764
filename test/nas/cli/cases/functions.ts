/** What `lambda-darts gradcheck` is given in its tests. */
import * as $ from '../../../../src/autodiff/ops/index.js'
import type { Tensor } from '../../../../src/autodiff/tensor.js'

export const cube = { f: (x: Tensor) => $.mul(x, $.mul(x, x)), args: [[0.5, 1, 2]] }

/** Its derivative is wrong where x is above 2. */
const late = $.customVjp(
  x => $.mul(x, x),
  (g, [x]) => [$.mul(g, $.where($.greater(x as Tensor, 2), 1, $.mul(x as Tensor, 2)))]
)
export const wrong = {
  f: (weights: { readonly w: Tensor }, x: Tensor) => ({ y: $.mul(weights.w, late(x)) }),
  args: [{ w: 1.5 }, Float32Array.of(1.25, 2.5)]
}

export const kinked = { f: (x: Tensor) => $.relu(x), args: [$.tensor(0)] }

export const options = { f: (x: Tensor) => $.mul(x, x), args: [3], options: { order: 3 } }

export const notACase = 3
