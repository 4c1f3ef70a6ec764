/** Windows, products, choices, indices and draws. */
import { stretch } from '../regions.js'
import type { Call } from '../spec.js'
import { complaintOf, constantOf, product, type Reading, reachOf, wordsOf, zeros } from './contract.js'

/** The uniform of `window_params.wgsl`: planes of windows and of pixels. */
const windowsOf = (call: Call, side: 'windows' | 'image') => {
  const { at } = wordsOf(call)
  const [elements, pixels, windows] = [at(4), at(5) * at(6), at(8) * at(9)]
  const planes = elements / (side === 'windows' ? windows : pixels)
  return { at, elements, planes, pixels: planes * pixels, windows: planes * windows }
}
const PLANES = 'its elements do not fill whole planes'

/** Windows from pixels: `window_argmax`, `window_sum`, and with `places` `window_gather`. */
export const windowsFromPixels =
  (places: boolean, width = 1): Reading =>
  call => {
    const { at, elements, planes, pixels } = windowsOf(call, 'windows')
    return {
      stores: [stretch(0, elements)],
      needs: [at(0) + pixels, ...(places ? [at(1) + elements] : [])],
      ...complaintOf({
        [PLANES]: Number.isInteger(planes),
        'four windows at a time do not fill a plane, or begin between two vec4s':
          width === 1 || ((at(8) * at(9)) % width === 0 && at(1) % width === 0)
      })
    }
  }

/** Pixels from windows: `window_spread`, and with `places` `window_scatter`. */
export const pixelsFromWindows =
  (places: boolean): Reading =>
  call => {
    const { at, elements, planes, windows } = windowsOf(call, 'image')
    return {
      stores: [stretch(0, elements)],
      needs: [at(0) + windows, ...(places ? [at(1) + windows] : [])],
      ...complaintOf({ [PLANES]: Number.isInteger(planes) })
    }
  }

/** The window shaders by rows of vec4. */
export const windowsRow4 =
  (side: 'windows' | 'image', places = false): Reading =>
  call => {
    const { at } = wordsOf(call)
    const [planes, columns, stride, size] = [
      at(2),
      constantOf(call, 'J4'),
      constantOf(call, 'STRIDE'),
      constantOf(call, 'S')
    ]
    const windows = planes * constantOf(call, 'ROWS') * columns * 4
    const pixels = planes * constantOf(call, 'H') * columns * 4 * stride
    const [stored, read] = side === 'windows' ? [windows, pixels] : [pixels, windows]
    return {
      stores: [stretch(0, stored)],
      needs: [at(0) + read, ...(places ? [at(1) + read] : [])],
      workgroups: [Math.ceil((planes * columns) / constantOf(call, 'SIZE')), 1, 1],
      ...complaintOf({
        'an operand that it loads by vec4 begins between two': at(0) % 4 === 0 && at(1) % 4 === 0,
        'its rows straddle subgroups': size % columns === 0 && constantOf(call, 'SIZE') % size === 0
      })
    }
  }

/** `matmul`: elements, m, n, k. The products by tiles have m, n, k, and a matrix of the batch a workgroup in z. */
const productOf = (call: Call, tiled: boolean) => {
  const { at, list } = wordsOf(call)
  const [m, n, k] = tiled ? [at(12), at(13), at(14)] : [at(13), at(14), at(15)]
  const batch = tiled ? call.workgroups[2] : at(12) / ((m as number) * (n as number))
  return {
    ...{ at, m: m as number, n: n as number, batch },
    contract: {
      stores: [stretch(at(2), batch * (m as number) * (n as number))],
      needs: [
        reachOf(at(0), [batch, m as number, k as number], list(4, 3)),
        reachOf(at(1), [batch, k as number, n as number], list(8, 3))
      ]
    }
  }
}

export const matmul: Reading = call => {
  const { contract, batch } = productOf(call, false)
  return { ...contract, ...complaintOf({ 'its elements do not fill whole matrices': Number.isInteger(batch) }) }
}

/** A workgroup takes so many rows and columns. */
const tiled =
  (rows: (call: Call) => number, columns: (call: Call) => number): Reading =>
  call => {
    const { contract, batch, m, n } = productOf(call, true)
    return { ...contract, workgroups: [Math.ceil(n / columns(call)), Math.ceil(m / rows(call)), batch] }
  }
const sixteen = () => 16
export const matmulShuffleAny = tiled(sixteen, call => 2 * constantOf(call, 'S'))
export const matmulTile = tiled(
  call => constantOf(call, 'ROWS'),
  () => 64
)
export const matmulShuffle: Reading = call => {
  const { at, list } = wordsOf(call)
  const [row, column] = list(9, 2) as readonly [number, number]
  const transposed = constantOf(call, 'TRANSPOSED') === 1
  return {
    ...tiled(sixteen, one => 4 * constantOf(one, 'S'))(call),
    ...complaintOf({
      'its columns do not fill vec4s': at(13) % 4 === 0 && (!transposed || at(14) % 4 === 0),
      'y or the result is not walked by whole vec4s':
        [at(1), at(2), at(8), transposed ? column : row].every(stride => stride % 4 === 0) &&
        (transposed ? row : column) === 1
    })
  }
}

