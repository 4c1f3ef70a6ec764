/**
 * Random programs. Shapes gather around the sizes at which kernels are chosen: rows of 4 (SHORT), a workgroup of 64,
 * 2^16 elements (LARGE), 65,535 workgroups, 2^22 elements; extents are 1, prime, odd, multiples of four and powers of
 * two, ranks from 0 to 8; operands are views, repeated, aliased, smaller than what they meet.
 */

import { work } from '../../src/autodiff/graph.js'
import { input } from '../../src/autodiff/leaves.js'
import { type Shape, ShapeError, sizeOf } from '../../src/autodiff/shape.js'
import type { Tensor } from '../../src/autodiff/tensor.js'
import { type Argument, type FuzzProgram, OPS, type Step } from './program.js'
import type { Random } from './random.js'

/** What a class of programs may cost: the reference computes every value several times over. */
interface Size {
  readonly name: string
  readonly weight: number
  /** Sizes of the tensors that a program starts from. */
  readonly around: readonly number[]
  readonly steps: readonly [number, number]
  /** Elements of any value, and operations of one. */
  readonly most: number
  readonly work: number
  readonly orders: readonly (0 | 1 | 2)[]
}

const SIZES: readonly Size[] = [
  {
    name: 'small',
    weight: 40,
    around: [1, 2, 3, 4, 5, 15, 16, 17, 60, 63, 64, 65, 100, 255, 256, 600],
    steps: [1, 9],
    most: 4096,
    work: 1e6,
    orders: [0, 1, 1, 2, 2]
  },
  {
    name: 'medium',
    weight: 44,
    around: [4095, 16_384, 40_000, 65_532, 65_535, 65_536, 65_537, 65_540, 70_000, 131_072, 131_075],
    steps: [1, 6],
    most: 2 ** 19,
    work: 3e7,
    orders: [0, 1, 1, 1, 2]
  },
  {
    name: 'large',
    weight: 13,
    around: [2 ** 18, 500_009, 2 ** 20, 2 ** 20 + 4, 1_048_573],
    steps: [1, 3],
    most: 2 ** 21,
    work: 6e7,
    orders: [0, 1, 1]
  },
  {
    name: 'huge',
    weight: 3,
    around: [64 * 65_535, 64 * 65_535 + 1, 2 ** 22, 2 ** 22 + 4],
    steps: [1, 2],
    most: 2 ** 23,
    work: 6e7,
    orders: [0, 1]
  }
]

const ODD = [1, 3, 5, 7, 9, 11, 13, 15, 17, 31, 33, 63, 65, 127, 251]
const FOURS = [4, 8, 12, 16, 20, 28, 32, 36, 60, 64, 128, 256]

/** A shape of about so many elements. */
export const shapeNear = (random: Random, target: number): Shape => {
  const rank = target === 1 ? random.below(4) : random.pick([1, 1, 2, 2, 3, 3, 4, 4, 5, 6, 8, 9])
  const extents: number[] = []
  let left = target
  for (let axis = 1; axis < rank; axis++) {
    const extent = random.chance(0.2) ? 1 : random.pick(random.chance(0.5) ? ODD : FOURS)
    extents.push(extent <= left ? extent : 1)
    left /= extents.at(-1) as number
  }
  // One axis takes what is left, exactly, to the next multiple of four, or to the next odd number.
  const rest = Math.max(1, Math.round(left))
  const last = random.pick([rest, 4 * Math.ceil(rest / 4), rest | 1])
  extents.splice(random.below(extents.length + 1), 0, last)
  return rank === 0 ? [] : extents
}

/** A program under construction: its values as abstract tensors, which say shapes and refuse what does not fit. */
class Building {
  readonly args: Argument[] = []
  readonly steps: Step[] = []
  /** Arguments come first in a program, so that steps name values by these marks until it is finished. */
  readonly values: { readonly tensor: Tensor; readonly arg?: number; readonly step?: number }[] = []

  constructor(
    readonly random: Random,
    readonly size: Size
  ) {}

  argument(shape: Shape, fill: Argument['fill'], below?: number): number {
    const seed = this.random.below(2 ** 20)
    this.args.push({ shape, fill, ...(below === undefined ? {} : { below }), seed })
    const tensor = input({ shape, dtype: fill === 'indices' ? 'i32' : 'f32' }, `v${this.values.length}`)
    return this.values.push({ tensor, arg: this.args.length - 1 }) - 1
  }

