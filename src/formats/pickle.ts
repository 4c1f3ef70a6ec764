/**
 * Python's pickles (protocols 0 to 5), read and never executed: a pickle is a program for a small stack machine, and
 * of the calls that it may ask for this one knows those that numpy arrays and bytes are made of. Any other is refused
 * by its name. Opcodes: Lib/pickletools.py of CPython.
 *
 * What is mentioned twice is shared, as in Python, so that memory stays within what follows from the length of the
 * input, and nothing here follows values into their depth.
 */
import * as E from 'fp-ts/lib/Either.js'
import { fromLatin1, latin1 } from './bytes.js'
import { type DecodeError, decodeError, quoted } from './error.js'

/** An array of numpy, its numbers as they lie in the file. */
export interface PickleArray {
  readonly _tag: 'array'
  readonly shape: readonly number[]
  /** As numpy writes it: byte order (`<`, `>`, or `|` for single bytes), kind (b, i, u, f) and bytes of a number. */
  readonly dtype: string
  /** Whether the first axis, not the last, lies closest together. */
  readonly fortran: boolean
  readonly data: Uint8Array
}

/** What stands for a function or a class that arrays are made of. */
export interface PickleGlobal {
  readonly _tag: 'global'
  readonly name: string
}

/** A numpy dtype by itself. */
export interface PickleDtype {
  readonly _tag: 'dtype'
  readonly dtype: string
}

/** A dict: keys that are bytes (all texts of Python 2 are) are texts by latin1 here. */
export type PickleDict = ReadonlyMap<string | number, PickleValue>

/**
 * A Python value. Whole numbers beyond 2^53 are bigints, bytes and texts of Python 2 are bytes, lists and tuples are
 * both lists.
 */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly PickleValue[]
  | PickleDict
  | PickleArray
  | PickleGlobal
  | PickleDtype

type Mutable<A> = { -readonly [K in keyof A]: A[K] }

