/**
 * As much of vitest as the tests of the exercises use, for a page: `describe` and `it` gather tests, `expect` has a few
 * matchers. One that is missing is refused by name.
 */
import { shown } from '../expected.js'

export interface Test {
  readonly name: string
  readonly run: () => unknown
}

/** What was wanted and got is in the sentence. */
class ExpectationError extends Error {
  override readonly name = 'ExpectationError'
}

const isList = (value: unknown): value is ArrayLike<unknown> =>
  Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView))

/** Equality by contents, numbers by `Object.is`, as `toEqual` has it. */
export const equal = (a: unknown, b: unknown): boolean => {
  if (Object.is(a, b)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false
  if (isList(a) && isList(b)) return a.length === b.length && Array.from(a).every((one, i) => equal(one, b[i]))
  if (a instanceof Map && b instanceof Map) return equal([...a], [...b])
  if (a instanceof Set && b instanceof Set) return equal([...a], [...b])
  const [x, y] = [Object.entries(a), new Map(Object.entries(b))].map(all => [...all].filter(([, v]) => v !== undefined))
  const other = new Map(y)
  return (
    x !== undefined &&
    x.length === other.size &&
    x.every(([key, value]) => other.has(key) && equal(value, other.get(key)))
  )
}

/** A matcher: whether what was got is as wanted, and how that is said. */
type Matcher = (
  got: unknown,
  ...wanted: readonly never[]
) => { readonly holds: boolean; readonly said: string; readonly got?: string }

const number = (value: unknown): number => (typeof value === 'number' ? value : Number.NaN)

const thrownBy = (f: unknown): { readonly error?: unknown; readonly threw: boolean } => {
  if (typeof f !== 'function') return { threw: false }
  try {
    f()
    return { threw: false }
  } catch (error) {
    return { error, threw: true }
  }
}

const MATCHERS: Readonly<Record<string, Matcher>> = {
  toBe: (got, wanted: unknown) => ({ holds: Object.is(got, wanted), said: shown(wanted) }),
  toEqual: (got, wanted: unknown) => ({ holds: equal(got, wanted), said: shown(wanted) }),
  toBeCloseTo: (got, wanted: number, digits = 2) => ({
    holds: Math.abs(number(got) - wanted) < 0.5 * 10 ** -digits,
    said: `${wanted}, within ${0.5 * 10 ** -digits}`
  }),
  toBeGreaterThan: (got, bound: number) => ({ holds: number(got) > bound, said: `more than ${bound}` }),
  toBeGreaterThanOrEqual: (got, bound: number) => ({ holds: number(got) >= bound, said: `${bound} or more` }),
  toBeLessThan: (got, bound: number) => ({ holds: number(got) < bound, said: `less than ${bound}` }),
  toBeLessThanOrEqual: (got, bound: number) => ({ holds: number(got) <= bound, said: `${bound} or less` }),
  toBeDefined: got => ({ holds: got !== undefined, said: 'a value' }),
  toBeUndefined: got => ({ holds: got === undefined, said: 'undefined' }),
  toBeNull: got => ({ holds: got === null, said: 'null' }),
  toBeTruthy: got => ({ holds: Boolean(got), said: 'something true' }),
  toHaveLength: (got, length: number) => ({ holds: isList(got) && got.length === length, said: `${length} elements` }),
  toContain: (got, item: string) => ({
    holds: typeof got === 'string' ? got.includes(item) : isList(got) && Array.from<unknown>(got).includes(item),
    said: `something with ${shown(item)} in it`
  }),
  toMatch: (got, pattern: RegExp | string) => ({
    holds: typeof got === 'string' && (typeof pattern === 'string' ? got.includes(pattern) : pattern.test(got)),
    said: `a text like ${pattern}`
  }),
  toThrow: (got, pattern?: RegExp | string) => {
    const { threw, error } = thrownBy(got)
    const message = error instanceof Error ? error.message : String(error)
    const fits = typeof pattern === 'string' ? message.includes(pattern) : (pattern?.test(message) ?? true)
    return {
      holds: threw && fits,
      said: `an error${pattern ? ` that says ${pattern}` : ''}`,
      got: threw ? message : 'none'
    }
  }
}

type Expecting = Readonly<Record<string, (...wanted: readonly never[]) => void>>

/** The matchers for a value; those of `not` hold where the others do not. */
const expecting = (got: unknown, negated: boolean): Expecting =>
  new Proxy<Expecting>(
    {},
    {
      get: (_, name: string) => {
        if (name === 'not') return expecting(got, true)
        const matcher = MATCHERS[name]
        if (!matcher)
          throw new ExpectationError(
            `the page knows no matcher '${name}': use one of ${Object.keys(MATCHERS).join(', ')}`
          )
        return (...wanted: readonly never[]): void => {
          const { holds, said, got: received } = matcher(got, ...wanted)
          if (holds === negated)
            throw new ExpectationError(
              `it should be ${negated ? 'other than ' : ''}${said}, it is ${received ?? shown(got)}`
            )
        }
      }
    }
  )

/** A name with the values of a row in the places of `%s` and its kind. */
const named = (name: string, row: readonly unknown[]): string =>
  row.reduce<string>((text, value) => text.replace(/%[sdifjo]/, () => shown(value)), name)

type Named = (name: string, first: unknown, second?: unknown) => void

/** The same for each of a table's rows, whose values the function is given. */
const eachOf =
  (add: Named) =>
  (rows: readonly unknown[]): Named =>
  (name, ...given) => {
    const run = given.find(one => typeof one === 'function') as (...values: readonly unknown[]) => unknown
    for (const row of rows) {
      const values = Array.isArray(row) ? row : [row]
      add(named(name, values), () => run(...values))
    }
  }

/** The module, and the tests that it has gathered. */
export const vitest = (): { readonly module: Readonly<Record<string, unknown>>; readonly tests: readonly Test[] } => {
  const tests: Test[] = []
  const around: string[] = []
  const it: Named = (name, ...given) => {
    const run = given.find(one => typeof one === 'function') as Test['run']
    tests.push({ name: [...around, name].join(', '), run })
  }
  const describe = (name: string, gather: () => void): void => {
    around.push(name)
    gather()
    around.pop()
  }
  const withEach = Object.assign(it, { each: eachOf(it) })
  return { module: { describe, it: withEach, test: withEach, expect: (got: unknown) => expecting(got, false) }, tests }
}
