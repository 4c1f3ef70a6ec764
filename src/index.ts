/**
 * The public names of lambda-darts: tensors and their derivatives, the engine that runs them, the search, and the
 * training of what it finds.
 *
 * @example
 * import { $, evaluate, grad } from 'lambda-darts'
 * evaluate(grad(x => $.mul(x, $.tanh(x)))($.tensor(0.5))).data[0] // 0.8553...
 */
export * from './autodiff/index.js'
export {
  type AdapterInfo,
  type Backend,
  type Call,
  type Compiled,
  type CompileOptions,
  type Computes,
  compile,
  type Data,
  type DataOf,
  type Device,
  type DeviceBuffer,
  type DType,
  dispose,
  type Engine,
  type EngineError,
  EngineFailure,
  type Env,
  type Examples,
  firstNonFinite,
  fold,
  type Given,
  type GivenArguments,
  type GPU,
  type GPUBuffer,
  type GPUDevice,
  type HostArray,
  type Instance,
  type KernelError,
  type Limits,
  type LowerOptions,
  listAdapters,
  lowered,
  type NoTree,
  openDevice,
  openGpu,
  openReference,
  type Program,
  type Read,
  type Region,
  type Report,
  type RunOptions,
  read,
  release,
  run,
  runOn,
  type Session,
  type Slot,
  type Step,
  type Storable,
  type Stored,
  type StoredArguments,
  type StoredTensor,
  type Storing,
  scope,
  store,
  type Traced,
  type TreeOf,
  type Value
} from './engine/index.js'
export {
  type ArraysLike,
  type HostTree,
  loadSafetensors,
  saveSafetensors
} from './engine/weights.js'
export type { DecodeError } from './formats/error.js'
export type { Scale } from './formats/pixels.js'
export {
  decodeSafetensors,
  encodeSafetensors,
  type FileTensor,
  type Safetensors,
  type TensorData
} from './formats/safetensors.js'
export { type ImageFacts, stepOptions } from './nas/configuration/config.js'
export { OPTIONS, PRESETS, SearchConfig, type SearchOption } from './nas/configuration/options.js'
export { type Augmentation, movesOf, NO_AUGMENTATION } from './nas/data/augment.js'
export type { PublishedData } from './nas/data/block.js'
export {
  type Dataset,
  type Move,
  type Normalisation,
  normalisationOf,
  type Part,
  type Sources,
  type SplitIndices,
  splitBy,
  subset
} from './nas/data/dataset.js'
export { DATA_SETS, type DataSet, type Files } from './nas/data/datasets.js'
export { decodeDigits } from './nas/data/digits.js'
export {
  type ChannelMoments,
  type ClassCount,
  type ImagePlace,
  type Inspection,
  inspectionOf
} from './nas/data/inspect.js'
export type { Eigenvalue } from './nas/diagnosis/curvature.js'
export { type DiagnoseOptions, type Diagnosis, type DiagnosisRow, diagnose } from './nas/diagnosis/diagnose.js'
export type { Quotient } from './nas/diagnosis/quotient.js'
export { hessianSpectrum, type Spectrum, type SpectrumOptions, type StoredTree } from './nas/diagnosis/spectrum.js'
export type { InputError } from './nas/errors.js'
export {
  type BenchColumn,
  type BenchReport,
  type BenchRow,
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
export { CELLS, PUBLISHED } from './nas/genotypes/published.js'
export {
  type Batches,
  METRICS,
  type Metric,
  type Rates,
  type State,
  type StepOptions,
  type StepResult,
  stepOf,
  tablesOf
} from './nas/method/bilevel.js'
export {
  type Alpha,
  alphaGradientOf,
  type Batch,
  type BatchLoss,
  type Direction,
  differenceRegulariser,
  directionOf,
  exactRegulariser,
  type Harmony,
  harmonyOf,
  lossOf,
  type Mixing,
  mixturesOf,
  type Pass,
  type PassAux,
  passOf,
  type REGULARISERS,
  type Regulariser,
  type RegulariserName
} from './nas/method/harmony.js'
export {
  type Evaluated,
  type Hypergradient,
  type HypergradientOptions,
  hypergradient,
  type Loss,
  type MixedProduct,
  neumannSeries,
  type ProductKind,
  unrolled
} from './nas/method/hypergradient.js'
export { initialState } from './nas/method/initialise.js'
export {
  type Architecture,
  type ArchitectureOptions,
  type ArchitecturePass,
  METHODS,
  type Method,
  type MethodName,
  type Scene
} from './nas/method/methods.js'
export type { SgdStepOptions } from './nas/method/optim.js'
export { cosineRate, linearLambda } from './nas/method/schedule.js'
export {
  arraysOf,
  type Checkpoint,
  type Checkpoints,
  decodeCheckpoint,
  encodeCheckpoint,
  type FileLengths,
  type Json,
  type Snapshot,
  tensorsOf
} from './nas/run/checkpoint.js'
export type {
  ByKind,
  CompiledEvent,
  EpochEvent,
  EpochSummary,
  Event,
  Observer,
  SearchResult,
  StepEvent,
  Stop
} from './nas/run/events.js'
export { type Coded, goingOn, type SearchPlace, type SearchStart } from './nas/run/place.js'
export type { StepProfile } from './nas/run/profile.js'
export {
  decodeRun,
  type EpochRecord,
  type Finding as VerdictFinding,
  type RunFiles,
  type RunRecord,
  type Summary as RunSummary,
  type Verdict
} from './nas/run/record.js'
export { search } from './nas/run/search.js'
export {
  drawGenotype,
  type EdgeMixture,
  type EdgeRows,
  genotypeOf,
  largestOperations,
  mixtureRows,
  type NamedMixtures,
  rowsOf,
  strongestEdges
} from './nas/selection/magnitude.js'
export {
  type Criterion,
  type Decision,
  type Masks,
  masksOf,
  type ProjectedEdge,
  type Projection,
  planOf,
  type Removal,
  type Score
} from './nas/selection/perturbation.js'
export {
  type DecisionEvent,
  type Mixtures,
  type Selected,
  type SelectionOptions,
  type SelectionPlace,
  type Supernetwork,
  selectByPerturbation
} from './nas/selection/selection.js'
export type { TuningEvent } from './nas/selection/tuning.js'
export type {
  ACTIVATIONS,
  Activation,
  Layer,
  LayerContext,
  LayerNeeds,
  NoiseSite,
  Norm,
  Output,
  Parameter,
  Start,
  Statistics,
  TensorTable,
  Weights
} from './nas/space/layers.js'
export { OPERATIONS, type Operation, type Site } from './nas/space/operations.js'
export { type CellType, cellOf, type Edge, nb201, type Skeleton, SPACES, type Space } from './nas/space/space.js'
export {
  type NetworkConfig,
  type NetworkOutput,
  noiseOf,
  type SearchedCell,
  type Supernet,
  supernet
} from './nas/space/supernet.js'
export {
  bestOfDraws,
  type Candidate,
  holm,
  pairedT,
  type SignificanceTest,
  type Summary,
  summarise,
  wilcoxon
} from './nas/statistics.js'
export { type PrepareSearchOptions, prepareSearch } from './nas/steps/prepare.js'
export type { SearchData } from './nas/steps/steps.js'
export type { Doing, UnderWay } from './nas/steps/underway.js'
export { type GivenOptions, trainingNetwork, trainingStepOptions } from './nas/training/config.js'
export { prepareTraining, type TrainingData } from './nas/training/data.js'
export type { Evaluation } from './nas/training/evaluate.js'
export type {
  TrainedArrays,
  TrainingEpoch,
  TrainingEvent,
  TrainingObserver,
  TrainingResult
} from './nas/training/events.js'
export { smoothedCrossEntropy } from './nas/training/loss.js'
export { decodeModel, encodeModel, type ImageSense, type TrainedModel } from './nas/training/model.js'
export {
  configureTraining,
  TRAINING_OPTIONS,
  TRAINING_PRESETS,
  type TrainingConfig,
  type TrainingOption,
  type TrainingPreset
} from './nas/training/options.js'
export { type TrainingPlace, type TrainingStart, trainingGoingOn, trainingStart } from './nas/training/place.js'
export { type Likely, partOfBytes, predict } from './nas/training/predict.js'
export {
  type Draw,
  type TrainingMetric,
  type TrainingState,
  type TrainingStepOptions,
  type TrainingStepResult,
  trainingStep
} from './nas/training/step.js'
export { train } from './nas/training/train.js'
