/**
 * A lock for a run of a sweep, beside its folder, which goes from process to process and from host to host: whoever
 * makes the run waits for it, and takes it from one that was lost. (`lock.ts` keeps two searches out of one folder,
 * whoever started them, and waits for nobody.) It appears with its content, by a link, which fails where one is; who
 * holds it counts its beats up. A lock is lost if its process is gone from this host, or if its beats stand still for
 * so long by the clock of the one that waits: hosts need no common time. A lost lock is taken by a link of its token's
 * name, so that only one can take it.
 */
import { randomUUID } from 'node:crypto'
import { closeSync, linkSync, openSync, readFileSync, readlinkSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * A process, by the host and the space of numbers that its number is of: containers of one host have spaces of their
 * own.
 */
export interface Holder {
  readonly host: string
  readonly space: string
  readonly pid: number
}

export interface LockRecord extends Holder {
  readonly token: string
  readonly beat: number
  /** Who lost it before. */
  readonly lost: readonly Holder[]
}

const attempt = <A>(act: () => A): A | undefined => {
  try {
    return act()
  } catch {
    return undefined
  }
}

const thisProcess = (): Holder => ({
  host: hostname(),
  space: attempt(() => readlinkSync('/proc/self/ns/pid')) ?? '',
  pid: process.pid
})

/** Records have equal lengths, so that one is written over another. */
const recordText = (record: LockRecord): string => `${JSON.stringify(record).padEnd(1000)}\n`

/** The record of a lock; undefined if there is none. Throws if it cannot be read now, as on a network. */
export const readLock = (path: string): LockRecord | undefined => {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (reason) {
    if ((reason as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw reason
  }
}

/** Makes the lock, whole or not at all: false if there is one. */
const make = (path: string, record: LockRecord): boolean => {
  const temporary = `${path}.${record.token}.new`
  writeFileSync(temporary, recordText(record))
  try {
    linkSync(temporary, path)
    return true
  } catch (reason) {
    if ((reason as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw reason
  } finally {
    rmSync(temporary, { force: true })
  }
}

/** Whether no process of this host has the number. */
export const isGone = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return false
  } catch (reason) {
    return (reason as NodeJS.ErrnoException).code === 'ESRCH'
  }
}

/** Whether a holder is known to be gone. Of processes elsewhere nothing is known but their beats. */
const isKnownGone = ({ host, space, pid }: Holder): boolean => {
  const here = thisProcess()
  return host === here.host && space === here.space && isGone(pid)
}

/** Removes a lost lock, if it still is the one with this token, and nobody else is at it: whether it did. */
const removeLost = (path: string, token: string): boolean => {
  const claim = `${path}.${token}`
  if (attempt(() => linkSync(path, claim) ?? true) === undefined) return false
  const isIt = attempt(() => readLock(claim))?.token === token
  if (isIt) rmSync(path, { force: true })
  rmSync(claim, { force: true })
  return isIt
}

/** Removes the lock if it is ours. */
export const releaseLock = (path: string, token: string): void => {
  if (attempt(() => readLock(path))?.token === token) rmSync(path, { force: true })
}

const POLL_MS = 200
/** More losses in a row than these, each before the next process had begun, are not told. */
const MOST_LOST = 4

/**
 * Takes the lock, waiting for who holds it; `waiting` is told once of whom. Gives its record, or undefined if
 * `isEnded` came first.
 * @param lostAfter milliseconds without a beat after which a holder counts as lost
 */
export const takeLock = async (
  path: string,
  lostAfter: number,
  isEnded: () => boolean,
  waiting: (holder: Holder) => void = () => undefined
): Promise<LockRecord | undefined> => {
  const token = randomUUID()
  let lost: readonly Holder[] = []
  let seen = { text: '', since: performance.now() }
  let isTold = false
  while (!isEnded()) {
    const record = { ...thisProcess(), token, beat: 0, lost }
    if (make(path, record)) return record
    const holder = attempt(() => readLock(path))
    if (holder) {
      const text = `${holder.token} ${holder.pid} ${holder.beat}`
      if (text !== seen.text) seen = { text, since: performance.now() }
      if (isKnownGone(holder) || performance.now() - seen.since > lostAfter) {
        const { host, space, pid } = holder
        if (removeLost(path, holder.token)) lost = [{ host, space, pid }, ...holder.lost].slice(0, MOST_LOST)
        continue
      }
      if (!isTold) waiting(holder)
      isTold = true
    }
    await sleep(POLL_MS)
  }
  return undefined
}

/**
 * Writes beats of the process at hand into a lock that was taken for it: into that file and no other that has its name
 * later.
 */
export const beatsOf = (
  path: string,
  token: string
): { readonly beat: (count: number) => void; readonly close: () => void } => {
  const file = openSync(path, 'r+')
  const record = { ...thisProcess(), token, lost: [] }
  return {
    beat: count => void writeSync(file, recordText({ ...record, beat: count }), 0),
    close: () => closeSync(file)
  }
}
