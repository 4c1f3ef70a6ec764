/**
 * What is agreed where mathematics leaves a choice: derivatives at kinks, ties and zero vectors, to order 2, and
 * indices out of range. On both backends, each case an argument of one compiled function.
 */
import { describe, expect, it } from 'vitest'
import { grad, hessian } from '../../src/autodiff/grad.js'
import { type NdArray, ndarray } from '../../src/autodiff/ndarray.js'
import {
  cosine,
  crossEntropy,
  meanPairwiseCosine,
  meanPairwiseSignCosine,
  norm,
  softplus
} from '../../src/autodiff/nn.js'
import * as $ from '../../src/autodiff/ops/index.js'
import { clamp, logSumExp } from '../../src/autodiff/ops/index.js'
import { clipFactor, globalNorm } from '../../src/autodiff/optim.js'
import type { Tensor } from '../../src/autodiff/tensor.js'
import type { HostArray } from '../../src/engine/index.js'
import { backends, evaluateOn } from '../backends.js'

interface Convention {
  readonly args: readonly NdArray[]
  readonly f: (...x: readonly Tensor[]) => readonly Tensor[]
  readonly wanted: readonly (readonly number[])[]
}

/** Value of `f`, its gradient and its Hessian at `at`. */
const at = (
  f: (x: Tensor) => Tensor,
  x: NdArray,
  value: number,
  gradient: readonly number[],
  second: readonly number[]
): Convention => ({
  args: [x],
  f: y => [f(y as Tensor), grad(f)(y as Tensor), hessian(f)(y as Tensor)],
  wanted: [[value], gradient, second]
})
const values = (args: readonly NdArray[], f: (...x: Tensor[]) => Tensor, wanted: readonly number[]): Convention => ({
  args,
  f: (...x) => [f(...x)],
  wanted: [wanted]
})

const zeros = (count: number): number[] => Array<number>(count).fill(0)
const diagonal = (...entries: readonly number[]): number[] =>
  entries.flatMap((entry, i) => entries.map((_, k) => (i === k ? entry : 0)))
const square = (x: Tensor): Tensor => $.mul(x, x)
const half = (x: Tensor, i: number): Tensor => $.slice(x, [[2 * i, 2 * i + 2]])
const integers = (...list: readonly number[]): NdArray => ndarray(list, [list.length], 'i32')
const pooled = (options: $.PoolOptions) => (x: Tensor) => $.sum(square($.maxPool2d(x, options)))
const { NaN: nan } = Number
const r = Math.SQRT1_2

const kinks: Readonly<Record<string, Convention>> = {
  'relu at 0 has derivative 0': at(x => $.sum($.relu(x)), ndarray([0, -0, 1]), 1, [0, 0, 1], zeros(9)),
  'relu squared has second derivative 0 there': at(
    x => $.sum(square($.relu(x))),
    ndarray([0, 1]),
    1,
    [0, 2],
    diagonal(0, 2)
  ),
  'abs at 0 has derivative 0': at(x => $.sum($.abs(x)), ndarray([0, -0, -2]), 2, [0, 0, -1], zeros(9)),
  'x |x| has second derivative 0 there': at(
    x => $.sum($.mul(x, $.abs(x))),
    ndarray([0, -1]),
    -1,
    [0, 2],
    diagonal(0, -2)
  ),
  'sign has derivative 0 everywhere': at(x => $.sum($.mul($.sign(x), x)), ndarray([0, -3]), 3, [0, -1], zeros(4))
}

