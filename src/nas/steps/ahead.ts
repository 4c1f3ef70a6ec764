/**
 * A fold whose steps the device has before the results of the steps before them are read: neither waits for the other.
 */
import { pipe } from 'fp-ts/lib/function.js'
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js'
import { type Engine, fold } from '../../engine/index.js'

/** Steps that the device has before it while the host reads what came of the one before them. */
const STEPS_AHEAD = 2

/** What is settled, and what was submitted since, the oldest first. */
interface Underway<S, P> {
  readonly settled: S
  readonly pending: readonly P[]
}

/**
 * Submits a step for each item, `STEPS_AHEAD` of them ahead of those that are settled, until `ended`; in the end
 * settles what is left. `submit` is given the last step submitted, if one is pending, to go on from what will come of
 * it.
 */
export const foldAhead =
  <S, X, P>(
    items: readonly X[],
    ended: (settled: S) => boolean,
    submit: (settled: S, last: P | undefined, item: X) => Engine<P>,
    settle: (settled: S, first: P) => Engine<S>
  ) =>
  (initial: S): Engine<S> => {
    const settleFirst = ({ settled, pending: [first, ...pending] }: Underway<S, P>): Engine<Underway<S, P>> =>
      first === undefined
        ? RTE.of({ settled, pending })
        : pipe(
            settle(settled, first),
            RTE.map(next => ({ settled: next, pending }))
          )
    return pipe(
      fold<Underway<S, P>, X>(
        items,
        ({ settled }) => ended(settled),
        ({ settled, pending }, item) =>
          pipe(
            submit(settled, pending.at(-1), item),
            RTE.map(submitted => ({ settled, pending: [...pending, submitted] })),
            RTE.chain(next => (next.pending.length > STEPS_AHEAD ? settleFirst(next) : RTE.of(next)))
          )
      )({ settled: initial, pending: [] }),
      RTE.chain(left => fold<Underway<S, P>, P>(left.pending, () => false, settleFirst)(left)),
      RTE.map(({ settled }) => settled)
    )
  }
