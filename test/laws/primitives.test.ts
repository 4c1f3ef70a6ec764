/**
 * Laws of every primitive, on the reference: derivatives of order 1 and 2 by central differences, and vjps that stay
 * among the primitives.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkGrads } from '../../src/autodiff/check.js'
import { grad, jvp, vjp } from '../../src/autodiff/grad.js'
import { topological } from '../../src/autodiff/graph.js'
import { choosing } from '../../src/autodiff/kinks.js'
import * as $ from '../../src/autodiff/ops/index.js'
import { registry } from '../../src/autodiff/primitive.js'
import type { Tensor } from '../../src/autodiff/tensor.js'
import { applied, primitiveOf, type Sample, sampled, samplerOf, samplersOf } from './samplers.js'
import { constants, expectEqualSums, expectNear, numbers, products, random } from './tensors.js'

const samplers = samplersOf({ rank: 4, extent: 3, size: 40, integers: false })

it('every primitive has a sampler, and one that has none is named', () => {
  for (const name of sampled()) samplerOf(samplers, name)
  expect(Object.keys(samplers).sort()).toEqual(sampled().sort())
  expect(() => samplerOf(samplers, 'foo')).toThrow("primitive 'foo' has no sampler in test/laws/samplers.ts")
})

const each = (name: string, runs: number, law: (sample: Sample) => void): void =>
  fc.assert(fc.property(samplerOf(samplers, name), law), { numRuns: runs })

/** The floats among a sample's inputs, and its function of them alone. */
const ofFloats = (name: string, sample: Sample) => {
  const all = constants(sample.inputs)
  const places = all.flatMap(({ dtype }, i) => (dtype === 'f32' ? [i] : []))
  return {
    x: places.map(i => all[i] as Tensor),
    f: (...x: readonly Tensor[]): Tensor =>
      applied(name, sample)(...all.map((one, i) => (places.includes(i) ? (x[places.indexOf(i)] as Tensor) : one)))
  }
}

const ruled = sampled().filter(name => typeof primitiveOf(name).vjp === 'function')
const flat = sampled().filter(name => primitiveOf(name).vjp === 'zero')
it('there are primitives with a rule, and with derivative zero', () => {
  expect(ruled.length).toBeGreaterThan(25)
  expect([...ruled, ...flat, 'constant'].sort()).toEqual(sampled().sort())
})

/**
 * What chooses, but makes no kink that a step could meet: the identity that stops a derivative; conversions, of which
 * those of floats have none; a power, whose comparison with 0 guards its logarithm; what is divided by the larger of
 * two sizes and multiplied by it again.
 */
const smooth = new Set(['stop_gradient', 'convert', 'power', 'atan2', 'asinh'])

/** Whether a primitive chooses by the size of a float: its derivative is flat, or made with what is flat or chooses. */
const isPiecewise = (name: string): boolean =>
  fc.sample(samplerOf(samplers, name), { numRuns: 20, seed: 1 }).some(sample => choosesIn(name, sample))

const choosesIn = (name: string, sample: Sample): boolean => {
  const { x, f } = ofFloats(name, sample)
  if (x.length === 0) return false
  if (primitiveOf(name).vjp === 'zero') return true
  const y = f(...x)
  if (typeof y.primitive.vjp !== 'function') return false
  const cotangents = y.primitive.vjp(random(1, y), y.inputs, y.attributes, y).filter(one => one !== null)
  const given = new Set([y, ...y.inputs])
  return topological(cotangents, node => given.has(node)).some(
    ({ primitive, inputs: [first] }) =>
      first?.dtype === 'f32' && (choosing.has(primitive.name) || primitive.vjp === 'zero')
  )
}

it('what is piecewise is known to src/autodiff/kinks.ts, or is among those that make no kink', () => {
  const piecewise = sampled().filter(isPiecewise)
  expect(piecewise).toEqual(
    expect.arrayContaining(['relu', 'max', 'reduce_max', 'floor', 'rem', 'sort_blocks', 'less'])
  )
  expect(piecewise.filter(name => !choosing.has(name) && !smooth.has(name))).toEqual([])
  expect([...smooth].filter(name => !piecewise.includes(name))).toEqual([])
  expect([...choosing].filter(name => !sampled().includes(name))).toEqual([])
})

describe.each(ruled)('%s', name => {
  it('has the derivatives of order 1 and 2 that central differences have', () =>
    each(name, 20, sample => checkGrads(applied(name, sample), constants(sample.inputs), { order: 2 })))

  it('pulls back the transpose of what it pushes forward', () =>
    each(name, 20, sample => {
      const { x, f } = ofFloats(name, sample)
      const v = x.map((one, i) => random(i + 1, one))
      const [y, dy] = jvp(f, x, v)
      const u = random(0, y)
      const pulled = vjp(f, ...x)[1](u, { unreached: 'zero' })
      expectEqualSums(products([u], [dy]), products(pulled, v))
    }))

  it('pulls back linearly', () =>
    each(name, 10, sample => {
      const { x, f } = ofFloats(name, sample)
      const [y, pullback] = vjp(f, ...x)
      const [u, v] = [random(1, y), random(2, y)]
      const pulled = (cotangent: Tensor) => numbers(pullback(cotangent, { unreached: 'zero' }))
      const [first, second] = [pulled(u), pulled(v)]
      expectNear(
        pulled($.add($.mul(u, 3), v)),
        first.map((value, i) => 3 * value + (second[i] as number))
      )
    }))

  it('has rules of registered primitives only, to order 2', () =>
    each(name, 5, sample => {
      const { x, f } = ofFloats(name, sample)
      const [y, pullback] = vjp(f, ...x)
      const first = pullback(random(1, y), { unreached: 'zero' })
      const second = vjp((...z: readonly Tensor[]) => vjp(f, ...z)[1](random(1, y), { unreached: 'zero' }), ...x)[1](
        first.map((one, i) => random(i, one)),
        { unreached: 'zero' }
      )
      for (const { primitive } of topological([...first, ...second]))
        expect(primitive).toBe(registry.get(primitive.name))
    }))
})

describe.each(flat)('%s', name => {
  it('has derivative zero, and says so without complaint', () =>
    each(name, 5, sample => {
      const { x, f } = ofFloats(name, sample)
      if (!x.length) return
      const gradients = grad((args: readonly Tensor[]) => $.sum($.convert(f(...args), 'f32')))(x)
      expect(numbers(gradients).every(value => Object.is(value, 0))).toBe(true)
    }))
})
