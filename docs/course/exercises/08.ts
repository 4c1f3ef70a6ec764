/** The exercises of chapter 8: `npm run exercise -- 8` runs their tests. Solutions are in docs/course/solutions. */
import type { Tensor } from 'lambda-darts/autodiff'
import { todo } from './todo.js'

/** A tree of weights. */
export type Weights = Readonly<Record<string, Tensor>>

/** 8.1: the columns of x f32[B,C], each less its mean, divided by the root of its variance (over B) plus 1e-5. */
export const normalised: (x: Tensor) => Tensor = () => todo('8.1')

/** 8.2: sums b <- 0.9 b + g, weights w <- w - rate (g + 0.9 b) with the new b. */
export const nesterov: (
  w: Weights,
  g: Weights,
  b: Weights,
  rate: number
) => { readonly weights: Weights; readonly sums: Weights } = () => todo('8.2')

/** 8.3: how far running statistics are from 1 that start at 0 and see 1 in each of so many steps. */
export const drift: (momentum: number, steps: number) => number = () => todo('8.3')

/** 8.4: the tree, multiplied so that the norm of all its numbers is at most the limit. */
export const clipped: (g: Weights, limit: number) => Weights = () => todo('8.4')
