/**
 * Python's pickles (protocols 0 to 5), read and never executed: a pickle is a program for a small stack machine, and
 * of the calls that it may ask for this one knows those that numpy arrays and bytes are made of. Any other is refused
 * by its name.
 *
 * What is mentioned twice is shared, as in Python, so that memory stays within what follows from the length of the
 * input, and nothing here follows values into their depth.
 */
import * as E from 'fp-ts/lib/Either.js'
import { type DecodeError, decodeError } from './error.js'
import { machineOf, refuse } from './pickle/machine.js'
import { advance } from './pickle/steps.js'
import type { PickleValue } from './pickle/values.js'

export type { PickleArray, PickleDict, PickleValue } from './pickle/values.js'

/** As long as a text of it may be in JavaScript. */
const MOST_BYTES = 2 ** 29 - 2 ** 10
/**
 * A dict takes a byte of the file and some 200 of memory: steps are bounded, at four times those of CIFAR-100 written
 * by Python 3.
 */
const MOST_STEPS = 2 ** 21

/**
 * The value of a pickle. Left for any function or class that numpy arrays do not need, opcodes that these do not use
 * (sets, objects, buffers from elsewhere), two values of one key, bytes after the end, and a pickle that is cut off. An
 * array's numbers stay bytes of the file.
 *
 * @example decodePickle(new Uint8Array([0x80, 2, 0x4b, 5, 0x2e])) // { _tag: 'Right', right: 5 }
 */
export const decodePickle = (bytes: Uint8Array): E.Either<DecodeError, PickleValue> => {
  const machine = machineOf(bytes)
  if (bytes.length > MOST_BYTES) refuse(machine, `a pickle of at most ${MOST_BYTES} bytes`, `it has ${bytes.length}`)
  for (let count = 0; !machine.stopped && machine.problem === undefined; count++) {
    if (count === MOST_STEPS) refuse(machine, `a pickle of at most ${MOST_STEPS} steps`, 'it has more')
    else advance(machine)
  }
  const { stack, marks, at } = machine
  if (stack.length !== 1 || marks.length > 0) refuse(machine, 'one value at the end', 'there are others')
  if (at < bytes.length) refuse(machine, 'nothing after the end', `${bytes.length - at} bytes follow`)
  return machine.problem === undefined ? E.right(stack[0] as PickleValue) : E.left(decodeError(machine.problem))
}
