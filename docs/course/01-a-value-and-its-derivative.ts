// What docs/course/01-a-value-and-its-derivative.md exports. Written by `npm run course -- --pictures`: change it there.

/** A number, and where it comes from. */
export interface Value {
  readonly number: number
  readonly operation: string
  readonly inputs: readonly Value[]
  /** The derivatives of this number in each of its inputs, the others held fixed. */
  readonly partials: readonly number[]
}

type Operand = Value | number

/** A number that comes from nowhere: an argument, or a constant. */
export const value = (number: number): Value => ({ number, operation: 'value', inputs: [], partials: [] })
const lifted = (x: Operand): Value => (typeof x === 'number' ? value(x) : x)

const unary =
  (operation: string, f: (x: number) => number, partial: (x: number) => number) =>
  (x: Operand): Value => {
    const input = lifted(x)
    return { number: f(input.number), operation, inputs: [input], partials: [partial(input.number)] }
  }

type Pair = readonly [number, number]

const binary =
  (operation: string, f: (x: number, y: number) => number, partials: (x: number, y: number) => Pair) =>
  (x: Operand, y: Operand): Value => {
    const [a, b] = [lifted(x), lifted(y)]
    return { number: f(a.number, b.number), operation, inputs: [a, b], partials: partials(a.number, b.number) }
  }

export const add = binary('add', (x, y) => x + y, () => [1, 1])
export const sub = binary('sub', (x, y) => x - y, () => [1, -1])
export const mul = binary('mul', (x, y) => x * y, (x, y) => [y, x])
export const div = binary('div', (x, y) => x / y, (x, y) => [1 / y, -x / (y * y)])
export const exp = unary('exp', Math.exp, Math.exp)
export const sin = unary('sin', Math.sin, Math.cos)
export const tanh = unary('tanh', Math.tanh, x => 1 - Math.tanh(x) ** 2)

/** The values that `output` is computed from, and itself, each behind its inputs. */
export const ordered = (output: Value): Value[] => {
  const order = new Set<Value>()
  const visit = (one: Value): void => {
    if (order.has(one)) return
    one.inputs.forEach(visit)
    order.add(one)
  }
  visit(output)
  return [...order]
}

/** The derivatives of `output` in all values that it is computed from: reverse accumulation. */
export const derivatives = (output: Value): Map<Value, number> => {
  const received = new Map<Value, number>([[output, 1]])
  for (const one of ordered(output).reverse())
    one.inputs.forEach((input, k) => {
      const passed = (received.get(one) as number) * (one.partials[k] as number)
      received.set(input, (received.get(input) ?? 0) + passed)
    })
  return received
}

/** The gradient of a function of numbers: its derivatives in each of its arguments. */
export const grad =
  (f: (...xs: Value[]) => Value) =>
  (...numbers: number[]): number[] => {
    const xs = numbers.map(value)
    const received = derivatives(f(...xs))
    return xs.map(x => received.get(x) ?? 0)
  }