/** What a composition would have wrong at a point, right by a rule of its own. */
const smooth: Readonly<Record<string, Convention>> = {
  'softplus at 0': at(x => $.sum(softplus(x)), ndarray([0]), Math.LN2, [0.5], [0.25]),
  'softplus far out': at(x => $.sum(softplus(x)), ndarray([1000, -1000]), 1000, [1, 0], zeros(4)),
  'clamp has slope 1 from bound to bound': at(
    x => $.sum($.mul(clamp(x, -1, 2), 3)),
    ndarray([-2, -1, 0, 2, 3]),
    3 * (-1 - 1 + 0 + 2 + 2),
    [0, 3, 3, 3, 0],
    zeros(25)
  ),
  'logSumExp of large numbers': at(
    x => logSumExp(x, -1),
    ndarray([1000, 1000]),
    1000 + Math.LN2,
    [0.5, 0.5],
    [0.25, -0.25, -0.25, 0.25]
  ),
  'logSumExp of minus infinities and a number': values(
    [ndarray([Number.NEGATIVE_INFINITY, 2, Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY], [2, 2])],
    x => $.exp(logSumExp(x, -1)),
    [Math.exp(2), 0]
  ),
  'maximum and minimum of one bound share a slope of 1': at(
    x => $.sum($.add($.maximum(x, 0), $.minimum(x, 0))),
    ndarray([0, 1]),
    1,
    [1, 1],
    zeros(4)
  ),
  'a bound counts the same however it is written': values(
    [ndarray([-1, 1])],
    x =>
      $.add(
        grad((y: Tensor) => $.sum($.minimum(1, $.maximum(-1, y))))(x),
        grad((y: Tensor) => $.sum($.maximum($.minimum(y, 1), -1)))(x)
      ),
    [1, 1]
  )
}

/** 3 and 4, of which a square is beyond float32 or 0. */
const ofSize = (size: number): Readonly<Record<string, Convention>> => {
  const [three, four] = [3 * size, 4 * size]
  const angled = ndarray([three, four, four, three])
  return {
    [`the norm at ${size}`]: at(
      x => norm(x),
      ndarray([three, four]),
      5 * size,
      [0.6, 0.8],
      [0.64, -0.48, -0.48, 0.36].map(entry => entry / (5 * size))
    ),
    [`a cosine at ${size}`]: values([angled], x => cosine(half(x, 0), half(x, 1)), [0.96]),
    [`its gradient at ${size}`]: values(
      [angled],
      x => $.mul(grad((y: Tensor) => cosine(half(y, 0), half(y, 1)))(x), size),
      [0.224, -0.168, -0.168, 0.224].map(entry => entry / 5)
    ),
    [`of equal rows at ${size}`]: values(
      [ndarray([three, four, three, four], [2, 2])],
      x => meanPairwiseCosine(x),
      [1]
    ),
    [`signs of rows at ${size} and 1`]: values(
      [ndarray([size, -2 * size, 3, 1], [2, 2])],
      x => meanPairwiseSignCosine(x),
      [0.2]
    )
  }
}
const sizes: Readonly<Record<string, Convention>> = {
  ...Object.assign({}, ...[1e25, 1e-25, 1e-37, 1e37, 1].map(ofSize)),
  'rows of very different sizes': values([ndarray([3e30, 4e30, 3e-30, 4e-30], [2, 2])], x => norm(x, 1), [5e30, 5e-30]),
  'a large gradient that is clipped': values(
    [ndarray([3e25, 4e25])],
    x => $.mul(x, clipFactor(globalNorm([x]), 1)),
    [0.6, 0.8]
  ),
  'an infinity': values([ndarray([Number.POSITIVE_INFINITY, 1])], x => $.div(1, norm(x)), [0]),
  'a NaN, large or small': values([ndarray([nan, 1e30, nan, 1e-30, nan, 0], [3, 2])], x => norm(x, 1), [nan, nan, nan])
}

