/** Where a training is, and a snapshot of it there; from a snapshot, the state and the place to go on from. */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js'
import * as t from 'io-ts/lib/index.js'
import type { Key } from '../../autodiff/threefry.js'
import { type Engine, type HostArray, read, type Stored } from '../../engine/index.js'
import type { DecodeError } from '../../formats/error.js'
import type { DerivedNetwork } from '../genotypes/derive.js'
import { filled, foldIn, initialRunning, initialWeights } from '../method/initialise.js'
import { arraysOf, placeOf, type Snapshot, tensorsOf } from '../run/checkpoint.js'
import { TRAINING_KEYS } from './data.js'
import type { TrainedArrays, TrainingEpoch } from './events.js'
import { trainingShapes } from './machine.js'
import type { TrainingState } from './step.js'

const Epoch = t.union([t.null, t.UnknownRecord])
const TrainingPlaceCodec = t.readonly(
  t.type({ stepsDone: t.number, sums: t.readonlyArray(t.number), lastEpoch: Epoch, best: Epoch })
)

/** Steps that are done, the sums of the epoch under way, the last epoch, and the best one. */
export interface TrainingPlace {
  readonly stepsDone: number
  readonly sums: readonly number[]
  readonly lastEpoch: TrainingEpoch | null
  readonly best: TrainingEpoch | null
}

/**
 * Where a training begins: the arrays of a state, those of the best epoch (of the start, before there is one), and its
 * place.
 */
export interface TrainingStart {
  readonly state: { readonly weights: HostArray; readonly momentum: HostArray; readonly running: HostArray }
  readonly best: TrainedArrays
  readonly place: TrainingPlace
}

/** Before the first step: weights as PyTorch starts them, no momentum, statistics at mean 0 and variance 1. */
export const trainingStart = (net: DerivedNetwork, key: Key): TrainingStart => {
  const shapes = trainingShapes(net)
  const weights = filled(shapes.weights, initialWeights(net, foldIn(key, TRAINING_KEYS.weights)))
  const running = filled(shapes.running, initialRunning(net))
  return {
    state: { weights, momentum: filled(shapes.momentum), running },
    best: { weights, running },
    place: { stepsDone: 0, sums: [], lastEpoch: null, best: null }
  }
}

/** Reads a state, to be kept with its place. */
export const trainingSnapshot = (
  state: Stored<TrainingState>,
  best: TrainedArrays,
  place: TrainingPlace
): Engine<Snapshot> =>
  pipe(
    read(state),
    RTE.map(arrays => ({ tensors: tensorsOf({ state: arrays, best }), steps: place.stepsDone, position: place }))
  )

/** Where a training goes on that kept this snapshot. Left for one of another network. */
export const trainingGoingOn = (
  net: DerivedNetwork,
  { tensors, position }: Snapshot
): E.Either<DecodeError, TrainingStart> => {
  const state = trainingShapes(net)
  return pipe(
    arraysOf({ state, best: { weights: state.weights, running: state.running } }, tensors),
    E.bindTo('arrays'),
    E.bind('place', () => placeOf(TrainingPlaceCodec, 'training', position)),
    E.map(({ arrays, place }): TrainingStart => ({ ...arrays, place: place as TrainingPlace }))
  )
}
