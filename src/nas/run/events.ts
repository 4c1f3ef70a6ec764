/** What a search says while it runs and in the end: values, made from its state by pure functions. */
import { pipe } from 'fp-ts/lib/function.js'
import * as IO from 'fp-ts/lib/IO.js'
import type { Report } from '../../engine/index.js'
import type { Eigenvalue } from '../diagnosis/curvature.js'
import type { Quotient } from '../diagnosis/quotient.js'
import type { BenchReport } from '../genotypes/bench201.js'
import {
  type Cell,
  cellsOf,
  formatGenotype,
  type Genotype,
  isConnected,
  operationCounts
} from '../genotypes/genotype.js'
import { METRICS, type Metric } from '../method/bilevel.js'
import {
  type EdgeRows,
  genotypeOf,
  genotypeOfMixtures,
  mixtureRows,
  type NamedMixtures,
  namedMixtures,
  rowsOf
} from '../selection/magnitude.js'
import { type Masks, maskedMixtures } from '../selection/perturbation.js'
import type { DecisionEvent } from '../selection/selection.js'
import type { TuningEvent } from '../selection/tuning.js'
import { mapRecord, operationsOf, type Space } from '../space/space.js'
import type { UnderWay } from '../steps/underway.js'
import type { Checkpoints } from './checkpoint.js'
import type { StepProfile } from './profile.js'

/** Told before the first step. */
export type CompiledEvent = { readonly type: 'compiled'; readonly seconds: number } & Report

/** Told after each step. */
export type StepEvent = {
  readonly type: 'step'
  readonly epoch: number
  readonly step: number
  readonly steps: number
} & Readonly<Record<Metric, number>>

/** Told after each epoch. `score`: what a table says of its cell, where one is given. */
export type EpochEvent = {
  readonly type: 'epoch'
  readonly seconds: number
  readonly score?: BenchReport['scores']
} & EpochSummary

/** What a search says while it runs. `seconds` are the only numbers that differ between equal runs. */
export type Event = CompiledEvent | StepEvent | EpochEvent | DecisionEvent | TuningEvent

/** Numbers by kind of cell: alpha, or a matrix of cosines row by row. */
export type ByKind = Readonly<Record<string, readonly number[]>>

/** What an epoch of a search came to. */
export interface EpochSummary {
  readonly epoch: number
  readonly epochs: number
  readonly steps: number
  readonly trainLoss: number
  readonly validLoss: number
  readonly trainAccuracy: number
  readonly validAccuracy: number
  readonly lambdaTrain: number
  readonly lambdaValid: number
  readonly gradientNorm: number
  readonly regulariserNorm: number
  readonly learningRate: number
  readonly lambda: number
  readonly genotype: string
  /** By kind of cell: cosines of the gradients of all pairs of cells on training batches, a matrix row by row. */
  readonly cosines: ByKind
  /** softmax(alpha) of each edge, by the names of its operations. */
  readonly mixtures: NamedMixtures
  /** How often the genotype has each operation, by kind of cell. */
  readonly operations: Readonly<Record<string, Readonly<Record<string, number>>>>
  /**
   * Of the Hessian of a validation batch's loss in alpha, with `--eigenvalue`: the largest, and what bounds its error.
   */
  readonly eigenvalue: Eigenvalue
  /** With `--probe`: how far the difference quotient of the regulariser's gradient is from the derivative. */
  readonly quotient: Quotient
  /** By kind of cell, row by row. */
  readonly alpha: ByKind
}

/** Why a search ended before its last epoch. */
export type Stop = { readonly reason: 'interrupted' } | { readonly reason: 'non-finite'; readonly message: string }

/** What a search came to: its genotype, and how that does. */
export interface SearchResult {
  readonly genotype: string
  readonly connected: boolean
  /** By kind of cell: how often each operation was chosen, what each node adds up, and the mixture of each edge. */
  readonly operations: Readonly<Record<string, Readonly<Record<string, number>>>>
  readonly cells: Readonly<Record<string, Cell>>
  readonly mixtures: NamedMixtures
  readonly testAccuracy: number
  readonly testImages: number
  readonly epochsDone: number
  readonly stepsDone: number
  readonly lastEpoch: EpochSummary | null
  readonly stopped: Stop | null
}

/** The effects that a search is given: where events go, whether it was interrupted, and a clock in seconds. */
export interface Observer {
  readonly tell: (event: Event) => IO.IO<void>
  readonly interrupted: IO.IO<boolean>
  readonly now: IO.IO<number>
  /** Told of what goes on between events: kernels that are compiled, candidates that are judged, images that are tested. */
  readonly underWay?: UnderWay
  /**
   * Keeps moments to go on from: the first, each epoch's end, those that are due, and the last of an interrupted run.
   */
  readonly checkpoints?: Checkpoints
  /** Told where the time of a step goes, after the last one. Absent: nothing is measured. */
  readonly profiled?: (profile: StepProfile) => IO.IO<void>
}

