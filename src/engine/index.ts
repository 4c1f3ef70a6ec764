/**
 * Where the two halves meet: `compile` turns a function of tensors into a program, `run` executes it on stored tensors.
 * All effects are values of type `Engine<A>`; nothing happens until one is given its environment. `openGpu` gives the
 * same as promises.
 */

export type { LowerOptions } from '../autodiff/lowering/lower.js'
export type { DeviceBuffer } from '../kernels/buffers.js'
export {
  type AdapterInfo,
  type Device,
  EXACT_TIMESTAMPS,
  type Limits,
  listAdapters,
  openDevice
} from '../kernels/device.js'
export type { KernelError } from '../kernels/errors.js'
export type { GPU, GPUBuffer, GPUDevice, Instance } from '../kernels/platform/webgpu.js'
export type { Call, Computes, Data, DataOf, DType, Program, Region, Slot } from '../kernels/spec.js'
export {
  type Compiled,
  callsTogether,
  compile,
  dispose,
  lowered,
  loweringFor,
  type Report
} from './compile.js'
export { type Backend, type CompileOptions, type Engine, type EngineError, type Env, fold } from './effect.js'
export { firstNonFinite } from './finite.js'
export { avalsOf, runOn, store } from './given.js'
export { constantsOf, gradientFailure } from './gradients.js'
export {
  type FunctionPart,
  type KernelProfile,
  type NoProfile,
  type PartTime,
  type Profile,
  partsByNode,
  profileKernels,
  profileOf,
  REST
} from './profile.js'
export { type RunOptions, run } from './run.js'
export {
  EngineFailure,
  type Examples,
  openGpu,
  openReference,
  type Session,
  type Step,
  type Traced
} from './session.js'
export { read, release, scope } from './store.js'
export {
  type Given,
  type GivenArguments,
  type HostArray,
  isAval,
  isHostArray,
  isStored,
  type NoTree,
  type Read,
  type Storable,
  type Stored,
  type StoredArguments,
  type StoredTensor,
  type Storing,
  type TreeOf,
  type Value
} from './values.js'
