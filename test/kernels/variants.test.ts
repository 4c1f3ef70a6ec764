/**
 * Fast variants are held to the plain shaders, on random shapes that fulfil what each requires, and shapes that miss it
 * by a little stay plain. `select` makes the choice, and the test sees which: a variant that is never taken would be
 * right for nothing.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { grad } from '../../src/autodiff/grad.js'
import * as $ from '../../src/autodiff/ops/index.js'
import { dot } from '../../src/autodiff/ops/index.js'
import type { Shape, Tensor } from '../../src/autodiff/tensor.js'
import { lowered } from '../../src/engine/index.js'
import { FAMILIES, type Facts, select, selectEach } from '../../src/kernels/select.js'
import { loadShader } from '../../src/kernels/shader.js'
import type { Data, Program, Slot } from '../../src/kernels/spec.js'
import type { Variant, Variants } from '../../src/kernels/variants/variant.js'
import { device, GPU } from '../device.js'
import { right } from './results.js'
import { run as runAll, sizeOf } from './runs.js'

type Function = (...x: readonly Tensor[]) => Tensor

/** Sums differ in their order, so by this much of the sum of the sizes of what is added. */
const SUM = 1e-6

/**
 * The facts that the variants below ask for. On an adapter with others the choice is tested with these, the values with
 * its own.
 */
const FACTS: Facts = { subgroupSize: 8, software: true }

const programOf = (f: Function, shapes: readonly Shape[]): Program =>
  right(lowered(f as (...x: unknown[]) => Tensor)(shapes.map(shape => ({ shape, dtype: 'f32' as const })) as never))

/** The variants that were taken and agreed with the plain shader. */
const tried = new Set<Variant>()

/** The program with its variants, which are noted. */
const trying = (program: Program, facts: Facts): Program => {
  for (const variant of selectEach(program, facts).taken) tried.add(variant)
  return select(program, facts)
}

/**
 * Variants that no test above has taken, by their plain shader, their place among its variants, and their name if they
 * have one.
 */
const untried = (families: readonly Variants[]): readonly string[] =>
  families.flatMap(family =>
    Object.entries(family).flatMap(([plain, variants]) =>
      variants.flatMap((variant, i) =>
        tried.has(variant) ? [] : [`${plain}: variant ${i + 1}, ${variant.name || 'without a name'}`]
      )
    )
  )

/** The shaders of a program; of maps and folds also whether they load by vec4. */
const shadersOf = ({ calls }: Program): string[] =>
  calls.map(({ shader, op }) => (op?.includes('array<vec4<') ? `${shader} by vec4` : shader))

const run = async (program: Program, inputs: readonly Data[]): Promise<Data> =>
  (await runAll(program, inputs)).results[0] as Data

const random = (seed: number): ((n: number) => Float32Array<ArrayBuffer>) => {
  let state = seed >>> 0
  return n =>
    Float32Array.from({ length: n }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      return state / 2 ** 31 - 1
    })
}

interface Case {
  readonly f: Function
  readonly shapes: readonly Shape[]
  /** Same bits wanted, also on inputs full of ties, signed zeros, infinities and NaN. */
  readonly exact?: boolean
}
const SPECIAL = [Number.NaN, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, -0, 0, 1, 1, -1]

/** The program with its variants gives what the plain one gives. */
const expectAgreement = async (
  { f, shapes, exact = false }: Case,
  seed: number,
  facts: Facts = device.info
): Promise<void> => {
  const program = programOf(f, shapes)
  const draw = random(seed)
  const special = (data: Float32Array<ArrayBuffer>) =>
    data.map((value, i) => (exact && i % 3 > 0 ? (SPECIAL[Math.floor(4 * (value + 1))] as number) : value))
  const inputs = program.inputs.map((slot, i) => {
    const data = draw(sizeOf(program.slots[slot] as Slot))
    return i === 0 ? special(data) : data
  })
  const [got, wanted] = [await run(trying(program, facts), inputs), await run(program, inputs)]
  expect(got.length).toBe(wanted.length)
  if (exact) return expect(got).toEqual(wanted)
  const sizes = await run(
    program,
    inputs.map(data => data.map(Math.abs))
  )
  got.forEach((value, i) => {
    if (!(Math.abs(value - (wanted[i] as number)) <= SUM * (sizes[i] as number)))
      expect.fail(
        `of ${shapes.map(shape => `[${shape}]`)}, element ${i}: the variant gives ${value}, the plain shader ${wanted[i]}`
      )
  })
}

/**
 * Cases of `cases` take `shaders` and agree; none of `near` takes the first of them. The GPUs' have no subgroups, so
 * that every adapter runs them.
 */
