/**
 * Which variant of a kernel runs, by the adapter's facts and the call's shape. Programs name the plain shaders; here a call is exchanged for calls of
 * a faster one where its conditions hold. Pure, and whatever no variant takes stays plain, so any shape works.
 *
 * To add a variant: a file in `shaders/` that says what it requires, an entry here that checks it, and the test that holds it to the plain one.
 */
import type { Call, Program, Slot } from './spec.js'

/** What variants may depend on. */
export interface Facts {
  /** Invocations of a subgroup where all have one size, else 0. */
  readonly subgroupSize: number
  readonly software: boolean
}

/** New slots are numbered on from the program's own. */
type NewSlot = (slot: Slot) => number

/** A faster form of a call, or undefined where its conditions do not hold. */
type Variant = (call: Call, facts: Facts, newSlot: NewSlot, slots: readonly Slot[]) => readonly Call[] | undefined

/** How an operand walks: the result first, then the inputs. Strides are innermost first. */
interface Walk {
  readonly strides: readonly number[]
  readonly offset: number
}

/** Whether along the innermost axis the operand is dense (true) or repeats one value (false), in whole vec4s; undefined: neither. */
const alongRow = ({ strides, offset }: Walk, others: readonly number[] = []): boolean | undefined => {
  if (strides[0] === 0) return false
  const aligned = [offset, ...strides.slice(1), ...others].every(n => n % 4 === 0)
  return strides[0] === 1 && aligned ? true : undefined
}

const padded = (values: readonly number[], length: number): number[] => [
  ...values,
  ...Array<number>(length - values.length).fill(0)
]

/** The op block of a map or fold by vec4: dense inputs are loaded by four, the others once. */
const loadText4 = ({ compute = '', reads }: Call, slots: readonly Slot[], dense: readonly boolean[]): string => {
  const dtype = (i: number) => slots[reads[i] as number]?.dtype
  const argument = (component: string) => reads.map((_, i) => (dense[i] ? `x${i}.${component}` : `x${i}`)).join(', ')
  return [
    compute,
    `const OPERANDS = ${reads.length + 1}u;`,
    ...reads.map(
      (_, i) => `@group(0) @binding(${i + 2}) var<storage, read> in${i}: array<${dense[i] ? `vec4<${dtype(i)}>` : dtype(i)}>;`
    ),
    'fn value4(at: array<u32, OPERANDS>) -> vec4<Value> {',
    ...reads.map((_, i) => `  let x${i} = in${i}[at[${i + 1}]];`),
    `  return vec4<Value>(${['x', 'y', 'z', 'w'].map(component => `compute(${argument(component)})`).join(', ')});`,
    '}'
  ].join('\n')
}

const WORKGROUP = 64
const powerOfTwo = (n: number): number => 2 ** Math.ceil(Math.log2(n))
/** Vec4s that an invocation of a large kernel does, so that starting it counts little. */
const TURNS = 4
const launches = (invocations: number): number => Math.ceil(invocations / WORKGROUP / (invocations > WORKGROUP * 64 ? TURNS : 1))

/** `map4`: dense operands and single values. */
const map4: Variant = (call, _, __, slots) => {
  const { params, reads, compute } = call
  const count = params[0] as number
  const walks = [call.write, ...reads].map(
    (_slot, k): Walk => ({ offset: params[4 + 4 * k] as number, strides: [params[5 + 4 * k] as number] })
  )
  const dense = walks.map(walk => alongRow(walk))
  if (compute === undefined || count < 16 || count % 4 !== 0 || dense[0] !== true || dense.includes(undefined)) return undefined
  const unit = (k: number) => (dense[k] ? 4 : 1)
  return [
    {
      ...call,
      shader: 'map4',
      op: loadText4(call, slots, dense.slice(1) as boolean[]),
      params: [count / 4, 0, 0, 0, ...walks.flatMap(({ offset, strides }, k) => [offset / unit(k), strides[0] as number, 0, 0])],
      workgroups: [launches(count / 4), 1, 1]
    }
  ]
}

