/** Which buffer each slot lives in, and what that costs, known before anything runs. Pure. */
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { MOST_WORKGROUPS } from './agreement.js'
import { type Dispatch, dispatchesOf } from './dispatches.js'
import type { KernelError } from './errors.js'
import { withOp } from './op.js'
import type { Call, Program, Slot } from './spec.js'
import { bytesOf, type PlanLimits, validate } from './validate.js'

/**
 * Where a slot lives: passed by the caller, uploaded once, shared with slots of other times, or made anew by each run.
 */
export interface Place {
  readonly kind: 'input' | 'constant' | 'shared' | 'output'
  /** Its position in `program.inputs`, `program.constants`, `plan.shared` or `program.outputs`. */
  readonly index: number
}

export interface Plan {
  readonly program: Program
  /** The program's calls, with workgroups within what a dispatch may have, in the order in which they are computed. */
  readonly dispatches: readonly Dispatch[]
  /** By slot: bytes of its binding. */
  readonly bytes: readonly number[]
  /** By slot; undefined for a slot that nothing touches. */
  readonly places: readonly (Place | undefined)[]
  /** Bytes of the buffers that intermediate slots share. */
  readonly shared: readonly number[]
  /** Inputs, constants, shared buffers and outputs at once: what a run holds. */
  readonly peakBytes: number
  /** The same if intermediates were packed without a gap: no plan of this order of calls can be smaller. */
  readonly lowerBoundBytes: number
  /** Buffers that a run holds. */
  readonly bufferCount: number
}

/** A slot's life: from the first dispatch that writes it to the last that reads or writes it, both included. */
interface Life {
  readonly slot: number
  readonly bytes: number
  readonly first: number
  last: number
}

const livesOf = (
  dispatches: readonly Dispatch[],
  bytes: readonly number[],
  isOwned: (slot: number) => boolean
): Life[] => {
  const lives = new Map<number, Life>()
  for (const [time, calls] of dispatches.entries()) {
    for (const slot of calls.flatMap(({ write, reads }) => [write, ...reads])) {
      const life = lives.get(slot)
      if (life) life.last = time
      else if (!isOwned(slot)) lives.set(slot, { slot, bytes: bytes[slot] as number, first: time, last: time })
    }
  }
  return [...lives.values()]
}

/** The most bytes that are alive during one dispatch. */
const mostAlive = (lives: readonly Life[], times: number): number => {
  const change = new Array<number>(times + 1).fill(0)
  for (const { bytes, first, last } of lives) {
    change[first] = (change[first] as number) + bytes
    change[last + 1] = (change[last + 1] as number) - bytes
  }
  let alive = 0
  return change.reduce((most, bytes) => {
    alive += bytes
    return Math.max(most, alive)
  }, 0)
}

/** Calls of a span: long enough that a plan has few of them, short enough that most long lives fill one. */
const SPAN = 1024

/**
 * Which buffers are worth asking, by spans of time: `below[n]` leads from a buffer that one life fills for the whole
 * span to the next lower one that none does. A network's activations live from its forward to its backward pass;
 * without this each of the tens of thousands of short lives in between would ask them all.
 */
const openBuffers = (times: number) => {
  const spans = Array.from({ length: Math.ceil(times / SPAN) }, (): number[] => [])
  return {
    add: (buffer: number): void => {
      for (const below of spans) below.push(buffer)
    },
    /** The highest buffer from `buffer` downwards that is not filled in the span of `time`, or -1. */
    find: (time: number, buffer: number): number => {
      const below = spans[Math.floor(time / SPAN)] as number[]
      let found = buffer
      while (found >= 0 && below[found] !== found) found = below[found] as number
      for (let at = buffer; at >= 0 && at !== found; ) {
        const next = below[at] as number
        below[at] = found
        at = next
      }
      return found
    },
    fill: (buffer: number, { first, last }: Life): void => {
      for (let n = Math.ceil(first / SPAN); (n + 1) * SPAN - 1 <= last; n++) (spans[n] as number[])[buffer] = buffer - 1
    }
  }
}

