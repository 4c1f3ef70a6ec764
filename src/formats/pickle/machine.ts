/** The machine that a pickle is a program for: the bytes that it reads, its stack, and what it noted. */
import { latin1 } from '../bytes.js'
import { quoted } from '../error.js'
import { MOST_KEY_LENGTH, type PickleValue } from './values.js'

/** The machine. The first problem stops it; what is read after one is empty. */
export interface Machine {
  readonly bytes: Uint8Array
  at: number
  stack: PickleValue[]
  /** Stacks that wait below a mark. */
  readonly marks: PickleValue[][]
  readonly memo: Map<number, PickleValue>
  /** Bytes that texts may still be turned into: all texts that a pickle really writes as bytes lie in it once. */
  encodable: number
  stopped: boolean
  problem: string | undefined
}

export const machineOf = (bytes: Uint8Array): Machine => ({
  bytes,
  at: 0,
  stack: [],
  marks: [],
  memo: new Map(),
  encodable: bytes.length,
  stopped: false,
  problem: undefined
})

/** Notes what is wrong, the first time. */
export const refuse = (machine: Machine, required: string, found: string): null => {
  machine.problem ??= `pickle: ${required} is required, but ${found}`
  return null
}

export const take = (machine: Machine, length: number): Uint8Array => {
  const { bytes, at } = machine
  if (length > bytes.length - at) {
    refuse(machine, `the whole of ${length} bytes at byte ${at}`, `${bytes.length - at} are left`)
    return new Uint8Array(0)
  }
  machine.at = at + length
  return bytes.subarray(at, at + length)
}

/** A whole number of the file, least byte first. */
export const unsigned = (machine: Machine, length: 1 | 2 | 4 | 8): number => {
  const { bytes, at } = machine
  if (length > bytes.length - at) return take(machine, length).length
  machine.at = at + length
  let value = 0
  for (let k = at + length - 1; k >= at; k--) value = 256 * value + (bytes[k] as number)
  return value
}

export const push = (machine: Machine, value: PickleValue): void => void machine.stack.push(value)

export const pop = (machine: Machine): PickleValue => {
  const value = machine.stack.pop()
  return value === undefined ? refuse(machine, 'a value on the stack', `there is none at byte ${machine.at}`) : value
}

export const top = (machine: Machine): PickleValue => {
  const value = machine.stack.at(-1)
  return value === undefined ? refuse(machine, 'a value on the stack', `there is none at byte ${machine.at}`) : value
}

/** All above the last mark, and the mark. */
export const popMark = (machine: Machine): PickleValue[] => {
  const values = machine.stack
  const below = machine.marks.pop()
  if (!below) refuse(machine, 'a mark on the stack', `there is none at byte ${machine.at}`)
  machine.stack = below ?? []
  return values
}

/** The last `count` values as a tuple. */
export const tuple = (machine: Machine, count: number): void => {
  const values = machine.stack.splice(Math.max(0, machine.stack.length - count))
  if (values.length < count) refuse(machine, `a tuple of ${count} values`, `the stack has ${values.length}`)
  push(machine, values)
}

export const append = (machine: Machine, values: readonly PickleValue[]): void => {
  const list = top(machine)
  if (!Array.isArray(list)) return void refuse(machine, 'a list to append to', `there is none at byte ${machine.at}`)
  for (const value of values) list.push(value)
}

const keyOf = (machine: Machine, key: PickleValue | undefined): string | number => {
  if (typeof key === 'number') return key
  if (typeof key === 'string' && key.length <= MOST_KEY_LENGTH) return key
  if (key instanceof Uint8Array && key.length <= MOST_KEY_LENGTH) return latin1(key)
  refuse(machine, `a text of at most ${MOST_KEY_LENGTH} letters, or a whole number, as key`, 'there is another')
  return ''
}

export const setItems = (machine: Machine, items: readonly PickleValue[]): void => {
  const dict = top(machine)
  if (!(dict instanceof Map))
    return void refuse(machine, 'a dict to set items of', `there is none at byte ${machine.at}`)
  if (items.length % 2 > 0) return void refuse(machine, 'a value for each key', 'one has none')
  for (let k = 0; k < items.length && machine.problem === undefined; k += 2) {
    const key = keyOf(machine, items[k])
    if (dict.has(key)) refuse(machine, 'one value for each key', `there are two for ${quoted(String(key))}`)
    dict.set(key, items[k + 1])
  }
}

export const memoise = (machine: Machine, place: number): void => void machine.memo.set(place, top(machine))

export const recall = (machine: Machine, place: number): void => {
  const value = machine.memo.get(place)
  push(machine, value === undefined ? refuse(machine, `a value noted as ${place}`, 'there is none') : value)
}
