/** The supernet's parameters, counted and named, and the state that a search starts from: bounds, moments, seeds. */

import { describe, expect, it } from 'vitest'
import { sizeOf } from '../../../src/autodiff/shape.js'
import { type Key, keyOf } from '../../../src/autodiff/threefry.js'
import { tablesOf } from '../../../src/nas/method/bilevel.js'
import { foldIn, initialState, stateShapes } from '../../../src/nas/method/initialise.js'
import { nb201 } from '../../../src/nas/space/space.js'
import { type NetworkConfig, type Supernet, supernet } from '../../../src/nas/space/supernet.js'

const network = (given: Partial<NetworkConfig>): Supernet =>
  supernet(nb201, { channels: 4, layers: 1, imageChannels: 3, size: [32, 32], classes: 10, ...given })

const count = (net: Supernet, prefix = ''): number =>
  net.parameters.filter(({ name }) => name.startsWith(prefix)).reduce((total, { shape }) => total + sizeOf(shape), 0)

describe('the supernet', () => {
  it('has 1,686,106 weights with 16 channels and 5 cells a stage, and 25,054 with 4 and 1', () => {
    const [large, small] = [network({ channels: 16, layers: 5 }), network({})]
    expect(count(large)).toBe(1_686_106)
    expect(tablesOf(large).weights.size).toBe(1_686_106)
    expect(large.cells.length).toBe(15)
    expect(count(small)).toBe(25_054)
    expect(small.cells.map(({ name }) => name)).toEqual(['cells.0', 'cells.2', 'cells.4'])
    expect([0, 1, 2, 3, 4].map(block => count(small, `cells.${block}.`))).toEqual([960, 928, 3840, 3648, 15_360])
  })

  it('takes any number of channels of an image, and any number of classes', () => {
    const net = network({ imageChannels: 1, classes: 100 })
    // The stem reads 2 channels less, the classifier has 90 rows of 16 weights and a bias more.
    expect(count(net)).toBe(25_054 - 2 * 9 * 4 + 90 * (16 + 1))
  })

  it('names every parameter and every batch norm once', () => {
    const net = network({ layers: 2 })
    const names = net.parameters.map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
    expect(new Set(net.norms.map(({ name }) => name)).size).toBe(net.norms.length)
    expect(names).toContain('cells.3.edges.3<-1.2.op.1.weight')
  })

  it.each([
    [[30, 32], '30x32'],
    [[32, 9], '32x9']
  ] as const)('refuses images of %j, which do not halve twice', (size, got) => {
    expect(() => network({ size })).toThrow(
      `supernet requires images whose height and width are multiples of 4 (2 reductions halve them), but got ${got}; crop or pad the images`
    )
  })
})

/** Mean and deviation. */
const moments = (values: ArrayLike<number>): readonly [number, number] => {
  const list = Array.from(values)
  const mean = list.reduce((a, b) => a + b, 0) / list.length
  return [mean, Math.sqrt(list.reduce((sum, value) => sum + (value - mean) ** 2, 0) / list.length)]
}

describe('the state at the start', () => {
  const net = network({ channels: 8 })
  const tables = tablesOf(net)
  const at = (key: Key) => initialState(net, key)
  const state = at(keyOf(3))

  it('has the shapes that are known before', () => {
    const shapesOf = (tree: object): unknown =>
      'dtype' in tree && 'shape' in tree
        ? { dtype: tree.dtype, shape: tree.shape }
        : Object.fromEntries(Object.entries(tree).map(([name, part]) => [name, shapesOf(part)]))
    expect(shapesOf(state)).toEqual(stateShapes(net))
  })

  it('has weights uniform on +-1/sqrt(fan in), batch norms at scale 1 and shift 0', () => {
    for (const [n, { name, shape, offset }] of tables.weights.entries.entries()) {
      const { start } = net.parameters[n] as Supernet['parameters'][number]
      const values = state.weights.data.subarray(offset, offset + sizeOf(shape))
      if (start.kind === 'constant') {
        expect(shape.length, name).toBe(1)
        expect(values.every(value => value === (name.endsWith('.weight') ? 1 : 0))).toBe(true)
        continue
      }
      // The fan in, from the shape alone: input channels times pixels. A bias has that of its layer.
      const of = name === 'classifier.bias' ? [32] : shape.slice(1)
      const bound = 1 / Math.sqrt(sizeOf(of))
      expect(
        values.every(value => Math.abs(value) <= bound),
        name
      ).toBe(true)
      if (values.length < 500) continue
      const [mean, deviation] = moments(values)
      // Five deviations of the mean and of the variance of so many uniform numbers.
      const error = 5 / Math.sqrt(values.length)
      expect(Math.abs(mean), name).toBeLessThan((error * bound) / Math.sqrt(3))
      expect(Math.abs((3 * deviation ** 2) / bound ** 2 - 1), name).toBeLessThan(error * Math.sqrt(0.8))
      expect(Math.max(...values), name).toBeGreaterThan(0.98 * bound)
    }
  })

  it('has alpha at a thousandth of a normal number', () => {
    const many = Array.from({ length: 40 }, (_, seed) => Object.values(at(keyOf(seed)).alpha).map(({ data }) => data))
      .flat()
      .flatMap(data => Array.from(data))
    const [mean, deviation] = moments(many)
    expect(many.length).toBe(1200)
    expect(Math.abs(mean)).toBeLessThan(5e-3 / Math.sqrt(1200))
    expect(Math.abs(deviation / 1e-3 - 1)).toBeLessThan(5 / Math.sqrt(2 * 1200))
    expect(Math.max(...many.map(Math.abs))).toBeGreaterThan(2.5e-3)
  })

  it('has empty optimisers, and running statistics of mean 0 and variance 1', () => {
    const { first, second, corrections } = state.adam
    const empty = [
      state.momentum,
      corrections,
      ...[state.alphaGradient, first, second].flatMap(tree => Object.values(tree))
    ]
    for (const { data } of empty) expect(data.every(value => value === 0)).toBe(true)
    for (const { name, shape, offset } of tables.statistics.entries) {
      const values = state.running.data.subarray(offset, offset + sizeOf(shape))
      expect(values.every(value => value === (name.endsWith('running_var') ? 1 : 0))).toBe(true)
    }
  })

  it('is the same for the same key and another for another, in every weight that is drawn', () => {
    expect(at(keyOf(3))).toEqual(state)
    const other = at(keyOf(4))
    const drawn = tables.weights.entries.filter((_, n) => net.parameters[n]?.start.kind === 'uniform')
    for (const { offset } of drawn) expect(other.weights.data[offset]).not.toBe(state.weights.data[offset])
    expect(other.alpha).not.toEqual(state.alpha)
  })

  it('draws each tensor by itself', () => {
    // The first number of each tensor, as a share of its bound.
    const first = tables.weights.entries.flatMap(({ offset }, n) => {
      const { start } = net.parameters[n] as Supernet['parameters'][number]
      return start.kind === 'uniform' ? [(state.weights.data[offset] as number) * Math.sqrt(start.fanIn)] : []
    })
    expect(new Set(first.map(value => value.toFixed(6))).size).toBe(first.length)
  })

  it('has keys for every purpose', () => {
    const keys = Array.from({ length: 200 }, (_, n) => foldIn(keyOf(3), n).join())
    expect(new Set([...keys, keyOf(3).join()]).size).toBe(201)
  })
})
