/** What a variant of a kernel is, and what several of them need. */
import type { Call, Slot } from '../spec.js'

/** What variants may depend on. */
export interface Facts {
  /** Invocations of a subgroup where all have one size, else 0. */
  readonly subgroupSize: number
  readonly software: boolean
}

/** New slots are numbered on from the program's own. */
export type NewSlot = (slot: Slot) => number

/** A faster form of a call, or undefined where its conditions do not hold. */
export type Variant = (call: Call, facts: Facts, newSlot: NewSlot, slots: readonly Slot[]) => readonly Call[] | undefined

/** By plain shader, the variants that are tried, in order. */
export type Variants = Readonly<Record<string, readonly Variant[]>>

/** How an operand walks: the result first, then the inputs. Strides are innermost first. */
export interface Walk {
  readonly strides: readonly number[]
  readonly offset: number
}

/** Whether along the innermost axis the operand is dense (true) or repeats one value (false), in whole vec4s; undefined: neither. */
export const alongRow = ({ strides, offset }: Walk, others: readonly number[] = []): boolean | undefined => {
  if (strides[0] === 0) return false
  const aligned = [offset, ...strides.slice(1), ...others].every(n => n % 4 === 0)
  return strides[0] === 1 && aligned ? true : undefined
}

export const padded = (values: readonly number[], length: number): number[] => [
  ...values,
  ...Array<number>(length - values.length).fill(0)
]

/** The parameters of a call after the first `head` words: numbers of its `compute` and `finish`. */
export const numbersOf = ({ params }: Call, head: number): readonly number[] => params.slice(head)

/**
 * The op block of a map or fold by vec4: dense inputs are loaded by four, the others once; those that are `fixed` along the shader's loop before it.
 * The four results are of the type `four`.
 */
export const loadText4 = (
  { compute = '', reads }: Call,
  slots: readonly Slot[],
  dense: readonly boolean[],
  numbers: number,
  four = 'vec4<Value>',
  fixed: readonly boolean[] = []
): string => {
  const dtype = (i: number) => slots[reads[i] as number]?.dtype
  const argument = (component: string) => reads.map((_, i) => (dense[i] ? `x${i}.${component}` : `x${i}`)).join(', ')
  return [
    compute,
    `const OPERANDS = ${reads.length + 1}u;`,
    `const NUMBERS = ${numbers / 4}u;`,
    ...reads.map(
      (_, i) => `@group(0) @binding(${i + 2}) var<storage, read> in${i}: array<${dense[i] ? `vec4<${dtype(i)}>` : dtype(i)}>;`
    ),
    ...(fixed.length === 0
      ? [`fn value4(at: array<u32, OPERANDS>) -> ${four} {`]
      : [
          `struct Fixed { none: u32, ${reads.map((_, i) => (fixed[i] ? `x${i}: ${dtype(i)}, ` : '')).join('')}}`,
          `fn fixed(at: array<u32, OPERANDS>) -> Fixed { return Fixed(0u${reads.map((_, i) => (fixed[i] ? `, in${i}[at[${i + 1}]]` : '')).join('')}); }`,
          `fn value4(at: array<u32, OPERANDS>, before: Fixed) -> ${four} {`
        ]),
    ...reads.map((_, i) => `  let x${i} = ${fixed[i] ? `before.x${i}` : `in${i}[at[${i + 1}]]`};`),
    `  return ${four}(${['x', 'y', 'z', 'w'].map(component => `compute(${argument(component)})`).join(', ')});`,
    '}'
  ].join('\n')
}

/** What finishes folds loads input `k`, which is bound at `place`. */
export const tailText = (k: number, dtype: string, place = k): string =>
  `fn tail${k}(at: array<u32, OPERANDS>) -> ${dtype} { return in${place}[at[${place + 1}]]; }`

export const WORKGROUP = 64
export const powerOfTwo = (n: number): number => 2 ** Math.ceil(Math.log2(n))
/** Vec4s that an invocation of a large kernel does, so that starting it counts little. */
const TURNS = 4
export const launches = (invocations: number): number =>
  Math.ceil(invocations / WORKGROUP / (invocations > WORKGROUP * 64 ? TURNS : 1))

/** The largest multiple of `of`, at most `most`, that divides `total`; `of` if there is none. */
export const greatestDivisor = (total: number, of: number, most: number): number => {
  for (let size = Math.floor(most / of) * of; size > of; size -= of) if (total % size === 0) return size
  return of
}

/** WebGPU's own limit in one dimension. A variant that does not stride over the rest is none where there are more. */
const MOST_WORKGROUPS = 65_535
export const dispatchable = (calls: readonly Call[]): readonly Call[] | undefined =>
  calls.every(({ workgroups }) => workgroups.every(count => count <= MOST_WORKGROUPS)) ? calls : undefined

/** Rows of vec4s whose neighbours are the neighbouring lanes': no row straddles two subgroups. */
export const rowsFit = (width: number, size: number): boolean => size >= 8 && width % 4 === 0 && size % (width / 4) === 0
