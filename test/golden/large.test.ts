/**
 * Large and odd shapes: values, pull-backs and second derivatives, in float64 on the reference and in float32 on the
 * adapter, with the kernels of both families. Small tensors cannot show what goes wrong where one spans several
 * workgroups, or fills its last one in part.
 */

import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { vjp } from '../../src/autodiff/grad.js'
import * as $ from '../../src/autodiff/ops/index.js'
import { dot } from '../../src/autodiff/ops/index.js'
import { type Shape, sizeOf } from '../../src/autodiff/shape.js'
import type { Tensor } from '../../src/autodiff/tensor.js'
import { keyOf, randomWords, uniformOf } from '../../src/autodiff/threefry.js'
import type { HostArray } from '../../src/engine/index.js'
import { backends, evaluateTree } from '../backends.js'
import { type Large, large, networks } from './large.js'

/**
 * Relative to the largest entry; sums relative to the sum of the sizes of what is added. In float64 two programs differ
 * by the order of their sums only, and the file holds 12 digits. In float32 it is what the small golden operations are
 * held to: where more is added up, roundings average out.
 */
const TOLERANCE = { reference: 1e-10, gpu: 2e-5, tiles: 2e-5 } as const

/** What a tensor is drawn from: whole numbers below a bound, or numbers of a range, -1 to 1 if none is stated. */
interface Drawing {
  readonly seed: number
  readonly shape: Shape
  readonly range?: readonly [number, number]
  readonly below?: number
}

/** What is kept of a result: see `digest` in large.py. */
interface Digest {
  readonly shape: Shape
  readonly totals: readonly [sum: number, sizes: number, squares: number, largest: number]
  readonly projections: readonly number[]
  readonly entries: readonly number[]
}

/** A drawing for each tensor, the seeds of the others, by name; and the results. */
interface Case {
  readonly inputs: Readonly<Record<string, Drawing>>
  readonly constants?: Readonly<Record<string, Drawing>>
  readonly cotangent: number
  readonly directions?: Readonly<Record<string, number>>
  readonly results: Readonly<Record<string, Digest>>
}

interface File {
  readonly seeds: { readonly projections: readonly number[]; readonly places: number }
  readonly cases: Readonly<Record<string, Case>>
}
const { seeds, cases }: File = JSON.parse(readFileSync(new URL('large.json', import.meta.url), 'utf8'))

const drawn = ({ seed, shape, range: [low, high] = [-1, 1], below }: Drawing): HostArray => {
  const words = randomWords(keyOf(seed), sizeOf(shape))
  const data = below ? new Int32Array(words.length) : new Float32Array(words.length)
  words.forEach((word, i) => {
    data[i] = below ? word % below : low + (high - low) * uniformOf(word)
  })
  return { shape, dtype: below ? 'i32' : 'f32', data }
}

/** What every result is projected on: as many of these as it has entries. */
const longest = Math.max(
  ...Object.values(cases).flatMap(({ results }) => Object.values(results).map(({ shape }) => sizeOf(shape)))
)
const projections = seeds.projections.map(seed => drawn({ seed, shape: [longest] }).data)

/** Where the entries lie that are kept: all of a small result, else the first, the last, and some between. */
const placesOf = (size: number, kept: number): readonly number[] =>
  kept === size
    ? Array.from({ length: size }, (_, i) => i)
    : [0, ...Array.from(randomWords(keyOf(seeds.places), kept - 2), word => word % size), size - 1]

/** The tensors that a case draws, in the order in which `resultsOf` takes them. */
const argumentsOf = ({ inputs, constants = {}, cotangent, directions = {}, results }: Case): readonly HostArray[] =>
  [
    ...Object.values(inputs),
    ...Object.values(constants),
    { seed: cotangent, shape: (results['out'] as Digest).shape },
    ...Object.entries(directions).map(([name, seed]) => ({ seed, shape: (inputs[name] as Drawing).shape }))
  ].map(drawn)