const variant = <T>(
  shaders: readonly string[],
  cases: fc.Arbitrary<T>,
  build: (options: T) => Case,
  near: Readonly<Record<string, Case>>,
  { numRuns = 3, facts = FACTS }: { readonly numRuns?: number; readonly facts?: Facts } = {}
): void => {
  it('agrees with the plain shader', () =>
    fc.assert(
      fc.asyncProperty(cases, fc.nat(), async (options, seed) => {
        const built = build(options)
        const chosen = trying(programOf(built.f, built.shapes), facts)
        expect(shadersOf(chosen)).toEqual(expect.arrayContaining(shaders as string[]))
        if (facts === GPU)
          for (const { shader } of chosen.calls) expect(loadShader(`${shader}.wgsl`)).not.toContain('subgroups;')
        await expectAgreement(built, seed, facts === FACTS ? device.info : facts)
      }),
      { numRuns }
    ))
  it.each(Object.entries(near))('leaves %s plain', (_, { f, shapes }) => {
    const program = programOf(f, shapes)
    for (const one of [facts, GPU]) expect(shadersOf(select(program, one))).not.toContain(shaders[0])
  })
}

const some = (min: number, max: number) => fc.integer({ min, max })

/** The same case, whose first operand begins two elements into an argument: no vec4 starts there. */
const fromTwo = ({ f, shapes: [x, ...others], ...rest }: Case): Case => {
  const size = (x as Shape).reduce((product, extent) => product * extent, 1)
  return {
    ...rest,
    f: (flat, ...more) => f($.reshape($.slice(flat as Tensor, [[2]]), x as Shape), ...more),
    shapes: [[size + 2], ...others]
  }
}

describe('maps', () => {
  const f: Function = (x, y, z) => $.add($.mul($.relu(x as Tensor), y as Tensor), z as Tensor)
  describe('of dense operands and single values', () => {
    const build = (n: number): Case => ({ f, shapes: [[n], [n], []] })
    variant(
      ['map by vec4'],
      fc.integer({ min: 16_384, max: 16_500 }).map(n => 4 * n),
      build,
      { '65,538 values': build(65_538), 'few values': build(65_532), 'what begins at two': fromTwo(build(65_544)) }
    )
  })
  describe('of operands that repeat along other axes', () => {
    const build = ([a, b, inner]: readonly [number, number, number]): Case => ({
      f,
      shapes: [
        [a, b, inner],
        [b, 1],
        [a, 1, inner]
      ]
    })
    const sizes = fc.tuple(
      some(9, 12),
      some(9, 12),
      some(203, 240).map(n => 4 * n)
    )
    variant(['map_rows by vec4'], sizes, build, { 'rows of 6': build([110, 100, 6]), 'few values': build([4, 4, 16]) })
    variant(['map_rows'], fc.tuple(some(1, 8), some(2, 8), some(4, 70)), build, { 'rows of 3': build([60, 50, 3]) })
  })
})

describe('folds', () => {
  const channels = ([batch, count, height, width]: readonly [number, number, number, number]): Case => ({
    f: (x, y) => $.sum($.mul(x as Tensor, y as Tensor), [0, 2, 3]),
    shapes: [
      [batch, count, height, width],
      [count, 1, 1]
    ]
  })
  describe('of rows', () => {
    const sizes = fc.tuple(
      some(8, 9),
      some(5, 6),
      some(9, 10),
      some(46, 50).map(n => 4 * n)
    )
    const near = {
      'planes of 35': channels([64, 30, 5, 7]),
      'planes of 34': channels([64, 32, 2, 17]),
      '34 of each 36': {
        f: ((x: Tensor) =>
          $.sum(
            $.slice(x, [
              [0, 64],
              [0, 32],
              [0, 34]
            ]),
            [0, 2]
          )) as Function,
        shapes: [[64, 32, 36]]
      },
      'few values': channels([8, 4, 8, 8]),
      'one row of 65,538': { f: ((x: Tensor) => $.sum(x)) as Function, shapes: [[65_538]] },
      'what begins at two': fromTwo(channels([64, 30, 6, 8]))
    }
    variant(['reduce_shuffle by vec4'], sizes, channels, near)
    variant(['reduce by vec4'], sizes, channels, near, { facts: GPU })
    variant(['reduce by vec4'], sizes, channels, {}, { facts: GPU })
  })
  describe('of any shape', () => {
    const axes = ([a, b, c, d]: readonly [number, number, number, number]): Case => ({
      f: (x, y) => $.sum($.mul(x as Tensor, $.transpose(y as Tensor, [3, 2, 1, 0])), [0, 2]),
      shapes: [
        [a, b, c, d],
        [d, c, b, a]
      ]
    })
    variant(['reduce_shuffle'], fc.tuple(some(1, 9), some(1, 9), some(1, 40), some(1, 9)), axes, {}, { numRuns: 10 })
    const most = ([results, count]: readonly [number, number]): Case => ({
      f: x => $.max(x as Tensor, [1]),
      shapes: [[results, count]],
      exact: true
    })
    variant(['reduce_shuffle'], fc.tuple(some(1, 70), some(1, 300)), most, {}, { numRuns: 10 })
  })
  describe('in two steps', () => {
    const rows = ([results, count]: readonly [number, number]): Case => ({
      f: x => $.sum(x as Tensor, [1]),
      shapes: [[results, count]]
    })
    const long = fc.tuple(
      fc.integer({ min: 1, max: 9 }),
      some(1025, 1040).map(n => 64 * n)
    )
    variant(['reduce_shuffle', 'reduce_shuffle by vec4'], long, rows, {})
    variant(['reduce', 'reduce by vec4'], long, rows, {}, { facts: GPU })
    const odd = fc.tuple(
      some(1, 9),
      some(35_000, 45_000).map(n => 2 * n + 1)
    )
    variant(['reduce_shuffle'], odd, rows, {})
    variant(['reduce'], odd, rows, {}, { facts: GPU })
    it.each([
      ['sixteen results', [16, 16384]],
      ['a short fold', [2, 8192]]
    ] as const)('leaves %s in one', (_, shape) =>
      expect(select(programOf(rows(shape).f, rows(shape).shapes), FACTS).calls).toHaveLength(1)
    )
  })
})

