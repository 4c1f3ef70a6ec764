/** One process at a run: a file that says who is at it, and by its time that it still is. */
import { closeSync, openSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'

export const LOCK = 'lock'
/** A process that is at a run says so this often; one that has not for so long is taken for gone. */
const BEAT_SECONDS = 5
const GONE_SECONDS = 120

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (reason) {
    return (reason as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** The process that a folder's lock names; undefined if there is no lock, or none that can be read. */
export const lockHolder = (folder: string): { readonly pid: number; readonly host: string } | undefined => {
  try {
    return JSON.parse(readFileSync(join(folder, LOCK), 'utf8'))
  } catch {
    return undefined
  }
}

/** Whether the process that a lock names may still be at the run. One of this host is asked for; of another only the lock's age is known. */
const isHeld = (path: string): { readonly pid: number; readonly host: string } | undefined => {
  try {
    const { pid, host } = JSON.parse(readFileSync(path, 'utf8')) as { readonly pid: number; readonly host: string }
    const age = (Date.now() - statSync(path).mtimeMs) / 1000
    const here = host === hostname()
    return age < GONE_SECONDS && !(here && (pid === process.pid || !isAlive(pid))) ? { pid, host } : undefined
  } catch {
    return undefined // gone, or cut by a kill as it was written
  }
}

/** Locks a folder for this process and gives what unlocks it; or says who is at it. Takes over from a process that is gone. */
export const lock = (folder: string): (() => void) | string => {
  const path = join(folder, LOCK)
  try {
    const file = openSync(path, 'wx')
    writeFileSync(file, JSON.stringify({ pid: process.pid, host: hostname() }))
    closeSync(file)
  } catch (reason) {
    if ((reason as NodeJS.ErrnoException).code !== 'EEXIST') throw reason
    const held = isHeld(path)
    if (held) return `process ${held.pid} of ${held.host} is at`
    writeFileSync(path, JSON.stringify({ pid: process.pid, host: hostname() }))
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
