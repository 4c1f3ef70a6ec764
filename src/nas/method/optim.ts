/** The step of the weights, as the options of searches and trainings name it, whatever else these hold. */
import { sgd } from '../../autodiff/optim.js'
import type { Tensor } from '../../autodiff/tensor.js'
import type { Tree } from '../../autodiff/tree.js'

/** The constants of a step of SGD. */
export interface SgdStepOptions {
  readonly momentum: number
  /** Coupled: added to the gradient, after clipping. */
  readonly weightDecay: number
  /** Default: false. */
  readonly nesterov?: boolean
}

/** SGD from a momentum that is there from the first step on, at a rate of its own. */
export const sgdStep = <T extends Tree>(
  { momentum, weightDecay, nesterov = false }: SgdStepOptions,
  rate: Tensor,
  gradient: T,
  buffer: T,
  values: T
): { readonly values: T; readonly buffer: T } => {
  const { weights, state } = sgd({ momentum, weightDecay, nesterov }).update(gradient, { buffer }, values, rate)
  return { values: weights, buffer: state.buffer as T }
}
