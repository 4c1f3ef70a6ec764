/** Smaller and simpler arguments: of a failure, what a reader has to look at. */
import { allocate, denseView, type NdArray, readView } from '../ndarray.js'
import { denseStrides } from '../shape.js'
import type { CheckError } from './error.js'

/** A part of an axis: all axes at `places` (array, axis) keep `count` indices from `start` on. */
const cut = (
  values: readonly NdArray[],
  places: readonly (readonly [number, number])[],
  part: 'first' | 'last',
  count: number
): NdArray[] =>
  values.map((value, k) => {
    const axes = places.filter(([array]) => array === k).map(([, axis]) => axis)
    const shape = value.shape.map((extent, axis) => (axes.includes(axis) ? count : extent))
    const strides = denseStrides(value.shape)
    const offset =
      part === 'first'
        ? 0
        : axes.reduce((sum, axis) => sum + ((value.shape[axis] as number) - count) * (strides[axis] as number), 0)
    return { ...value, shape, data: readView(value, { ...denseView(shape), strides, offset }) }
  })

/**
 * Fewer elements: axes of one extent together, as those that a product adds up along have it, then each axis by itself.
 */
function* smaller(values: readonly NdArray[]): Generator<readonly NdArray[]> {
  const all = values.flatMap(({ shape }, k) => shape.map((extent, axis) => ({ extent, place: [k, axis] as const })))
  const extents = [...new Set(all.map(({ extent }) => extent))].filter(extent => extent > 1).sort((a, b) => b - a)
  for (const extent of extents) {
    const places = all.filter(one => one.extent === extent).map(({ place }) => place)
    const groups = places.length > 1 ? [places, ...places.map(place => [place])] : [places]
    for (const group of groups)
      for (const count of new Set([1, extent >> 1, extent - 1]))
        for (const part of ['first', 'last'] as const) yield cut(values, group, part, count)
  }
}

/** Simpler numbers: for all elements of an array, or, of few, for one. */
const SIMPLER: readonly ((value: number) => number)[] = [
  () => 0,
  () => 1,
  Math.round,
  value => Math.round(value * 10) / 10,
  value => Number(value.toPrecision(2))
]
/** Arrays with more elements than this are simplified as a whole only. */
const FEW = 32

function* plainer(values: readonly NdArray[]): Generator<readonly NdArray[]> {
  for (const [k, value] of values.entries()) {
    if (value.dtype !== 'f32') continue
    const replaced = (data: NdArray['data']) => values.with(k, { ...value, data })
    for (const simple of SIMPLER)
      yield replaced(allocate('f32', value.data.length).map((_, i) => simple(value.data[i] as number)))
    if (value.data.length > FEW) continue
    for (const [i, number] of value.data.entries())
      for (const simple of SIMPLER) yield replaced(value.data.with(i, simple(number)))
  }
}

/** How much there is to read: every number, by its length. */
const reading = (values: readonly NdArray[]): number =>
  values.reduce((total, { data }) => total + Array.from(data, String).join('').length, 0)

/** So many arguments are tried. */
const MOST_TRIES = 400

/**
 * Proposes arguments, each with less to read than those that were last found to fail, until it runs out of them; told
 * of each whether it fails.
 */
export function* shrinking(
  values: readonly NdArray[],
  most = MOST_TRIES
): Generator<readonly NdArray[], void, boolean> {
  let [current, tries] = [values, 0]
  const propose = function* (): Generator<readonly NdArray[], boolean, boolean> {
    for (const candidates of [smaller(current), plainer(current)])
      for (const candidate of candidates) {
        if (reading(candidate) >= reading(current)) continue
        if (++tries > most) return false
        if (yield candidate) {
          current = candidate
          return true
        }
      }
    return false
  }
  while (yield* propose());
}

/** Whether arguments that a function was tried on fail as others did: in the same order and kind, and as clearly. */
export const failsLike = (found: CheckError, error: CheckError | undefined): error is CheckError =>
  error !== undefined &&
  error.order === found.order &&
  error.against === found.against &&
  error.kink === found.kink &&
  Number.isFinite(error.wanted) === Number.isFinite(found.wanted) &&
  Number.isFinite(error.got) === Number.isFinite(found.got) &&
  !(error.relativeError < found.relativeError / 2)
