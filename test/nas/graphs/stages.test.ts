/** What `lambda-darts graph` draws: cells as functions, their derivatives, and kernels as frames. */
import { describe, expect, it } from 'vitest'
import { topological } from '../../../src/autodiff/graph.js'
import { interpret } from '../../../src/autodiff/interpret.js'
import { ndarray } from '../../../src/autodiff/ndarray.js'
import { sizeOf } from '../../../src/autodiff/shape.js'
import type { Tensor } from '../../../src/autodiff/tensor.js'
import { PUBLISHED } from '../../../src/nas/genotypes/published.js'
import { countsOf, framesOf, stagesOf } from '../../../src/nas/graphs/stages.js'
import { cellOfGenotype, cellOfSpace, derivativeOf } from '../../../src/nas/graphs/subject.js'
import { nb201, SPACES } from '../../../src/nas/space/space.js'
import { graphDot } from '../../../src/pictures/graph.js'

const SIZE = { batch: 2, channels: 2, size: 4 }
const cell = cellOfSpace(nb201, 'alpha', SIZE)
/** Numbers from -1 to 1 without a pattern. */
const scattered = (n: number): number => (Math.sin(n + 1) * 43758.5453) % 1
const values = (graph: { readonly inputs: readonly Tensor[] }) =>
  new Map(
    graph.inputs.map((node, k) => [
      node,
      ndarray(
        Array.from({ length: sizeOf(node.shape) }, (_, i) => scattered(100 * k + i)),
        node.shape
      )
    ])
  )

describe('a cell by itself', () => {
  it.each([
    ['of NAS-Bench-201', cell, [2, 2, 4, 4]],
    ['of DARTS, normal', cellOfSpace(SPACES['s5'] as typeof nb201, 'normal', SIZE), [2, 8, 4, 4]],
    ['of DARTS, reducing', cellOfSpace(SPACES['s5'] as typeof nb201, 'reduce', SIZE), [2, 8, 2, 2]],
    ['of a genotype', cellOfGenotype(PUBLISHED['lambdadarts_corr_0'] as never, 'normal', SIZE), [2, 8, 4, 4]]
  ])('%s gives images', (_, subject, shape) => {
    expect(stagesOf(subject).built.outputs.map(output => output.shape)).toEqual([shape])
  })

  it('has a gradient in each argument, and in each a second derivative', () => {
    const paths = [1, 2].map(order => Object.keys(stagesOf(derivativeOf(cell, order)).built.names))
    expect(paths[0]).toEqual(expect.arrayContaining(['gradient in x', 'gradient in mixture']))
    expect(paths[1]).toEqual(paths[0]?.map(path => path.replace('gradient', 'second derivative')))
  })

  it('has the second derivative along a direction that central differences of the gradient have', () => {
    const [first, second] = [1, 2].map(order => stagesOf(derivativeOf(cell, order)).passed)
    if (!first || !second) throw new Error('no stages')
    const at = values(second)
    const [own, along] = [second.inputs.slice(0, first.inputs.length), second.inputs.slice(first.inputs.length)]
    const EPS = 1e-5
    const moved = (sign: number) => {
      const bound = new Map(
        first.inputs.map((node, k) => {
          const [x, v] = [at.get(own[k] as never), at.get(along[k] as never)]
          return [
            node,
            ndarray(
              Array.from(x?.data ?? [], (value, i) => value + sign * EPS * (v?.data[i] as number)),
              node.shape
            )
          ]
        })
      )
      return interpret(first.outputs, bound).flatMap(({ data }) => Array.from(data))
    }
    const [ahead, behind] = [moved(1), moved(-1)]
    const exact = interpret(second.outputs, at).flatMap(({ data }) => Array.from(data))
    const largest = Math.max(...exact.map(Math.abs))
    // Central differences of a smooth function are off by EPS^2 of its third derivative.
    const worst = Math.max(
      ...exact.map((value, i) => Math.abs(value - ((ahead[i] as number) - (behind[i] as number)) / (2 * EPS)))
    )
    expect(worst / largest).toBeLessThan(1e-5)
  })
})

describe('the stages of a graph', () => {
  const { built, passed, fused } = stagesOf(derivativeOf(cell, 1))

  it('compute the same', () => {
    const numbers = [built, passed, fused.graph].map(graph =>
      interpret(graph.outputs, values(graph)).flatMap(({ data }) => Array.from(data))
    )
    const size = Math.max(...(numbers[0] as number[]).map(Math.abs))
    for (const other of numbers.slice(1))
      expect(Math.max(...other.map((value, i) => Math.abs(value - (numbers[0]?.[i] as number)))) / size).toBeLessThan(
        1e-12
      )
  })

  it('have fewer kernels each, which store less', () => {
    const [first, second, third] = countsOf(built, passed, fused)
    if (!first || !second || !third) throw new Error('three stages are counted')
    expect(first.kernels).toBeGreaterThan(second.kernels)
    expect(second.kernels).toBeGreaterThan(2 * third.kernels)
    expect(second.bytes).toBeGreaterThan(2 * third.bytes)
  })

  it('fused: a frame for each kernel; every node that is computed is in one', () => {
    const frames = framesOf(fused)
    const inFrames = frames.flatMap(({ nodes }) => nodes)
    expect(new Set(inFrames).size).toBe(inFrames.length)
    const kernels = topological(fused.graph.outputs).filter(
      ({ primitive: { kernel, name } }) => kernel && kernel.kind !== 'view' && name !== 'constant'
    )
    const framed = new Set(inFrames)
    expect(kernels.filter(node => !framed.has(node)).map(({ primitive }) => primitive.name)).toEqual([])
    expect(frames.length).toBe(countsOf(built, passed, fused)[2]?.kernels)
    const dot = graphDot([...fused.graph.outputs], { groups: frames })
    expect(dot.match(/subgraph cluster_/g)).toHaveLength(frames.length)
  })

  it('shaded by time, the slowest darkest, each with its milliseconds', () => {
    const ms = fused.kernels.map((_, i) => i + 1)
    const frames = framesOf(fused, ms)
    expect(Math.max(...frames.map(({ shade = 0 }) => shade))).toBe(1)
    for (const { label } of frames) expect(label).toMatch(/· [\d.e+]+ ms$/)
  })
})
