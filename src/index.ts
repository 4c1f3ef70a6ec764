/**
 * The public names of lambda-darts: tensors and their derivatives, the engine that runs them, the search, and the training of what it finds.
 *
 * @example
 * import { $, evaluate, grad, type Tensor } from 'lambda-darts'
 * evaluate(grad((x: Tensor) => $.mul(x, $.tanh(x)))($.tensor(0.5))).data[0] // 0.8553...
 */
export * from './autodiff/index.js'
export {
  type Backend,
  type Compiled,
  type CompileOptions,
  compile,
  type Device,
  dispose,
  type Engine,
  type EngineError,
  EngineFailure,
  type Env,
  firstNonFinite,
  fold,
  type Given,
  type GivenArguments,
  type HostArray,
  listAdapters,
  lowered,
  openDevice,
  openGpu,
  openReference,
  type Read,
  type Report,
  type RunOptions,
  read,
  release,
  run,
  runOn,
  type Session,
  type Step,
  type Storable,
  type Stored,
  type StoredArguments,
  type StoredTensor,
  type Storing,
  scope,
  store,
  type Value
} from './engine/index.js'
export {
  type ArraysLike,
  type HostTree,
  loadSafetensors,
  saveSafetensors
} from './engine/weights.js'
export type { DecodeError } from './formats/error.js'
export { decodeSafetensors, encodeSafetensors, type FileTensor, type Safetensors } from './formats/safetensors.js'
export { stepOptions } from './nas/configuration/config.js'
export { OPTIONS, PRESETS, SearchConfig } from './nas/configuration/options.js'
export { type Augmentation, movesOf, NO_AUGMENTATION } from './nas/data/augment.js'
export {
  type Dataset,
  type Normalisation,
  normalisationOf,
  type Part,
  type Sources,
  splitBy,
  subset
} from './nas/data/dataset.js'
export { DATA_SETS, type DataSet, type Files } from './nas/data/datasets.js'
export { decodeDigits } from './nas/data/digits.js'
export { type Inspection, inspectionOf } from './nas/data/inspect.js'
export { type Diagnosis, diagnose } from './nas/diagnosis/diagnose.js'
export { hessianSpectrum, type Spectrum } from './nas/diagnosis/spectrum.js'
export type { InputError } from './nas/errors.js'
export {
  type BenchReport,
  type BenchScore,
  type BenchTable,
  canonicalForm,
  decodeBenchTable,
  scoreOf,
  wholeTable
} from './nas/genotypes/bench201.js'
export { type DerivedNetwork, derivedNetwork, type NetworkSize, sizeOfNetwork } from './nas/genotypes/derive.js'
export {
  type Cell,
  type ChosenEdge,
  type ConcatCell,
  cellsOf,
  formatGenotype,
  type Genotype,
  isConnected,
  operationCounts,
  parseGenotype
} from './nas/genotypes/genotype.js'
export { PUBLISHED } from './nas/genotypes/published.js'
export { type Batches, METRICS, type Rates, type State, type StepOptions, stepOf, tablesOf } from './nas/method/bilevel.js'
export {
  type Alpha,
  alphaGradientOf,
  type Batch,
  type BatchLoss,
  differenceRegulariser,
  directionOf,
  exactRegulariser,
  type Harmony,
  harmonyOf,
  lossOf,
  mixturesOf,
  passOf
} from './nas/method/harmony.js'
export { type Hypergradient, hypergradient, neumannSeries, unrolled } from './nas/method/hypergradient.js'
export { initialState } from './nas/method/initialise.js'
export { METHODS, type Method, type MethodName } from './nas/method/methods.js'
export { cosineRate, linearLambda } from './nas/method/schedule.js'
export {
  arraysOf,
  type Checkpoint,
  type Checkpoints,
  decodeCheckpoint,
  encodeCheckpoint,
  type Snapshot,
  tensorsOf
} from './nas/run/checkpoint.js'
export type { Event, SearchResult } from './nas/run/events.js'
export { goingOn, type SearchStart } from './nas/run/place.js'
export { search } from './nas/run/search.js'
export {
  drawGenotype,
  type EdgeRows,
  genotypeOf,
  largestOperations,
  mixtureRows,
  rowsOf,
  strongestEdges
} from './nas/selection/magnitude.js'
export { type Decision, type Masks, masksOf, type Projection, planOf } from './nas/selection/perturbation.js'
export { selectByPerturbation } from './nas/selection/selection.js'
export { OPERATIONS, type Operation, type Site } from './nas/space/operations.js'
export { type CellType, cellOf, type Edge, nb201, type Skeleton, SPACES, type Space } from './nas/space/space.js'
export { type NetworkConfig, noiseOf, type SearchedCell, type Supernet, supernet } from './nas/space/supernet.js'
export { bestOfDraws, holm, pairedT, summarise, wilcoxon } from './nas/statistics.js'
export { type PrepareSearchOptions, prepareSearch } from './nas/steps/prepare.js'
export type { SearchData } from './nas/steps/steps.js'
export { trainingNetwork, trainingStepOptions } from './nas/training/config.js'
export { prepareTraining, type TrainingData } from './nas/training/data.js'
export type { Evaluation } from './nas/training/evaluate.js'
export type { TrainingEpoch, TrainingEvent, TrainingObserver, TrainingResult } from './nas/training/events.js'
export { smoothedCrossEntropy } from './nas/training/loss.js'
export { decodeModel, encodeModel, type TrainedModel } from './nas/training/model.js'
export { configureTraining, TRAINING_OPTIONS, TRAINING_PRESETS, type TrainingConfig } from './nas/training/options.js'
export { type TrainingPlace, type TrainingStart, trainingGoingOn, trainingStart } from './nas/training/place.js'
export { type Likely, partOfBytes, predict } from './nas/training/predict.js'
export { type TrainingState, type TrainingStepOptions, trainingStep } from './nas/training/step.js'
export { train } from './nas/training/train.js'