  floats(shape: Shape): number {
    return this.argument(shape, this.random.pick(['anything', 'anything', 'positive', 'spread', 'whole']))
  }

  tensor(value: number): Tensor {
    return (this.values[value] as Building['values'][0]).tensor
  }

  /** Adds a step, unless it does not fit or costs too much. */
  step(op: Step['op'], of: readonly number[], options?: Step['with']): number | undefined {
    let tensor: Tensor
    try {
      const made = OPS[op] as (x: readonly Tensor[], options: object) => Tensor
      tensor = made(
        of.map(value => this.tensor(value)),
        options ?? {}
      )
    } catch (error) {
      if (error instanceof ShapeError) return undefined
      throw error
    }
    if (sizeOf(tensor.shape) > this.size.most || work([{ ...tensor, inputs: tensor.inputs }]) > this.size.work * 4)
      return undefined
    this.steps.push({ op, of, ...(options ? { with: options } : {}) })
    return this.values.push({ tensor, step: this.steps.length - 1 }) - 1
  }

  /** A value of floats: the latest mostly, but any one may come again. */
  pick(accepts: (tensor: Tensor) => boolean = () => true): number | undefined {
    const all = [...this.values.keys()].filter(i => this.tensor(i).dtype === 'f32' && accepts(this.tensor(i)))
    return all.length === 0 ? undefined : this.random.chance(0.6) ? all.at(-1) : this.random.pick(all)
  }

  finish(rest: Pick<FuzzProgram, 'order' | 'cotangent' | 'fused' | 'checked'>): FuzzProgram {
    const place = (value: number): number => {
      const { arg, step } = this.values[value] as Building['values'][0]
      return arg ?? this.args.length + (step as number)
    }
    const steps = this.steps.map(step => ({ ...step, of: step.of.map(place) }))
    const used = new Set(steps.flatMap(({ of }) => of))
    const ends = steps.map((_, i) => this.args.length + i).filter(value => !used.has(value))
    const inner = this.random.some(
      steps.map((_, i) => this.args.length + i).filter(value => used.has(value)),
      0.15
    )
    return { args: this.args, steps, results: [...ends, ...inner], ...rest }
  }
}

type Grow = (building: Building) => number | undefined

const unaries = [
  'square',
  'neg',
  'exp',
  'log',
  'sqrt',
  'rsqrt',
  'tanh',
  'sigmoid',
  'abs',
  'sign',
  'relu',
  'isFinite',
  'truncated',
  'stopGradient',
  'custom'
] as const
const binaries = ['add', 'sub', 'mul', 'div', 'maximum', 'minimum', 'isEqual', 'isLess'] as const

const unary: Grow = building => {
  const x = building.pick()
  return x === undefined ? undefined : building.step(building.random.pick(unaries), [x])
}

const numbered: Grow = building => {
  const { random } = building
  const x = building.pick()
  if (x === undefined) return undefined
  if (random.chance(0.25)) return building.step('pow', [x], { exponent: random.pick([2, 3, -1, 0.5, -1.5]) })
  return building.step(random.pick(['addNumber', 'mulNumber', 'subNumber', 'subFrom', 'divNumber'] as const), [x], {
    value: random.pick([1, 2, -1, 0.5, 0.99, -3.25])
  })
}

/** What the passes take away or compute beforehand: neutral numbers, signs twice, constants of constants. */
const superfluous: Grow = building => {
  const { random } = building
  const x = building.pick()
  if (x === undefined) return undefined
  const { shape } = building.tensor(x)
  const constant = () => building.step('constant', [], { shape: narrower(random, shape), seed: random.below(1000) })
  return random.pick([
    () => building.step(random.pick(['addNumber', 'subNumber', 'mulNumber'] as const), [x], { value: 0 }),
    () => building.step(random.pick(['mulNumber', 'divNumber'] as const), [x], { value: 1 }),
    () => building.step('neg', [building.step('neg', [x]) ?? x]),
    () => building.step('addNumber', [building.step('addNumber', [x], { value: 0.5 }) ?? x], { value: 0.25 }),
    () => building.step(random.pick(binaries), random.shuffled([x, sizeOf(shape) > 5000 ? x : (constant() ?? x)])),
    () => building.step(random.pick(['exp', 'neg', 'tanh'] as const), [constant() ?? x])
  ])()
}

