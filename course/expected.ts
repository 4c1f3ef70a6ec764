/**
 * What a comment behind a statement says of its value. `// 6`, `// [1, 2.5]`, `// f32[4,3]`,
 * `// { shape: [], dtype: 'f32', data: [2] }`, `// true`, `// 'text'` and lists and records of those are values, and
 * held to, a text that ends in `...` to what stands before; `// ShapeError: text` says what it throws (`...` stands for
 * any text); all else is prose.
 */
import { javascriptLanguage } from '@codemirror/lang-javascript'
import { evaluate, isTensor } from '../src/index.js'

export type Expected =
  | { readonly kind: 'value'; readonly text: string; readonly value: Wanted }
  | { readonly kind: 'error'; readonly text: string; readonly name: string; readonly parts: readonly string[] }

type Wanted =
  | { readonly number: number; readonly within: number }
  | { readonly shaped: string }
  | { readonly list: readonly Wanted[] }
  | { readonly record: Readonly<Record<string, Wanted>> }
  | { readonly literal: unknown }
  | { readonly start: string }

const SHAPED_OR_QUOTED = /'[^']*'|"[^"]*"|\b(f32|i32|u32)\[([\d,]*)\]/g

/**
 * A number is held to the digits that are written, and `2.776...` to those before the dots; a whole one to six digits.
 */
const numeral = (text: string): Wanted => {
  const cut = text.endsWith('...')
  const digits = text.replace('...', '')
  const [mantissa = '', exponent = '0'] = digits.split('e')
  const decimals = mantissa.split('.')[1]?.length ?? 0
  const unit = 10 ** (Number(exponent) - decimals)
  const number = Number(digits)
  return { number, within: cut ? unit : decimals > 0 ? 0.5 * unit * (1 + 1e-6) : Math.abs(number) * 1e-6 }
}

type Node = ReturnType<typeof javascriptLanguage.parser.parse>['topNode']

/** What stands in a node, without brackets, commas and the like. */
const partsOf = (node: Node): Node[] => {
  const parts: Node[] = []
  for (let child = node.firstChild; child; child = child.nextSibling)
    if (/^\w/.test(child.name) || child.type.isError) parts.push(child)
  return parts
}

/** The text that a literal stands for. */
const unquoted = (literal: string): string =>
  JSON.parse(
    `"${literal
      .slice(1, -1)
      .replaceAll("\\'", "'")
      .replaceAll(/(?<!\\)"/g, '\\"')}"`
  )

const NAMES: Readonly<Record<string, unknown>> = {
  true: true,
  false: false,
  undefined: undefined,
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY
}

const textual = (text: string): Wanted => {
  if (text.startsWith('§')) return { shaped: text.slice(1) }
  if (text.startsWith('~')) return numeral(`${text.slice(1)}...`)
  return text.endsWith('...') ? { start: text.slice(0, -3).trimEnd() } : { literal: text }
}

/** What a literal wants; undefined for what is none. */
const wanted = (node: Node | undefined, code: string): Wanted | undefined => {
  if (!node) return undefined
  const text = code.slice(node.from, node.to)
  const parts = partsOf(node)
  switch (node.name) {
    case 'ParenthesizedExpression':
      return parts.length === 1 ? wanted(parts[0], code) : undefined
    case 'Number':
      return numeral(text)
    case 'UnaryExpression':
      return text.startsWith('-') && parts[1]?.name === 'Number' ? negative(numeral(text.slice(1).trim())) : undefined
    case 'String':
      return textual(unquoted(text))
    case 'BooleanLiteral':
    case 'VariableName':
      return text in NAMES ? { literal: NAMES[text] } : undefined
    case 'ArrayExpression': {
      const list = parts.map(part => wanted(part, code))
      return list.every(one => one !== undefined) ? { list } : undefined
    }
    case 'ObjectExpression': {
      const entries = parts.map(property => entryOf(property, code))
      return entries.every(entry => entry !== undefined) ? { record: Object.fromEntries(entries) } : undefined
    }
    default:
      return undefined
  }
}

const negative = (positive: Wanted): Wanted | undefined =>
  'number' in positive ? { number: -positive.number, within: positive.within } : undefined

const entryOf = (property: Node, code: string): readonly [string, Wanted] | undefined => {
  const [key, value, ...more] = partsOf(property)
  const want = more.length === 0 ? wanted(value, code) : undefined
  if (!key || want === undefined) return undefined
  const name = code.slice(key.from, key.to)
  return [key.name === 'String' ? unquoted(name) : name, want]
}

/** What a text wants that is one literal and nothing else. */
const wantedBy = (code: string): Wanted | undefined => {
  const top = javascriptLanguage.parser.parse(code).topNode
  const [statement, ...more] = partsOf(top)
  const inner = statement && partsOf(statement)
  return more.length === 0 && inner?.length === 1 ? wanted(inner[0], code) : undefined
}

