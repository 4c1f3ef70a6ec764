/**
 * A small program for each shader, by vec4 and by single values where it has both: what tests that go over all shaders
 * run. A test holds the table to the files.
 */
import { grad } from '../../src/autodiff/grad.js'
import * as $ from '../../src/autodiff/ops/index.js'
import { dot } from '../../src/autodiff/ops/index.js'
import { bind, registry } from '../../src/autodiff/primitive.js'
import { type Shape, sizeOf } from '../../src/autodiff/shape.js'
import type { Primitive, Tensor } from '../../src/autodiff/tensor.js'
import { lowered } from '../../src/engine/index.js'
import { type Facts, select } from '../../src/kernels/select.js'
import type { Program } from '../../src/kernels/spec.js'
import { right } from './results.js'

/** An adapter for the kernels by shuffles, and one for those by tiles. */
export const SHUFFLES: Facts = { subgroupSize: 8, software: true }
export const TILES: Facts = { subgroupSize: 0, software: false }

export interface Example {
  readonly f: (...x: readonly Tensor[]) => Tensor
  /** Of the arguments, all of f32. */
  readonly shapes: readonly Shape[]
  readonly facts: Facts
}

/** The shaders of a program; of maps and folds also whether they load or store by vec4. */
export const shadersOf = ({ calls }: Program): string[] =>
  calls.map(({ shader, op }) => (/vec4<Value>|array<vec4</.test(op ?? '') ? `${shader} by vec4` : shader))

/** The program by plain shaders, and that by those which are chosen for an example's adapter. */
export const plainOf = ({ f, shapes }: Example): Program =>
  right(lowered(f as (...x: unknown[]) => Tensor)(shapes.map(shape => ({ shape, dtype: 'f32' as const })) as never))
export const programOf = (example: Example): Program => select(plainOf(example), example.facts)

const indices = (...list: readonly number[]): Tensor => $.tensor(Int32Array.from(list), [list.length], 'i32')

interface Geometry {
  readonly x: Shape
  readonly w: Shape
  readonly stride?: number | readonly [number, number]
  readonly padding?: number | readonly [number, number]
  readonly dilation?: number
  readonly groups?: number
}

/** The three convolutions of one geometry, each as the first kernel of a program. */
const convolutions = ({ x, w, ...options }: Geometry, facts: Facts) => {
  const f = (image: Tensor, filter: Tensor) => $.conv2d(image, filter, options)
  const image = $.broadcastTo($.tensor(0), x)
  const g = f(image, $.broadcastTo($.tensor(0), w)).shape
  const gradient = (of: 0 | 1) => (cotangent: Tensor, a: Tensor, b: Tensor) =>
    grad((y: Tensor) => dot(of === 0 ? f(y, b) : f(a, y), cotangent))(of === 0 ? a : b)
  const example = (of: unknown, shapes: readonly Shape[]): Example => ({ f: of as Example['f'], shapes, facts })
  return {
    forward: example(f, [x, w]),
    inputGradient: example(gradient(0), [g, x, w]),
    filterGradient: example(gradient(1), [g, x, w])
  }
}

const pool = { kernel: 3, stride: 1, padding: 1 }
const backward = (of: typeof $.maxPool2d, options: Parameters<typeof $.maxPool2d>[1]): Example['f'] =>
  ((x: Tensor) => grad((y: Tensor) => dot(of(y, options), $.exp(of(y, options))))(x)) as Example['f']
/** A pool's gradient by a cotangent that is an argument. */
const pulled = (
  of: typeof $.maxPool2d,
  options: Parameters<typeof $.maxPool2d>[1],
  x: Shape,
  facts: Facts
): Example => ({
  f: (cotangent, a) => grad((y: Tensor) => dot(of(y, options), cotangent as Tensor))(a as Tensor),
  shapes: [of($.broadcastTo($.tensor(0), x), options).shape, x],
  facts
})

const maps = (facts: Facts) => {
  const f = ((x: Tensor, y: Tensor) => $.add($.mul(x, y), x)) as Example['f']
  return {
    flat: { f, shapes: [[7, 11], []], facts },
    flatByFour: { f, shapes: [[64, 1028], []], facts },
    strided: {
      f,
      shapes: [
        [5, 7, 3],
        [7, 1]
      ],
      facts
    },
    rows: {
      f,
      shapes: [
        [5, 7, 9],
        [7, 1]
      ],
      facts
    },
    rowsByFour: {
      f,
      shapes: [
        [33, 40, 60],
        [40, 1]
      ],
      facts
    },
    fill: { f: (x => $.broadcastTo(x as Tensor, [64, 1028])) as Example['f'], shapes: [[]], facts }
  } satisfies Record<string, Example>
}
const folds = (facts: Facts) => {
  const f = ((x: Tensor) => $.sum($.mul(x, x), [0, 2])) as Example['f']
  return { single: { f, shapes: [[50, 7, 9]], facts }, byFour: { f, shapes: [[9, 16, 1024]], facts } }
}
const product = (m: number, k: number, n: number, facts: Facts): Example => ({
  f: $.matmul as Example['f'],
  shapes: [
    [m, k],
    [k, n]
  ],
  facts
})