/** More axes than a kernel takes, in an order in which none can be merged, mapped and folded. */
const manyAxes: Grow = building => {
  const { random } = building
  const extents = random.shuffled([2, 3, 2, 2, 3, 2, 2, 3, 2, random.pick([1, 2, 3, 5])])
  if (sizeOf(extents) > building.size.most) return undefined
  const axes = [...extents.keys()]
  const x = building.step('transpose', [building.floats(extents)], { permutation: random.shuffled(axes) })
  if (x === undefined) return undefined
  const y = building.floats(building.tensor(x).shape.map(extent => (random.chance(0.2) ? 1 : extent)))
  const both = building.step(random.pick(binaries), [x, y])
  if (both === undefined || random.chance(0.4)) return both
  return building.step(random.pick(['sum', 'max', 'mean'] as const), [both], {
    axes: random.chance(0.5) ? axes.filter(axis => axis % 2 === 0) : someAxes(random, extents),
    keepDims: false
  })
}

/** Folds of values of one shape, side by side, and what is made of their results. */
const siblings: Grow = building => {
  const { random } = building
  const x = building.pick(({ shape }) => shape.length > 0)
  if (x === undefined) return undefined
  const axes = someAxes(random, building.tensor(x).shape)
  const several = Array.from({ length: random.between(2, 6) }, () => {
    const value = random.chance(0.7) ? building.step(random.pick(unaries), [x]) : partner(building, x)
    return building.step(random.pick(['sum', 'mean', 'max'] as const), [value ?? x], {
      axes,
      keepDims: random.chance(0.5)
    })
  }).filter(value => value !== undefined)
  return several.reduce<number | undefined>(
    (one, other) => (one === undefined ? other : building.step(random.pick(binaries), [one, other])),
    undefined
  )
}

/** A shape that stretches to `shape`: some axes of extent 1, some left out in front. */
const narrower = (random: Random, shape: Shape): Shape => {
  const ones = shape.map(extent => (random.chance(0.4) ? 1 : extent))
  return random.chance(0.3) ? ones.slice(random.below(ones.length + 1)) : ones
}

/** Another operand for `x`: itself, a value of its shape, or an argument that stretches to it. */
const partner = (building: Building, x: number): number => {
  const { random } = building
  const { shape } = building.tensor(x)
  const same = [...building.values.keys()].filter(
    i => building.tensor(i).dtype === 'f32' && building.tensor(i).shape.join() === shape.join()
  )
  return random.chance(0.5) ? random.pick(same) : building.floats(random.chance(0.3) ? shape : narrower(random, shape))
}

const binary: Grow = building => {
  const { random } = building
  const x = building.pick()
  if (x === undefined) return undefined
  const pair = [x, partner(building, x)]
  if (random.chance(0.2)) return building.step('where', random.shuffled([...pair, partner(building, x)]))
  return building.step(random.pick(binaries), random.shuffled(pair))
}

const someAxes = (random: Random, { length }: Shape): number[] => {
  const axes = random.some([...Array(length).keys()])
  return axes.length > 0 || length === 0 ? axes : [random.below(length)]
}

const fold: Grow = building => {
  const { random } = building
  const x = building.pick(({ shape }) => shape.length > 0)
  if (x === undefined) return undefined
  const { shape } = building.tensor(x)
  const axis = random.below(shape.length)
  const keepDims = random.chance(0.5)
  const axes = someAxes(random, shape)
  return random.pick([
    () => building.step('sum', [x], { axes, keepDims }),
    () => building.step('sum', [x], { axes, keepDims }),
    () => building.step('mean', [x], { axes, keepDims }),
    () => building.step('max', [x], { axes, keepDims }),
    () => building.step('argmax', [x], { axis }),
    () => building.step('norm', [x], { axes, keepDims }),
    () => building.step(random.pick(['softmax', 'logSoftmax'] as const), [x], { axis }),
    () => (shape.length > 1 && sizeOf(shape) > 2 * (shape[1] as number) ? building.step('batchNorm', [x]) : undefined)
  ])()
}