/** What a comment says, without its slashes; undefined for prose. */
export const expectedOf = (comment: string): Expected | undefined => {
  const text = comment.replace(/^\/\/\s*/, '').trim()
  const error = /^(\w*Error|Refusal): (.*)$/.exec(text)
  if (error)
    return {
      kind: 'error',
      text,
      name: error[1] as string,
      parts: (error[2] as string).split('...').map(part => part.trim())
    }
  // What looks like a shape within quotes is a part of the text.
  const plain = text
    .replaceAll(/\b(Float32Array|Float64Array|Int32Array|Uint32Array)(\(\d+\))? (?=\[)/g, '')
    .replaceAll(SHAPED_OR_QUOTED, (whole, dtype, extents) => (dtype ? `"§${dtype}[${extents}]"` : whole))
    .replaceAll(/(-?\d+\.\d+)\.\.\./g, '"~$1"')
  const value = wantedBy(`(${plain})`)
  return value === undefined ? undefined : { kind: 'value', text, value }
}

const isArrayLike = (
  value: unknown
): value is { readonly shape: readonly number[]; readonly dtype: string; readonly data: ArrayLike<number> } =>
  typeof value === 'object' && value !== null && 'shape' in value && 'data' in value

const isShaped = (value: unknown): value is { readonly shape: readonly number[]; readonly dtype: string } =>
  typeof value === 'object' && value !== null && 'shape' in value && 'dtype' in value

/** The numbers of an array, nested as its shape says. */
const nested = (data: ArrayLike<number>, [extent, ...rest]: readonly number[], from = 0): unknown => {
  if (extent === undefined) return data[from]
  const step = rest.reduce((product, one) => product * one, 1)
  return Array.from({ length: extent }, (_, i) => nested(data, rest, from + i * step))
}

const plainOf = (got: unknown): unknown => {
  if (isTensor(got)) return plainOf(evaluate(got))
  if (isArrayLike(got)) return nested(got.data, got.shape)
  return ArrayBuffer.isView(got) ? Array.from(got as Float32Array) : got
}

const agrees = (got: unknown, want: Wanted): boolean => {
  if ('shaped' in want) return isShaped(got) && `${got.dtype}[${got.shape.join()}]` === want.shaped
  if ('record' in want) {
    if (typeof got !== 'object' || got === null) return false
    const entries = Object.entries(want.record)
    const has = new Map(Object.entries(got))
    return has.size === entries.length && entries.every(([key, one]) => has.has(key) && agrees(has.get(key), one))
  }
  if ('list' in want) {
    const items = want.list.some(one => 'shaped' in one) ? got : plainOf(got)
    return (
      Array.isArray(items) && items.length === want.list.length && want.list.every((one, i) => agrees(items[i], one))
    )
  }
  if ('start' in want) return typeof got === 'string' && got.startsWith(want.start)
  const value = plainOf(got)
  if ('literal' in want) return Object.is(value, want.literal)
  return typeof value === 'number' && Math.abs(value - want.number) <= want.within
}

/** A value within another, in the notation of comments; of a tensor its shape. `depth` levels are shown. */
const inner = (got: unknown, depth: number): string => {
  if (typeof got === 'string') return `'${got}'`
  if (typeof got === 'function') return `function ${got.name}`.trimEnd()
  if (typeof got !== 'object' || got === null) return String(got)
  if (isShaped(got) && !isArrayLike(got)) return `${got.dtype}[${got.shape.join()}]`
  if (depth === 0) return '...'
  const plain = plainOf(got)
  if (Array.isArray(plain)) return `[${plain.map(one => inner(one, depth - 1)).join(', ')}]`
  if (typeof plain !== 'object' || plain === null) return inner(plain, depth)
  if (plain instanceof Map) return `Map(${plain.size}) ${inner([...plain.entries()], depth)}`
  if (plain instanceof Set) return `Set(${plain.size}) ${inner([...plain], depth)}`
  const entries = Object.entries(plain).map(([key, one]) => `${key}: ${inner(one, depth - 1)}`)
  return entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`
}

/** What a value is, in the notation of comments. */
export const shown = (got: unknown): string => {
  if (typeof got === 'string') return got
  if (got instanceof Error) return `${got.name}: ${got.message}`
  if (!isShaped(got) || !(isTensor(got) || isArrayLike(got))) return inner(got, 8)
  return `${got.dtype}[${got.shape.join()}] ${inner(plainOf(got), 8)}`
}

/** What became of a statement. */
export type Outcome =
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'error'; readonly error: Error }

/** Runs a statement; what it throws is its outcome where its comment says so. */
export const outcomeOf = async (expected: Expected | undefined, run: () => unknown): Promise<Outcome> => {
  try {
    return { kind: 'value', value: await run() }
  } catch (error) {
    if (!(error instanceof Error) || expected?.kind !== 'error') throw error
    return { kind: 'error', error }
  }
}

/** Whether texts stand in another, in their order. */
const inOrder = (text: string, parts: readonly string[]): boolean => {
  let from = 0
  return parts.every(part => {
    const place = text.indexOf(part, from)
    from = place + part.length
    return place >= 0
  })
}

/** Why an outcome is not what its comment says, if it is not. */
export const complaintAbout = (expected: Expected, outcome: Outcome): string | undefined => {
  if (outcome.kind === 'error') {
    const { error } = outcome
    const { name } = error.constructor
    return expected.kind === 'error' &&
      [error.name, name].includes(expected.name) &&
      inOrder(error.message, expected.parts)
      ? undefined
      : `its comment says '${expected.text}', it throws ${name}: ${error.message}`
  }
  const got = (): string => shown(outcome.value).slice(0, 300)
  if (expected.kind === 'error') return `its comment says '${expected.text}', it gives ${got()}`
  return agrees(outcome.value, expected.value) ? undefined : `its comment says ${expected.text}, it is ${got()}`
}