/**
 * Buffers for lives, like registers: no two lives of one buffer overlap. Each life takes the smallest buffer that is
 * free for its whole time and large enough, else makes one.
 */
const colour = (
  lives: readonly Life[],
  times: number
): { readonly places: Map<number, number>; readonly sizes: number[] } => {
  // Largest first: a buffer never has to grow, and small slots fill the gaps in time that large ones leave.
  const order = [...lives].sort((a, b) => b.bytes - a.bytes || a.first - b.first)
  const places = new Map<number, number>()
  const sizes: number[] = []
  const tenants: Life[][] = [] // by buffer, in the order of time
  const open = openBuffers(times)
  for (const life of order) {
    // Buffers were made in falling sizes, so the last one that is free fits best.
    let buffer = open.find(life.first, sizes.length - 1)
    let at = -1
    for (; buffer >= 0; buffer = open.find(life.first, buffer - 1)) {
      at = vacancy(tenants[buffer] as Life[], life)
      if (at >= 0) break
    }
    if (buffer < 0) {
      buffer = sizes.push(life.bytes) - 1
      tenants.push([])
      open.add(buffer)
      at = 0
    }
    tenants[buffer]?.splice(at, 0, life)
    open.fill(buffer, life)
    places.set(life.slot, buffer)
  }
  return { places, sizes }
}

/** Where in a buffer's tenants a life would stand, or -1 if it overlaps one. */
const vacancy = (tenants: readonly Life[], { first, last }: Life): number => {
  let low = 0
  let high = tenants.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((tenants[middle] as Life).last < first) low = middle + 1
    else high = middle
  }
  const next = tenants[low]
  return next === undefined || next.first > last ? low : -1
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

/** Workgroups that can be launched: shaders that take more stride over the rest. */
const launchable = ({ workgroups: [x, y, z], ...call }: Call): Call => ({
  ...call,
  workgroups: [Math.min(x, MOST_WORKGROUPS), Math.min(y, MOST_WORKGROUPS), Math.min(z, MOST_WORKGROUPS)]
})

/**
 * Plans a program, up to `most` calls in a dispatch. `InvalidProgram` if it breaks a rule of `spec.ts` or a limit, with
 * the label of the call that does.
 */
export const plan = (program: Program, limits: PlanLimits, most = 1): E.Either<KernelError, Plan> =>
  pipe(
    validate({ ...program, calls: program.calls.map(call => withOp(call, program.slots)) }, limits),
    E.map(({ slots, inputs, outputs, constants, calls }): Plan => {
      const bytes = slots.map((slot: Slot) => bytesOf(slot))
      const places: (Place | undefined)[] = slots.map(() => undefined)
      const own = (kind: Place['kind']) => (slot: number, index: number) => {
        places[slot] = { kind, index }
      }
      inputs.forEach(own('input'))
      outputs.forEach(own('output'))
      constants.map(({ slot }) => slot).forEach(own('constant'))
      const dispatches = dispatchesOf(calls.map(launchable), bytes, most, limits.maxStorageBuffersPerShaderStage)
      const lives = livesOf(dispatches, bytes, slot => places[slot] !== undefined)
      const coloured = colour(lives, dispatches.length)
      for (const [slot, index] of coloured.places) places[slot] = { kind: 'shared', index }

      const owned = [...inputs, ...outputs, ...constants.map(({ slot }) => slot)]
      const rest = sum(owned.map(slot => bytes[slot] as number))
      return {
        program,
        dispatches,
        bytes,
        places,
        shared: coloured.sizes,
        peakBytes: rest + sum(coloured.sizes),
        lowerBoundBytes: rest + mostAlive(lives, dispatches.length),
        bufferCount: owned.length + coloured.sizes.length
      }
    })
  )