/** A broadcast that makes much of little. */
const stretched = (building: Building, x: number): number | undefined => {
  const { random } = building
  const { shape } = building.tensor(x)
  const target = random.pick(building.size.around)
  const wide = shape.map(extent => (extent === 1 && random.chance(0.7) ? random.pick([3, 4, 8, 16]) : extent))
  const ahead = Math.max(1, Math.round(target / sizeOf(wide)))
  return building.step('broadcast', [x], { shape: random.chance(0.7) ? [ahead, ...wide] : wide })
}

const movement: Grow = building => {
  const { random } = building
  const x = building.pick()
  if (x === undefined) return undefined
  const { shape } = building.tensor(x)
  const axes = [...shape.keys()]
  const axis = random.below(Math.max(1, shape.length))
  const few = (most: number) => shape.map(() => (random.chance(0.5) ? random.below(most + 1) : 0))
  return random.pick([
    () => stretched(building, x),
    () => building.step('transpose', [x], { permutation: random.shuffled(axes) }),
    () => building.step('transpose', [x], { permutation: axes.toReversed() }),
    () => building.step('reshape', [x], { shape: random.chance(0.5) ? [-1] : [...shape.slice(0, axis), -1] }),
    () => building.step('reshape', [x], { shape: random.shuffled(shape) }),
    () =>
      building.step('slice', [x], {
        specs: shape.map(extent => {
          const start = random.chance(0.5) ? 0 : random.below(Math.min(extent, 5))
          return [
            start,
            random.chance(0.5) ? extent : start + 1 + random.below(extent - start),
            random.pick([1, 1, 2, 3])
          ]
        })
      }),
    () => building.step('pad', [x], { before: few(2), after: few(2), interior: few(1) }),
    () =>
      shape.length > 0
        ? building.step(
            'concat',
            random.shuffled([x, x, partnerLike(building, x, axis)]).slice(0, random.between(2, 3)),
            {
              axis
            }
          )
        : undefined
  ])()
}

/** A tensor like `x` but for one axis. */
const partnerLike = (building: Building, x: number, axis: number): number => {
  const { shape } = building.tensor(x)
  return building.floats(
    shape.map((extent, i) => (i === axis ? building.random.between(1, Math.min(9, extent + 1)) : extent))
  )
}

const indexing: Grow = building => {
  const { random } = building
  const x = building.pick(({ shape }) => shape.length > 0)
  if (x === undefined) return undefined
  const { shape } = building.tensor(x)
  const axis = random.below(shape.length)
  const extent = shape[axis] as number
  const rows = random.pick([[random.between(1, 9)], [random.between(1, 3), random.between(1, 3)], []])
  return random.pick([
    () => building.step('take', [x, building.argument(rows, 'indices', extent)], { axis }),
    () => {
      const into = random.between(1, 40)
      // What is not along the axis becomes so much larger.
      return (sizeOf(shape) / extent) * into > 1e7
        ? undefined
        : building.step('scatterAdd', [x, building.argument([extent], 'indices', into)], { axis, extent: into })
    },
    () =>
      building.step('takeAlong', [x, building.argument(shape.with(axis, random.between(1, 9)), 'indices', extent)], {
        axis
      }),
    () => {
      const into = random.between(1, 9)
      const indices = building.argument(
        random.chance(0.5) ? shape : shape.map((one, i) => (i === axis ? one : 1)),
        'indices',
        into
      )
      return building.step('scatterAddAlong', [x, indices], { axis, extent: into })
    },
    () => building.step('sort', [x], { axis, descending: random.chance(0.5) }),
    () => building.step('cumsum', [x], { axis, reverse: random.chance(0.5) }),
    () => building.step('flip', [x], { axis }),
    () => {
      const classes = random.between(1, 70)
      return building.step('oneHot', [building.argument(shape.slice(0, 2), 'indices', classes)], { classes })
    },
    () =>
      building.step('random', [], {
        seed: random.below(1000),
        shape: shapeNear(random, random.pick(building.size.around)),
        kind: random.pick(['uniform', 'normal'])
      })
  ])()
}

