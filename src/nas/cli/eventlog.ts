/**
 * What a run tells, written beside each other: lines of JSON for programs, and the numbers of each epoch for
 * TensorBoard.
 */
import { encodeEventsStart, encodeScalars } from '../../formats/tfevents.js'
import type { RunFolder } from './files.js'

export const EVENTS = 'events.jsonl'
/** A million steps have some 400 bytes each; a text of more no engine of JavaScript holds. */
export const MOST_EVENTS_BYTES = 2 ** 28
const BOARD = 'events.out.tfevents'

const now = (): number => Date.now() / 1000

/** Begins the files of a new run. */
export const beginEvents = (folder: RunFolder): void => {
  folder.append(EVENTS, '')
  folder.append(BOARD, encodeEventsStart(now()))
}

/** An event of a run. Its numbers are drawn over `epoch`, if it has one and is none of a single step. */
export interface LoggedEvent {
  readonly type: string
  readonly epoch?: number
}

/** Not drawn: they say where an event is, not how the run fares. */
const PLACES = ['epoch', 'epochs', 'step', 'steps', 'seconds']

/** Writes an event. */
export const logEvent = (folder: RunFolder, event: LoggedEvent): void => {
  folder.append(EVENTS, `${JSON.stringify(event)}\n`)
  if (event.type === 'step' || event.epoch === undefined) return
  const numbers = Object.entries(event).filter(([name, value]) => typeof value === 'number' && !PLACES.includes(name))
  const scalars = Object.fromEntries(numbers.map(([name, value]) => [`${event.type}/${name}`, value as number]))
  if (numbers.length > 0) folder.append(BOARD, encodeScalars({ seconds: now(), step: event.epoch, scalars }))
}
