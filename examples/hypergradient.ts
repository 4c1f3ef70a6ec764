/**
 * Meta-learning: the learning rate of gradient descent, learnt by the derivative of what ten of its steps come to.
 * Run it with `node --import tsx examples/hypergradient.ts`.
 */
import { $, grad, openGpu, type Tensor, valueAndGrad } from 'lambda-darts'

const STEPS = 10
const [POINTS, INPUTS] = [40, 5]

/** A linear problem: some inputs, and what a hidden vector makes of them, with noise. */
const problem = (seed: number) => {
  const x = $.randomNormal($.key(seed), [POINTS, INPUTS])
  const truth = $.tensor([1, -2, 0.5, 3, -1])
  return { x, y: $.add($.matmul(x, truth), $.mul($.randomNormal($.key(seed + 1), [POINTS]), 0.1)) }
}
type Problem = ReturnType<typeof problem>

const loss = (w: Tensor, { x, y }: Problem): Tensor => {
  const error = $.sub($.matmul(x, w), y)
  return $.mean($.mul(error, error))
}

/** Weights after ten steps of gradient descent from 0, as a function of the rate. */
const trained = (rate: Tensor, data: Problem): Tensor =>
  Array.from({ length: STEPS }).reduce(
    (w: Tensor) => $.sub(w, $.mul(rate, grad(loss)(w, data))),
    $.tensor(new Float32Array(INPUTS))
  )

/** What these weights are worth on other data, in the logarithm of the rate, so that it stays positive. */
const outer = (logRate: Tensor, train: Problem, valid: Problem): Tensor => loss(trained($.exp(logRate), train), valid)

const gpu = await openGpu()
const [train, valid] = [await gpu.store(problem(0)), await gpu.store(problem(10))]
const hyper = await gpu.compile(valueAndGrad(outer), [0, train, valid])

let logRate = Math.log(0.01)
export const losses: number[] = []
for (let i = 0; i < 60; i++) {
  const [value, slope] = await gpu.read(hyper(logRate, train, valid))
  losses.push(value.data[0] as number)
  // Steps of at most a half, since the loss falls by orders of magnitude on the way.
  logRate -= Math.max(-0.5, Math.min(0.5, 0.5 * (slope.data[0] as number)))
}
export const rate = Math.exp(logRate)
console.log(
  `rate ${rate.toFixed(3)}: the loss after ${STEPS} steps went from ${losses[0]?.toFixed(3)} to ${losses.at(-1)?.toFixed(3)}`
)

/** What a grid of rates would have found, in forty trainings of its own. */
const outcome = await gpu.compile(outer, [0, train, valid])
const grid = Array.from({ length: 40 }, (_, i) => 0.01 * 1.12 ** i)
export const byGrid: number[] = []
for (const one of grid) byGrid.push((await gpu.read(outcome(Math.log(one), train, valid))).data[0] as number)
console.log(`the best of a grid of ${grid.length} rates: ${Math.min(...byGrid).toFixed(3)}`)
gpu.dispose()
