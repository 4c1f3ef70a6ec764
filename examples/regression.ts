/**
 * Regression: a parabola through noisy points by Adam, and how sure its coefficients are, by the Hessian of the loss.
 * Run it with `node --import tsx examples/regression.ts`.
 */
import { $, hessian, openGpu, optim, type Tensor, valueAndGrad } from 'lambda-darts'

// Points of 1 - 2 x + 3 x^2 with noise of deviation 0.1. Randomness is a key: the same one gives the same points everywhere.
const POINTS = 200
const NOISE = 0.1
const [forX, forNoise] = $.split($.key(0)) as [Tensor, Tensor]
const x = $.sub($.mul($.randomUniform(forX, [POINTS]), 2), 1)
const y = $.add($.add($.sub(1, $.mul(x, 2)), $.mul(3, $.mul(x, x))), $.mul($.randomNormal(forNoise, [POINTS]), NOISE))

/** The values at `x` of the polynomial with these coefficients. */
const polynomial = (coefficients: Tensor, x: Tensor): Tensor =>
  [2, 1, 0].map(power => $.slice(coefficients, [[power, power + 1]])).reduce((sum, c) => $.add($.mul(sum, x), c))

const loss = (coefficients: Tensor, x: Tensor, y: Tensor): Tensor => {
  const error = $.sub(polynomial(coefficients, x), y)
  return $.mean($.mul(error, error))
}

const { init, update } = optim.adam({ rate: 0.05 })
type State = ReturnType<typeof update<Tensor>>

/** One step: a function of tensors to tensors, compiled as a whole. */
const step = ({ weights, state }: State, x: Tensor, y: Tensor) => {
  const [value, gradient] = valueAndGrad(loss)(weights, x, y)
  return { loss: value, ...update(gradient, state, weights) }
}

const gpu = await openGpu()
const start = $.tensor([0, 0, 0])
const data = await gpu.store({ x, y })
let now = await gpu.store({ weights: start, state: init(start) })
const compiled = await gpu.compile(step, [now, data.x, data.y])
for (let i = 0; i < 500; i++) {
  const { weights, state } = await compiled(now, data.x, data.y)
  now = { weights, state }
}

const fitted = await gpu.read(now.weights)
// The covariance of the coefficients is 2 sigma^2 / n times the inverse Hessian; of its diagonal the Hessian's own is a lower bound.
const curvature = await gpu.read(
  gpu.run(
    hessian((c: Tensor) => loss(c, x, y)),
    now.weights
  )
)
export const coefficients = [...fitted.data]
export const atLeast = coefficients.map((_, i) =>
  Math.sqrt((2 * NOISE ** 2) / POINTS / (curvature.data[4 * i] as number))
)
for (const [i, c] of coefficients.entries())
  console.log(`x^${i}: ${c.toFixed(3)}, uncertain by at least ${atLeast[i]?.toFixed(3)}`)
gpu.dispose()
