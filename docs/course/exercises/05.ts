/** The exercises of chapter 5: `npm run exercise -- 5` runs their tests. Solutions are in docs/course/solutions. */
import type { Tensor } from 'lambda-darts'
import { todo } from './todo.js'

/** 5.1: the derivative of f at x from f at x + h, x - h, x + 2h and x - 2h, with an error of h^4. */
export const quotient: (f: (x: number) => number, x: number, h: number) => number = () => todo('5.1')

/** 5.2: the step at which h^2 |third| / 6 + u |value| / h is smallest, both above 0. */
export const bestStep: (u: number, value: number, third: number) => number = () => todo('5.2')

/** 5.3: an argument, f32[N], at which the rule of `product` in 05.test.ts is found to be wrong. */
export const findsProduct: () => Tensor = () => todo('5.3')

/** 5.3: the same for `limited`. */
export const findsLimited: () => Tensor = () => todo('5.3')

/** 5.3: the same for `average`. */
export const findsAverage: () => Tensor = () => todo('5.3')
