/**
 * A network that is informed by physics: u'' + u = 0 with u(0) = 0 and u'(0) = 1, whose solution is the sine, without a single value of it.
 * Run it with `node --import tsx examples/physics.ts`.
 */
import { $, grad, openGpu, optim, type Tensor, valueAndGrad } from 'lambda-darts'

const POINTS = 64
const END = 3
const WIDTH = 16

const normal = (seed: number, shape: readonly number[], size: number): Tensor =>
  $.mul($.randomNormal($.key(seed), shape), size)
const start = {
  first: normal(1, [1, WIDTH], 1),
  shift: normal(2, [WIDTH], 1),
  last: normal(3, [WIDTH, 1], 1 / Math.sqrt(WIDTH))
}
type Weights = typeof start

/** u(t) = t + t^2 N(t), which meets both conditions at 0 whatever the network N is. */
const u = (w: Weights, t: Tensor): Tensor => {
  const n = $.matmul($.tanh($.add($.matmul(t, w.first), w.shift)), w.last)
  return $.add(t, $.mul($.mul(t, t), n))
}

/** The derivative of a function that is applied to each t by itself. */
const each =
  (f: (t: Tensor) => Tensor) =>
  (t: Tensor): Tensor =>
    grad((t: Tensor) => $.sum(f(t)))(t)

/** How far the equation is from holding: a second derivative in t, which is then differentiated in the weights. */
const loss = (w: Weights, t: Tensor): Tensor => {
  const of = (t: Tensor) => u(w, t)
  const residual = $.add(each(each(of))(t), of(t))
  return $.mean($.mul(residual, residual))
}

const { init, update } = optim.adam()
type State = ReturnType<typeof update<Weights>>
const step = ({ weights, state }: State, t: Tensor, rate: Tensor) => {
  const [value, gradient] = valueAndGrad(loss)(weights, t)
  return { value, next: update(gradient, state, weights, rate) }
}

const gpu = await openGpu()
const t = {
  shape: [POINTS, 1],
  dtype: 'f32' as const,
  data: Float32Array.from({ length: POINTS }, (_, i) => (END * i) / (POINTS - 1))
}
const points = await gpu.store(t)
let now = await gpu.store({ weights: start, state: init(start) })
const compiled = await gpu.compile(step, [now, points, 0.01])
const STEPS = 1500
for (let i = 0; i < STEPS; i++) now = (await compiled(now, points, 0.02 * (1 - i / STEPS))).next

const found = await gpu.read(gpu.run(u, now.weights, points))
export const error = Math.max(...found.data.map((value, i) => Math.abs(value - Math.sin(t.data[i] as number))))
console.log(`the solution on [0, ${END}] is off by at most ${error.toExponential(1)}`)
gpu.dispose()
