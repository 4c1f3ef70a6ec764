/** Exercises of chapter 3. `npm run exercise -- 3` runs their tests. */
import type { Tensor } from 'lambda-darts'
import { todo } from './todo.js'

/** 3.1: what x receives of y = log(1 + exp x), entry by entry. */
export const softplusRule: (g: Tensor, x: Tensor) => Tensor = () => todo('3.1')

/** 3.2: what a vector x receives of its rotation by one place, y = (x[n - 1], x[0], ..., x[n - 2]). */
export const rotationRule: (g: Tensor) => Tensor = () => todo('3.2')

/** 3.3: what the vectors a and b receive of Y[i][j] = a[i] b[j]. */
export const outerRule: (g: Tensor, a: Tensor, b: Tensor) => readonly [Tensor, Tensor] = () => todo('3.3')

/** 3.4: what a vector x receives of its length; zeros where x is zero. */
export const lengthRule: (g: Tensor, x: Tensor) => Tensor = () => todo('3.4')
