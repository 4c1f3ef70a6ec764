/** A run in its folder, from where it begins to its end: told, kept, and gone on with where the device is lost. */
import type * as E from 'fp-ts/lib/Either.js'
import type { Backend, Engine } from '../../engine/index.js'
import type { DecodeError } from '../../formats/error.js'
import type { Checkpoint } from '../run/checkpoint.js'
import type { Observer } from '../run/events.js'
import { newestCheckpoint } from './checkpoints.js'
import { type LoggedEvent, logEvent } from './eventlog.js'
import { type RunFolder, reopenRunFolder } from './files.js'
import { complain } from './outputs.js'
import { FAILED, orRefuse } from './refusal.js'
import {
  checkIdentity,
  type GivenKeeping,
  goOn,
  type Keeping,
  keeper,
  keepingOf,
  type Resumed,
  withLostDevices
} from './resume.js'

/** A run about to begin: where it runs, where it is written, and where it begins. */
export interface Ready<S> {
  readonly backend: Backend
  readonly folder: RunFolder
  readonly from: Resumed<S> | undefined
}

/** The newest whole checkpoint of a run folder; those that are passed over are named. Refused if there is none. */
export const checkpointIn = (path: string): Checkpoint => {
  const { checkpoint, passedOver } = orRefuse(newestCheckpoint(path))
  passedOver.forEach(complain)
  return checkpoint
}

/** Opens the folder of a run that was begun, at its checkpoint. Refused, and not held, where that is of another run. */
export const beginAgain = <S>(
  path: string,
  checkpoint: Checkpoint,
  identity: Checkpoint['identity'],
  given: GivenKeeping,
  startOf: (checkpoint: Checkpoint) => E.Either<DecodeError, S>
): Omit<Ready<S>, 'backend'> => {
  checkIdentity(checkpoint, identity, given.force === true)
  const folder = orRefuse(reopenRunFolder(path))
  try {
    return { folder, from: goOn(folder, checkpoint, keepingOf(given).most, startOf) }
  } catch (reason) {
    folder.close()
    throw reason
  }
}

/** The effects that a run is given: those of an observer, for events of its own. */
type Watched<Told> = Omit<Observer, 'tell'> & { readonly tell: (event: Told) => () => void }

/** What makes a run the one that it is. `Told`: its events; `S`: where it starts; `R`: what it comes to. */
export interface Conduct<Told extends LoggedEvent, S, R> {
  readonly run: (watched: Watched<Told>, start: S | undefined) => Engine<R>
  readonly startOf: (checkpoint: Checkpoint) => E.Either<DecodeError, S>
  readonly identityOf: (backend: Backend) => Checkpoint['identity']
  readonly keeping: Keeping
  /** Opens its device again. */
  readonly open: () => Promise<Backend>
  readonly interrupted: () => boolean
  /** An event with what is known of it besides. */
  readonly noted: (event: Told) => Told
  readonly writer: (now: () => number) => {
    readonly tell: (event: Told) => void
    readonly stop: () => void
    readonly underWay: Observer['underWay'] | undefined
  }
}

/**
 * What a run came to, and its seconds, also those before it went on. Refused, with code 1, for what the engine refuses.
 */
export const conduct = async <Told extends LoggedEvent, S, R>(
  { backend, folder, from }: Ready<S>,
  { run, startOf, identityOf, keeping, open, interrupted, noted, writer }: Conduct<Told, S, R>
): Promise<{ readonly reached: R; readonly seconds: number }> => {
  const started = performance.now() - 1000 * (from?.seconds ?? 0)
  const now = () => (performance.now() - started) / 1000
  const { tell, stop, underWay } = writer(now)
  const told = { any: from !== undefined }
  const attempt = (on: Backend, begin: Resumed<S> | undefined) => {
    const watched: Watched<Told> = {
      tell: event => () => {
        // A run that goes on is compiled again, which is no part of what it tells.
        const known = noted(event)
        if (event.type !== 'compiled' || !told.any) logEvent(folder, known)
        told.any = true
        tell(known)
      },
      interrupted,
      now,
      checkpoints: keeper(folder, identityOf(on), keeping, now),
      ...(underWay ? { underWay } : {})
    }
    return run(watched, begin?.start)({ backend: on })()
  }
  try {
    const result = await withLostDevices(
      attempt,
      { backend, from },
      {
        open,
        checkpoint: () =>
          goOn(folder, orRefuse(newestCheckpoint(folder.path), FAILED).checkpoint, keeping.most, startOf)
      }
    )
    return { reached: orRefuse(result, FAILED), seconds: now() }
  } catch (reason) {
    // Without a checkpoint there is nothing to go on from: the folder is as it was before, to be used again.
    if (!from && !folder.hasCheckpoint()) folder.discard()
    throw reason
  } finally {
    stop()
  }
}