/** Parts of a call of `gather_parts.wgsl`. */
const PARTS = 16

/**
 * A function of stretches of up to four operands: where each part begins among all elements, where it goes, and from
 * where its operands are.
 */
export const gatherParts: Reading = call => {
  const { at } = wordsOf(call)
  const count = at(0)
  const operands = [0, 1, 2, 3].filter(j => call.op?.includes(`element(operands[${j}]`))
  const all = Array.from({ length: PARTS }, (_, k) => ({ begin: at(8 + 4 * k), to: at(9 + 4 * k), k }))
  const parts = all.map((part, i) => ({ ...part, size: (all[i + 1]?.begin ?? count) - part.begin })).slice(0, at(4) + 1)
  const sources = parts.flatMap(({ k, size }) =>
    operands.map(j => {
      const of = (array: number): number => at(8 + 4 * (array * PARTS + k) + j)
      return { operand: of(1), end: reachOf(of(2), [size], [(at(10 + 4 * k) >> j) & 1]) }
    })
  )
  return {
    stores: parts.map(({ to, size }) => stretch(to, size)),
    needs: call.reads.map((_, j) =>
      sources.reduce((most, { operand, end }) => (operand === j ? Math.max(most, end) : most), 0)
    ),
    ...complaintOf({
      ...zeros(call, [1, 2, 3]),
      'its parts do not follow one another': at(8) === 0 && parts.every(({ size }) => size > 0),
      'a part is of an operand that it does not have': sources.every(({ operand }) => operand < call.reads.length)
    })
  }
}

export const argmax: Reading = call => {
  const { at } = wordsOf(call)
  return { stores: [stretch(0, at(4))], needs: [at(0) + at(4) * at(5)] }
}

export const oneHot: Reading = call => {
  const { at } = wordsOf(call)
  return { stores: [stretch(0, at(4))], needs: [at(0) + at(4) / at(5)] }
}

/** `take` and its transpose: elements, the extent, what lies within an index, the indices, and how they are walked. */
export const indexed =
  (of: 'take' | 'scatter_add'): Reading =>
  call => {
    const { at, list } = wordsOf(call)
    const [elements, extent, inner, indices] = [at(4), at(5), at(6), at(7)]
    const [along, across] = of === 'take' ? [indices, extent] : [extent, indices]
    const outer = elements / (along * inner)
    const walked = (offset: number): number => reachOf(offset, [outer, indices, inner], list(8, 3))
    return {
      stores: [stretch(0, elements)],
      needs: [at(0) + outer * across * inner, walked(at(1)), ...(of === 'take' ? [] : [walked(at(2))])],
      ...complaintOf({ 'its elements do not fill whole rows': Number.isInteger(outer) })
    }
  }

/** `sort_blocks`, and `merge_runs` with an order: elements, those of a row. */
export const sorted =
  (merged: boolean): Reading =>
  call => {
    const { at } = wordsOf(call)
    return {
      stores: [stretch(0, at(4))],
      needs: [at(0) + at(4), ...(merged ? [at(1) + at(4)] : [])],
      ...complaintOf({
        'its elements do not fill whole rows': at(4) % at(5) === 0,
        'its runs are not of whole stretches of 8': !merged || (at(6) > 0 && at(6) % 8 === 0)
      })
    }
  }

/** `flip`: elements, the extent that is turned round, what lies within an index. */
export const flip: Reading = call => {
  const { at } = wordsOf(call)
  return {
    stores: [stretch(0, at(4))],
    needs: [at(0) + at(4)],
    ...complaintOf({ 'its elements do not fill whole rows': at(4) % (at(5) * at(6)) === 0 })
  }
}

/** `cumsum`: columns, the extent that is added up, what lies within an index. */
export const cumsum: Reading = call => {
  const { at } = wordsOf(call)
  return {
    stores: [stretch(0, at(4) * at(5))],
    needs: [at(0) + at(4) * at(5)],
    ...complaintOf({ 'its columns do not fill whole rows': at(4) % at(6) === 0 })
  }
}

export const random: Reading = call => {
  const { at } = wordsOf(call)
  const keys = at(4) / at(5)
  return {
    stores: [stretch(0, at(4))],
    needs: [at(0) + 2 * keys],
    ...complaintOf({ 'its elements are not those of whole keys': Number.isInteger(keys) })
  }
}

/** Checks join a report that another call has started. */
export const checkRow: Reading = call => ({ stores: [], needs: [wordsOf(call).at(0) + wordsOf(call).at(2)] })
export const checkEqual: Reading = call => {
  const { at, list } = wordsOf(call)
  const need = reachOf(at(20), list(4, at(2)), list(12, at(2)))
  return {
    stores: [],
    needs: [need, need, need],
    ...complaintOf({ 'its extents are not those of its elements': product(list(4, at(2))) === at(0) })
  }
}
