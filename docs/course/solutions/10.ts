/** Solutions of the exercises of chapter 10. */
import { $, grad, type Tensor } from 'lambda-darts/autodiff'

const dot = (x: Tensor, y: Tensor): Tensor => $.sum($.mul(x, y))

export const pairwise = (vectors: readonly Tensor[]): Tensor => {
  const cosines = vectors.flatMap((x, i) =>
    vectors.slice(i + 1).map(y => $.div(dot(x, y), $.sqrt($.mul(dot(x, x), dot(y, y)))))
  )
  return $.div(
    cosines.reduce((a, b) => $.add(a, b)),
    cosines.length
  )
}

export const bestStep = (rounding: number, third: number): number => Math.cbrt((3 * rounding) / third)

export const directional = (f: (x: Tensor) => Tensor, x: Tensor, v: Tensor): Tensor =>
  grad((x: Tensor) => dot(grad(f)(x), v))(x)
