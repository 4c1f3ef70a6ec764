/**
 * Tensors and their derivatives: all that is pure, without a device or a module of Node.
 *
 * @example
 * import { $, evaluate, grad } from 'lambda-darts/autodiff'
 * evaluate(grad(x => $.mul(x, $.tanh(x)))($.tensor(0.5))).data[0] // 0.8553...
 */
export { CheckError, type CheckOptions, checkGrads } from './check.js'
export type { ArgumentPlace, CheckedArgument, Finding, Place } from './checks/error.js'
export type { HeightWidth } from './convolution.js'
export {
  type GradOptions,
  grad,
  type HvpOptions,
  hessian,
  hvp,
  type Jacobian,
  jacobian,
  jacobianForward,
  jvp,
  mixedHvp,
  type Picked,
  type Pullback,
  type Unreached,
  UnreachedError,
  type ValueAuxAndGradient,
  valueAndGrad,
  valueAuxAndGrad,
  vjp
} from './grad.js'
export { countNodes, type Graph, showGraph } from './graph.js'
export * as initialisers from './initialisers.js'
export { type Compute, evaluate, interpret } from './interpret.js'
export type { Attributes, Kernel, MapKernel, ReduceKernel, RegionsKernel, ShaderKernel, ViewKernel } from './kernel.js'
export { type Choice, choicesOf, type Flips, flipsBetween, type Taken } from './kinks.js'
export { type NdArray, ndarray, type View } from './ndarray.js'
export * as nn from './nn.js'
export type { Backward } from './ops/custom.js'
export * as $ from './ops/index.js'
export type { ReducedAxes } from './ops/statistics.js'
export type { AdamOptions, AdamState, Schedule, SgdOptions, SgdState, Updated } from './optim.js'
export * as optim from './optim.js'
export { bind, pointwise, primitive } from './primitive.js'
export { scan } from './scan.js'
export { type Aval, ShapeError } from './shape.js'
export {
  type Batching,
  type Cotangents,
  isTensor,
  type Primitive,
  type Shape,
  type Tensor,
  type Vjp
} from './tensor.js'
export { leaves, mapTree, paths, type Tree, type WithLeaves, zipTrees } from './tree.js'
export { type Axes, type VmapOptions, vmap } from './vmap.js'
