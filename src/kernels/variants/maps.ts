/** Maps by vec4. */
import { fourOp } from '../op.js'
import {
  alongRow,
  launches,
  numbersOf,
  padded,
  powerOfTwo,
  type Variant,
  type Variants,
  type Walk,
  WORKGROUP
} from './variant.js'

/** Elements from which on vec4s are worth what they cost to compile: about three times as much. */
const LARGE = 2 ** 14

/** `map4`: dense operands and single values. */
const map4: Variant = (call, _, __, slots) => {
  const { params, reads, computes } = call
  const count = params[0] as number
  const walks = [call.write, ...reads].map(
    (_slot, k): Walk => ({ offset: params[4 + 4 * k] as number, strides: [params[5 + 4 * k] as number] })
  )
  const dense = walks.map(walk => alongRow(walk))
  if (computes === undefined || count < LARGE || count % 4 !== 0 || dense[0] !== true || dense.includes(undefined))
    return undefined
  const unit = (k: number) => (dense[k] ? 4 : 1)
  return [
    {
      ...call,
      shader: 'map4',
      op: fourOp({ ...call, computes }, slots, dense.slice(1) as boolean[], 'vec4<Value>'),
      params: [
        ...[count / 4, 0, 0, 0],
        ...walks.flatMap(({ offset, strides }, k) => [offset / unit(k), strides[0] as number, 0, 0]),
        ...numbersOf(call)
      ],
      workgroups: [launches(count / 4), 1, 1]
    }
  ]
}

/** Axes of `map_strided` and `map_rows`. */
const MOST_AXES = 8

/** Invocations that share a row of vec4s: few, so that what is fixed along a row is loaded seldom, as long as there are enough in all. */
const lanesOf = (rows: number, vec4s: number): number => {
  const most = Math.min(WORKGROUP, powerOfTwo(vec4s))
  const enough = powerOfTwo(Math.ceil(ENOUGH / rows))
  return Math.min(most, Math.max(8, enough, powerOfTwo(Math.ceil(vec4s / MOST_TURNS))))
}
const ENOUGH = 4096
const MOST_TURNS = 16

/** `map_rows`: every operand dense or constant along the innermost axis. */
const mapRows: Variant = (call, _, __, slots) => {
  const { params, reads, computes, constants = {} } = call
  const rank = constants['RANK'] as number
  const extents = params.slice(4, 4 + rank)
  const walks = [call.write, ...reads].map((_slot, k): Walk => {
    const start = 4 + MOST_AXES + k * (MOST_AXES + 4)
    return { strides: params.slice(start, start + rank), offset: params[start + MOST_AXES] as number }
  })
  const dense = walks.map(walk => alongRow(walk))
  const inner = extents[0] as number
  if (
    extents.reduce((a, b) => a * b, 1) < LARGE ||
    computes === undefined ||
    inner % 4 !== 0 ||
    dense[0] !== true ||
    dense.includes(undefined)
  )
    return undefined
  const rows = extents.slice(1).reduce((a, b) => a * b, 1)
  const lanes = lanesOf(rows, inner / 4)
  return [
    {
      ...call,
      shader: 'map_rows',
      op: fourOp(
        { ...call, computes },
        slots,
        dense.slice(1) as boolean[],
        'vec4<Value>',
        dense.slice(1).map(one => !one)
      ),
      constants: { OUTER: rank - 1 },
      params: [
        ...[rows, inner / 4, lanes, 0],
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
        }),
        ...numbersOf(call)
      ],
      workgroups: [launches(rows * lanes), 1, 1]
    }
  ]
}

export const maps: Variants = { map: [map4], map_strided: [mapRows] }
