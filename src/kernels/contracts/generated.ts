/**
 * Maps and folds: shaders whose text a call brings. How wide a turn is and where each input is walked is read from that
 * text.
 */
import { stretch } from '../regions.js'
import type { Call, Region } from '../spec.js'
import { complaintOf, constantOf, product, type Reading, reachOf, wordsOf, zeros } from './contract.js'

/** What the text of a call says of its turns. */
interface Text {
  /** Elements that a turn stores. */
  readonly width: number
  /** By input: elements that it loads at once, and the operand of the uniform by which it walks. */
  readonly inputs: readonly { readonly width: number; readonly walk: number }[]
}

const known = new Map<string, Text>()

const textOf = ({ op = '', reads }: Call): Text => {
  const before = known.get(op)
  if (before) return before
  const width = /alias Result = vec4<Value>;/.test(op) ? 4 : 1
  const text = {
    width,
    inputs: reads.map((_, k) => ({
      width: new RegExp(`var<storage, read> in${k}: array<vec4<`).test(op) ? 4 : 1,
      walk: Number(new RegExp(`\\bin${k}\\[at\\[(\\d+)\\]\\]`).exec(op)?.[1] ?? 0)
    }))
  }
  known.set(op, text)
  return text
}

/** An operand of `map_strided` and `map_rows`: strides of up to eight axes, the offset, the stride along a row. */
const operandOf = (call: Call, k: number, axes: number) => {
  const start = 4 + 8 + 12 * k
  const { at, list } = wordsOf(call)
  return { strides: list(start, axes), offset: at(start + 8), along: at(start + 9) }
}

/** A walk in units of `width` elements, in elements. */
const regionOf = (width: number, offset: number, extents: readonly number[], strides: readonly number[]): Region => ({
  offset: offset * width,
  extents: [...extents, width],
  strides: [...strides.map(stride => stride * width), 1]
})

export const map: Reading = call => {
  const { width, inputs } = textOf(call)
  const { at } = wordsOf(call)
  const turns = at(0)
  const walk = (k: number) => ({ offset: at(4 + 4 * k), stride: at(5 + 4 * k) })
  const result = walk(0)
  return {
    stores: [regionOf(width, result.offset, [turns], [result.stride])],
    needs: inputs.map(one => {
      const { offset, stride } = walk(one.walk)
      return one.width * reachOf(offset, [turns], [stride])
    }),
    ...complaintOf({
      ...zeros(call, [1, 2, 3]),
      'it takes turns of four, and an operand that it loads by vec4 in turns of one': inputs.every(
        one => one.width <= width
      )
    })
  }
}

export const mapStrided: Reading = call => {
  const { inputs, width } = textOf(call)
  const rank = constantOf(call, 'RANK')
  const { at, list } = wordsOf(call)
  const extents = list(4, rank)
  const result = operandOf(call, 0, rank)
  return {
    stores: [{ offset: result.offset, extents, strides: result.strides }],
    needs: inputs.map(({ walk }) => {
      const { offset, strides } = operandOf(call, walk, rank)
      return reachOf(offset, extents, strides)
    }),
    ...complaintOf({
      ...zeros(call, [1, 2, 3]),
      'its extents are not those of its elements': product(extents) === at(0),
      'it takes single elements, and its text takes four': width === 1 && inputs.every(one => one.width === 1)
    })
  }
}

export const mapRows: Reading = call => {
  const { width, inputs } = textOf(call)
  const outer = constantOf(call, 'OUTER')
  const { at, list } = wordsOf(call)
  const [rows, turns, lanes] = [at(0), at(1), at(2)]
  const extents = list(4, outer)
  const result = operandOf(call, 0, outer)
  return {
    stores: [regionOf(width, result.offset, [...extents, turns], [...result.strides, result.along])],
    needs: inputs.map(one => {
      const { offset, strides, along } = operandOf(call, one.walk, outer)
      return one.width * reachOf(offset, [...extents, turns], [...strides, along])
    }),
    ...complaintOf({
      ...zeros(call, [3, 22, 23]),
      'its outer extents are not those of its rows': product(extents) === rows,
      'its lanes are no power of two up to 64': isLanes(lanes, 64),
      'it takes turns of four, and an operand that it loads by vec4 in turns of one': inputs.every(
        one => one.width <= width
      )
    })
  }
}

const isLanes = (lanes: number, most: number): boolean =>
  lanes >= 1 && lanes <= most && Number.isInteger(Math.log2(lanes))

/** `reduce`, or with `subgroups` `reduce_shuffle`. */
export const reduce =
  (subgroups: boolean): Reading =>
  call => {
    const { inputs } = textOf(call)
    const { at, list } = wordsOf(call)
    const [outputs, turns, lanes] = [at(0), at(1), at(2)]
    const kept = list(4, constantOf(call, 'KEPT'))
    const reduced = list(8, constantOf(call, 'REDUCED'))
    const folded = call.computes?.inputs ?? inputs.length
    return {
      stores: list(12, constantOf(call, 'RESULTS')).map(start => stretch(start, outputs)),
      needs: inputs.map(({ width, walk }, k) => {
        const start = 12 + 12 * walk
        const inner = list(start + 4, reduced.length)
        // What finishes the results is read where each of them begins.
        const along = k < folded ? reduced : reduced.map(() => 1)
        return width * reachOf(at(start + 8), [...kept, ...along], [...list(start, kept.length), ...inner])
      }),
      ...complaintOf({
        ...zeros(call, [16, 17, 18]),
        'its kept extents are not those of its results': product(kept) === outputs,
        'its folded extents are not those of its turns': product(reduced) === turns,
        'its lanes are not those of a workgroup': subgroups
          ? lanes === 1 || lanes === constantOf(call, 'S')
          : isLanes(lanes, call.constants?.['SIZE'] ?? 64)
      })
    }
  }
