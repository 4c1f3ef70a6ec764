/**
 * Small parts of a whole that are the same function of what they are made of: as many as a kernel takes in one call,
 * since a launch costs more than they do.
 */
import type { Call, DType } from '../../kernels/spec.js'
import type { Body } from '../fusion/roots.js'
import { isDense, type View } from '../ndarray.js'
import { sizeOf } from '../shape.js'
import { computeText, parameterNumbers } from '../wgsl.js'
import { mapWorkgroups, type Operand, padded, regionOf, vec4sOf, wordsOf } from './builder.js'

/** Parts of a call of `gather_parts.wgsl`, the operands of each, and the slots in which they all are. */
const [MOST_PARTS, MOST_OPERANDS, MOST_SLOTS] = [16, 4, 8]
/** Fewer parts than this are not worth another kernel to compile. */
const LEAST_PARTS = 3
/** A part of so many elements is worth a kernel of its own, which loads four at once. */
const LARGE = 2 ** 16

export interface Part {
  readonly body: Body
  /** What the body reads, in its order. */
  readonly from: readonly Operand[]
  readonly to: Operand
}

/** Of an operand that is walked by one stride: 1, or 0 where it is one value. */
const strideOf = (view: View): 0 | 1 | undefined =>
  isDense(view) ? 1 : view.strides.every((stride, axis) => stride === 0 || view.shape[axis] === 1) ? 0 : undefined

/** What the parts of a call have in common; undefined of a part that has to be computed by itself. */
const kindOf = ({ body, from, to }: Part, dtype: DType): string | undefined => {
  const dtypes = new Set(body.inputs.map(({ node }) => node.dtype))
  const isSmall = sizeOf(body.shape) < LARGE && from.length > 0 && from.length <= MOST_OPERANDS && dtypes.size === 1
  const isStretch = isDense(to.view) && from.every(({ view }) => strideOf(view) !== undefined)
  return isSmall && isStretch ? [...dtypes, ...parameterNumbers(body), computeText(body, dtype)].join(' ') : undefined
}

/** The slots that parts read, each once. */
const slotsOf = (parts: readonly Part[]): readonly number[] => [
  ...new Set(parts.flatMap(({ from }) => from.map(({ slot }) => slot)))
]

/** So that each has at most so many parts, of at most so many slots. */
const groupsOf = (parts: readonly Part[], mostSlots: number): readonly (readonly Part[])[] => {
  const groups: Part[][] = []
  for (const part of parts) {
    const last = groups.at(-1)
    if (last && last.length < MOST_PARTS && slotsOf([...last, part]).length <= mostSlots) last.push(part)
    else groups.push([part])
  }
  return groups
}

const gatherText = (body: Body, dtype: DType, slots: number): string => {
  const all = Array.from({ length: slots }, (_, k) => k)
  const [{ node }] = body.inputs as readonly [Body['inputs'][number]]
  const operands = body.inputs.map((_, k) => `element(operands[${k}], at[${k}])`)
  return [
    computeText(body, dtype),
    `const NUMBERS = ${vec4sOf(parameterNumbers(body))}u;`,
    ...all.map(k => `@group(0) @binding(${2 + k}) var<storage, read> in${k}: array<${node.dtype}>;`),
    `fn element(operand: u32, at: u32) -> ${node.dtype} {`,
    '  switch operand {',
    ...all.slice(1).map(k => `    case ${k}u: { return in${k}[at]; }`),
    '    default: { return in0[at]; }',
    '  }',
    '}',
    `fn value(operands: vec4u, at: vec4u) -> Value { return compute(${operands.join(', ')}); }`
  ].join('\n')
}

/** The call that computes parts of one kind, all into one slot. */
const gatherCall = (parts: readonly Part[], dtype: DType, mostSlots: number, label: string): Call => {
  const [{ body, to: whole }] = parts as readonly [Part]
  const slots = slotsOf(parts)
  // Always as many, some slots once more: one kernel for all groups of a kind.
  const reads = Array.from({ length: mostSlots }, (_, i) => slots[i] ?? (slots[0] as number))
  const sizes = parts.map(one => sizeOf(one.body.shape))
  const count = sizes.reduce((sum, size) => sum + size, 0)
  const begins = sizes.map((_, i) => sizes.slice(0, i).reduce((sum, size) => sum + size, 0))
  const walked = ({ from }: Part): number =>
    from.reduce((bits, { view }, k) => bits + (strideOf(view) as number) * 2 ** k, 0)
  const ofParts = parts.flatMap((part, i) => [begins[i] as number, part.to.view.offset, walked(part), 0])
  const ofOperands = (value: (operand: Operand) => number): readonly number[] =>
    padded(
      parts.flatMap(({ from }) => padded(from.map(value), MOST_OPERANDS)),
      MOST_OPERANDS * MOST_PARTS
    )
  // No element lies in the parts that are left over.
  const none = Array.from({ length: MOST_PARTS - parts.length }, () => [count, 0, 0, 0]).flat()
  return {
    shader: 'gather_parts',
    op: gatherText(body, dtype, reads.length),
    params: [
      ...[count, 0, 0, 0],
      ...[parts.length - 1, 0, 0, 0],
      ...ofParts,
      ...none,
      ...ofOperands(({ slot }) => reads.indexOf(slot)),
      ...ofOperands(({ view }) => view.offset),
      ...wordsOf(parameterNumbers(body))
    ],
    reads,
    covers: reads.map((slot, k) =>
      k < slots.length
        ? parts.reduce(
            (sum, { from }, i) => sum + from.filter(one => one.slot === slot).length * (sizes[i] as number),
            0
          )
        : 0
    ),
    write: whole.slot,
    stores: parts.map(({ to }) => regionOf(to.view)),
    workgroups: [mapWorkgroups(count), 1, 1],
    label,
    flops: count * body.steps.length
  }
}

/** The calls that compute parts of a whole together, and the parts that are better computed by themselves. */
export const gatherParts = (
  parts: readonly Part[],
  dtype: DType,
  { storageBuffers, label }: { readonly storageBuffers: number; readonly label: string }
): { readonly calls: readonly Call[]; readonly alone: readonly Part[] } => {
  const mostSlots = Math.min(MOST_SLOTS, storageBuffers - 1)
  const kinds = new Map<string | undefined, Part[]>()
  for (const part of parts) {
    const kind = kindOf(part, dtype)
    kinds.set(kind, [...(kinds.get(kind) ?? []), part])
  }
  const isWorth = ([kind, own]: readonly [string | undefined, readonly Part[]]): boolean =>
    kind !== undefined && own.length >= LEAST_PARTS
  return {
    calls: [...kinds]
      .filter(isWorth)
      .flatMap(([, own]) => groupsOf(own, mostSlots).map(group => gatherCall(group, dtype, mostSlots, label))),
    alone: [...kinds].filter(kind => !isWorth(kind)).flatMap(([, own]) => own)
  }
}