/**
 * The derivative of a bilinear function in one of its arguments, as a function of the cotangent and the arguments: one
 * call of a kernel.
 */
const gradientOf =
  (f: Function, argument: 0 | 1): Function =>
  (g, x, w) =>
    grad((y: Tensor) => dot(argument === 0 ? f(y, w as Tensor) : f(x as Tensor, y), g as Tensor))(
      (argument === 0 ? x : w) as Tensor
    )

interface Convolution {
  readonly batch: number
  readonly channels: number
  readonly outputs: number
  readonly size: readonly [number, number]
  readonly kernel: number
  readonly dilation?: number
  readonly groups?: number
  readonly stride?: number | readonly [number, number]
  readonly padding?: number
}
type Part = 'forward' | 'input gradient' | 'filter gradient'

const convolution =
  (part: Part) =>
  ({ batch, channels, outputs, size, kernel, dilation = 1, groups = 1, stride = 1, ...rest }: Convolution): Case => {
    const padding = rest.padding ?? ((kernel - 1) / 2) * dilation
    // Half of those that have a place for it compute a function where they load; it is not 0 at 0, which padding stays.
    const hooked = part !== 'input gradient' && batch % 2 === 1
    const f: Function = (x, w) =>
      $.conv2d(hooked ? $.exp(x as Tensor) : (x as Tensor), w as Tensor, { padding, dilation, groups, stride })
    const x = [batch, channels, ...size]
    const w = [outputs, channels / groups, kernel, kernel]
    const steps = typeof stride === 'number' ? [stride, stride] : stride
    const out = size.map(
      (extent, i) => Math.floor((extent + 2 * padding - dilation * (kernel - 1) - 1) / (steps[i] as number)) + 1
    )
    const g = [batch, outputs, ...out]
    return part === 'forward'
      ? { f, shapes: [x, w] }
      : { f: gradientOf(f, part === 'input gradient' ? 0 : 1), shapes: [g, x, w] }
  }

/** Images whose rows of vec4s divide a subgroup of 8. */
const width = fc.constantFrom(4, 8, 16, 32)

describe('depthwise convolutions by rows of vec4', () => {
  const cases = fc
    .record({
      batch: fc.integer({ min: 1, max: 9 }),
      channels: fc.integer({ min: 1, max: 5 }),
      size: fc.tuple(fc.integer({ min: 1, max: 9 }), width),
      taps: fc.constantFrom([3, 1], [3, 2], [3, 4], [5, 1], [5, 2])
    })
    .map(
      ({ channels, taps: [kernel, dilation], ...rest }): Convolution => ({
        ...rest,
        channels,
        outputs: channels,
        groups: channels,
        kernel: kernel as number,
        dilation: dilation as number
      })
    )
  const fine: Convolution = { batch: 2, channels: 3, outputs: 3, groups: 3, size: [5, 16], kernel: 3 }
  const near = (part: Part) => ({
    'a width of 12': convolution(part)({ ...fine, size: [5, 12] }),
    'a width of 18': convolution(part)({ ...fine, size: [5, 18] }),
    'a stride of 2': convolution(part)({ ...fine, stride: 2 }),
    'no padding': convolution(part)({ ...fine, padding: 0 }),
    'two outputs a channel': convolution(part)({ ...fine, outputs: 6 }),
    '5x5 dilated by 3': convolution(part)({ ...fine, kernel: 5, dilation: 3 }),
    '3x3 dilated by 5': convolution(part)({ ...fine, dilation: 5 }),
    '7x7': convolution(part)({ ...fine, kernel: 7 }),
    'what begins at two': fromTwo(convolution(part)(fine))
  })
  describe.each(['forward', 'input gradient'] as const)('%s', part => {
    variant(['conv2d_depthwise_row4'], cases, convolution(part), near(part))
  })
  describe('filter gradient', () => {
    variant(['conv2d_depthwise_filter_grad_row4'], cases, convolution('filter gradient'), near('filter gradient'))
  })
})

