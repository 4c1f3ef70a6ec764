/** Where a search is, and a snapshot of it there; from a snapshot, the state and the place to go on from. */
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js'
import * as t from 'io-ts/lib/index.js'
import { type Engine, read, type Stored } from '../../engine/index.js'
import type { DecodeError } from '../../formats/error.js'
import type { State } from '../method/bilevel.js'
import { type initialState, stateShapes } from '../method/initialise.js'
import type { Supernet } from '../space/supernet.js'
import { arraysOf, placeOf, type Snapshot, tensorsOf } from './checkpoint.js'
import type { EpochSummary } from './events.js'

const ByKind = t.readonly(t.record(t.string, t.readonlyArray(t.number)))

const EdgeCodec = t.readonly(t.type({ chosen: t.union([t.number, t.null]), dropped: t.boolean }))

/**
 * The place of a search: steps that are done, what was summed up in the epoch under way, and how far a selection has
 * come.
 */
export const SearchPlace = t.readonly(
  t.type({
    stepsDone: t.number,
    sums: t.readonly(t.type({ metrics: t.readonlyArray(t.number), cosines: ByKind })),
    lastEpoch: t.union([t.null, t.UnknownRecord]),
    selection: t.union([
      t.null,
      t.readonly(
        t.type({
          projection: t.readonly(t.record(t.string, t.readonlyArray(EdgeCodec))),
          rounds: t.number,
          epochs: t.number,
          trained: t.number,
          stepsDone: t.number
        })
      )
    ])
  })
)
/** The place of a search as a checkpoint has it. */
export type Coded = t.TypeOf<typeof SearchPlace>

export interface SearchPlace extends Omit<Coded, 'lastEpoch'> {
  readonly lastEpoch: EpochSummary | null
}

/** Reads a state, to be kept with its place. */
export const snapshotAt = (state: Stored<State>, place: SearchPlace): Engine<Snapshot> =>
  pipe(
    read(state),
    RTE.map(arrays => ({
      tensors: tensorsOf(arrays),
      steps: place.stepsDone + (place.selection?.stepsDone ?? 0),
      position: place
    }))
  )

/** Where a search begins: the arrays of a state, and its place. */
export interface SearchStart {
  readonly state: ReturnType<typeof initialState>
  readonly place: SearchPlace
}

/** Where a search goes on that kept this snapshot. Left for one of another network. */
export const goingOn = (net: Supernet, { tensors, position }: Snapshot): E.Either<DecodeError, SearchStart> =>
  pipe(
    arraysOf(stateShapes(net), tensors),
    E.bindTo('state'),
    E.bind('place', () => placeOf(SearchPlace, 'search', position)),
    E.map(({ state, place }): SearchStart => ({ state, place: place as SearchPlace }))
  )
