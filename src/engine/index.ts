/**
 * Where the two halves meet: `compile` turns a function of tensors into a program, `run` executes it on stored tensors. All effects are
 * values of type `Engine<A>`; nothing happens until one is given its environment. `openGpu` gives the same as promises.
 */
export { type AdapterInfo, type Device, listAdapters, openDevice } from '../kernels/device.js'
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
export { type RunOptions, run } from './run.js'
export { EngineFailure, openGpu, openReference, type Session, type Step } from './session.js'
export { read, release, scope } from './store.js'
export {
  type Given,
  type GivenArguments,
  type HostArray,
  isAval,
  isHostArray,
  isStored,
  type Read,
  type Storable,
  type Stored,
  type StoredArguments,
  type StoredTensor,
  type Storing,
  type Value
} from './values.js'
