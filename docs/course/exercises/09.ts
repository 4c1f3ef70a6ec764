/** The exercises of chapter 9: `npm run exercise -- 9` runs their tests. Solutions are in docs/course/solutions. */
import type { Tensor } from 'lambda-darts/autodiff'
import { todo } from './todo.js'

/** 9.1: how decided an edge is: the largest part of softmax(row) minus the second largest. */
export const margin: (row: readonly number[]) => number = () => todo('9.1')

/**
 * 9.2: dL/dalpha f32[edges, operations], from alpha and the gradients dL/dp of the cells, by the derivative of softmax
 * written out: no `grad`. With s = the sum of the cells' gradients and p = softmax of a row it is p (s - p . s).
 */
export const alphaGradient: (alpha: Tensor, gradients: readonly Tensor[]) => Tensor = () => todo('9.2')

/** An edge of a cell of NAS-Bench-201. */
export interface Edge {
  readonly from: number
  readonly to: number
  readonly operation: string
}

/** 9.3: the largest number of convolutions on any way from state 0 to state 3; -1 where `none` cuts all ways. */
export const deepest: (cell: readonly Edge[]) => number = () => todo('9.3')