interface Pool {
  readonly planes: readonly [number, number]
  /** Of windows. */
  readonly size: readonly [number, number]
  readonly kernel: number
  readonly stride: number
  readonly padding: number
  /** Rows and columns of pixels that no window needs. */
  readonly surplus?: readonly [number, number]
}

const pool =
  (of: 'max' | 'average', part: 'forward' | 'backward') =>
  ({ planes, size, surplus = [0, 0], ...options }: Pool): Case => {
    const pixels = size.map(
      (extent, i) => (extent - 1) * options.stride + options.kernel - 2 * options.padding + (surplus[i] as number)
    )
    const f: Function = x => (of === 'max' ? $.maxPool2d : $.avgPool2d)(x as Tensor, options)
    const backward: Function = (x, g) => grad((y: Tensor) => dot(f(y), g as Tensor))(x as Tensor)
    const x = [...planes, ...pixels]
    return {
      f: part === 'forward' ? f : backward,
      shapes: part === 'forward' ? [x] : [x, [...planes, ...size]],
      exact: of === 'max'
    }
  }

describe('pooling by rows of vec4', () => {
  const small = fc.integer({ min: 1, max: 3 })
  const cases = fc
    .record({
      planes: fc.tuple(small, small),
      size: fc.tuple(fc.integer({ min: 1, max: 7 }), width),
      window: fc.constantFrom([3, 1, 1, 0], [5, 1, 2, 0], [2, 2, 0, 0], [3, 2, 1, 1], [4, 2, 1, 0], [5, 2, 2, 1])
    })
    .map(
      ({ window: [kernel, stride, padding, surplus], ...rest }): Pool => ({
        ...rest,
        kernel: kernel as number,
        stride: stride as number,
        padding: padding as number,
        surplus: [((surplus as number) * rest.planes[0]) % 2, surplus as number]
      })
    )
  const fine: Pool = { planes: [2, 3], size: [5, 16], kernel: 3, stride: 1, padding: 1 }
  const near = (of: 'max' | 'average', part: 'forward' | 'backward') => ({
    'a width of 12': pool(of, part)({ ...fine, size: [5, 12] }),
    'no padding': pool(of, part)({ ...fine, size: [5, 14], padding: 0 }),
    'a stride of 3': pool(of, part)({ ...fine, stride: 3 }),
    'a column to spare': pool(of, part)({ ...fine, kernel: 2, stride: 2, padding: 0, surplus: [0, 1] }),
    '7x7': pool(of, part)({ ...fine, kernel: 7, padding: 3 }),
    // The gradient of a mean does not look at the images.
    ...(of === 'average' && part === 'backward' ? {} : { 'what begins at two': fromTwo(pool(of, part)(fine)) })
  })
  describe.each([
    ['max', 'forward', ['window_argmax_row4', 'window_gather4']],
    ['max', 'backward', ['window_argmax_row4', 'window_scatter_row4']],
    ['average', 'forward', ['window_sum_row4']],
    ['average', 'backward', ['window_spread_row4']]
  ] as const)('%s %s', (of, part, shaders) => {
    variant(shaders, cases, pool(of, part), near(of, part), { numRuns: 4 })
  })
})

interface Product {
  readonly batch: number
  readonly m: number
  readonly k: number
  readonly n: number
  /** Which operands are views of their transposes. */
  readonly turned: readonly [boolean, boolean]
}

/** A batch of two shares the right operand. */
const product = ({ batch, m, k, n, turned }: Product): Case => {
  const swap = (x: Tensor) => $.transpose(x, x.shape.length === 3 ? [0, 2, 1] : [1, 0])
  const right = turned[1] ? [n, k] : [k, n]
  return {
    f: (x, y) => $.matmul(turned[0] ? swap(x as Tensor) : (x as Tensor), turned[1] ? swap(y as Tensor) : (y as Tensor)),
    shapes: [turned[0] ? [batch, k, m] : [batch, m, k], batch === 2 ? right : [batch, ...right]]
  }
}