/** Axes of `map_strided` and `map_rows`. */
const MOST_AXES = 8

/** `map_rows`: every operand dense or constant along the innermost axis. */
const mapRows: Variant = (call, _, __, slots) => {
  const { params, reads, compute, constants = {} } = call
  const rank = constants['RANK'] as number
  const extents = params.slice(4, 4 + rank)
  const walks = [call.write, ...reads].map((_slot, k): Walk => {
    const start = 4 + MOST_AXES + k * (MOST_AXES + 4)
    return { strides: params.slice(start, start + rank), offset: params[start + MOST_AXES] as number }
  })
  const dense = walks.map(walk => alongRow(walk))
  const inner = extents[0] as number
  if (compute === undefined || inner % 4 !== 0 || dense[0] !== true || dense.includes(undefined)) return undefined
  const rows = extents.slice(1).reduce((a, b) => a * b, 1)
  const lanes = Math.min(WORKGROUP, powerOfTwo(inner / 4))
  return [
    {
      ...call,
      shader: 'map_rows',
      op: loadText4(call, slots, dense.slice(1) as boolean[]),
      constants: { OUTER: rank - 1, LANES: lanes },
      params: [
        ...[rows, inner / 4, 0, 0],
        ...padded(extents.slice(1), MOST_AXES),
        ...walks.flatMap(({ strides, offset }, k) => {
          const unit = dense[k] ? 4 : 1
          return [
            ...padded(
              strides.slice(1).map(stride => stride / unit),
              MOST_AXES
            ),
            offset / unit,
            strides[0] as number,
            0,
            0
          ]
        })
      ],
      workgroups: [launches(rows * lanes), 1, 1]
    }
  ]
}

/** The parts of a fold's call, by the names of `reduce.wgsl`. */
const foldOf = ({ params, reads, constants = {} }: Call) => {
  const [kept, reduced] = [constants['KEPT'] as number, constants['REDUCED'] as number]
  return {
    outputs: params[0] as number,
    count: params[1] as number,
    kept: params.slice(4, 4 + kept),
    reduced: params.slice(8, 8 + reduced),
    walks: reads.map((_, k) => {
      const start = 24 + 12 * k
      return {
        kept: params.slice(start, start + kept),
        reduced: params.slice(start + 4, start + 4 + reduced),
        offset: params[start + 8] as number
      }
    })
  }
}

type Fold = ReturnType<typeof foldOf>

const foldCall = (call: Call, { outputs, count, kept, reduced, walks }: Fold): Call => ({
  ...call,
  constants: { LANES: call.constants?.['LANES'] as number, KEPT: kept.length, REDUCED: reduced.length },
  params: [
    ...[outputs, count, 0, 0],
    ...[...padded(kept, 4), ...padded(reduced, 4)],
    ...Array<number>(12).fill(0),
    ...walks.flatMap(walk => [...padded(walk.kept, 4), ...padded(walk.reduced, 4), walk.offset, 0, 0, 0])
  ],
  workgroups: [Math.ceil((outputs * (call.constants?.['LANES'] as number)) / WORKGROUP), 1, 1]
})

/** Fewer results than this leave workgroups idle; a fold longer than that is worth two calls. */
const FEW_RESULTS = 16
const LONG_FOLD = 16384
const MOST_FOLD_PARTS = 16

/** A long fold into few results, by parts of its outermost axis and a fold of the parts. */
const foldParts: Variant = (call, facts, newSlot, slots) => {
  const whole = foldOf(call)
  const { outputs, count, kept, reduced, walks } = whole
  const extent = reduced.at(-1) as number
  const parts = Array.from({ length: MOST_FOLD_PARTS }, (_, i) => MOST_FOLD_PARTS - i).find(n => extent % n === 0) ?? 1
  if (outputs >= FEW_RESULTS || count < LONG_FOLD || kept.length === 4 || parts === 1 || call.fold === undefined) return undefined
  const { dtype } = slots[call.write] as Slot
  const partial = newSlot({ dtype, shape: [parts, outputs] })
  const first = foldCall(
    { ...call, write: partial, label: `parts of ${call.label}` },
    {
      outputs: outputs * parts,
      count: count / parts,
      kept: [...kept, parts],
      reduced: [...reduced.slice(0, -1), extent / parts],
      walks: walks.map(walk => ({ ...walk, kept: [...walk.kept, ((walk.reduced.at(-1) as number) * extent) / parts] }))
    }
  )
  return [...(reduce4(first, facts, newSlot, slots) ?? [first]), foldOfParts(call, dtype, partial, parts, outputs)]
}

