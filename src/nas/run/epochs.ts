/** The steps of a run, epoch by epoch: what a search and a training have in common. */

import { pipe } from 'fp-ts/lib/function.js'
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js'
import { type Engine, fold, scope } from '../../engine/index.js'
import { foldAhead } from '../steps/ahead.js'
import { type Observer, type Stop, stoppedAt } from './events.js'

/**
 * A run as a fold over its steps. `P`: what is carried; `X`: what a step is made of; `S`: a step that was submitted.
 */
export interface RunSteps<P, X, S> {
  readonly epochs: number
  /** Of an epoch. */
  readonly steps: number
  /** Those that were done before this run goes on. */
  readonly before: number
  readonly itemsOf: (epoch: number) => readonly X[]
  readonly submit: (progress: P, last: S | undefined, item: X) => Engine<S>
  readonly settle: (progress: P, submitted: S) => Engine<P>
  readonly doneOf: (progress: P) => number
  readonly keep: (progress: P) => Engine<void>
}

/**
 * Takes all steps that are left. A step that stops the run is the last: those submitted after it count for nothing. A
 * run that was interrupted keeps its last moment.
 */
export const takeSteps =
  <P extends { readonly stopped: Stop | null }, X, S>(
    { interrupted }: Pick<Observer, 'interrupted'>,
    { epochs, steps, before, itemsOf, submit, settle, doneOf, keep }: RunSteps<P, X, S>
  ) =>
  (initial: P): Engine<P> => {
    const ended = ({ stopped }: P): boolean => stopped !== null || interrupted()
    const settleUnlessStopped = (progress: P, submitted: S): Engine<P> =>
      progress.stopped !== null ? RTE.of(progress) : settle(progress, submitted)
    const oneEpoch = (progress: P, epoch: number): Engine<P> => {
      const left = itemsOf(epoch).slice(Math.max(0, before - epoch * steps))
      return scope(foldAhead(left, ended, submit, settleUnlessStopped)(progress))
    }
    const left = Array.from({ length: epochs }, (_, epoch) => epoch).slice(Math.floor(before / steps))
    return pipe(
      fold<P, number>(left, ended, oneEpoch)(initial),
      RTE.map(
        (progress): P => ({ ...progress, stopped: stoppedAt(progress.stopped, doneOf(progress), epochs * steps) })
      ),
      RTE.chainFirst(progress => (progress.stopped?.reason === 'interrupted' ? keep(progress) : RTE.of(undefined)))
    )
  }