const ties: Readonly<Record<string, Convention>> = {
  'of maximum go by halves to both operands': at(
    x => $.sum($.maximum(square(half(x, 0)), square(half(x, 1)))),
    ndarray([1, 2, 1, 3]),
    10,
    [1, 0, 1, 6],
    diagonal(1, 0, 1, 2)
  ),
  'of minimum go by halves to both operands': at(
    x => $.sum($.minimum(square(half(x, 0)), square(half(x, 1)))),
    ndarray([1, 2, 1, 3]),
    5,
    [1, 4, 1, 0],
    diagonal(1, 2, 1, 0)
  ),
  'of both with 0 add up to the slope of x': at(
    x => $.sum($.add($.maximum(x, 0), $.minimum(0, x))),
    ndarray([0, -1, 2]),
    1,
    [1, 1, 1],
    zeros(9)
  ),
  'at bounds count half, however the bounds are written': at(
    x => $.sum($.add($.minimum(1, $.maximum(-1, x)), $.mul(2, $.maximum($.minimum(x, 1), -1)))),
    ndarray([-1, 1, 0.5, 3]),
    4.5,
    [1.5, 1.5, 3, 0],
    zeros(16)
  ),
  'of max go to the first element': at(x => $.max(square(x)), ndarray([1, -3, 3]), 9, [0, -6, 0], diagonal(0, 2, 0)),
  'of max over several axes go to the first in row-major order': at(
    x => $.sum(square($.max(x, [0, 2]))),
    ndarray([1, 5, 7, 2, 5, 1, 7, 7], [2, 2, 2]),
    74,
    [0, 10, 14, 0, 0, 0, 0, 0],
    diagonal(0, 2, 2, 0, 0, 0, 0, 0)
  ),
  'of argmax are decided for the first, and for the first NaN': values(
    [ndarray([1, 3, 3, 3, nan, nan], [2, 3])],
    x => $.argmax(x),
    [1, 1]
  ),
  'of a window go to its first pixel': at(
    pooled({ kernel: 2 }),
    ndarray([5, 5, 1, 2, 5, 0, 2, 2], [1, 1, 2, 4]),
    29,
    [10, 0, 0, 4, 0, 0, 0, 0],
    diagonal(2, 0, 0, 2, 0, 0, 0, 0)
  ),
  'are never with the padding of a window': at(
    pooled({ kernel: 2, stride: 1, padding: 1 }),
    ndarray([-1, -2], [1, 1, 1, 2]),
    12,
    [-8, -8],
    diagonal(8, 4)
  )
}

/** The rows and columns of a Hessian of a matrix that belong to its first row. */
const cross = (f: (x: Tensor) => Tensor, x: Tensor): Tensor => {
  const [rows, columns] = x.shape as [number, number]
  const size = rows * columns
  const second = $.reshape(hessian(f)(x), [size, size])
  return $.concat([$.slice(second, [[0, columns]]), $.transpose($.slice(second, [[], [0, columns]]))])
}
const withZeroRow = (
  f: (x: Tensor) => Tensor,
  others: readonly number[],
  value: number,
  gradient: readonly number[]
): Convention => ({
  args: [ndarray([0, 0, ...others], [3, 2])],
  f: x => [f(x as Tensor), grad(f)(x as Tensor), cross(f, x as Tensor)],
  wanted: [[value], [0, 0, ...gradient], zeros(24)]
})

const zeroVectors: Readonly<Record<string, Convention>> = {
  'the norm': at(x => norm(x), ndarray([0, 0]), 0, zeros(2), zeros(4)),
  'its square': at(x => square(norm(x)), ndarray([0, 0]), 0, zeros(2), zeros(4)),
  'norms of rows, of which one is zero': at(
    x => $.sum(norm(x, 1)),
    ndarray([0, 0, 3, 4], [2, 2]),
    5,
    [0, 0, 0.6, 0.8],
    [...zeros(10), 0.128, -0.096, 0, 0, -0.096, 0.072]
  ),
  'cosine, at the left': at(x => cosine(half(x, 0), half(x, 1)), ndarray([0, 0, 1, 2]), 0, zeros(4), zeros(16)),
  'cosine, at the right': at(x => cosine(half(x, 0), half(x, 1)), ndarray([1, 2, 0, 0]), 0, zeros(4), zeros(16)),
  'cosine, on both sides': at(x => cosine(half(x, 0), half(x, 1)), ndarray(zeros(4)), 0, zeros(4), zeros(16)),
  'meanPairwiseCosine, one of three': withZeroRow(
    meanPairwiseCosine,
    [1, 0, 1, 1],
    r / 3,
    [0, r, r / 2, -r / 2].map(g => g / 3)
  ),
  'meanPairwiseCosine, all': at(meanPairwiseCosine, ndarray(zeros(4), [2, 2]), 0, zeros(4), zeros(16)),
  'meanPairwiseSignCosine, one of three': withZeroRow(
    meanPairwiseSignCosine,
    [1, -2, 3, 1],
    0.2 / 3,
    // Of (3 x + y) / (3 |x| + |y|) at (1, -2), and of (x - 2 y) / (|x| + 2 |y|) at (3, 1).
    [12 / 25, 6 / 25, 4 / 25, -12 / 25].map(g => g / 3)
  ),
  'meanPairwiseSignCosine, all': at(meanPairwiseSignCosine, ndarray(zeros(4), [2, 2]), 0, zeros(4), zeros(16)),
  'meanPairwiseSignCosine, nothing in common': at(
    meanPairwiseSignCosine,
    ndarray([1, 0, 0, 2], [2, 2]),
    0,
    zeros(4),
    zeros(16)
  )
}

