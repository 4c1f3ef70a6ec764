/** Numbers and texts as opcodes are followed by them: in lines of protocol 0, and in bytes. */
import { fromLatin1, latin1 } from '../bytes.js'
import { quoted } from '../error.js'
import { type Machine, refuse, take } from './machine.js'
import type { PickleValue } from './values.js'

/** Far more than any of these has: bounds of what is looked at again and again. */
const MOST_DIGITS = 40
const MOST_LONG_BYTES = 16

export const utf8 = (machine: Machine, bytes: Uint8Array): PickleValue => {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return refuse(machine, 'text in UTF-8', `that before byte ${machine.at} is none`)
  }
}

/** The rest of a line: what opcodes of protocol 0 are followed by. */
export const line = (machine: Machine): Uint8Array => {
  const end = machine.bytes.indexOf(0x0a, machine.at)
  if (end < 0) refuse(machine, `a line feed after byte ${machine.at}`, 'there is none')
  const text = take(machine, Math.max(0, end - machine.at))
  machine.at = Math.min(machine.bytes.length, machine.at + 1)
  return text
}

export const shortLine = (machine: Machine): string => latin1(line(machine).subarray(0, MOST_DIGITS + 1))

/** A whole number as what holds it exactly. */
const exact = (value: bigint): number | bigint => (Number.isSafeInteger(Number(value)) ? Number(value) : value)

export const wholeOf = (machine: Machine, text: string): number | bigint | null =>
  /^[+-]?\d{1,40}L?$/.test(text)
    ? exact(BigInt(text.replace(/\+|L/g, '')))
    : refuse(machine, 'a whole number', `there is ${quoted(text)} before byte ${machine.at}`)

/** Protocol 0 writes truth as numbers of two digits. */
export const intLine = (machine: Machine): PickleValue => {
  const text = shortLine(machine)
  return text === '00' || text === '01' ? text === '01' : wholeOf(machine, text)
}

export const floatLine = (machine: Machine): PickleValue => {
  const text = shortLine(machine)
  const named: Readonly<Record<string, number>> = { nan: Number.NaN, inf: Infinity, '-inf': -Infinity }
  if (Object.hasOwn(named, text)) return named[text] as number
  return /^[+-]?\d+(\.\d*)?(e[+-]?\d+)?$/.test(text)
    ? Number(text)
    : refuse(machine, 'a number', `there is ${quoted(text)} before byte ${machine.at}`)
}

/** Two's complement, least byte first. */
export const long = (machine: Machine, length: number): PickleValue => {
  if (length > MOST_LONG_BYTES)
    return refuse(machine, `a whole number of at most ${MOST_LONG_BYTES} bytes`, `one has ${length}`)
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
export const quotedLine = (machine: Machine): PickleValue => {
  const text = /^(['"])(.*)\1$/s.exec(latin1(line(machine)))?.[2]
  if (text === undefined) return refuse(machine, 'a text in quotes', `that before byte ${machine.at} is none`)
  const plain = text.replace(/\\(x[0-9a-fA-F]{2}|.)/gs, (whole, escape: string) =>
    escape.length > 1 ? String.fromCharCode(Number.parseInt(escape.slice(1), 16)) : (ESCAPES[escape] ?? whole)
  )
  return fromLatin1(plain)
}

/** A text of protocol 0: latin1 with escapes of what is not, `\u20ac` and `\U0001f600`. */
export const unicodeLine = (machine: Machine): PickleValue => {
  const text = latin1(line(machine))
  return text.replace(/\\u([0-9a-fA-F]{4})|\\U([0-9a-fA-F]{8})/g, (whole, short?: string, full?: string) => {
    const code = Number.parseInt(short ?? full ?? '', 16)
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole
  })
}

/** The first number of what an opcode of protocol 0 notes or recalls. */
export const placeLine = (machine: Machine): number => {
  const place = wholeOf(machine, shortLine(machine))
  return typeof place === 'number' && place >= 0 ? place : Number(refuse(machine, 'a place of the memo', 'it is none'))
}
