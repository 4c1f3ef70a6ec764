/**
 * What a comment behind a statement says of its value. `// 6`, `// [1, 2.5]`, `// f32[4,3]`,
 * `// { shape: [], dtype: 'f32', data: [2] }`, `// true`, `// 'text'` and lists and records of those are values, and
 * held to; `// ShapeError: text` says what it throws (`...` stands for any text); all else is prose.
 */
import { isDeepStrictEqual } from 'node:util'
import ts from 'typescript'
import { evaluate, isTensor } from '../../src/index.js'

export type Expected =
  | { readonly kind: 'value'; readonly text: string; readonly value: Wanted }
  | { readonly kind: 'error'; readonly text: string; readonly name: string; readonly parts: readonly string[] }

type Wanted =
  | { readonly number: number; readonly within: number }
  | { readonly shaped: string }
  | { readonly list: readonly Wanted[] }
  | { readonly record: Readonly<Record<string, Wanted>> }
  | { readonly literal: unknown }

const SHAPED = /\b(f32|i32|u32)\[([\d,]*)\]/g

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

const wanted = (node: ts.Expression): Wanted | undefined => {
  if (ts.isParenthesizedExpression(node)) return wanted(node.expression)
  if (ts.isNumericLiteral(node)) return numeral(node.getText())
  if (
    ts.isPrefixUnaryExpression(node) &&
    node.operator === ts.SyntaxKind.MinusToken &&
    ts.isNumericLiteral(node.operand)
  ) {
    const positive = numeral(node.operand.getText()) as { number: number; within: number }
    return { number: -positive.number, within: positive.within }
  }
  if (ts.isStringLiteral(node))
    return node.text.startsWith('§')
      ? { shaped: node.text.slice(1) }
      : node.text.startsWith('~')
        ? numeral(`${node.text.slice(1)}...`)
        : { literal: node.text }
  if (node.kind === ts.SyntaxKind.TrueKeyword) return { literal: true }
  if (node.kind === ts.SyntaxKind.FalseKeyword) return { literal: false }
  if (ts.isIdentifier(node)) {
    const names: Record<string, unknown> = { undefined: undefined, NaN: Number.NaN, Infinity: Number.POSITIVE_INFINITY }
    return node.text in names ? { literal: names[node.text] } : undefined
  }
  if (ts.isArrayLiteralExpression(node)) {
    const list = node.elements.map(wanted)
    return list.includes(undefined) ? undefined : { list: list as Wanted[] }
  }
  if (!ts.isObjectLiteralExpression(node)) return undefined
  const entries = node.properties.map(property =>
    ts.isPropertyAssignment(property)
      ? [property.name.getText().replaceAll("'", ''), wanted(property.initializer)]
      : ['', undefined]
  )
  return entries.some(([, value]) => value === undefined)
    ? undefined
    : { record: Object.fromEntries(entries) as Record<string, Wanted> }
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
  const plain = text
    .replaceAll(/\b(Float32Array|Float64Array|Int32Array|Uint32Array)(\(\d+\))? (?=\[)/g, '')
    .replaceAll(SHAPED, '"§$1[$2]"')
    .replaceAll(/(-?\d+\.\d+)\.\.\./g, '"~$1"')
  const source = ts.createSourceFile('expected.ts', `(${plain})`, ts.ScriptTarget.Latest, true)
  const [statement, ...more] = source.statements
  const broken = (source as unknown as { readonly parseDiagnostics: readonly unknown[] }).parseDiagnostics.length > 0
  if (broken || more.length > 0 || !statement || !ts.isExpressionStatement(statement)) return undefined
  const value = wanted(statement.expression)
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
    return (
      isDeepStrictEqual(Object.keys(got).sort(), Object.keys(want.record).sort()) &&
      Object.entries(want.record).every(([key, value]) => agrees((got as Record<string, unknown>)[key], value))
    )
  }
  if ('list' in want) {
    const items = want.list.some(one => 'shaped' in one) ? got : plainOf(got)
    return (
      Array.isArray(items) && items.length === want.list.length && want.list.every((one, i) => agrees(items[i], one))
    )
  }
  const value = plainOf(got)
  if ('literal' in want) return Object.is(value, want.literal)
  return typeof value === 'number' && Math.abs(value - want.number) <= want.within
}

/** What a value is, in the notation of comments. */
export const shown = (got: unknown): string => {
  if (isShaped(got)) return `${got.dtype}[${got.shape.join()}] ${JSON.stringify(plainOf(got))}`
  return ArrayBuffer.isView(got)
    ? JSON.stringify(plainOf(got))
    : typeof got === 'object'
      ? JSON.stringify(got)
      : String(got)
}

/** Why a statement is not what its comment says, if it is not. */
export const complaintOf = async (expected: Expected, run: () => unknown): Promise<string | undefined> => {
  let got: unknown
  try {
    got = await run()
  } catch (error) {
    if (!(error instanceof Error) || expected.kind !== 'error') throw error
    const message = error.message
    const named = error.name === expected.name || error.constructor.name === expected.name
    let from = 0
    const inOrder = expected.parts.every(part => {
      const place = message.indexOf(part, from)
      from = place + part.length
      return place >= 0
    })
    return named && inOrder
      ? undefined
      : `its comment says '${expected.text}', it throws ${error.constructor.name}: ${message}`
  }
  if (expected.kind === 'error') return `its comment says '${expected.text}', it gives ${shown(got).slice(0, 300)}`
  return agrees(got, expected.value)
    ? undefined
    : `its comment says ${expected.text}, it is ${shown(got).slice(0, 300)}`
}
