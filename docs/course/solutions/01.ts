/** Solutions of the exercises of chapter 1. */
import { derivatives, ordered, type Value, value } from '../01-a-value-and-its-derivative.js'

/** c is computed from a and x: x receives from both, a · 1 by the product and x · 1 through a. */
export const pencil = () => ({
  x: { number: 3, derivative: 10 },
  y: { number: 4, derivative: 3 },
  a: { number: 7, derivative: 3 },
  c: { number: 21, derivative: 1 }
})

export const log = (x: Value): Value => ({
  number: Math.log(x.number),
  operation: 'log',
  inputs: [x],
  partials: [1 / x.number]
})

/** At the power 0 the formula would be 0 times infinity at 0, and the derivative is 0. */
export const pow = (x: Value, exponent: number): Value => ({
  number: x.number ** exponent,
  operation: 'pow',
  inputs: [x],
  partials: [exponent === 0 ? 0 : exponent * x.number ** (exponent - 1)]
})

/** One walk backwards for each result. */
export const jacobian =
  (f: (...xs: Value[]) => Value[]) =>
  (...numbers: number[]): number[][] => {
    const xs = numbers.map(value)
    return f(...xs).map(output => {
      const received = derivatives(output)
      return xs.map(x => received.get(x) ?? 0)
    })
  }

/**
 * With 0.5 before the sum, `ordered` visits the 0.5 of the last step first, then that of the step before it, and so on:
 * all of them are there before the first sum, and wait.
 */
export const peak = (output: Value): number => {
  const order = ordered(output)
  const lastUse = new Map<Value, number>()
  order.forEach((one, i) => {
    for (const input of one.inputs) lastUse.set(input, i)
  })
  const held = order.map((_, i) => {
    const before = order.slice(0, i).filter(one => (lastUse.get(one) ?? i) >= i)
    return before.length + 1
  })
  return Math.max(...held)
}