describe('matrix products by shuffles', () => {
  const sizes = (multiple: number) =>
    fc.record({
      batch: fc.integer({ min: 1, max: 3 }),
      m: fc.integer({ min: 30, max: 70 }),
      k: fc.integer({ min: Math.ceil(60 / multiple), max: Math.floor(90 / multiple) }).map(k => k * multiple),
      n: fc.integer({ min: Math.ceil(40 / multiple), max: Math.floor(90 / multiple) }).map(n => n * multiple),
      turned: fc.tuple(fc.boolean(), fc.boolean())
    })
  const fine: Product = { batch: 2, m: 50, k: 60, n: 40, turned: [false, false] }
  describe('of vec4s', () => {
    variant(
      ['matmul_shuffle'],
      sizes(4),
      product,
      {
        '42 columns': product({ ...fine, n: 42 }),
        'a depth of 62 that is walked by vec4': product({ ...fine, k: 62, turned: [false, true] }),
        'a small product': product({ ...fine, m: 4, n: 4 }),
        'columns that lie four apart': {
          f: (x, y) => $.matmul(x as Tensor, $.slice(y as Tensor, [[], [], [null, null, 4]])),
          shapes: [
            [2, 50, 60],
            [2, 60, 160]
          ]
        }
      },
      { numRuns: 4 }
    )
  })
  describe('of any extents', () => {
    const odd = sizes(1).filter(({ k, n, turned }) => n % 4 !== 0 || (turned[1] && k % 4 !== 0))
    variant(
      ['matmul_shuffle_any'],
      odd,
      product,
      { 'a small product': product({ ...fine, m: 3, n: 5 }) },
      { numRuns: 4 }
    )
  })
})

describe('depthwise convolutions of stride 2 by rows of vec4', () => {
  const cases = fc
    .record({
      batch: fc.integer({ min: 1, max: 9 }),
      channels: fc.integer({ min: 1, max: 5 }),
      size: fc.tuple(fc.integer({ min: 2, max: 9 }), fc.constantFrom(8, 16, 32, 64)),
      window: fc.constantFrom([3, 1, 1], [5, 1, 2], [3, 2, 2], [5, 2, 4])
    })
    .map(
      ({ channels, window: [kernel, dilation, padding], ...rest }): Convolution => ({
        ...rest,
        ...{ channels, outputs: channels, groups: channels, stride: 2 },
        ...{ kernel: kernel as number, dilation: dilation as number, padding: padding as number }
      })
    )
  const fine: Convolution = { batch: 2, channels: 3, outputs: 3, groups: 3, size: [6, 16], kernel: 3, stride: 2 }
  const near = (part: Part) => ({
    'a width of 24': convolution(part)({ ...fine, size: [6, 24] }),
    'a width of 15': convolution(part)({ ...fine, size: [6, 15] }),
    'a stride of 3': convolution(part)({ ...fine, stride: 3, size: [6, 24] }),
    'no padding': convolution(part)({ ...fine, padding: 0 }),
    'a dilation of 3': convolution(part)({ ...fine, dilation: 3 }),
    'two outputs a channel': convolution(part)({ ...fine, outputs: 6 }),
    'what begins at two': fromTwo(convolution(part)(fine))
  })
  describe.each([
    ['forward', 'conv2d_depthwise_stride2_row4'],
    ['input gradient', 'conv2d_depthwise_stride2_input_grad_row4'],
    ['filter gradient', 'conv2d_depthwise_stride2_filter_grad_row4']
  ] as const)('%s', (part, shader) => {
    variant([shader], cases, convolution(part), near(part), { numRuns: 4 })
  })
})

const parts = ['forward', 'input gradient', 'filter gradient'] as const
const count = fc.integer({ min: 1, max: 9 })

describe('dense 3x3 convolutions by rows of vec4', () => {
  const cases = (
    channels: fc.Arbitrary<number>,
    batch: fc.Arbitrary<number>,
    rows: fc.Arbitrary<number>,
    columns: readonly number[]
  ) =>
    fc
      .record({ batch, channels, outputs: channels, size: fc.tuple(rows, fc.constantFrom(...columns)) })
      .map((options): Convolution => ({ ...options, kernel: 3 }))
  const fine: Convolution = { batch: 8, channels: 4, outputs: 8, size: [8, 16], kernel: 3 }
  const near = (part: Part) => ({
    'a width of 18': convolution(part)({ ...fine, size: [8, 18] }),
    'a stride of 2': convolution(part)({ ...fine, stride: 2 }),
    'no padding': convolution(part)({ ...fine, padding: 0 }),
    'a dilation of 2': convolution(part)({ ...fine, dilation: 2 }),
    'two groups': convolution(part)({ ...fine, groups: 2 }),
    '5x5': convolution(part)({ ...fine, kernel: 5 }),
    'what begins at two': fromTwo(convolution(part)(fine))
  })
  const even = fc.constantFrom(4, 8)
  describe.each(['forward', 'input gradient'] as const)('%s', part => {
    const odd = {
      'seven rows': convolution(part)({ ...fine, size: [7, 16] }),
      'outputs and channels that are no multiples of 4': convolution(part)({ ...fine, channels: 6, outputs: 6 })
    }
    variant(
      ['conv2d_row4'],
      cases(even, even, even, [4, 8, 12, 28, 32, 40]),
      convolution(part),
      { ...near(part), ...odd },
      { numRuns: 5 }
    )
    it('takes eight outputs a lane in large calls, four in others', async () => {
      const large = convolution(part)({ ...fine, channels: 32, outputs: 32, size: [32, 32] })
      const outs = ({ f, shapes }: Case) =>
        select(programOf(f, shapes), FACTS).calls.flatMap(({ constants }) => constants?.['OUTS'] ?? [])
      expect(outs(large)).toEqual([8])
      expect(outs(convolution(part)(fine))).toEqual([4])
      await expectAgreement(large, 3)
    })
  })
  describe('filter gradient', () => {
    const any = fc.integer({ min: 1, max: 20 })
    variant(
      ['conv2d_filter_grad_row4'],
      cases(any, count, count, [4, 8, 12, 28, 36]).filter(({ channels, outputs }) => channels * outputs > 1), // else it is depthwise
      convolution('filter gradient'),
      near('filter gradient'),
      { numRuns: 8 }
    )
  })
})

