/** Functions that do not take their arguments. */
import * as $ from '../../../../src/autodiff/ops/index.js'
import type { Tensor } from '../../../../src/autodiff/tensor.js'

export const misshapen = { f: (x: Tensor) => $.add(x, $.tensor([1, 2])), args: [$.tensor([1, 2, 3])] }

export const throwing = {
  f: (x: Tensor) => {
    if (x.shape.length < 9) throw new TypeError('nine axes are needed.')
    return x
  },
  args: [$.tensor(1)]
}
