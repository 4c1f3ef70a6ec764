/** The exercises of chapter 10: `npm run exercise -- 10` runs their tests. Solutions are in docs/course/solutions. */
import type { Tensor } from 'lambda-darts/autodiff'
import { todo } from './todo.js'

/** 10.1: the mean cosine over all pairs of vectors f32[n], by its definition: operations of `$` alone. */
export const pairwise: (vectors: readonly Tensor[]) => Tensor = () => todo('10.1')

/**
 * 10.2: the step with the smallest error of a central difference, where Taylor leaves out epsilon^2 third / 6 and
 * rounding leaves rounding / epsilon.
 */
export const bestStep: (rounding: number, third: number) => number = () => todo('10.2')

/** 10.3: the derivative of grad(f) at x along v, exactly: a tensor like x. */
export const directional: (f: (x: Tensor) => Tensor, x: Tensor, v: Tensor) => Tensor = () => todo('10.3')
