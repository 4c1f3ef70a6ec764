/**
 * Runs a selection by perturbation: decisions of `perturbation.ts`, what they need of the network asked for, training
 * in between.
 */

import { pipe } from 'fp-ts/lib/function.js'
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js'
import type { Key } from '../../autodiff/threefry.js'
import { type Engine, fold } from '../../engine/index.js'
import type { Edge, Space } from '../space/space.js'
import {
  type Criterion,
  type Decision,
  type Masks,
  masksOf,
  openProjection,
  outcomeOf,
  type Projection,
  planOf,
  project,
  type Removal,
  removalsFor,
  type Score
} from './perturbation.js'

/** A number for each operation of each edge, for each kind of cell. */
export type Mixtures = Readonly<Record<string, readonly (readonly number[])[]>>

/** The effects that a selection is made of. `S` is whatever is trained. */
export interface Supernetwork<S> {
  /** Accuracy and loss on the validation part, with batch statistics, under masks. */
  readonly evaluate: (state: S, masks: Masks) => Engine<Score>
  /** The mixtures of alpha. */
  readonly mixtures: (state: S) => Engine<Mixtures>
  /** One epoch of training under masks. */
  readonly train: (state: S, masks: Masks, epoch: number) => Engine<S>
  readonly tell: (event: DecisionEvent) => Engine<void>
  /** Whether to end here, with what was decided. */
  readonly ended: (state: S) => boolean
  /** Told after each epoch of training: a moment from which the selection can go on. */
  readonly keep?: (selected: Selected<S>) => Engine<void>
}

/** A decision as it is logged: what was taken away, what was left then, and what came of it. */
export interface DecisionEvent {
  readonly type: 'decision'
  /** Epochs of training since the selection began. */
  readonly epoch: number
  readonly kind: Decision['kind']
  readonly cell: string
  readonly to: number
  readonly candidates: readonly {
    readonly from: number
    readonly operation: string | null
    readonly accuracy: number | null
    readonly loss: number | null
    /** The weight of the operation in the mixture; for an input that of the operation which it keeps. */
    readonly magnitude: number
  }[]
  /** The operation that is kept, or the input that is dropped. */
  readonly outcome: { readonly from: number; readonly operation: string | null }
}

/** How a genotype is selected by perturbation. */
export interface SelectionOptions {
  readonly key: Key
  readonly criterion: Criterion
  /** Epochs of training between decisions; one more follows the last. */
  readonly interval: number
  /** The official code judges a node's inputs with those in place that it has dropped already; else they are gone. */
  readonly ignoreDropped: boolean
}

/**
 * Where a selection is: what is decided, rounds that are over, epochs of training in all, and those of the round under
 * way.
 */
export interface SelectionPlace {
  readonly projection: Projection
  readonly rounds: number
  readonly epochs: number
  readonly trained: number
}

/** What a selection has come to. `rounds` less than those of the plan: it was interrupted. */
export interface Selected<S> extends SelectionPlace {
  readonly state: S
}

/** Nothing decided. */
export const selectionStart = (space: Space): SelectionPlace => ({
  projection: openProjection(space),
  rounds: 0,
  epochs: 0,
  trained: 0
})

const edgeOf = (space: Space, { type, edge }: Removal): Edge => space.cells[type]?.edges[edge] as Edge

/** What is taken away or kept; no operation where it is a whole input. */
const choiceOf = (space: Space, removal: Removal): DecisionEvent['outcome'] => {
  const { from, operations } = edgeOf(space, removal)
  return { from, operation: removal.column === undefined ? null : (operations[removal.column] as string) }
}

const magnitudeOf = (mixtures: Mixtures, projection: Projection, { type, edge, column }: Removal): number =>
  mixtures[type]?.[edge]?.[column ?? projection[type]?.[edge]?.chosen ?? 0] as number

/** A decision to be taken: of what, under which projection, among which candidates. */
interface Question<S> {
  readonly state: S
  readonly epoch: number
  readonly projection: Projection
  readonly decision: Decision
  readonly removals: readonly Removal[]
}

/**
 * What each candidate leaves when it is taken away; fewer, if the selection ends on the way, and none where magnitudes
 * decide.
 */