/** result[i] = combine over parts of partial[part][i]. */
const foldOfParts = (call: Call, dtype: Slot['dtype'], partial: number, parts: number, outputs: number): Call => {
  const plain = `alias Value = ${dtype};
fn compute(x0: ${dtype}) -> Value { return x0; }
const OPERANDS = 2u;
@group(0) @binding(2) var<storage, read> in0: array<${dtype}>;
fn value(at: array<u32, OPERANDS>) -> Value { return compute(in0[at[1]]); }`
  return foldCall(
    {
      shader: 'reduce',
      op: `${plain}\n${call.fold ?? SUM}`,
      constants: { LANES: 1 },
      params: [],
      reads: [partial],
      write: call.write,
      workgroups: [1, 1, 1],
      label: `sum of parts of ${call.label}`,
      flops: parts * outputs
    },
    { outputs, count: parts, kept: [outputs], reduced: [parts], walks: [{ kept: [1], reduced: [outputs], offset: 0 }] }
  )
}
const SUM = 'fn identity() -> Value { return Value(0); }\nfn combine(a: Value, b: Value) -> Value { return a + b; }'

/** `reduce4`: every operand dense or constant along the innermost folded axis. */
const reduce4: Variant = (call, _, __, slots) => {
  const { outputs, count, kept, reduced, walks } = foldOf(call)
  const inner = reduced[0] ?? 1
  const dense = walks.map(walk => alongRow({ strides: walk.reduced, offset: walk.offset }, walk.kept))
  if (call.compute === undefined || inner % 4 !== 0 || dense.includes(undefined) || !dense.includes(true)) return undefined
  const unit = (k: number) => (dense[k] ? 4 : 1)
  const scaled = (strides: readonly number[], k: number) => strides.map(stride => stride / unit(k))
  const lanes = count <= 64 ? 1 : count <= 1024 ? 8 : WORKGROUP
  return [
    foldCall(
      {
        ...call,
        shader: 'reduce4',
        op: `${loadText4(call, slots, dense as boolean[])}\n${call.fold}`,
        constants: { LANES: lanes }
      },
      {
        outputs,
        count: count / 4,
        kept,
        reduced: [inner / 4, ...reduced.slice(1)],
        walks: walks.map((walk, k) => ({
          kept: scaled(walk.kept, k),
          reduced: [walk.reduced[0] as number, ...scaled(walk.reduced.slice(1), k)],
          offset: walk.offset / unit(k)
        }))
      }
    )
  ]
}

/** The uniform of the three convolutions, by the names of `conv_params.wgsl`. */
const convolutionOf = ({ params, constants = {} }: Call) => {
  const [
    xOffset,
    otherOffset,
    ,
    ,
    ,
    batch,
    channels,
    outputs,
    height,
    width,
    rows,
    columns,
    k,
    l,
    ,
    ,
    padY,
    padX,
    dilationY,
    dilationX,
    perGroup
  ] = params as readonly number[] as number[]
  const square = k === l && (k === 1 || k === 3)
  return {
    offsets: [xOffset, otherOffset] as [number, number],
    batch: batch as number,
    channels: channels as number,
    outputs: outputs as number,
    height: height as number,
    width: width as number,
    kernel: k as number,
    /** 1x1 or 3x3, dense, stride 1, padded so that outputs and images have one size. */
    same:
      square &&
      constants['STRIDE_Y'] === 1 &&
      constants['STRIDE_X'] === 1 &&
      dilationY === 1 &&
      dilationX === 1 &&
      perGroup === channels &&
      padY === ((k as number) - 1) / 2 &&
      padX === padY &&
      rows === height &&
      columns === width
  }
}

