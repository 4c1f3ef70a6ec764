/**
 * The steps of the machine, by opcode. A pickle is a program, and this is never more than its numbers, texts, lists,
 * dicts and arrays: any other opcode is refused. Opcodes: Lib/pickletools.py of CPython.
 */
import { latin1 } from '../bytes.js'
import { build, call, pushGlobal } from './arrays.js'
import {
  append,
  type Machine,
  memoise,
  pop,
  popMark,
  push,
  recall,
  refuse,
  setItems,
  take,
  top,
  tuple,
  unsigned
} from './machine.js'
import type { PickleValue } from './values.js'
import {
  floatLine,
  intLine,
  line,
  long,
  placeLine,
  quotedLine,
  shortLine,
  unicodeLine,
  utf8,
  wholeOf
} from './written.js'

type Step = (machine: Machine) => void

const bytesOf =
  (length: 1 | 4 | 8): Step =>
  machine =>
    push(machine, take(machine, unsigned(machine, length)))
const unicodeOf =
  (length: 1 | 4 | 8): Step =>
  machine =>
    push(machine, utf8(machine, take(machine, unsigned(machine, length))))
const constant =
  (value: () => PickleValue): Step =>
  machine =>
    push(machine, value())
const reading =
  (read: (machine: Machine) => PickleValue): Step =>
  machine =>
    push(machine, read(machine))

/** What each opcode does. */
const STEPS: Readonly<Record<string, Step>> = {
  '\x80': machine => {
    const protocol = unsigned(machine, 1)
    if (protocol > 5) refuse(machine, 'a protocol of 0 to 5', `it is ${protocol}`)
  },
  // The length of a frame helps those who read from a stream.
  '\x95': machine => void unsigned(machine, 8),
  '.': machine => {
    machine.stopped = true
  },
  '(': machine => {
    machine.marks.push(machine.stack)
    machine.stack = []
  },
  '0': machine => void pop(machine),
  '1': machine => void popMark(machine),
  '2': reading(top),
  N: constant(() => null),
  '\x88': constant(() => true),
  '\x89': constant(() => false),
  I: reading(intLine),
  L: reading(machine => wholeOf(machine, shortLine(machine))),
  F: reading(floatLine),
  S: reading(quotedLine),
  V: reading(unicodeLine),
  K: reading(machine => unsigned(machine, 1)),
  M: reading(machine => unsigned(machine, 2)),
  J: reading(machine => unsigned(machine, 4) | 0),
  G: reading(machine => {
    const bytes = take(machine, 8)
    return bytes.length < 8 ? null : new DataView(bytes.buffer, bytes.byteOffset).getFloat64(0)
  }),
  '\x8a': reading(machine => long(machine, unsigned(machine, 1))),
  '\x8b': reading(machine => long(machine, unsigned(machine, 4))),
  U: bytesOf(1),
  T: bytesOf(4),
  C: bytesOf(1),
  B: bytesOf(4),
  '\x8e': bytesOf(8),
  '\x96': bytesOf(8),
  '\x8c': unicodeOf(1),
  X: unicodeOf(4),
  '\x8d': unicodeOf(8),
  ']': constant(() => []),
  ')': constant(() => []),
  l: machine => {
    const values = popMark(machine)
    push(machine, values)
  },
  t: machine => {
    const values = popMark(machine)
    push(machine, values)
  },
  '\x85': machine => tuple(machine, 1),
  '\x86': machine => tuple(machine, 2),
  '\x87': machine => tuple(machine, 3),
  a: machine => append(machine, [pop(machine)]),
  e: machine => append(machine, popMark(machine)),
  '}': constant(() => new Map()),
  d: machine => {
    const items = popMark(machine)
    push(machine, new Map())
    setItems(machine, items)
  },
  s: machine => {
    const [value, key] = [pop(machine), pop(machine)]
    setItems(machine, [key, value])
  },
  u: machine => setItems(machine, popMark(machine)),
  p: machine => memoise(machine, placeLine(machine)),
  q: machine => memoise(machine, unsigned(machine, 1)),
  r: machine => memoise(machine, unsigned(machine, 4)),
  '\x94': machine => memoise(machine, machine.memo.size),
  g: machine => recall(machine, placeLine(machine)),
  h: machine => recall(machine, unsigned(machine, 1)),
  j: machine => recall(machine, unsigned(machine, 4)),
  c: machine => pushGlobal(machine, latin1(line(machine).subarray(0, 101)), latin1(line(machine).subarray(0, 101))),
  '\x93': machine => {
    const [name, module] = [pop(machine), pop(machine)]
    pushGlobal(machine, module, name)
  },
  R: call,
  b: build
}

/** The same by the opcodes' bytes. */
const STEP_OF: readonly (Step | undefined)[] = Array.from(
  { length: 256 },
  (_, code) => STEPS[String.fromCharCode(code)]
)

/** Takes the next step, or notes why there is none. */
export const advance = (machine: Machine): void => {
  const at = machine.at
  const code = unsigned(machine, 1)
  const step = STEP_OF[code]
  if (machine.problem !== undefined) return
  if (step) return step(machine)
  refuse(machine, 'an opcode of numbers, texts, lists, dicts or arrays', `byte ${at} is 0x${code.toString(16)}`)
}