const scoresWithout = <S>(
  space: Space,
  network: Supernetwork<S>,
  { criterion, ignoreDropped }: SelectionOptions,
  { state, projection, decision, removals }: Question<S>
): Engine<readonly Score[]> =>
  fold<readonly Score[], Removal>(
    criterion === 'magnitude' ? [] : removals,
    () => network.ended(state),
    (scores, removal) =>
      pipe(
        network.evaluate(
          state,
          masksOf(space, projection, removal, ignoreDropped && decision.kind === 'inputs' ? decision : undefined)
        ),
        RTE.map(score => [...scores, score])
      )
  )([])

/** Takes each candidate away in turn, and settles one operation or one input. */
const settleOne = <S>(
  space: Space,
  network: Supernetwork<S>,
  options: SelectionOptions,
  question: Question<S>
): Engine<Projection> => {
  const { criterion } = options
  const { state, epoch, projection, decision, removals } = question
  return pipe(
    network.mixtures(state),
    RTE.bindTo('mixtures'),
    RTE.bind('scores', () => scoresWithout(space, network, options, question)),
    RTE.chain(({ mixtures, scores }) => {
      if (criterion !== 'magnitude' && scores.length < removals.length) return RTE.of(projection) // interrupted
      const magnitudes = removals.map(removal => magnitudeOf(mixtures, projection, removal))
      const outcome = outcomeOf(decision, removals, criterion, { scores, magnitudes })
      const candidates = removals.map((removal, i) => ({
        ...choiceOf(space, removal),
        accuracy: scores[i]?.accuracy ?? null,
        loss: scores[i]?.loss ?? null,
        magnitude: magnitudes[i] as number
      }))
      return pipe(
        network.tell({
          type: 'decision',
          epoch,
          kind: decision.kind,
          cell: decision.type,
          to: edgeOf(space, outcome).to,
          candidates,
          outcome: choiceOf(space, outcome)
        }),
        RTE.map(() => project(projection, decision, outcome))
      )
    })
  )
}

/** Decides all edges, and where nodes keep two inputs all nodes. `from`: where an earlier one was, if it goes on. */
export const selectByPerturbation =
  <S>(space: Space, network: Supernetwork<S>, options: SelectionOptions) =>
  (initial: S, from: SelectionPlace = selectionStart(space)): Engine<Selected<S>> => {
    const plan = planOf(space, options.key)

    const settle =
      (state: S, epoch: number) =>
      (projection: Projection, decision: Decision): Engine<Projection> => {
        const removals = removalsFor(space, projection, decision)
        if (removals.length === 0 || network.ended(state)) return RTE.of(projection)
        return pipe(
          settleOne(space, network, options, { state, epoch, projection, decision, removals }),
          RTE.chain(next => settle(state, epoch)(next, decision))
        )
      }

    /** What is decided in a round; nothing more once training has begun in it. */
    const decide = (
      { state, projection, epochs, trained }: Selected<S>,
      decisions: readonly Decision[]
    ): Engine<Projection> =>
      fold<Projection, Decision>(
        trained > 0 ? [] : decisions,
        () => network.ended(state),
        settle(state, epochs)
      )(projection)

    const trainOnce = (before: Selected<S>): Engine<Selected<S>> =>
      pipe(
        network.train(before.state, masksOf(space, before.projection), before.epochs),
        RTE.map((state): Selected<S> => ({ ...before, state, epochs: before.epochs + 1, trained: before.trained + 1 })),
        RTE.chainFirst(after => (network.keep && !network.ended(after.state) ? network.keep(after) : RTE.of(undefined)))
      )

    const oneRound = (before: Selected<S>, decisions: readonly Decision[]): Engine<Selected<S>> => {
      const epochs = before.rounds + 1 < plan.length ? options.interval : 1
      return pipe(
        decide(before, decisions),
        RTE.chain(projection =>
          fold<Selected<S>, number>(
            Array.from({ length: Math.max(0, epochs - before.trained) }, (_, i) => i),
            ({ state }) => network.ended(state),
            trainOnce
          )({ ...before, projection })
        ),
        RTE.map(after => (network.ended(after.state) ? after : { ...after, rounds: before.rounds + 1, trained: 0 }))
      )
    }

    return fold<Selected<S>, readonly Decision[]>(
      plan.slice(from.rounds),
      ({ state }) => network.ended(state),
      oneRound
    )({ ...from, state: initial })
  }
