/** Exercises of chapter 4. `npm run exercise -- 4` runs their tests. */
import type { Tensor } from 'lambda-darts'
import { todo } from './todo.js'

type Scalar = (x: Tensor) => Tensor

/** 4.1: the nth derivative of a function of one number. */
export const derivative: (f: Scalar, n: number) => Scalar = () => todo('4.1')

/** 4.2: the sum of the diagonal of the Hessian of f at the vector x, without the Hessian. */
export const trace: (f: Scalar, x: Tensor) => Tensor = () => todo('4.2')

/** 4.3: the derivative in x of half the squared length of the gradient of f, by one product with the Hessian. */
export const gradientPenaltySlope: (f: Scalar, x: Tensor) => Tensor = () => todo('4.3')

/** 4.4: d/dx <df/dy, v> of a scalar f at the vectors x and y, for a vector v like y. */
export const mixed: (f: (x: Tensor, y: Tensor) => Tensor, x: Tensor, y: Tensor, v: Tensor) => Tensor = () => todo('4.4')
