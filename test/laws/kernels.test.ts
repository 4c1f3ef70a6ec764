/**
 * Every kernel against the reference, on the adapter: random shapes of rank up to 6 with extents that divide nothing,
 * all dtypes, operands that are views. Many cases are compiled as one program, since a pipeline costs more than a case.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { NdArray } from '../../src/autodiff/ndarray.js'
import type { Tensor } from '../../src/autodiff/tensor.js'
import type { HostArray } from '../../src/engine/index.js'
import { backends, evaluateOn } from '../backends.js'
import { disguised, disguises } from './operands.js'
import { applied, sampled, samplerOf, samplersOf } from './samplers.js'
import { FUNCTIONS } from './tolerances.js'

const samplers = samplersOf({ rank: 6, extent: 9, size: 700, integers: true })

/** Results that are rounded: how far the device may be off, relative to the result. Two roundings of f32 are 1.2e-7. */
const rounded: Readonly<Record<string, number>> = {
  ...FUNCTIONS,
  ...Object.fromEntries(['add', 'sub', 'mul', 'custom_vjp', 'div', 'sqrt', 'rsqrt'].map(name => [name, 2.5e-7])),
  random_normal: 2e-6
}
/** Results that are sums: relative to the sum of the sizes of what is added. */
const sums = new Set(
  'sum matmul conv2d conv2d_input_grad conv2d_filter_grad scatter_add scatter_add_along cumsum window_scatter window_sum window_spread'.split(
    ' '
  )
)
const SUM = 1e-6
/** Results of which every bit is wanted. */
const exact = new Set(
  (
    'transpose slice pad concat assemble reshape broadcast constant alias stop_gradient flip sort_blocks merge_runs ' +
    'neg abs sign relu max min floor ceil round trunc rem equal not_equal less less_equal greater greater_equal is_finite ' +
    'where convert and or one_hot take take_along argmax reduce_max window_argmax window_gather random_bits random_uniform'
  ).split(' ')
)

/** How far a result may be off, in units of its size, or for sums of that of what is added. */
const toleranceOf = (name: string): number => {
  const tolerance = exact.has(name) ? 0 : sums.has(name) ? SUM : rounded[name]
  if (tolerance === undefined)
    throw new Error(`primitive '${name}' has no tolerance in test/laws/kernels.test.ts; give it one`)
  return tolerance
}

it('every primitive has one tolerance, and one that has none is named', () => {
  for (const name of sampled()) toleranceOf(name)
  expect([...exact, ...sums, ...Object.keys(rounded)].sort()).toEqual(sampled().sort())
  expect(() => toleranceOf('foo')).toThrow("primitive 'foo' has no tolerance in test/laws/kernels.test.ts")
})

interface Case {
  readonly args: readonly NdArray[]
  readonly f: (...x: readonly Tensor[]) => Tensor
}

/** All cases in one program on a backend. */
const results = (kind: 'reference' | 'gpu', cases: readonly Case[]): Promise<readonly HostArray[]> =>
  evaluateOn(
    backends[kind],
    (...x) => {
      let next = 0
      return cases.map(({ args, f }) => f(...args.map(() => x[next++] as Tensor)))
    },
    cases.flatMap(({ args }) => args)
  )

const absolute = (x: NdArray): NdArray => (x.dtype === 'f32' ? { ...x, data: x.data.map(Math.abs) as Float64Array } : x)

/**
 * The device gives what the reference gives, entry by entry: the same NaN and infinities, and numbers within the bound.
 */
const expectAgreement = async (name: string, cases: readonly Case[]): Promise<void> => {
  const [got, wanted] = [await results('gpu', cases), await results('reference', cases)]
  const sizes = sums.has(name)
    ? await results(
        'reference',
        cases.map(({ args, f }) => ({ f, args: args.map(absolute) }))
      )
    : wanted
  wanted.forEach(({ data, shape, dtype }, i) => {
    const { data: found } = got[i] as HostArray
    expect(found.length).toBe(data.length)
    const tolerance = dtype === 'f32' ? toleranceOf(name) : 0
    for (let n = 0; n < data.length; n++) {
      const [a, b] = [found[n] as number, data[n] as number]
      if (a === b || (Number.isNaN(a) && Number.isNaN(b))) continue
      const bound = tolerance * Math.abs((sizes[i] as HostArray).data[n] as number)
      if (!(Math.abs(a - b) <= bound))
        expect.fail(
          `${name} of case ${i}, ${dtype}[${shape.join(',')}], element ${n}: the device gives ${a}, the reference ${b}`
        )
    }
  })
}

describe.each(sampled())('%s', name => {
  it('gives what the reference gives, on views of any kind', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(samplerOf(samplers, name), fc.array(disguises, { minLength: 3, maxLength: 3 })), {
          minLength: 1,
          maxLength: 8
        }),
        list =>
          expectAgreement(
            name,
            list.map(([sample, found]) => {
              const operands = sample.inputs.map((input, i) => disguised(input, found[i] as (typeof found)[0]))
              return {
                args: operands.map(({ base }) => base),
                f: (...x) => applied(name, sample)(...operands.map(({ view }, i) => view(x[i] as Tensor)))
              }
            })
          )
      ),
      { numRuns: 6 }
    ))
})
