/** What a training says while it runs and in the end. */
import type * as IO from 'fp-ts/lib/IO.js'
import type { HostArray, Report } from '../../engine/index.js'
import type { Observer, Stop } from '../run/events.js'
import type { Evaluation } from './evaluate.js'
import { TRAINING_METRICS, type TrainingMetric } from './step.js'

/** An epoch: means over its steps, and what the network gets right of the test part after it. */
export interface TrainingEpoch {
  readonly epoch: number
  readonly epochs: number
  readonly steps: number
  readonly learningRate: number
  readonly dropPath: number
  readonly trainLoss: number
  readonly trainAccuracy: number
  readonly trainTop5: number
  readonly gradientNorm: number
  readonly testLoss: number
  readonly testTop1: number
  readonly testTop5: number
}

/** `seconds` are the only numbers that differ between equal runs. */
export type TrainingEvent =
  | ({ readonly type: 'compiled'; readonly seconds: number } & Report)
  | ({ readonly type: 'step'; readonly epoch: number; readonly step: number; readonly steps: number } & Readonly<
      Record<TrainingMetric, number>
    >)
  | ({ readonly type: 'epoch'; readonly seconds: number } & TrainingEpoch)

/** The effects that a training is given, as a search is. */
export interface TrainingObserver extends Omit<Observer, 'tell'> {
  readonly tell: (event: TrainingEvent) => IO.IO<void>
}

/** Weights and running statistics, one vector each. */
export interface TrainedArrays {
  readonly weights: HostArray
  readonly running: HostArray
}

/** What a training came to. */
export interface TrainingResult {
  /** Of the weights after the last step. */
  readonly last: Evaluation
  /**
   * The epoch with the best test accuracy, the first of equals. It was chosen by the test part, so it flatters: the
   * headline is the last epoch.
   */
  readonly best: TrainingEpoch | null
  readonly lastEpoch: TrainingEpoch | null
  readonly testImages: number
  readonly epochsDone: number
  readonly stepsDone: number
  readonly stopped: Stop | null
  readonly arrays: { readonly last: TrainedArrays; readonly best: TrainedArrays }
}

/** Sums over the steps of an epoch, in the order of `TRAINING_METRICS`. */
export const plusStep = (
  sums: readonly number[],
  values: Readonly<Record<TrainingMetric, number>>
): readonly number[] => TRAINING_METRICS.map((name, i) => (sums[i] ?? 0) + values[name])

/** Means over the steps of an epoch, and the test after it. */
export const trainingEpoch = (
  sums: readonly number[],
  test: Evaluation,
  {
    batch,
    ...facts
  }: Pick<TrainingEpoch, 'epoch' | 'epochs' | 'steps' | 'learningRate' | 'dropPath'> & { readonly batch: number }
): TrainingEpoch => {
  const mean = (name: TrainingMetric): number => (sums[TRAINING_METRICS.indexOf(name)] as number) / facts.steps
  return {
    ...facts,
    trainLoss: mean('loss'),
    trainAccuracy: mean('correct') / batch,
    trainTop5: mean('correctTop') / batch,
    gradientNorm: mean('gradientNorm'),
    testLoss: test.loss,
    testTop1: test.top1,
    testTop5: test.top5
  }
}