/** The results of a case by their names in the file. */
const resultsOf = (f: Large, golden: Case, x: readonly Tensor[]): Readonly<Record<string, Tensor>> => {
  const [names, along] = [Object.keys(golden.inputs), Object.keys(golden.directions ?? {})]
  const end = names.length + Object.keys(golden.constants ?? {}).length
  const [values, constants] = [x.slice(0, names.length), x.slice(names.length, end)]
  const pulled = (...y: readonly Tensor[]) =>
    vjp((...z: readonly Tensor[]) => f(...z, ...constants), ...y)[1](x[end] as Tensor)
  const alongDirections = (...y: readonly Tensor[]) => {
    const gradients = pulled(...y)
    return along
      .map((name, i) => dot(gradients[names.indexOf(name)] as Tensor, x[end + 1 + i] as Tensor))
      .reduce((a, b) => $.add(a, b))
  }
  const second = along.length ? vjp(alongDirections, ...values)[1]($.tensor(1), { unreached: 'zero' }) : []
  return {
    out: f(...values, ...constants),
    ...Object.fromEntries(pulled(...values).map((g, i) => [`vjp.${names[i]}`, g])),
    ...Object.fromEntries(second.map((g, i) => [`hvp.${names[i]}`, g]))
  }
}

/** How far apart two numbers are, relative to a size; of zeros only the very same. */
const apart = (got: number, want: number, size: number): number => (got === want ? 0 : Math.abs(got - want) / size)

const totalsOf = (data: HostArray['data']): Digest['totals'] => {
  let [sum, sizes, squares, largest] = [0, 0, 0, 0]
  for (const value of data) {
    sum += value
    sizes += Math.abs(value)
    squares += value * value
    largest = Math.max(largest, Math.abs(value)) // NaN for NaN
  }
  return [sum, sizes, squares, largest]
}

const projectionDeviation = (data: HostArray['data'], random: HostArray['data'], want: number): number => {
  let [total, size] = [0, 0]
  for (let i = 0; i < data.length; i++) {
    const product = (data[i] as number) * (random[i] as number)
    total += product
    size += Math.abs(product)
  }
  return apart(total, want, size)
}

/** How far a result is from its digest, by what is compared, relative to the size of what that is made of. */
const deviationsOf = (
  { data }: HostArray,
  { totals, projections: wanted, entries }: Digest
): Readonly<Record<string, number>> => {
  const [sum, sizes, squares, largest] = totalsOf(data)
  const places = placesOf(data.length, entries.length)
  return {
    'the sum': apart(sum, totals[0], totals[1]),
    'the sum of sizes': apart(sizes, totals[1], totals[1]),
    'the sum of squares': apart(squares, totals[2], totals[2]),
    'the largest size': apart(largest, totals[3], totals[3]),
    'random projections': Math.max(
      ...wanted.map((want, k) => projectionDeviation(data, projections[k] as HostArray['data'], want))
    ),
    'single entries': Math.max(...entries.map((want, k) => apart(data[places[k] as number] as number, want, totals[3])))
  }
}

it('has a function for every case, and a case for every function', () =>
  expect(Object.keys(large).sort()).toEqual(Object.keys(cases).sort()))

describe.each(['reference', 'gpu', 'tiles'] as const)('%s', kind => {
  it.each(Object.entries(cases))('%s', async (name, golden) => {
    const names: string[] = []
    const f = (...x: readonly Tensor[]) => {
      const results = resultsOf(large[name] as Large, golden, x)
      names.push(...Object.keys(results))
      return Object.values(results)
    }
    // Fused kernels are many, those of a network take a driver on the CPU half a minute to compile: once is enough, and
    // laws/sizes has a fused one.
    const fused = kind === 'gpu' && !(name in networks)
    const values = await evaluateTree<readonly Tensor[], readonly Tensor[]>(backends[kind], f, argumentsOf(golden), {
      fused
    })
    expect(names).toEqual(Object.keys(golden.results))
    Object.entries(golden.results).forEach(([result, digest], i) => {
      const value = values[i] as HostArray
      expect(value.shape, `${result}: its shape`).toEqual(digest.shape)
      for (const [what, deviation] of Object.entries(deviationsOf(value, digest))) {
        expect(deviation, `${result}: ${what}, relative to its size`).toBeLessThanOrEqual(TOLERANCE[kind])
      }
    })
  })
})
