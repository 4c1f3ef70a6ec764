/** Maps by rows, and by vec4. */
import { opOf } from '../op.js'
import {
  alongRow,
  different,
  type Facts,
  LARGE,
  launches,
  numbersOf,
  ofInputs,
  padded,
  powerOfTwo,
  turnsOf,
  unitOf,
  type Variant,
  type Variants,
  type Walk,
  WORKGROUP
} from './variant.js'

/** `map` by vec4: dense operands and single values. */
const flatByFour: Variant = (call, facts, _, slots) => {
  const { params, reads, computes } = call
  const count = params[0] as number
  const walks = [call.write, ...reads].map(
    (_slot, k): Walk => ({ offset: params[4 + 4 * k] as number, strides: [params[5 + 4 * k] as number] })
  )
  const along = walks.map(walk => alongRow(walk))
  const turns = turnsOf(count >= LARGE && count % 4 === 0 && along[0] === true, along)
  if (computes === undefined || turns.width === 1) return undefined
  const count4 = count / turns.width
  const scaled = different(
    walks.map(({ offset, strides }, k) => [offset / unitOf(turns, k), strides[0] as number, 0, 0])
  )
  return [
    {
      ...call,
      op: opOf({ ...call, computes }, slots, { turns: ofInputs(turns), walks: scaled.places.slice(1) }),
      params: [...[count4, 0, 0, 0], ...scaled.walks.flat(), ...numbersOf(call)],
      workgroups: [launches(count4, facts), 1, 1]
    }
  ]
}

/** Axes of `map_strided` and `map_rows`. */
const MOST_AXES = 8

/**
 * Invocations that share a row. On a software adapter few, so that what is fixed along a row is loaded seldom, as long
 * as there are enough in all; a GPU wants neighbours to load side by side.
 */
const lanesOf = (rows: number, turns: number, { software }: Facts): number => {
  const few = Math.max(powerOfTwo(Math.ceil(ENOUGH / rows)), powerOfTwo(Math.ceil(turns / MOST_TURNS)))
  return Math.min(WORKGROUP, powerOfTwo(turns), software ? few : WORKGROUP)
}
const ENOUGH = 512
const MOST_TURNS = 16
/** Shorter rows are not worth a loop of their own. */
const SHORT = 4

/** `map_rows`, by vec4 where there is much and every operand is dense or constant along the innermost axis. */
const mapRows: Variant = (call, facts, _, slots) => {
  const { params, reads, computes, constants = {} } = call
  const rank = constants['RANK'] as number
  const extents = params.slice(4, 4 + rank)
  const walks = [call.write, ...reads].map((_slot, k): Walk => {
    const start = 4 + MOST_AXES + k * (MOST_AXES + 4)
    return { strides: params.slice(start, start + rank), offset: params[start + MOST_AXES] as number }
  })
  const inner = extents[0] as number
  if (computes === undefined || inner < SHORT) return undefined
  const along = walks.map(walk => alongRow(walk))
  const rows = extents.slice(1).reduce((a, b) => a * b, 1)
  const turns = turnsOf(rows * inner >= LARGE && inner % 4 === 0 && along[0] === true, along)
  const perRow = inner / turns.width
  const lanes = lanesOf(rows, perRow, facts)
  const fixed = walks.map(({ strides }) => strides[0] === 0)
  const scaled = different(
    walks.map(({ strides, offset }, k) => {
      const unit = unitOf(turns, k)
      const outer = strides.slice(1).map(stride => stride / unit)
      return [...padded(outer, MOST_AXES), offset / unit, strides[0] as number, 0, 0]
    }),
    fixed
  )
  return [
    {
      ...call,
      shader: 'map_rows',
      op: opOf({ ...call, computes }, slots, {
        turns: ofInputs(turns),
        fixed: fixed.slice(1),
        walks: scaled.places.slice(1)
      }),
      constants: { OUTER: rank - 1 },
      params: [
        ...[rows, perRow, lanes, 0],
        ...padded(extents.slice(1), MOST_AXES),
        ...scaled.walks.flat(),
        ...numbersOf(call)
      ],
      workgroups: [launches(rows * lanes, facts), 1, 1]
    }
  ]
}

export const maps: Variants = { map: [flatByFour], map_strided: [mapRows] }