const product: Grow = building => {
  const { random } = building
  const room = Math.cbrt(building.size.work / 8)
  const extent = () =>
    random.pick([1, 2, 3, 5, 16, 17, 33, 40, 64, 65, Math.max(1, Math.round(room * random.pick([0.5, 1, 1.5])))])
  const long = random.chance(0.15)
  const [m, k, n] = [extent(), long ? random.pick([1024, 1025, 3001, 16_384, 65_540]) : extent(), extent()]
  const batch = random.chance(0.3) ? [random.between(1, 4)] : []
  const turned = (shape: Shape): number => {
    if (random.chance(0.6)) return building.floats(shape)
    const axes = [...shape.keys()]
    const swapped = [...axes.slice(0, -2), axes.length - 1, axes.length - 2]
    const x = building.floats(swapped.map(axis => shape[axis] as number))
    return building.step('transpose', [x], { permutation: swapped }) ?? x
  }
  if (2 * m * k * n * (batch[0] ?? 1) > building.size.work) return undefined
  const last = building.pick(({ shape }) => shape.length > 1 && (shape.at(-1) as number) < 4000)
  if (last !== undefined && random.chance(0.4)) {
    const width = building.tensor(last).shape.at(-1) as number
    if (2 * sizeOf(building.tensor(last).shape) * n > building.size.work) return undefined
    return building.step('matmul', [last, building.floats([width, n])])
  }
  return building.step('matmul', [turned([...batch, m, k]), turned([...(random.chance(0.5) ? batch : []), k, n])])
}

/** An image: a value that is one, or an argument of about so many pixels. */
const imageOf = (building: Building, widths: readonly number[]): number => {
  const { random } = building
  const known = building.pick(({ shape }) => shape.length === 4 && shape.slice(2).every(extent => extent > 1))
  if (known !== undefined && random.chance(0.4)) return known
  const target = Math.max(16, random.pick(building.size.around))
  const width = random.pick(widths)
  const height = random.pick([1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 28, 32])
  const channels = random.pick([1, 2, 3, 4, 5, 8, 16, 17, 20, 32])
  const batch = Math.max(1, Math.round(target / (width * height * channels)))
  return building.floats([batch, channels, height, width])
}
const ANY_WIDTH = [1, 4, 5, 7, 8, 12, 13, 16, 24, 28, 32, 33, 40]

interface Convolution {
  readonly widths: readonly number[]
  /** Of so many channels. */
  readonly groups: (channels: number) => number
  readonly outputs: (channels: number) => number
  readonly filter: readonly [number, number]
  readonly stride: number | readonly [number, number]
  readonly dilation: number
  readonly padding: 'same' | 'none' | 'some'
}

/** Geometries: those that the kernels for frequent ones take, those that miss them by a little, and any. */
const convolutionOf = (random: Random): Convolution => {
  const taps = random.pick([1, 2, 3, 3, 3, 4, 5, 5, 7])
  const outputs = random.pick([1, 2, 3, 4, 5, 8, 16, 20, 33, 65])
  const divisor = (channels: number) =>
    random.pick([...Array(channels).keys()].map(i => i + 1).filter(n => channels % n === 0))
  const any: Convolution = {
    widths: ANY_WIDTH,
    groups: () => 1,
    outputs: () => outputs,
    filter: [taps, taps],
    stride: random.pick([1, 1, 1, 2, 2, 3, 4, 5]),
    dilation: random.pick([1, 1, 1, 2, 3]),
    padding: random.pick(['same', 'same', 'none', 'some'])
  }
  const same = { padding: 'same', stride: 1, dilation: 1 } as const
  const rows = { widths: [4, 8, 12, 16, 20, 28, 32, 40], outputs: () => random.pick([4, 8, 12, 16, 32]) }
  const depthwise = {
    groups: (channels: number) => channels,
    outputs: (channels: number) => channels * random.pick([1, 1, 1, 2])
  }
  const grouped = (channels: number) => divisor(channels)
  return random.pick<Convolution>([
    any,
    any,
    { ...any, ...same, ...rows, filter: [3, 3] },
    { ...any, ...same, ...rows, filter: [3, 3] },
    { ...any, ...same, filter: [1, 1] },
    {
      ...any,
      ...depthwise,
      widths: [4, 8, 16, 32],
      filter: random.pick([
        [3, 3],
        [5, 5]
      ] as const),
      stride: 1,
      dilation: random.pick([1, 1, 2, 4]),
      padding: 'same'
    },
    {
      ...any,
      ...depthwise,
      widths: [8, 16, 32, 64],
      filter: random.pick([
        [3, 3],
        [5, 5]
      ] as const),
      stride: 2,
      dilation: random.pick([1, 2]),
      padding: 'same'
    },
    { ...any, ...depthwise },
    { ...any, groups: grouped, outputs: channels => channels * random.pick([1, 2, 5]) },
    {
      ...any,
      groups: grouped,
      outputs: channels => channels * random.pick([1, 2]),
      filter: [random.pick([1, 2, 3]), random.pick([1, 3, 7, 9])],
      stride: [random.between(1, 3), random.between(1, 3)]
    }
  ])
}