describe('dense 1x1 convolutions by vec4s', () => {
  const cases = fc
    .record({
      batch: count,
      channels: fc.integer({ min: 1, max: 20 }),
      outputs: fc.integer({ min: 1, max: 20 }),
      size: fc.constantFrom([2, 2], [1, 4], [3, 4], [6, 6], [5, 12])
    })
    .map(({ size, ...rest }): Convolution => ({ ...rest, size: [size[0] as number, size[1] as number], kernel: 1 }))
  const fine: Convolution = { batch: 2, channels: 5, outputs: 6, size: [6, 6], kernel: 1 }
  const near = (part: Part) => ({
    'a plane of 15': convolution(part)({ ...fine, size: [3, 5] }),
    'a stride of 2': convolution(part)({ ...fine, stride: 2 }),
    'a padding of 1': convolution(part)({ ...fine, padding: 1 }),
    'two groups': convolution(part)({ ...fine, channels: 6, groups: 2 }),
    '3x3': convolution(part)({ ...fine, kernel: 3 }),
    'what begins at two': fromTwo(convolution(part)(fine))
  })
  describe.each([
    ['forward', 'conv2d_1x1_row4'],
    ['input gradient', 'conv2d_1x1_row4'],
    ['filter gradient', 'conv2d_1x1_filter_grad_row4']
  ] as const)('%s', (part, shader) => {
    variant([shader], cases, convolution(part), near(part))
  })
})

const anyShape = fc
  .record({
    batch: count,
    channels: count,
    outputs: fc.integer({ min: 1, max: 10 }),
    size: fc.tuple(fc.integer({ min: 5, max: 11 }), fc.integer({ min: 5, max: 11 })),
    window: fc.constantFrom(
      ...[
        [3, 2, 1, 1],
        [1, 2, 1, 0],
        [5, 1, 1, 1],
        [3, 3, 1, 1],
        [2, 2, 1, 0],
        [3, 1, 2, 1],
        [4, 1, 1, 0],
        [5, 4, 1, 3]
      ],
      ...[
        [3, 2, 2, 2],
        [2, 2, 3, 1],
        [3, 4, 2, 2],
        [2, 3, 3, 0]
      ]
    )
  })
  .map(
    ({ window: [kernel, stride, dilation, padding], ...rest }): Convolution => ({
      ...rest,
      kernel: kernel as number,
      stride: stride as number,
      dilation: dilation as number,
      padding: padding as number
    })
  )
const anyOne: Convolution = { batch: 2, channels: 6, outputs: 6, size: [7, 7], kernel: 3 }

describe('dense convolutions of any shape', () => {
  describe.each(parts)('%s', part => {
    const shader = part === 'filter gradient' ? 'conv2d_filter_grad_any' : 'conv2d_any'
    const uneven = { 'another stride each way': convolution(part)({ ...anyOne, stride: [1, 2] }) }
    const near = {
      'two groups': convolution(part)({ ...anyOne, groups: 2 }),
      ...(part === 'filter gradient' ? {} : uneven)
    }
    variant([shader], anyShape, convolution(part), near, { numRuns: 8 })
  })
})

describe('grouped convolutions of any shape', () => {
  const cases = fc
    .record({
      shape: anyShape,
      groups: fc.integer({ min: 2, max: 4 }),
      each: fc.constantFrom([1, 1], [1, 2], [2, 1], [3, 2])
    })
    .map(
      ({ shape, groups, each }): Convolution => ({
        ...shape,
        // Of one channel a group, rows of a multiple of four have kernels of their own.
        size: [shape.size[0] as number, (shape.size[1] as number) | 1],
        groups,
        channels: groups * (each[0] as number),
        outputs: groups * (each[1] as number)
      })
    )
  describe.each(parts)('%s', part => {
    const shader = part === 'filter gradient' ? 'conv2d_grouped_filter_grad_any' : 'conv2d_grouped_any'
    variant([shader], cases, convolution(part), { 'one group': convolution(part)(anyOne) }, { numRuns: 8 })
  })
})

