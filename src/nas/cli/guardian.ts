/** The thread that guards a search: see guard.ts. */
import { workerData } from 'node:worker_threads'
import { type Guarded, isOurs } from './guard.js'
import { beatsOf } from './runlock.js'

/** Often enough that a few that come late do not lose the lock. */
const BEATS = 10

const guarded: Guarded = workerData
const { beat } = beatsOf(guarded.lock, guarded.token)
const state = { beats: 0, last: performance.now() }

setInterval(() => {
  try {
    if (!isOurs(guarded)) process.kill(process.pid, 'SIGKILL')
    state.beats++
    beat(state.beats)
    state.last = performance.now()
  } catch {
    // A lock that cannot be read for a moment, as on a network, is not lost yet; one that cannot be read for long is.
    if (performance.now() - state.last > guarded.lostAfter / 2) process.kill(process.pid, 'SIGKILL')
  }
}, guarded.lostAfter / BEATS)