const convolution: Grow = building => {
  const { random } = building
  const { widths, groups: groupsOf, outputs: outputsOf, filter, stride, dilation, padding } = convolutionOf(random)
  const x = imageOf(building, widths)
  const [batch, channels, height, width] = building.tensor(x).shape as [number, number, number, number]
  const groups = groupsOf(channels)
  const outputs = outputsOf(channels)
  const pads = filter.map(extent =>
    padding === 'same' ? Math.floor((dilation * (extent - 1)) / 2) : padding === 'none' ? 0 : random.between(0, 3)
  )
  const every = typeof stride === 'number' ? stride ** 2 : stride[0] * stride[1]
  const operations = (2 * batch * outputs * (channels / groups) * filter[0] * filter[1] * height * width) / every
  if (operations > building.size.work) return undefined
  const hooked = random.chance(0.3)
    ? building.step(random.pick(['relu', 'exp', 'tanh', 'neg', 'abs'] as const), [x])
    : x
  return building.step('conv2d', [hooked ?? x, building.floats([outputs, channels / groups, ...filter])], {
    stride,
    padding: pads,
    dilation,
    groups
  })
}

const pool: Grow = building => {
  const { random } = building
  const rows = random.pick([
    { widths: [4, 8, 16, 32], kernel: 3, stride: 1, padding: 1 },
    { widths: [4, 8, 16, 32], kernel: 5, stride: 1, padding: 2 },
    { widths: [8, 16, 32, 64], kernel: 3, stride: 2, padding: 1 },
    { widths: [8, 16, 32, 64], kernel: random.pick([2, 4, 5]), stride: 2, padding: random.pick([0, 1, 2]) }
  ])
  const kernel = random.pick([1, 2, 2, 3, 3, 4, 5, 7])
  const any = {
    widths: ANY_WIDTH,
    kernel,
    stride: random.pick([1, 1, 2, 2, 3, 5]),
    padding: random.between(0, Math.min(kernel >> 1, 3))
  }
  const { widths, ...options } = random.chance(0.5) ? rows : any
  return building.step(random.pick(['maxPool2d', 'avgPool2d'] as const), [imageOf(building, widths)], options)
}

const GROWTHS: readonly (readonly [number, Grow])[] = [
  [4, unary],
  [3, numbered],
  [1, superfluous],
  [1, manyAxes],
  [1, siblings],
  [6, binary],
  [5, fold],
  [6, movement],
  [1, indexing],
  [2, product],
  [4, convolution],
  [2, pool]
]

const weighted = <T>(random: Random, list: readonly (readonly [number, T])[]): T => {
  let left = random.below(list.reduce((total, [weight]) => total + weight, 0))
  for (const [weight, one] of list) {
    if (left < weight) return one
    left -= weight
  }
  return (list.at(-1) as readonly [number, T])[1]
}

/** A program of random size. */
export const generate = (random: Random): FuzzProgram => {
  const size = weighted(
    random,
    SIZES.map(one => [one.weight, one] as const)
  )
  const building = new Building(random, size)
  building.floats(shapeNear(random, random.pick(size.around)))
  const count = random.between(...size.steps)
  for (let tries = 0; building.steps.length < count && tries < 20 * count; tries++) weighted(random, GROWTHS)(building)
  const order = random.pick(size.orders)
  return building.finish({
    order,
    cotangent: random.pick(['ones', 'numbers']),
    fused: random.chance(0.6),
    checked: order < 2 && random.chance(0.1)
  })
}