describe('tiles of a GPU', () => {
  const few: fc.Arbitrary<readonly number[]> = fc.constantFrom([1, 1], [1, 2], [2, 1], [3, 2], [1, 4])
  const many: fc.Arbitrary<readonly number[]> = fc.tuple(
    fc.integer({ min: 1, max: 20 }),
    fc.integer({ min: 5, max: 40 })
  )
  // The channels of the result are the outputs, but for the input gradient.
  const cases = (part: Part, each: fc.Arbitrary<readonly number[]>) =>
    fc.record({ shape: anyShape, groups: fc.integer({ min: 1, max: 3 }), each }).map(
      ({ shape, groups, each: [of, to] }): Convolution => ({
        ...shape,
        groups,
        channels: groups * ((part === 'input gradient' ? to : of) as number),
        outputs: groups * ((part === 'input gradient' ? of : to) as number)
      })
    )
  const uneven: Convolution = { ...anyOne, stride: [1, 2] }
  describe.each(parts)('%s of a convolution', part => {
    const [tile, other] =
      part === 'filter gradient'
        ? ['conv2d_filter_grad_tile', 'conv2d_filter_grad_tree']
        : ['conv2d_tile', 'conv2d_direct']
    const to = part === 'input gradient' ? 'channels' : 'outputs'
    const near: Record<string, Case> =
      part === 'filter gradient' ? {} : { 'another stride each way': convolution(part)(uneven) }
    describe('with many outputs', () => {
      const narrow = { 'four outputs': convolution(part)({ ...anyOne, [to]: 4 }) }
      variant([tile], cases(part, many), convolution(part), { ...near, ...narrow }, { numRuns: 12, facts: GPU })
    })
    describe('with few outputs', () => {
      const wide = { 'five outputs': convolution(part)({ ...anyOne, [to]: 5 }) }
      const long = { ...anyOne, outputs: 4, kernel: 9, padding: 4 }
      const rows = part === 'filter gradient' ? { 'rows of nine taps': convolution(part)(long) } : {}
      variant([other], cases(part, few), convolution(part), { ...near, ...wide, ...rows }, { numRuns: 12, facts: GPU })
    })
  })
  it.each<[string, Convolution, readonly number[]]>([
    ['conv2d_filter_grad_tile', { ...anyOne, batch: 37, outputs: 9 }, [1, 1, 37]],
    ['conv2d_filter_grad_tile', { ...anyOne, batch: 41, channels: 41, outputs: 9, kernel: 5 }, [17, 1, 21]],
    ['conv2d_filter_grad_tree', { ...anyOne, batch: 41, channels: 8, outputs: 8, groups: 8, kernel: 5 }, [8, 5, 11]]
  ])('%s takes parts of the batch, the last of which may be smaller', async (shader, options, workgroups) => {
    const { f, shapes } = convolution('filter gradient')(options)
    // A slice out of a larger batch: an image too many would be seen.
    const [g, x, w] = shapes as [Shape, Shape, Shape]
    const longer = ([batch, ...rest]: Shape) => [(batch as number) + 7, ...rest]
    const cut = (one: Tensor | undefined) => $.slice(one as Tensor, [[2, -5]])
    const built: Case = { f: (g, x, w) => f(cut(g), cut(x), w as Tensor), shapes: [longer(g), longer(x), w] }
    expect(select(programOf(built.f, built.shapes), GPU).calls[0]).toMatchObject({ shader, workgroups })
    await expectAgreement(built, 1, GPU)
  })
  it('a batch of convolutions that fills the last tile but in part, and one that is less than a tile', async () => {
    for (const batch of [1, 40])
      for (const part of parts)
        for (const outputs of [16, 17, 32, 33, 64, 65])
          await expectAgreement(
            convolution(part)({ batch, channels: 17, outputs, size: [5, 3], kernel: 3 }),
            batch + outputs,
            GPU
          )
  })
  describe('matrix products', () => {
    const sizes = fc.record({
      batch: fc.integer({ min: 1, max: 3 }),
      m: fc.integer({ min: 1, max: 140 }),
      k: fc.integer({ min: 1, max: 70 }),
      n: fc.integer({ min: 1, max: 140 }),
      turned: fc.tuple(fc.boolean(), fc.boolean())
    })
    const large = sizes.filter(({ batch, m, k, n }) => batch * m * k * n >= 2 ** 16)
    const small = { 'a small product': product({ batch: 1, m: 4, k: 60, n: 4, turned: [false, false] }) }
    variant(['matmul_tile'], large, product, small, { numRuns: 12, facts: GPU })
  })
  /** The results of each call of a fold. */
  const inCalls = (shape: Shape, axes: readonly number[]) => {
    const f: Function = x => $.sum($.mul(x as Tensor, x as Tensor), axes)
    return { f, results: select(programOf(f, [shape]), GPU).calls.map(({ params }) => params[0]) }
  }
  it.each([
    ['a sum of all', [80, 1024], [0, 1], [64, 1]],
    ['sums of channels', [80, 3, 32, 32], [0, 2, 3], [120, 3]],
    ['sums of which the last part is shorter', [67, 3, 1024], [0, 2], [99, 3, 3]],
    ['a sum of a prime number', [70_001], [0], [63, 1, 1]],
    ['a sum that one workgroup takes', [64, 1024], [0, 1], [1]],
    ['sums that a workgroup each takes', [4, 5, 1024], [0, 2], [5]],
    ['short sums', [32, 3, 64], [0, 2], [3]]
  ] as const)('%s, in parts where it is long', async (_, shape, axes, wanted) => {
    const { f, results } = inCalls(shape, axes)
    expect(results).toEqual(wanted)
    await expectAgreement({ f, shapes: [shape] }, 1, GPU)
  })
  it('sums that are many enough, in one', () => expect(inCalls([70, 256, 1024], [0, 2]).results).toEqual([256]))
  it('folds side by side, and finished in place, in parts', async () => {
    const squares = (x: Tensor) => $.sum($.mul(x, x), [0, 2])
    const beside: Function = x => $.add($.sqrt(squares(x as Tensor)), $.sum(x as Tensor, [0, 2]))
    const finished: Function = (x, y) => $.mul($.sqrt(squares(x as Tensor)), y as Tensor)
    const x = [80, 5, 1024]
    const resultsOf = (f: Function, shapes: readonly Shape[]) =>
      select(programOf(f, shapes), GPU).calls.map(({ shader, constants, params }) => [
        shader,
        constants?.['RESULTS'],
        params[0]
      ])
    expect(resultsOf(beside, [x]).slice(0, 2)).toEqual([
      ['reduce', 2, 200],
      ['reduce', 2, 5]
    ])
    expect(resultsOf(finished, [x, [5]])).toEqual([
      ['reduce', 1, 200],
      ['reduce', 1, 5]
    ])
    await expectAgreement({ f: beside, shapes: [x] }, 1, GPU)
    await expectAgreement({ f: finished, shapes: [x, [5]] }, 2, GPU)
  })
})