const greatestDivisor = (total: number, of: number, most: number): number => {
  for (let size = Math.floor(most / of) * of; size > of; size -= of) if (total % size === 0) return size
  return of
}

const ROWS = 2
const OUTS = 4

/** `conv2d_row4` for the forward pass and, with its roles exchanged, the input gradient. */
const row4 =
  (flip: boolean): Variant =>
  (call, { subgroupSize: size }) => {
    const { offsets, batch, height, width, kernel, same, ...counts } = convolutionOf(call)
    const [channels, outputs] = flip ? [counts.outputs, counts.channels] : [counts.channels, counts.outputs]
    const total = (batch * height * width) / (4 * ROWS)
    const fits =
      same &&
      size >= 8 &&
      width % 4 === 0 &&
      size % (width / 4) === 0 &&
      height % ROWS === 0 &&
      outputs % OUTS === 0 &&
      offsets[0] % 4 === 0 &&
      total % size === 0
    if (!fits) return undefined
    const workgroup = greatestDivisor(total, size, 64)
    return [
      {
        ...call,
        shader: 'conv2d_row4',
        constants: {
          K: kernel,
          FLIP: Number(flip),
          CHANNELS: channels,
          OUTPUTS: outputs,
          H: height,
          W4: width / 4,
          S: size,
          SIZE: workgroup
        },
        params: [...offsets, 0, 0],
        workgroups: [total / workgroup, outputs / OUTS, 1]
      }
    ]
  }

/** The parts that a batch is cut into, so that there is enough to do side by side and no sum is long. */
const MOST_PARTS = 8

/** `conv2d_filter_grad_row4` into partial sums, and a fold that adds them. */
const filterGradRow4: Variant = (call, { subgroupSize: size }, newSlot) => {
  const { offsets, batch, channels, outputs, height, width, kernel, same } = convolutionOf(call)
  const atOnce = (4 * size) / width
  const parts = Array.from({ length: MOST_PARTS }, (_, i) => MOST_PARTS - i).find(
    count => batch % count === 0 && ((batch / count) * height) % atOnce === 0
  )
  const fits =
    same &&
    size >= 8 &&
    width % 4 === 0 &&
    size % (width / 4) === 0 &&
    outputs % OUTS === 0 &&
    offsets.every(offset => offset % 4 === 0)
  if (!fits || parts === undefined) return undefined
  const count = outputs * channels * kernel * kernel
  const partial = newSlot({ dtype: 'f32', shape: [parts, count] })
  return [
    {
      ...call,
      shader: 'conv2d_filter_grad_row4',
      constants: { K: kernel, CHANNELS: channels, OUTPUTS: outputs, H: height, W4: width / 4, S: size, IMAGES: batch / parts },
      params: [...offsets, 0, 0],
      write: partial,
      workgroups: [(outputs / OUTS) * channels, parts, 1]
    },
    foldOfParts(call, 'f32', partial, parts, count)
  ]
}

/** By plain shader, the variants that are tried, in order. */
const VARIANTS: Readonly<Record<string, readonly Variant[]>> = {
  map: [map4],
  map_strided: [mapRows],
  reduce: [foldParts, reduce4],
  conv2d: [row4(false)],
  conv2d_input_grad: [row4(true)],
  conv2d_filter_grad: [filterGradRow4]
}

/** The program with every call that has a faster form exchanged for it. */
export const select = (program: Program, facts: Facts): Program => {
  const slots = [...program.slots]
  const calls = program.calls.flatMap(call => {
    for (const variant of VARIANTS[call.shader] ?? []) {
      const chosen = variant(call, facts, slot => slots.push(slot) - 1, slots)
      if (chosen) return chosen
    }
    return [call]
  })
  return { ...program, slots, calls }
}