/** The machine. The first problem stops it; what is read after one is empty. */
interface Machine {
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

/** As long as a text of it may be in JavaScript. */
const MOST_BYTES = 2 ** 29 - 2 ** 10
/**
 * A dict takes a byte of the file and some 200 of memory: steps are bounded, at four times those of CIFAR-100 written
 * by Python 3.
 */
const MOST_STEPS = 2 ** 21
/** Far more than any of these has: bounds of what is looked at again and again. */
const MOST_KEY_LENGTH = 1024
const MOST_DIGITS = 40
const MOST_AXES = 32
const MOST_LONG_BYTES = 16

const machineOf = (bytes: Uint8Array): Machine => ({
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
const refuse = (machine: Machine, required: string, found: string): null => {
  machine.problem ??= `pickle: ${required} is required, but ${found}`
  return null
}

const take = (machine: Machine, length: number): Uint8Array => {
  const { bytes, at } = machine
  if (length > bytes.length - at) {
    refuse(machine, `the whole of ${length} bytes at byte ${at}`, `${bytes.length - at} are left`)
    return new Uint8Array(0)
  }
  machine.at = at + length
  return bytes.subarray(at, at + length)
}

/** A whole number of the file, least byte first. */
const unsigned = (machine: Machine, length: 1 | 2 | 4 | 8): number => {
  const { bytes, at } = machine
  if (length > bytes.length - at) return take(machine, length).length
  machine.at = at + length
  let value = 0
  for (let k = at + length - 1; k >= at; k--) value = 256 * value + (bytes[k] as number)
  return value
}

const utf8 = (machine: Machine, bytes: Uint8Array): PickleValue => {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return refuse(machine, 'text in UTF-8', `that before byte ${machine.at} is none`)
  }
}

/** The rest of a line: what opcodes of protocol 0 are followed by. */
const line = (machine: Machine): Uint8Array => {
  const end = machine.bytes.indexOf(0x0a, machine.at)
  if (end < 0) refuse(machine, `a line feed after byte ${machine.at}`, 'there is none')
  const text = take(machine, Math.max(0, end - machine.at))
  machine.at = Math.min(machine.bytes.length, machine.at + 1)
  return text
}

const shortLine = (machine: Machine): string => latin1(line(machine).subarray(0, MOST_DIGITS + 1))

/** A whole number as what holds it exactly. */
const exact = (value: bigint): number | bigint => (Number.isSafeInteger(Number(value)) ? Number(value) : value)

const wholeOf = (machine: Machine, text: string): number | bigint | null =>
  /^[+-]?\d{1,40}L?$/.test(text)
    ? exact(BigInt(text.replace(/\+|L/g, '')))
    : refuse(machine, 'a whole number', `there is ${quoted(text)} before byte ${machine.at}`)

/** Protocol 0 writes truth as numbers of two digits. */
const intLine = (machine: Machine): PickleValue => {
  const text = shortLine(machine)
  return text === '00' || text === '01' ? text === '01' : wholeOf(machine, text)
}

const floatLine = (machine: Machine): PickleValue => {
  const text = shortLine(machine)
  const named: Readonly<Record<string, number>> = { nan: Number.NaN, inf: Infinity, '-inf': -Infinity }
  if (Object.hasOwn(named, text)) return named[text] as number
  return /^[+-]?\d+(\.\d*)?(e[+-]?\d+)?$/.test(text)
    ? Number(text)
    : refuse(machine, 'a number', `there is ${quoted(text)} before byte ${machine.at}`)
}

/** Two's complement, least byte first. */
const long = (machine: Machine, length: number): PickleValue => {
  if (length > MOST_LONG_BYTES) return refuse(machine, `a whole number of at most ${MOST_LONG_BYTES} bytes`, `one has ${length}`)
  const value = take(machine, length).reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
  return exact(BigInt.asIntN(8 * length, value))
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\',
  "'": "'",
  '"': '"',
  n: '\n',
  r: '\r',
  t: '\t',
  a: '\x07',
  b: '\b',
  f: '\f',
  v: '\v'
}

/** A text of protocol 0 as Python 2 prints it: in quotes, with escapes. */
const quotedLine = (machine: Machine): PickleValue => {
  const text = /^(['"])(.*)\1$/s.exec(latin1(line(machine)))?.[2]
  if (text === undefined) return refuse(machine, 'a text in quotes', `that before byte ${machine.at} is none`)
  const plain = text.replace(/\\(x[0-9a-fA-F]{2}|.)/gs, (whole, escape: string) =>
    escape.length > 1 ? String.fromCharCode(Number.parseInt(escape.slice(1), 16)) : (ESCAPES[escape] ?? whole)
  )
  return fromLatin1(plain)
}

/** A text of protocol 0: latin1 with escapes of what is not, `\u20ac` and `\U0001f600`. */
const unicodeLine = (machine: Machine): PickleValue => {
  const text = latin1(line(machine))
  return text.replace(/\\u([0-9a-fA-F]{4})|\\U([0-9a-fA-F]{8})/g, (whole, short?: string, full?: string) => {
    const code = Number.parseInt(short ?? full ?? '', 16)
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole
  })
}

const push = (machine: Machine, value: PickleValue): void => void machine.stack.push(value)

const pop = (machine: Machine): PickleValue => {
  const value = machine.stack.pop()
  return value === undefined ? refuse(machine, 'a value on the stack', `there is none at byte ${machine.at}`) : value
}

const top = (machine: Machine): PickleValue => {
  const value = machine.stack.at(-1)
  return value === undefined ? refuse(machine, 'a value on the stack', `there is none at byte ${machine.at}`) : value
}

/** All above the last mark, and the mark. */
const popMark = (machine: Machine): PickleValue[] => {
  const values = machine.stack
  const below = machine.marks.pop()
  if (!below) refuse(machine, 'a mark on the stack', `there is none at byte ${machine.at}`)
  machine.stack = below ?? []
  return values
}

/** The last `count` values as a tuple. */
const tuple = (machine: Machine, count: number): void => {
  const values = machine.stack.splice(Math.max(0, machine.stack.length - count))
  if (values.length < count) refuse(machine, `a tuple of ${count} values`, `the stack has ${values.length}`)
  push(machine, values)
}

const append = (machine: Machine, values: readonly PickleValue[]): void => {
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

const setItems = (machine: Machine, items: readonly PickleValue[]): void => {
  const dict = top(machine)
  if (!(dict instanceof Map)) return void refuse(machine, 'a dict to set items of', `there is none at byte ${machine.at}`)
  if (items.length % 2 > 0) return void refuse(machine, 'a value for each key', 'one has none')
  for (let k = 0; k < items.length && machine.problem === undefined; k += 2) {
    const key = keyOf(machine, items[k])
    if (dict.has(key)) refuse(machine, 'one value for each key', `there are two for ${quoted(String(key))}`)
    dict.set(key, items[k + 1])
  }
}

const memoise = (machine: Machine, place: number): void => void machine.memo.set(place, top(machine))

const recall = (machine: Machine, place: number): void => {
  const value = machine.memo.get(place)
  push(machine, value === undefined ? refuse(machine, `a value noted as ${place}`, 'there is none') : value)
}

/** The first number of what an opcode of protocol 0 notes or recalls. */
const placeLine = (machine: Machine): number => {
  const place = wholeOf(machine, shortLine(machine))
  return typeof place === 'number' && place >= 0 ? place : Number(refuse(machine, 'a place of the memo', 'it is none'))
}

/** The calls that are known, by the names that Python 2 and 3 and the numpys before and since 2.0 give them. */
const GLOBALS: Readonly<Record<string, PickleGlobal>> = Object.fromEntries(
  [
    ['numpy.core.multiarray._reconstruct', 'reconstruct'],
    ['numpy._core.multiarray._reconstruct', 'reconstruct'],
    ['numpy.core.numeric._frombuffer', 'frombuffer'],
    ['numpy._core.numeric._frombuffer', 'frombuffer'],
    ['numpy.ndarray', 'ndarray'],
    ['numpy.dtype', 'dtype'],
    ['_codecs.encode', 'encode']
  ].map(([path, name]) => [path as string, { _tag: 'global', name: name as string }])
)

const pushGlobal = (machine: Machine, module: PickleValue, name: PickleValue): void => {
  const path = typeof module === 'string' && typeof name === 'string' ? `${module.slice(0, 100)}.${name.slice(0, 100)}` : ''
  const known = Object.hasOwn(GLOBALS, path) ? GLOBALS[path] : undefined
  if (known) return push(machine, known)
  refuse(machine, 'a pickle of numbers, texts, lists, dicts and numpy arrays', `it asks for ${quoted(path)}, which is not run`)
}

/** The text of a short text, or of short bytes as latin1; undefined of anything else. */
export const textOf = (value: PickleValue | undefined): string | undefined =>
  typeof value === 'string' ? value : value instanceof Uint8Array && value.length <= MOST_KEY_LENGTH ? latin1(value) : undefined

/** Whether a value is an array, a dtype or a global. */
export const isTagged = <T extends 'array' | 'dtype' | 'global'>(
  value: PickleValue | undefined,
  tag: T
): value is Extract<PickleValue, { readonly _tag: T }> =>
  typeof value === 'object' && value !== null && '_tag' in value && value._tag === tag

/** `u1`, `f8`: a byte order is told apart, since numpy gives it later. */
const makeDtype = (machine: Machine, [text]: readonly PickleValue[]): PickleValue => {
  const code = textOf(text)
  if (code === undefined || !/^[<>|]?(b1|[iu][1248]|f[248])$/.test(code))
    return refuse(machine, 'an array of numbers', `one has the dtype ${quoted(code ?? 'of a record')}`)
  const plain = code.replace(/^[<>|]/, '')
  return { _tag: 'dtype', dtype: `${plain.endsWith('1') ? '|' : code.startsWith('>') ? '>' : '<'}${plain}` }
}

/** `_codecs.encode(text, 'latin1')`: how Python 3 writes bytes for Python 2. */
const encode = (machine: Machine, [text, coding]: readonly PickleValue[]): PickleValue => {
  if (typeof text !== 'string' || coding !== 'latin1') return refuse(machine, 'latin1 as the coding of bytes', 'there is another')
  machine.encodable -= text.length
  if (machine.encodable < 0) return refuse(machine, 'a place in the file for each byte', 'it repeats some')
  // What does not fit into a byte would be cut to one.
  if (/[^\0-\xff]/.test(text)) return refuse(machine, 'a text of latin1 letters for bytes', 'it has others')
  return fromLatin1(text)
}

const isCount = (value: PickleValue): value is number => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0

/** An array as the four things that say it; left as `found` says if these do not agree. */
const arrayOf = (
  machine: Machine,
  shape: PickleValue | undefined,
  dtype: PickleValue | undefined,
  fortran: boolean,
  data: PickleValue | undefined
): PickleArray | null => {
  if (!Array.isArray(shape) || shape.length > MOST_AXES || !shape.every(isCount))
    return refuse(machine, `a shape of at most ${MOST_AXES} whole numbers`, 'an array has another')
  if (!isTagged(dtype, 'dtype') || !(data instanceof Uint8Array))
    return refuse(machine, 'an array of numbers', 'one holds something else')
  const size = shape.reduce((product, extent) => product * extent, Number(dtype.dtype.slice(2)))
  if (size !== data.length) return refuse(machine, `room of ${size} bytes for an array of [${shape}]`, `there are ${data.length}`)
  return { _tag: 'array', shape, dtype: dtype.dtype, fortran, data }
}

/** `_frombuffer(data, dtype, shape, order)`: arrays of protocol 5. */
const fromBuffer = (machine: Machine, [data, dtype, shape, order]: readonly PickleValue[]): PickleValue =>
  order === 'C' || order === 'F'
    ? arrayOf(machine, shape, dtype, order === 'F', data)
    : refuse(machine, 'the order C or F', 'it is another')

const call = (machine: Machine): void => {
  const [given, callee] = [pop(machine), pop(machine)]
  if (!isTagged(callee, 'global') || !Array.isArray(given))
    return void refuse(machine, 'a known function and its arguments', `there are others at byte ${machine.at}`)
  const empty: PickleArray = { _tag: 'array', shape: [0], dtype: '|u1', fortran: false, data: new Uint8Array(0) }
  const result: Readonly<Record<string, () => PickleValue>> = {
    reconstruct: () =>
      isTagged(given[0], 'global') && given[0].name === 'ndarray'
        ? empty
        : refuse(machine, 'an array of numpy', 'there is another kind'),
    frombuffer: () => fromBuffer(machine, given),
    dtype: () => makeDtype(machine, given),
    encode: () => encode(machine, given)
  }
  push(machine, result[callee.name]?.() ?? refuse(machine, 'a function', `${quoted(callee.name)} is none here`))
}

/**
 * What numpy tells a dtype and an array after they are made. The object itself changes, since others may refer to it
 * already.
 */
const build = (machine: Machine): void => {
  const state = pop(machine)
  const object = top(machine)
  if (!Array.isArray(state)) return void refuse(machine, 'the state of an array', `there is none at byte ${machine.at}`)
  if (isTagged(object, 'dtype')) {
    const [, order, ...rest] = state
    const text = textOf(order)
    if (text === undefined || !['<', '>', '|', '='].includes(text) || rest.slice(0, 3).some(part => part !== null))
      return void refuse(machine, 'an array of plain numbers', 'one has records')
    if (text === '>' && !object.dtype.startsWith('|')) (object as Mutable<PickleDtype>).dtype = `>${object.dtype.slice(1)}`
    return
  }
  if (!isTagged(object, 'array')) return void refuse(machine, 'an array to give its state to', 'there is another value')
  const [, shape, dtype, fortran, data] = state
  if (typeof fortran !== 'boolean') return void refuse(machine, 'the order of an array', 'there is none')
  Object.assign(object, arrayOf(machine, shape, dtype, fortran, data))
}

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
const STEP_OF: readonly (Step | undefined)[] = Array.from({ length: 256 }, (_, code) => STEPS[String.fromCharCode(code)])

/** Takes the next step, or notes why there is none. */
const advance = (machine: Machine): void => {
  const at = machine.at
  const code = unsigned(machine, 1)
  const step = STEP_OF[code]
  if (machine.problem !== undefined) return
  if (step) return step(machine)
  refuse(machine, 'an opcode of numbers, texts, lists, dicts or arrays', `byte ${at} is 0x${code.toString(16)}`)
}

/**
 * * The value of a pickle. Left for any function or class that numpy arrays do not need, opcodes that these do not use
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
