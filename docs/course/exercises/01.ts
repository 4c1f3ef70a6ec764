/** Exercises of chapter 1. `npm run exercise -- 1` runs their tests. */
import type { Value } from '../01-a-value-and-its-derivative.js'
import { todo } from './todo.js'

interface Step {
  readonly number: number
  readonly derivative: number
}

/** 1.1: for c = a x with a = x + y, at x = 3, y = 4: each number, and the derivative of c in it. With a pencil! */
export const pencil: () => { readonly [name in 'x' | 'y' | 'a' | 'c']: Step } = () => todo('1.1')

/** 1.2: the natural logarithm of a value. */
export const log: (x: Value) => Value = () => todo('1.2')

/** 1.2: a value to the power of a number. */
export const pow: (x: Value, exponent: number) => Value = () => todo('1.2')

/** 1.3: for a function with several results, a row of derivatives for each result, a column for each argument. */
export const jacobian: (f: (...xs: Value[]) => Value[]) => (...numbers: number[]) => number[][] = () => todo('1.3')

/**
 * 1.4: how many values are held at once, at most, if they are computed in the order of `ordered` and each is dropped
 * after its last use. The one that is being computed counts, and so do its inputs.
 */
export const peak: (output: Value) => number = () => todo('1.4')