// Planes are no squares, and there are more channels than one workgroup takes.
const dense: Geometry = { x: [3, 4, 8, 16], w: [24, 4, 3, 3], padding: 1 }
const single: Geometry = { x: [3, 21, 6, 10], w: [37, 21, 1, 1] }
const odd: Geometry = { x: [3, 7, 11, 7], w: [37, 7, 3, 3], stride: 2, padding: 1 }
const grouped: Geometry = { x: [3, 6, 9, 7], w: [4, 3, 3, 3], groups: 2, padding: 1 }
const depthwise: Geometry = { x: [3, 5, 6, 16], w: [5, 1, 3, 3], groups: 5, padding: 1 }
/** Another stride each way, and rows of nine taps: what no faster kernel takes. */
const rare: Geometry = { x: [2, 4, 9, 13], w: [4, 2, 3, 9], stride: [1, 2], padding: [1, 4], groups: 2 }

export const EXAMPLES: Readonly<Record<string, Example>> = {
  map: maps(SHUFFLES).flat,
  'map by vec4': maps(SHUFFLES).flatByFour,
  map_strided: maps(SHUFFLES).strided,
  map_rows: maps(SHUFFLES).rows,
  'map_rows by vec4': maps(SHUFFLES).rowsByFour,
  reduce: folds(TILES).single,
  'reduce by vec4': folds(TILES).byFour,
  reduce_shuffle: folds(SHUFFLES).single,
  'reduce_shuffle by vec4': folds(SHUFFLES).byFour,

  conv2d: convolutions(rare, SHUFFLES).forward,
  conv2d_input_grad: convolutions(rare, SHUFFLES).inputGradient,
  conv2d_filter_grad: convolutions(rare, SHUFFLES).filterGradient,
  conv2d_row4: convolutions(dense, SHUFFLES).forward,
  conv2d_filter_grad_row4: convolutions(dense, SHUFFLES).filterGradient,
  conv2d_1x1_row4: convolutions(single, SHUFFLES).forward,
  conv2d_1x1_filter_grad_row4: convolutions(single, SHUFFLES).filterGradient,
  conv2d_any: convolutions(odd, SHUFFLES).inputGradient,
  conv2d_filter_grad_any: convolutions(odd, SHUFFLES).filterGradient,
  conv2d_grouped_any: convolutions(grouped, SHUFFLES).forward,
  conv2d_grouped_filter_grad_any: convolutions(grouped, SHUFFLES).filterGradient,
  conv2d_depthwise_row4: convolutions(depthwise, SHUFFLES).forward,
  conv2d_depthwise_filter_grad_row4: convolutions(depthwise, SHUFFLES).filterGradient,
  conv2d_depthwise_stride2_row4: convolutions({ ...depthwise, stride: 2 }, SHUFFLES).forward,
  conv2d_depthwise_stride2_input_grad_row4: convolutions({ ...depthwise, stride: 2 }, SHUFFLES).inputGradient,
  conv2d_depthwise_stride2_filter_grad_row4: convolutions({ ...depthwise, stride: 2 }, SHUFFLES).filterGradient,
  conv2d_tile: convolutions(odd, TILES).forward,
  conv2d_direct: convolutions(grouped, TILES).inputGradient,
  conv2d_filter_grad_tile: convolutions(odd, TILES).filterGradient,
  conv2d_filter_grad_tree: convolutions(grouped, TILES).filterGradient,

  window_argmax: {
    f: x => $.maxPool2d(x as Tensor, { kernel: 3, stride: 3 }),
    shapes: [[2, 3, 9, 9]],
    facts: SHUFFLES
  },
  window_gather: {
    f: x => $.maxPool2d(x as Tensor, { kernel: 3, stride: 3 }),
    shapes: [[2, 3, 9, 9]],
    facts: SHUFFLES
  },
  window_gather4: { f: x => $.maxPool2d(x as Tensor, { kernel: 2 }), shapes: [[2, 3, 8, 12]], facts: TILES },
  window_scatter: { f: backward($.maxPool2d, pool), shapes: [[2, 3, 9, 9]], facts: TILES },
  window_sum: { f: x => $.avgPool2d(x as Tensor, { kernel: 3, stride: 3 }), shapes: [[2, 3, 9, 9]], facts: SHUFFLES },
  window_spread: { f: backward($.avgPool2d, pool), shapes: [[2, 3, 9, 9]], facts: TILES },
  window_argmax_row4: { f: x => $.maxPool2d(x as Tensor, pool), shapes: [[2, 3, 5, 16]], facts: SHUFFLES },
  window_scatter_row4: { f: backward($.maxPool2d, pool), shapes: [[2, 3, 5, 16]], facts: SHUFFLES },
  window_sum_row4: { f: x => $.avgPool2d(x as Tensor, pool), shapes: [[2, 3, 5, 16]], facts: SHUFFLES },
  window_spread_row4: { f: backward($.avgPool2d, pool), shapes: [[2, 3, 5, 16]], facts: SHUFFLES },

  matmul: product(3, 5, 7, SHUFFLES),
  matmul_shuffle: product(50, 60, 40, SHUFFLES),
  matmul_shuffle_any: product(50, 61, 43, SHUFFLES),
  matmul_tile: product(50, 61, 43, TILES),

  gather_parts: {
    f: (x, y, z) => {
      const [flat, one] = [$.reshape(y as Tensor, [-1]), $.slice(z as Tensor, [[7, 8]])]
      const scaled = [
        $.mul(x as Tensor, one),
        $.mul(flat, one),
        $.mul($.slice(flat, [[3, 9]]), $.slice(z as Tensor, [[4, 10]]))
      ]
      return $.concat([x as Tensor, flat, ...scaled, $.mul(x as Tensor, 3), z as Tensor, $.slice(flat, [[3, 9]])])
    },
    shapes: [[5], [7, 11], [130]],
    facts: SHUFFLES
  },
  argmax: { f: x => $.convert($.argmax(x as Tensor), 'f32'), shapes: [[5, 9]], facts: SHUFFLES },
  one_hot: { f: x => $.oneHot($.argmax(x as Tensor), 9), shapes: [[5, 9]], facts: SHUFFLES },
  take: { f: x => $.take(x as Tensor, indices(2, 0, 4), 1), shapes: [[3, 5, 7]], facts: SHUFFLES },
  scatter_add: { f: x => $.scatterAdd(x as Tensor, indices(2, 0, 2), 1, 5), shapes: [[3, 3, 7]], facts: SHUFFLES },
  sort_blocks: { f: x => $.convert($.argsort(x as Tensor), 'f32'), shapes: [[5, 9]], facts: SHUFFLES },
  merge_runs: { f: x => $.convert($.argsort(x as Tensor), 'f32'), shapes: [[3, 133]], facts: SHUFFLES },
  flip: { f: x => $.flip(x as Tensor, 1), shapes: [[3, 5, 7]], facts: SHUFFLES },
  cumsum: { f: x => $.cumsum(x as Tensor, 1), shapes: [[3, 5, 7]], facts: SHUFFLES },
  random: { f: () => $.randomNormal($.key(3), [97, 93]), shapes: [], facts: SHUFFLES }
}

