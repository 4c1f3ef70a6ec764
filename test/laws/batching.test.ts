/**
 * Laws of batching rules, on the reference: `vmap` of every primitive is a loop over the examples, whichever of its
 * inputs are mapped and along whichever axis, and so are its derivatives of order 1 and 2, in mapped inputs and in
 * those that all examples share.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { vjp } from '../../src/autodiff/grad.js'
import { allocate, type NdArray } from '../../src/autodiff/ndarray.js'
import * as $ from '../../src/autodiff/ops/index.js'
import { dot } from '../../src/autodiff/ops/index.js'
import type { Tensor } from '../../src/autodiff/tensor.js'
import { vmap } from '../../src/autodiff/vmap.js'
import { applied, primitiveOf, type Sample, sampled, samplerOf, samplersOf } from './samplers.js'
import { constants, expectNear, numbers, random } from './tensors.js'

type Function = (...x: readonly Tensor[]) => Tensor

const samplers = samplersOf({ rank: 4, extent: 3, size: 40, integers: true })
const EXAMPLES = 3
/** The same terms are added in another order, in float64; derivatives of order 2 multiply some dozens of them. */
const TOLERANCE = 1e-11

const withInputs = sampled().filter(name => name !== 'constant')

it('every primitive that has inputs has a batching rule', () =>
  expect(withInputs.filter(name => !primitiveOf(name).batch)).toEqual([]))

/** Another example of an input: in another order, floats also of another size, so that all stay in their domain. */
const example = ({ data, shape, dtype }: NdArray, turn: number): NdArray => {
  const moved = allocate(dtype, data.length)
  const scale = dtype === 'f32' ? 1 + turn / 8 : 1
  for (let i = 0; i < moved.length; i++) moved[i] = scale * (data[(i + turn) % data.length] as number)
  return { data: moved, shape, dtype }
}

const stack = (examples: readonly Tensor[], axis: number): Tensor =>
  $.moveAxis($.concat(examples.map(x => $.reshape(x, [1, ...x.shape]))), 0, axis)
const unstack = (x: Tensor, axis: number): Tensor[] => {
  const first = $.moveAxis(x, axis, 0)
  return Array.from({ length: EXAMPLES }, (_, i) => $.reshape($.slice(first, [[i, i + 1]]), first.shape.slice(1)))
}

interface Mapping {
  readonly f: Function
  readonly args: readonly Tensor[]
  readonly inAxes: readonly (number | null)[]
  readonly outAxes: number
}

/** The inputs of a sample, those at `mapped` as a batch along the first or the last axis. */
const mapping = (name: string, sample: Sample, mapped: readonly boolean[], last: boolean): Mapping => {
  const args = sample.inputs.map((x, i) =>
    mapped[i]
      ? stack(constants(Array.from({ length: EXAMPLES }, (_, turn) => example(x, turn))), last ? -1 : 0)
      : (constants([x])[0] as Tensor)
  )
  return {
    f: applied(name, sample),
    args,
    inAxes: mapped.map(one => (one ? (last ? -1 : 0) : null)),
    outAxes: last ? -1 : 0
  }
}

const byLoop =
  ({ f, inAxes, outAxes }: Mapping): Function =>
  (...args) => {
    const parts = args.map((x, i) =>
      inAxes[i] === null ? Array<Tensor>(EXAMPLES).fill(x) : unstack(x, inAxes[i] as number)
    )
    const results = Array.from({ length: EXAMPLES }, (_, n) => f(...parts.map(list => list[n] as Tensor)))
    return stack(results, outAxes)
  }

/** Values, first and second derivatives of `f` in its floats. */
const derivatives = (f: Function, args: readonly Tensor[]): (readonly Tensor[])[] => {
  const places = args.flatMap(({ dtype }, i) => (dtype === 'f32' ? [i] : []))
  const floats = places.map(i => args[i] as Tensor)
  const of = (...x: readonly Tensor[]) =>
    f(...args.map((arg, i) => (places.includes(i) ? (x[places.indexOf(i)] as Tensor) : arg)))
  const value = of(...floats)
  if (value.dtype !== 'f32' || floats.length === 0) return [[value]]
  const gradient = (...x: readonly Tensor[]): readonly Tensor[] =>
    vjp(of, ...x)[1](random(1, value), { unreached: 'zero' })
  const along = (...x: readonly Tensor[]): Tensor =>
    gradient(...x)
      .map((g, i) => dot(g, random(2 + i, g)))
      .reduce((a, b) => $.add(a, b))
  return [[value], gradient(...floats), vjp(along, ...floats)[1]($.tensor(1), { unreached: 'zero' })]
}

const subsets = (count: number): boolean[][] =>
  Array.from({ length: 2 ** count - 1 }, (_, bits) =>
    Array.from({ length: count }, (__, i) => (((bits + 1) >> i) & 1) === 1)
  )

describe.each(withInputs)('%s', name => {
  const each = (runs: number, law: (mapping: Mapping) => void): void =>
    fc.assert(
      fc.property(samplerOf(samplers, name), fc.boolean(), (sample, last) => {
        for (const mapped of subsets(sample.inputs.length)) law(mapping(name, sample, mapped, last))
      }),
      { numRuns: runs }
    )

  it('by vmap is what a loop gives, with its derivatives of order 1 and 2', () =>
    each(12, one => {
      const mapped = vmap(one.f, { inAxes: one.inAxes, outAxes: one.outAxes })
      const [got, wanted] = [derivatives(mapped, one.args), derivatives(byLoop(one), one.args)]
      wanted.forEach((tensors, order) => {
        expect(got[order]?.map(({ shape }) => shape)).toEqual(tensors.map(({ shape }) => shape))
        expectNear(numbers(got[order] as readonly Tensor[]), numbers(tensors), TOLERANCE)
      })
    }))

  it('differentiated example by example, is a loop of derivatives', () =>
    each(6, one => {
      const list =
        (f: Function) =>
        (...args: readonly Tensor[]) =>
          derivatives(f, args).flat()
      const got = vmap(list(one.f), { inAxes: one.inAxes, outAxes: one.outAxes })(...one.args)
      const count = got.length
      const wanted = Array.from({ length: count }, (_, k) =>
        byLoop({ ...one, f: (...args) => list(one.f)(...args)[k] as Tensor })(...one.args)
      )
      expectNear(numbers(got), numbers(wanted), TOLERANCE)
    }))
})
