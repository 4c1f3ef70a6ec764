/** Solutions of the exercises of chapter 4. */
import { $, grad, hvp, type Tensor } from 'lambda-darts'

type Scalar = (x: Tensor) => Tensor

export const derivative = (f: Scalar, n: number): Scalar => (n === 0 ? f : grad(derivative(f, n - 1)))

/** H[i][i] is entry i of H times the i-th unit vector. */
export const trace = (f: Scalar, x: Tensor): Tensor => {
  const n = x.shape[0] as number
  const units = Array.from({ length: n }, (_, i) => $.tensor(Array.from({ length: n }, (_, k) => (k === i ? 1 : 0))))
  return units.map(unit => $.sum($.mul(unit, hvp(f, x, unit)))).reduce((sum, entry) => $.add(sum, entry))
}

/** d/dx <∇f, ∇f> / 2 = H ∇f, by the product rule, since H is symmetric. */
export const gradientPenaltySlope = (f: Scalar, x: Tensor): Tensor => hvp(f, x, grad(f)(x))

/** Each `grad` has a variable of its own; x and y may be the same tensor. */
export const mixed = (f: (x: Tensor, y: Tensor) => Tensor, x: Tensor, y: Tensor, v: Tensor): Tensor =>
  grad((a: Tensor) => $.sum($.mul(v, grad((b: Tensor) => f(a, b))(y))))(x)
