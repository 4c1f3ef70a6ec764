/** Regions of a slot, compared as sets of places without looking at any of them. */
import type { Region } from './spec.js'

const product = (values: readonly number[]): number => values.reduce((total, value) => total * value, 1)

/** `count` places in a row. */
export const stretch = (offset: number, count: number): Region => ({ offset, extents: [count], strides: [1] })

export const placesOf = ({ extents }: Region): number => product(extents)

export const lastOf = ({ offset, extents, strides }: Region): number =>
  extents.reduce((last, extent, k) => last + (extent - 1) * (strides[k] as number), offset)

/**
 * The same places with the fewest axes, the largest stride first: axes of one index go, and those that walk on as one
 * are one.
 */
export const plainest = ({ offset, extents, strides }: Region): Region => {
  const axes = extents
    .map((extent, k) => ({ extent, stride: strides[k] as number }))
    .filter(({ extent }) => extent !== 1)
    .sort((a, b) => b.stride - a.stride)
  const merged: { extent: number; stride: number }[] = []
  for (const axis of axes.toReversed()) {
    const inner = merged.at(-1)
    if (inner && inner.stride * inner.extent === axis.stride) inner.extent *= axis.extent
    else merged.push({ ...axis })
  }
  merged.reverse()
  return { offset, extents: merged.map(({ extent }) => extent), strides: merged.map(({ stride }) => stride) }
}

/** The same places as regions of at most so many axes. */
export const ofFewAxes = (region: Region, most: number): readonly Region[] => {
  const { offset, extents, strides } = plainest(region)
  if (extents.length <= most) return [{ offset, extents, strides }]
  return Array.from({ length: extents[0] as number }, (_, i) =>
    ofFewAxes(
      { offset: offset + i * (strides[0] as number), extents: extents.slice(1), strides: strides.slice(1) },
      most
    )
  ).flat()
}

/** Whether two regions are the same places. */
export const samePlaces = (a: Region, b: Region): boolean => {
  const [one, other] = [plainest(a), plainest(b)]
  return (
    one.offset === other.offset &&
    one.extents.length === other.extents.length &&
    one.extents.every((extent, k) => extent === other.extents[k] && one.strides[k] === other.strides[k])
  )
}

/** Whether no place of a region comes twice: each axis steps over all that lies within the ones below it. */
export const isInjective = (region: Region): boolean => {
  const { extents, strides } = plainest(region)
  let span = 0
  for (let k = extents.length - 1; k >= 0; k--) {
    if ((strides[k] as number) <= span) return false
    span += ((extents[k] as number) - 1) * (strides[k] as number)
  }
  return true
}

/** More places than this are not looked at one by one. */
const MOST_LOOKED_AT = 2 ** 24

const eachPlace = ({ offset, extents, strides }: Region, visit: (place: number) => void): void => {
  const walk = (axis: number, at: number): void => {
    if (axis === extents.length) return visit(at)
    for (let i = 0; i < (extents[axis] as number); i++) walk(axis + 1, at + i * (strides[axis] as number))
  }
  walk(0, offset)
}

/**
 * Whether two regions have no place in common. Places are numbers; by a stride of both as the modulus their remainders
 * come from the axes below it, if those stay within it. Where the remainders lie apart the regions do; else they are
 * compared below it and above it. What no modulus tells is looked at.
 */
export const areDisjoint = (a: Region, b: Region): boolean => {
  if (lastOf(a) < b.offset || lastOf(b) < a.offset) return true
  const [one, other] = [plainest(a), plainest(b)]
  const moduli = [...new Set([...one.strides, ...other.strides])].filter(modulus => modulus > 1)
  const apart = moduli.some(modulus => {
    const [x, y] = [within(one, modulus), within(other, modulus)]
    return x && y && (x.last < y.first || y.last < x.first)
  })
  if (apart) return true
  if (placesOf(one) + placesOf(other) > MOST_LOOKED_AT) return false
  const places = new Set<number>()
  eachPlace(one, place => places.add(place))
  let met = false
  eachPlace(other, place => {
    met ||= places.has(place)
  })
  return !met
}

/**
 * The remainders of a region's places by a modulus, as far as they go, if its axes are multiples of the modulus or stay
 * within it.
 */
const within = ({ offset, extents, strides }: Region, modulus: number): { first: number; last: number } | undefined => {
  const first = offset % modulus
  let last = first
  for (const [k, stride] of strides.entries()) {
    if (stride % modulus === 0) continue
    last += ((extents[k] as number) - 1) * stride
  }
  return last < modulus ? { first, last } : undefined
}
