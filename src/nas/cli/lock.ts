/** One process at a run: a file that says who is at it, and by its time that it still is. */
import { closeSync, openSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { isGone } from './runlock.js'

export const LOCK = 'lock'
/** A process that is at a run says so this often; one that has not for so long is taken for gone. */
const BEAT_SECONDS = 5
const GONE_SECONDS = 120

/** The process that a folder's lock names; undefined if there is no lock, or none that can be read. */
export const lockHolder = (folder: string): { readonly pid: number; readonly host: string } | undefined => {
  try {
    return JSON.parse(readFileSync(join(folder, LOCK), 'utf8'))
  } catch {
    return undefined
  }
}

/**
 * Who holds a folder's lock, if that process may still be there: one of this host is asked for, of another only the
 * lock's age is known.
 */
const holderOf = (folder: string): ReturnType<typeof lockHolder> => {
  const holder = lockHolder(folder)
  if (!holder) return undefined // gone, or cut by a kill as it was written
  const age = (Date.now() - (statSync(join(folder, LOCK), { throwIfNoEntry: false })?.mtimeMs ?? 0)) / 1000
  const isLost = holder.host === hostname() && (holder.pid === process.pid || isGone(holder.pid))
  return age < GONE_SECONDS && !isLost ? holder : undefined
}

/**
 * Locks a folder for this process and gives what unlocks it; or says who is at it. Takes over from a process that is
 * gone.
 */
export const lock = (folder: string): (() => void) | string => {
  const path = join(folder, LOCK)
  const own = JSON.stringify({ pid: process.pid, host: hostname() })
  try {
    const file = openSync(path, 'wx')
    try {
      writeFileSync(file, own)
    } catch (reason) {
      rmSync(path, { force: true })
      throw reason
    } finally {
      closeSync(file)
    }
  } catch (reason) {
    if ((reason as NodeJS.ErrnoException).code !== 'EEXIST') throw reason
    const held = holderOf(folder)
    if (held) return `process ${held.pid} of ${held.host} is at`
    writeFileSync(path, own)
  }
  const beat = setInterval(() => {
    try {
      utimesSync(path, new Date(), new Date())
    } catch {
      // The folder is gone, or full: what is written next will say so.
    }
  }, 1000 * BEAT_SECONDS)
  beat.unref()
  return () => {
    clearInterval(beat)
    rmSync(path, { force: true })
  }
}