describe('a result that is written into a larger one', () => {
  const behind = (before: number, { f, shapes }: Case): Case => ({
    f: (first, ...x) => $.concat([first as Tensor, $.reshape(f(...x), [-1])]),
    shapes: [[before], ...shapes]
  })
  const filters: Convolution = { batch: 1, channels: 4, outputs: 4, size: [8, 8], kernel: 3 }
  it.each<[string, number, Case]>([
    ['matmul_shuffle', 8, product({ batch: 1, m: 40, k: 60, n: 40, turned: [false, false] })],
    ['matmul_shuffle_any', 7, product({ batch: 1, m: 40, k: 60, n: 40, turned: [false, false] })],
    ['conv2d_filter_grad_row4', 7, convolution('filter gradient')(filters)],
    ['conv2d_1x1_filter_grad_row4', 7, convolution('filter gradient')({ ...filters, kernel: 1 })],
    ['conv2d_depthwise_filter_grad_row4', 7, convolution('filter gradient')({ ...filters, groups: 4 })],
    ['conv2d_filter_grad_any', 7, convolution('filter gradient')({ ...filters, stride: 2 })],
    ['matmul_tile', 7, product({ batch: 1, m: 40, k: 60, n: 40, turned: [false, false] })],
    ['conv2d_filter_grad_tile', 7, convolution('filter gradient')({ ...filters, outputs: 8 })],
    ['conv2d_filter_grad_tree', 7, convolution('filter gradient')(filters)]
  ])('by %s', async (shader, before, inner) => {
    const facts = /_(tile|tree)$/.test(shader) ? GPU : FACTS
    const placed = behind(before, inner)
    const { calls } = programOf(placed.f, placed.shapes)
    expect(calls.some(({ shader: plain, params }) => /matmul|filter_grad/.test(plain) && params[2] === before)).toBe(
      true
    )
    expect(shadersOf(select(programOf(placed.f, placed.shapes), facts))).toContain(shader)
    await expectAgreement(placed, 1, facts === GPU ? GPU : device.info)
  })
})

describe('the tests above', () => {
  it('take every variant', () => expect(untried(FAMILIES)).toEqual([]))
  it('name one that they do not take', () => {
    const planted: Variant = () => undefined
    expect(untried([...FAMILIES, { flip: [planted] }])).toEqual(['flip: variant 1, planted'])
  })
})