/** Sums over the steps of an epoch. */
export interface Sums {
  /** In the order of `METRICS`. */
  readonly metrics: readonly number[]
  readonly cosines: ByKind
}
export const noSums: Sums = { metrics: [], cosines: {} }

/** Sums with those of one more step. */
export const plus = (sums: Sums, values: Readonly<Record<Metric, number>>, cosines: ByKind): Sums => ({
  metrics: METRICS.map((name, i) => (sums.metrics[i] ?? 0) + values[name]),
  cosines: mapRecord(cosines, (matrix, kind) => matrix.map((value, i) => value + (sums.cosines[kind]?.[i] ?? 0)))
})

/** How often each operation was chosen, by kind of cell. */
const countsOf = ({ cells }: Space, genotype: Genotype): SearchResult['operations'] => {
  const chosen = cellsOf(genotype)
  return mapRecord(cells, (cell, kind) => operationCounts(operationsOf(cell), chosen[kind] as Cell))
}

/** What is known of an epoch besides its sums and its alpha. */
export interface EpochFacts
  extends Pick<EpochSummary, 'epoch' | 'epochs' | 'steps' | 'learningRate' | 'lambda' | 'eigenvalue' | 'quotient'> {
  readonly batch: number
}

/** Means over the steps of an epoch, and what alpha says after it. */
export const epochSummary = (
  space: Space,
  sums: Sums,
  alpha: ByKind,
  { batch, ...facts }: EpochFacts
): EpochSummary => {
  const mixtures = mapRecord(space.cells, (cell, kind) => mixtureRows(rowsOf(cell, alpha[kind] as readonly number[])))
  const genotype = genotypeOf(space, alpha)
  const mean = (name: Metric): number => (sums.metrics[METRICS.indexOf(name)] as number) / facts.steps
  return {
    ...facts,
    trainLoss: mean('trainLoss'),
    validLoss: mean('validLoss'),
    trainAccuracy: mean('trainCorrect') / batch,
    validAccuracy: mean('validCorrect') / batch,
    lambdaTrain: mean('lambdaTrain'),
    lambdaValid: mean('lambdaValid'),
    gradientNorm: mean('gradientNorm'),
    regulariserNorm: mean('regulariserNorm'),
    cosines: mapRecord(sums.cosines, matrix => matrix.map(sum => sum / facts.steps)),
    mixtures: mapRecord(space.cells, (cell, kind) => namedMixtures(cell, mixtures[kind] as EdgeRows)),
    operations: countsOf(space, genotype),
    genotype: formatGenotype(genotype),
    alpha
  }
}

/** What a search ends with: the cell that alpha says, or that a selection by perturbation left (`masks`). */
export const searchResult = (
  space: Space,
  alpha: ByKind,
  masks: Masks | null,
  reached: Pick<SearchResult, 'testAccuracy' | 'testImages' | 'stepsDone' | 'lastEpoch' | 'stopped'>
): SearchResult => {
  const ofAlpha = mapRecord(space.cells, (cell, kind) => mixtureRows(rowsOf(cell, alpha[kind] as readonly number[])))
  const mixtures = masks ? maskedMixtures(ofAlpha, masks) : ofAlpha
  const genotype = masks ? genotypeOfMixtures(space, mixtures) : genotypeOf(space, alpha)
  return {
    genotype: formatGenotype(genotype),
    connected: isConnected(genotype),
    operations: countsOf(space, genotype),
    cells: cellsOf(genotype),
    mixtures: mapRecord(space.cells, (cell, kind) => namedMixtures(cell, mixtures[kind] as EdgeRows)),
    ...reached,
    epochsDone: reached.lastEpoch?.epoch ?? 0
  }
}

/** Why a selection ended before its last decision, if it did. */
export const stopOf = (failure: string | null, step: number, interrupted: boolean): Stop | null => {
  if (failure !== null) return notFinite(step + 1, failure)
  return interrupted ? { reason: 'interrupted' } : null
}

/** Why a run ended that has done so many of its steps, if it ended before the last. */
export const stoppedAt = (stopped: Stop | null, stepsDone: number, steps: number): Stop | null =>
  stopped ?? (stepsDone < steps ? { reason: 'interrupted' } : null)

const SEARCH_CURE = 'lower --learning-rate or --lambda'

/** A step that was not finite ends a run. `node`: the first in it that was not. */
export const notFinite = (step: number, node: string | undefined, cure = SEARCH_CURE): Stop => {
  const found = `in step ${step} ${node ?? 'a value that no node shows'} was the first that is not finite`
  return {
    reason: 'non-finite',
    message: `A finite loss and finite gradients were wanted in every step, but ${found}: ${cure}.`
  }
}

/** Tells an event of the clock's time. */
export const tellTimed =
  <E>({ now, tell }: { readonly now: IO.IO<number>; readonly tell: (event: E) => IO.IO<void> }) =>
  (eventAt: (seconds: number) => E): IO.IO<void> =>
    pipe(now, IO.map(eventAt), IO.chain(tell))
