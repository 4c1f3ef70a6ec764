// What docs/course/01-a-value-and-its-derivative.md exports. Written by `npm run course -- --pictures`: change it there.

/** A number, and where it comes from. */
export interface Value {
  readonly number: number
  readonly operation: string
  readonly inputs: readonly Value[]
  /** The derivatives of this number in each of its inputs, all others held fixed. */
  readonly partials: readonly number[]
}

type Operand = Value | number

export const value = (number: number): Value => ({ number, operation: 'value', inputs: [], partials: [] })
const lifted = (x: Operand): Value => (typeof x === 'number' ? value(x) : x)

/** An operation: its number, and its partial derivatives, from the numbers of its inputs. */
const operation =
  (name: string, f: (...xs: number[]) => number, partials: (...xs: number[]) => number[]) =>
  (...operands: Operand[]): Value => {
    const inputs = operands.map(lifted)
    const numbers = inputs.map(input => input.number)
    return { number: f(...numbers), operation: name, inputs, partials: partials(...numbers) }
  }

export const add: (x: Operand, y: Operand) => Value = operation(
  'add',
  (x = 0, y = 0) => x + y,
  () => [1, 1]
)
export const mul: (x: Operand, y: Operand) => Value = operation(
  'mul',
  (x = 0, y = 0) => x * y,
  (x = 0, y = 0) => [y, x]
)
export const sin: (x: Operand) => Value = operation(
  'sin',
  (x = 0) => Math.sin(x),
  (x = 0) => [Math.cos(x)]
)

/** The values that `output` is computed from, itself included, each behind its inputs. */
export const ordered = (output: Value): Value[] => {
  const order: Value[] = []
  const visit = (one: Value): void => {
    if (order.includes(one)) return
    one.inputs.forEach(visit)
    order.push(one)
  }
  visit(output)
  return order
}

/** The derivative of `output` in every value that it is computed from. */
export const derivatives = (output: Value): Map<Value, number> => {
  const found = new Map<Value, number>([[output, 1]])
  for (const one of ordered(output).reverse())
    one.inputs.forEach((input, k) => {
      const through = (found.get(one) as number) * (one.partials[k] as number)
      found.set(input, (found.get(input) ?? 0) + through)
    })
  return found
}

/** The gradient of a function: its derivatives in each of its arguments. */
export const grad =
  (f: (...xs: Value[]) => Value) =>
  (...numbers: number[]): number[] => {
    const xs = numbers.map(value)
    const found = derivatives(f(...xs))
    return xs.map(x => found.get(x) ?? 0)
  }
