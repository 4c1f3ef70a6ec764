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
export { gradientFailure } from './gradients.js'
export { type RunOptions, run } from './run.js'
export { type Read, read, release, type Storing, scope, store } from './store.js'
export {
  type HostArray,
  isAval,
  isHostArray,
  isStored,
  type Stored,
  type StoredArguments,
  type StoredTensor
} from './values.js'