const root = (x: Tensor) => $.sum($.where($.greater(x, 0), $.sqrt(x), 0))
const safeRoot = (x: Tensor) => {
  const inside = $.greater(x, 0)
  return $.sum($.where(inside, $.sqrt($.where(inside, x, 1)), 0))
}
const untaken: Readonly<Record<string, Convention>> = {
  'gives a NaN derivative where it is singular': values([ndarray([0, 4])], grad(root), [nan, 0.25]),
  'gives none with a harmless value put in before': at(safeRoot, ndarray([0, 4]), 2, [0, 0.25], diagonal(0, -1 / 32)),
  'does no harm to the value': values([ndarray([-1, 4])], root, [2])
}

const table = ndarray([1, 2, 3, 4], [2, 2])
const outOfRange: Readonly<Record<string, Convention>> = {
  'oneHot gives a row of NaN': values([integers(-1, 1, 2)], x => $.oneHot(x, 2), [nan, nan, 0, 1, nan, nan]),
  'take gives rows of NaN': values([table, integers(1, -1, 2)], (x, i) => $.take(x, i), [3, 4, nan, nan, nan, nan]),
  'take gives columns of NaN': values([table, integers(1, 2)], (x, i) => $.take(x, i, 1), [2, nan, 4, nan]),
  'scatterAdd gives NaN everywhere': values([table, integers(0, 2)], (x, i) => $.scatterAdd(x, i, 0, 2), [
    nan,
    nan,
    nan,
    nan
  ]),
  'crossEntropy gives NaN': values([table, integers(0, 2)], crossEntropy, [nan])
}

describe.each(
  Object.entries({
    'at a kink': kinks,
    'where a composition goes wrong': smooth,
    'of vectors of any size,': sizes,
    ties,
    'a zero vector counts 0, and derivatives there are 0: in': zeroVectors,
    'an untaken branch': untaken,
    'an index out of range:': outOfRange
  })
)('%s', (_, group) => {
  const conventions = Object.values(group)
  const results: Record<string, Promise<readonly HostArray[]>> = {}
  /** All cases of the group, compiled as one. */
  const resultsOn = (kind: 'reference' | 'gpu') =>
    (results[kind] ??= evaluateOn(
      backends[kind],
      (...x) => {
        let next = 0
        return conventions.flatMap(({ args, f }) => f(...args.map(() => x[next++] as Tensor)))
      },
      conventions.flatMap(({ args }) => args)
    ))

  describe.each(Object.entries(group))('%s', (__, convention) => {
    it.each(['reference', 'gpu'] as const)('%s', async kind => {
      const before = conventions
        .slice(0, conventions.indexOf(convention))
        .reduce((n, { wanted }) => n + wanted.length, 0)
      const got = (await resultsOn(kind)).slice(before, before + convention.wanted.length)
      convention.wanted.forEach((wanted, i) => {
        const data = Array.from((got[i] as HostArray).data)
        expect(data.length).toBe(wanted.length)
        data.forEach((number, n) => {
          const want = wanted[n] as number
          // What should be zero is zero; the rest up to rounding.
          if (want === 0 || Number.isNaN(want)) expect(number + 0, `result ${i}, entry ${n}`).toBe(want)
          else expect(Math.abs(number / want - 1), `result ${i}, entry ${n}: ${number}`).toBeLessThan(1e-6)
        })
      })
    })
  })
})
