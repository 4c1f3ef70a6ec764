/** A program under construction: slots, and calls of maps over them. */
import type { Call, Data, DType, Region, Slot } from '../../kernels/spec.js'
import type { Access, Body } from '../fusion/roots.js'
import { denseView, type View } from '../ndarray.js'
import { sizeOf } from '../shape.js'
import { computeText, constantText, copyText, parameterNumbers } from '../wgsl.js'

/** Where a tensor is: the elements of a slot that a view reads. */
export interface Operand {
  readonly slot: number
  readonly view: View
}

/** Where an access reads. */
export type Place = (access: Access) => Operand

/** How many elements of its slot an operand is: those that a broadcast repeats count once. */
export const elementsOf = ({ view: { shape, strides } }: Operand): number =>
  sizeOf(shape.filter((_, axis) => strides[axis] !== 0))

/** The elements of its slot that an operand is. */
export const regionOf = ({ shape, strides, offset }: View): Region => ({ offset, extents: shape, strides })

/** Invocations of a workgroup, in all shaders. */
export const WORKGROUP = 64
/** Axes that `map_strided` takes, after those that can be have been merged. */
const MOST_AXES = 8

/** Merges neighbouring axes that every view walks as one, and drops axes of extent 1. Innermost first. */
export const mergeAxes = (
  shape: readonly number[],
  strides: readonly (readonly number[])[]
): { extents: number[]; strides: number[][] } => {
  const extents: number[] = []
  const merged: number[][] = strides.map(() => [])
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const extent = shape[axis] as number
    if (extent === 1) continue
    const last = extents.length - 1
    const joins =
      last >= 0 && strides.every((s, k) => s[axis] === (merged[k]?.[last] as number) * (extents[last] as number))
    if (joins) extents[last] = (extents[last] as number) * extent
    else {
      extents.push(extent)
      strides.forEach((s, k) => {
        merged[k]?.push(s[axis] as number)
      })
    }
  }
  return { extents, strides: merged }
}

export const padded = (values: readonly number[], length: number): number[] => [
  ...values,
  ...Array<number>(length - values.length).fill(0)
]
export const toFour = (values: readonly number[]): number[] => padded(values, Math.ceil(values.length / 4) * 4)

/** Large maps give an invocation several elements, in a loop: a launch costs more than a turn. */
export const mapWorkgroups = (count: number): number =>
  Math.ceil(count / (count > 64 * WORKGROUP ? 4 * WORKGROUP : WORKGROUP))

/** The vec4s that numbers take in a uniform; at least one, since an array there cannot be empty. */
export const vec4sOf = (numbers: readonly number[]): number => Math.max(1, Math.ceil(numbers.length / 4))
/** The bits of numbers as words. */
export const wordsOf = (numbers: readonly number[]): number[] =>
  padded([...new Uint32Array(Float32Array.from(numbers).buffer)], 4 * vec4sOf(numbers))

/** A program under construction. */
export class Builder {
  readonly slots: Slot[] = []
  readonly calls: Call[] = []
  readonly constants: { slot: number; data: Data }[] = []

  slot(dtype: DType, shape: readonly number[], gaps = false): number {
    return this.slots.push({ dtype, shape, ...(gaps ? { gaps } : {}) }) - 1
  }

  dtypeOf({ slot }: Operand): DType {
    return (this.slots[slot] as Slot).dtype
  }

  /** Zeros in all of a slot, before others write parts of it. */
  zeros(out: Operand, label: string): void {
    const dtype = this.dtypeOf(out)
    const before = this.calls.length
    this.map(constantText(dtype, `${dtype}(0)`), [], out, [], label)
    this.calls.push(...this.calls.splice(before).map((call): Call => ({ ...call, fills: true })))
  }

  /**
   * One value of `out` from one of each input, at the same index of their views. `compute` is WGSL: see `computeText`.
   */
  map(
    compute: string,
    numbers: readonly number[],
    out: Operand,
    inputs: readonly Operand[],
    label: string,
    flops = 0
  ): void {
    const operands = [out, ...inputs]
    const { extents, strides } = mergeAxes(
      out.view.shape,
      operands.map(({ view }) => view.strides)
    )
    if (extents.length > MOST_AXES) return this.mapSplit(compute, numbers, operands, label, flops)
    const count = sizeOf(out.view.shape)
    const offsets = operands.map(({ view }) => view.offset)
    const flat = extents.length <= 1
    const places = flat
      ? operands.flatMap((_, k) => [offsets[k] as number, strides[k]?.[0] ?? 0, 0, 0])
      : [
          ...padded(extents, MOST_AXES),
          ...operands.flatMap((_, k) => [...padded(strides[k] as number[], MOST_AXES), offsets[k] as number, 0, 0, 0])
        ]
    this.calls.push({
      shader: flat ? 'map' : 'map_strided',
      ...(flat ? {} : { constants: { RANK: extents.length } }),
      computes: { text: compute, inputs: inputs.length, numbers: vec4sOf(numbers) },
      params: [count, 0, 0, 0, ...places, ...wordsOf(numbers)],
      reads: inputs.map(({ slot }) => slot),
      covers: inputs.map(elementsOf),
      write: out.slot,
      stores: [regionOf(out.view)],
      workgroups: [mapWorkgroups(count), 1, 1],
      label,
      flops
    })
  }

  /** One call for each index of the outermost axis: more axes than the shader takes. */
  private mapSplit(
    compute: string,
    numbers: readonly number[],
    operands: readonly Operand[],
    label: string,
    flops: number
  ): void {
    const axis = (operands[0] as Operand).view.shape.findIndex(extent => extent > 1)
    const part = ({ slot, view }: Operand, i: number): Operand => ({
      slot,
      view: {
        shape: view.shape.map((extent, k) => (k === axis ? 1 : extent)),
        strides: view.strides,
        offset: view.offset + i * (view.strides[axis] as number)
      }
    })
    const extent = (operands[0] as Operand).view.shape[axis] as number
    for (let i = 0; i < extent; i++) {
      const [out, ...inputs] = operands.map(operand => part(operand, i))
      this.map(compute, numbers, out as Operand, inputs, label, flops / extent)
    }
  }

  /** What a body computes, into `out`, whose view has the body's shape. */
  body(body: Body, dtype: DType, out: Operand, place: Place, label: string): void {
    const flops = body.steps.length * sizeOf(body.shape)
    this.map(computeText(body, dtype), parameterNumbers(body), out, body.inputs.map(place), label, flops)
  }

  copy(source: Operand, label: string): Operand {
    const dtype = this.dtypeOf(source)
    const target = { slot: this.slot(dtype, source.view.shape), view: denseView(source.view.shape) }
    this.map(copyText(dtype), [], target, [source], `copy of ${label}`)
    return target
  }
}