/** The three convolutions of a geometry, as entries of a table. */
const named = (what: string, geometry: Geometry, facts: Facts): Readonly<Record<string, Example>> =>
  Object.fromEntries(
    Object.entries(convolutions(geometry, facts)).map(([which, example]) => [`${what}, ${which}`, example])
  )

/**
 * Further programs: turns of four without a dense operand, parts of a whole, folds in two steps and side by side,
 * convolutions whose strides, dilations and taps differ from those above.
 */
export const OTHERS: Readonly<Record<string, Example>> = {
  ...named('groups with strides', { ...grouped, stride: 2 }, SHUFFLES),
  ...named('groups with strides by tiles', { ...grouped, stride: 2 }, TILES),
  ...named('dilated', { ...odd, dilation: 2, padding: 2 }, SHUFFLES),
  ...named('dilated by tiles', { ...odd, dilation: 2, padding: 2 }, TILES),
  ...named('groups of eight taps', { ...grouped, w: [4, 3, 3, 8], padding: [1, 4] }, SHUFFLES),
  ...named('groups of eight taps by tiles', { ...grouped, w: [4, 3, 3, 8], padding: [1, 4] }, TILES),
  // Fewer vec4s than rows of a phase: there are more walks than pixels.
  ...named('depthwise on one row', { x: [3, 1, 1, 8], w: [1, 1, 3, 3], padding: 4, dilation: 4 }, SHUFFLES),
  ...named('depthwise 5x5', { ...depthwise, w: [5, 1, 5, 5], padding: 2 }, SHUFFLES),
  ...named(
    'depthwise 5x5 with strides',
    { ...depthwise, x: [3, 5, 9, 16], w: [5, 1, 5, 5], padding: 2, stride: 2 },
    SHUFFLES
  ),
  ...named('depthwise 5x5 dilated', { ...depthwise, w: [5, 1, 5, 5], padding: 4, dilation: 2 }, SHUFFLES),
  // Nine images are cut into five parts, of which the last has one.
  'nine images': convolutions({ ...odd, x: [9, 7, 5, 3] }, SHUFFLES).filterGradient,
  'nine images by tiles': convolutions({ ...odd, x: [9, 7, 5, 3] }, TILES).filterGradient,
  'nine images in rows of vec4': convolutions({ ...dense, x: [9, 4, 8, 16] }, SHUFFLES).filterGradient,
  'a max pool by strides': pulled($.maxPool2d, { ...pool, stride: 2 }, [2, 3, 9, 16], SHUFFLES),
  'an average pool by strides': pulled($.avgPool2d, { ...pool, stride: 2 }, [2, 3, 9, 16], SHUFFLES),
  // Average pools divide first, so that what they spread is always a result.
  'windows of an argument spread': {
    f: g => bind(registry.get('window_spread') as Primitive, [g as Tensor], { ...pool, stride: 2, size: [9, 16] }),
    shapes: [[2, 3, 5, 8]],
    facts: SHUFFLES
  },
  'a narrow max pool': pulled($.maxPool2d, pool, [2, 3, 9, 3], TILES),
  'an average pool': pulled($.avgPool2d, pool, [2, 3, 9, 7], TILES),
  'one of indices that begin further on': {
    f: x => $.oneHot($.slice($.argmax(x as Tensor), [[3]]), 9),
    shapes: [[7, 9]],
    facts: SHUFFLES
  },
  'elements at indices that begin further on': {
    f: x => $.take(x as Tensor, $.slice($.argmax(x as Tensor), [[3]]), 1),
    shapes: [[7, 9]],
    facts: SHUFFLES
  },
  'sums at indices that begin further on': {
    f: (x, y) => $.scatterAdd(x as Tensor, $.slice($.argmax(y as Tensor), [[3]]), 1, 7),
    shapes: [
      [7, 6],
      [9, 7]
    ],
    facts: SHUFFLES
  },
  'elements at indices of their own': {
    f: (x, y) => $.takeAlong(x as Tensor, $.argsort(y as Tensor, 1), 1),
    shapes: [
      [3, 5, 7],
      [3, 5, 7]
    ],
    facts: SHUFFLES
  },
  'sums at indices of their own': {
    f: (x, y) => $.scatterAddAlong(x as Tensor, $.argsort(y as Tensor, 1), 1, 5),
    shapes: [
      [3, 5, 7],
      [3, 5, 7]
    ],
    facts: SHUFFLES
  },
  'a long scan, from its end': {
    f: x => $.cumsum(x as Tensor, 1, { reverse: true }),
    shapes: [[3, 192, 2]],
    facts: SHUFFLES
  },
  'a number in many places': maps(SHUFFLES).fill,
  'parts of a whole': {
    f: (x, y) => $.concat([$.pad(x as Tensor, [1, 0], [0, 2], [1, 0]), $.add(y as Tensor, 1)], 1),
    shapes: [
      [3, 5],
      [6, 4]
    ],
    facts: SHUFFLES
  },
  'a fold in two steps': { f: x => $.sum($.mul(x as Tensor, x as Tensor)), shapes: [[64, 1028]], facts: SHUFFLES },
  'folds side by side': {
    f: x => $.add($.sqrt($.sum($.mul(x as Tensor, x as Tensor), [0, 2])), $.sum(x as Tensor, [0, 2])),
    shapes: [[16, 5, 64]],
    facts: TILES
  },
  'a product with a transposed matrix': {
    f: (x, y) => $.matmul(x as Tensor, $.transpose(y as Tensor)),
    shapes: [
      [50, 60],
      [44, 60]
    ],
    facts: SHUFFLES
  },
  'a product in a larger result': {
    f: (x, y, z) => $.concat([z as Tensor, $.reshape($.matmul(x as Tensor, y as Tensor), [-1])]),
    shapes: [[50, 60], [60, 40], [7]],
    facts: SHUFFLES
  }
}

/** Elements behind an operand that are none of it: what reads past its end is not given zeros. */
export const BEHIND = 1000

/**
 * Operand k begins 4 (k + 1) elements into its argument, so that no two begin at one place, by fours but for operand
 * `between`: that one by two more.
 */
export const fromFurther = ({ f, shapes, facts }: Example, between?: number): Example => {
  const first = (k: number): number => 4 * (k + 1) + (k === between ? 2 : 0)
  return {
    f: (...x) => f(...x.map((flat, k) => $.reshape($.slice(flat, [[first(k), -BEHIND]]), shapes[k] as Shape))),
    shapes: shapes.map((shape, k) => [first(k) + sizeOf(shape) + BEHIND]),
    facts
  }
}
