/**
 * A lock file, so that two processes never write one run's folder. It appears with its content, by a link, which fails where one is; who holds it
 * counts its beats up. A lock is lost if its process is gone from this host, or if its beats stand still for so long by the clock of the one that
 * waits: hosts need no common time. A lost lock is taken by a link of its token's name, so that only one can take it.
 */
import { randomUUID } from 'node:crypto'
import { closeSync, linkSync, openSync, readFileSync, readlinkSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'

export interface LockRecord {
  readonly token: string
  readonly host: string
  readonly pid: number
  readonly beat: number
}

const attempt = <A>(act: () => A): A | undefined => {
  try {
    return act()
  } catch {
    return undefined
  }
}

/** A name of the place where process numbers mean what they mean here: containers of one host have numbers of their own. */
export const thisHost = (): string => `${hostname()} ${attempt(() => readlinkSync('/proc/self/ns/pid')) ?? ''}`.trim()

/** Records have equal lengths, so that one is written over another. */
const recordText = (record: LockRecord): string => `${JSON.stringify(record).padEnd(400)}\n`

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

/** Removes a lost lock, if it still is the one with this token, and nobody else is at it. */
const removeLost = (path: string, token: string): void => {
  const claim = `${path}.${token}`
  if (attempt(() => linkSync(path, claim) ?? true) === undefined) return
  if (attempt(() => readLock(claim))?.token === token) rmSync(path, { force: true })
  rmSync(claim, { force: true })
}

/** Removes the lock if it is ours. */
export const releaseLock = (path: string, token: string): void => {
  if (attempt(() => readLock(path))?.token === token) rmSync(path, { force: true })
}

const POLL_MS = 200

/**
 * Takes the lock, waiting for who holds it; `waiting` is told once of whom. Gives its token, or undefined if `isEnded` came first.
 * @param lostAfter milliseconds without a beat after which a holder counts as lost
 */
export const takeLock = async (
  path: string,
  lostAfter: number,
  isEnded: () => boolean,
  waiting: (holder: LockRecord) => void = () => undefined
): Promise<string | undefined> => {
  const token = randomUUID()
  let seen = { text: '', since: performance.now() }
  let isTold = false
  while (!isEnded()) {
    if (make(path, { token, host: thisHost(), pid: process.pid, beat: 0 })) return token
    const holder = attempt(() => readLock(path))
    if (holder) {
      const text = `${holder.token} ${holder.pid} ${holder.beat}`
      if (text !== seen.text) seen = { text, since: performance.now() }
      // Of processes of other hosts nothing is known but their beats.
      if ((holder.host === thisHost() && isGone(holder.pid)) || performance.now() - seen.since > lostAfter) {
        removeLost(path, holder.token)
        continue
      }
      if (!isTold) waiting(holder)
      isTold = true
    }
    await sleep(POLL_MS)
  }
  return undefined
}

/** Writes beats of the process at hand into a lock that was taken for it: into that file and no other that has its name later. */
export const beatsOf = (path: string, token: string): { readonly beat: (count: number) => void; readonly close: () => void } => {
  const file = openSync(path, 'r+')
  const record = { token, host: thisHost(), pid: process.pid }
  return {
    beat: count => void writeSync(file, recordText({ ...record, beat: count }), 0),
    close: () => closeSync(file)
  }
}
