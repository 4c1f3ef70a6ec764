/** Bytes that a program moves, and what design.md counted on paper for the search step. */
import type { Plan } from '../src/kernels/plan.js'
import { BYTES, type Program } from '../src/kernels/spec.js'

export interface Traffic {
  readonly readBytes: number
  readonly writtenBytes: number
}

const elementsOf = ({ slots }: Program, slot: number): number => (slots[slot]?.shape ?? []).reduce((a, b) => a * b, 1)

/**
 * By dispatch: each operand is read once (of a view only the elements that it covers, a broadcast's once), the result
 * is written once. What a kernel reads again for each output or keeps in registers is its own affair: this is what the
 * fusion decides.
 */
export const trafficOf = ({ program, dispatches }: Pick<Plan, 'program' | 'dispatches'>): readonly Traffic[] => {
  const writers = new Map<number, number>() // parts of a concatenation share their slot
  for (const { write } of program.calls) writers.set(write, (writers.get(write) ?? 0) + 1)
  return dispatches.map(calls =>
    total(
      calls.map(({ reads, covers, write }) => ({
        readBytes: BYTES * reads.reduce((sum, slot, i) => sum + (covers?.[i] ?? elementsOf(program, slot)), 0),
        writtenBytes: (BYTES * elementsOf(program, write)) / (writers.get(write) as number)
      }))
    )
  )
}

const total = (all: readonly Traffic[]): Traffic =>
  all.reduce(
    (sum, { readBytes, writtenBytes }) => ({
      readBytes: sum.readBytes + readBytes,
      writtenBytes: sum.writtenBytes + writtenBytes
    }),
    { readBytes: 0, writtenBytes: 0 }
  )

export const totalTraffic = (plan: Plan): Traffic => total(trafficOf(plan))
