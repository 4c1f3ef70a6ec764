/** The calls that numpy arrays and bytes are made of: what each gives, and what numpy tells an array after that. */
import { fromLatin1 } from '../bytes.js'
import { quoted } from '../error.js'
import { type Machine, pop, push, refuse, top } from './machine.js'
import { isTagged, type PickleArray, type PickleDtype, type PickleGlobal, type PickleValue, textOf } from './values.js'

type Mutable<A> = { -readonly [K in keyof A]: A[K] }

const MOST_AXES = 32

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

export const pushGlobal = (machine: Machine, module: PickleValue, name: PickleValue): void => {
  const path =
    typeof module === 'string' && typeof name === 'string' ? `${module.slice(0, 100)}.${name.slice(0, 100)}` : ''
  const known = Object.hasOwn(GLOBALS, path) ? GLOBALS[path] : undefined
  if (known) return push(machine, known)
  refuse(
    machine,
    'a pickle of numbers, texts, lists, dicts and numpy arrays',
    `it asks for ${quoted(path)}, which is not run`
  )
}

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
  if (typeof text !== 'string' || coding !== 'latin1')
    return refuse(machine, 'latin1 as the coding of bytes', 'there is another')
  machine.encodable -= text.length
  if (machine.encodable < 0) return refuse(machine, 'a place in the file for each byte', 'it repeats some')
  // What does not fit into a byte would be cut to one.
  if (/[^\0-\xff]/.test(text)) return refuse(machine, 'a text of latin1 letters for bytes', 'it has others')
  return fromLatin1(text)
}

const isCount = (value: PickleValue): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0

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
  if (size !== data.length)
    return refuse(machine, `room of ${size} bytes for an array of [${shape}]`, `there are ${data.length}`)
  return { _tag: 'array', shape, dtype: dtype.dtype, fortran, data }
}

/** `_frombuffer(data, dtype, shape, order)`: arrays of protocol 5. */
const fromBuffer = (machine: Machine, [data, dtype, shape, order]: readonly PickleValue[]): PickleValue =>
  order === 'C' || order === 'F'
    ? arrayOf(machine, shape, dtype, order === 'F', data)
    : refuse(machine, 'the order C or F', 'it is another')

export const call = (machine: Machine): void => {
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
export const build = (machine: Machine): void => {
  const state = pop(machine)
  const object = top(machine)
  if (!Array.isArray(state)) return void refuse(machine, 'the state of an array', `there is none at byte ${machine.at}`)
  if (isTagged(object, 'dtype')) {
    const [, order, ...rest] = state
    const text = textOf(order)
    if (text === undefined || !['<', '>', '|', '='].includes(text) || rest.slice(0, 3).some(part => part !== null))
      return void refuse(machine, 'an array of plain numbers', 'one has records')
    if (text === '>' && !object.dtype.startsWith('|'))
      (object as Mutable<PickleDtype>).dtype = `>${object.dtype.slice(1)}`
    return
  }
  if (!isTagged(object, 'array')) return void refuse(machine, 'an array to give its state to', 'there is another value')
  const [, shape, dtype, fortran, data] = state
  if (typeof fortran !== 'boolean') return void refuse(machine, 'the order of an array', 'there is none')
  Object.assign(object, arrayOf(machine, shape, dtype, fortran, data))
}
