/** What a report says: the first check that failed, in words. */
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { DeviceBuffer } from '../buffers.js'
import type { Device } from '../device.js'
import { type KernelError, wrongResult } from '../errors.js'
import type { DType } from '../spec.js'
import { readback } from '../transfer.js'
import { type Check, FINE, WORDS } from './report.js'

/** A number from its bits. */
const numberOf = (bits: number, dtype: DType): number => {
  const word = Uint32Array.of(bits).buffer
  return (
    dtype === 'f32' ? new Float32Array(word) : dtype === 'i32' ? new Int32Array(word) : new Uint32Array(word)
  )[0] as number
}

const errorOf = (
  { info }: Device,
  { call, against, dtype }: Check,
  [element, got, wanted]: readonly number[]
): KernelError =>
  against === undefined
    ? wrongResult(
        `call "${call.label}" (${call.shader}) to store every element`,
        `element ${element} was left as it was`,
        `report this with the adapter's name, ${info.name}`
      )
    : wrongResult(
        `call "${call.label}" to give by ${call.shader} what ${against} gives`,
        `element ${element} is ${numberOf(got as number, dtype)} where ${numberOf(wanted as number, dtype)} is right`,
        `use another adapter or the reference, and report this with the adapter's name, ${info.name}`
      )

export interface Failure {
  readonly check: Check
  readonly error: KernelError
}

/** The first check of a report that failed; undefined if all is well. */
export const failureOf = (
  device: Device,
  checks: readonly Check[],
  report: DeviceBuffer
): TE.TaskEither<KernelError, Failure | undefined> =>
  pipe(
    readback(device, [{ buffer: report, dtype: 'u32', length: WORDS * Math.max(1, checks.length) }]),
    TE.map(([words]) => {
      const found = checks.findIndex((_, i) => words?.[WORDS * i] !== FINE)
      if (found < 0) return undefined
      const check = checks[found] as Check
      const values = Array.from((words as Uint32Array).subarray(WORDS * found, WORDS * (found + 1)))
      return { check, error: errorOf(device, check, values) }
    })
  )
