/** Convolutions and their gradients: plain ones, those of any extents, and those by rows of vec4. */
import { stretch } from '../regions.js'
import type { Call, Region } from '../spec.js'
import { complaintOf, constantOf, product, type Reading, wordsOf } from './contract.js'

/** The uniform of `conv_params.wgsl`. */
const plainOf = (call: Call) => {
  const { at } = wordsOf(call)
  const [batch, channels, outputs] = [at(5), at(6), at(7)]
  return {
    offsets: [at(0), at(1), at(2)] as const,
    elements: at(4),
    images: batch * channels * at(8) * at(9),
    results: batch * outputs * at(10) * at(11),
    filters: outputs * at(20) * at(12) * at(13),
    grouped: channels % at(20) === 0 && outputs % at(21) === 0 && channels / at(20) === outputs / at(21)
  }
}

const ELEMENTS = 'its elements are not those of its extents'
const GROUPS = 'its channels and outputs are not of as many groups'

export const conv2d: Reading = call => {
  const { offsets, elements, images, results, filters, grouped } = plainOf(call)
  return {
    stores: [stretch(0, elements)],
    needs: [offsets[0] + images, offsets[1] + filters],
    ...complaintOf({ [ELEMENTS]: elements === results, [GROUPS]: grouped })
  }
}

export const conv2dInputGrad: Reading = call => {
  const { offsets, elements, images, results, filters, grouped } = plainOf(call)
  return {
    stores: [stretch(0, elements)],
    needs: [offsets[0] + results, offsets[1] + filters],
    ...complaintOf({ [ELEMENTS]: elements === images, [GROUPS]: grouped })
  }
}

export const conv2dFilterGrad: Reading = call => {
  const { offsets, elements, images, results, filters, grouped } = plainOf(call)
  const lanes = constantOf(call, 'LANES')
  return {
    stores: [stretch(offsets[2], elements)],
    needs: [offsets[0] + images, offsets[1] + results],
    ...complaintOf({
      [ELEMENTS]: elements === filters,
      [GROUPS]: grouped,
      'its lanes are no power of two up to 64': lanes <= 64 && Number.isInteger(Math.log2(lanes))
    })
  }
}

/** The uniform of `conv_any_params.wgsl`. */
const anyOf = (call: Call) => {
  const { at } = wordsOf(call)
  const [pixels, all, rows, columns] = [at(2), at(3), at(8), at(9)]
  const [height, width, apart] = [at(10), at(11), at(12)]
  const outputs = at(7)
  const taps = { first: at(24) * at(22) + at(25), last: (at(28) - 1) * at(26) * at(22) + (at(29) - 1) * at(26) }
  const [eachOutputs, eachChannels] = [at(30), at(31)]
  const groups = outputs / eachOutputs
  return {
    all,
    outputs,
    eachOutputs,
    groups,
    region: {
      offset: at(15) + at(13) * width + at(14),
      extents: [all / pixels, outputs, rows, columns],
      strides: [outputs * height * width, height * width, apart * width, apart]
    } satisfies Region,
    needs: [
      at(0) + ((all / pixels - 1) * at(4) + groups * eachChannels) * at(5) * at(6),
      at(28) * at(29) === 0
        ? 0
        : 1 +
          at(1) +
          taps.first +
          taps.last +
          (groups - 1) * at(23) +
          (eachOutputs - 1) * at(20) +
          (eachChannels - 1) * at(21)
    ],
    ...complaintOf({
      'its pixels are not those of its rows and columns': rows * columns === pixels && Number.isInteger(all / pixels),
      'its pixels lie outside the result':
        at(13) + (rows - 1) * apart < height && at(14) + (columns - 1) * apart < width,
      [GROUPS]: Number.isInteger(groups) && groups * eachChannels <= at(4)
    })
  }
}

type Sizes = Pick<ReturnType<typeof anyOf>, 'all' | 'outputs' | 'eachOutputs' | 'groups'>

const anyExtents =
  (workgroups: (sizes: Sizes, call: Call) => readonly [number, number, number]): Reading =>
  call => {
    const { region, needs, wrong, ...sizes } = anyOf(call)
    return { stores: [region], needs, workgroups: workgroups(sizes, call), ...(wrong === undefined ? {} : { wrong }) }
  }

/** A lane takes four pixels; a workgroup has 64 lanes, and of `conv2d_any` eight outputs. */
export const conv2dAny = anyExtents(({ all, outputs }) => [Math.ceil(all / 256), Math.ceil(outputs / 8), 1])
export const conv2dGroupedAny = anyExtents(({ all, outputs }) => [Math.ceil(all / 256), outputs, 1])
export const conv2dDirect = conv2dGroupedAny
/** Tiles of 64 columns. */
export const conv2dTile = anyExtents(({ all, eachOutputs, groups }, call) => [
  Math.ceil(all / 64),
  Math.ceil(eachOutputs / constantOf(call, 'ROWS')),
  groups
])

/** The uniform of `conv_filter_grad_params.wgsl`. Each turn goes on by `step` pixels. */
const filterGradient = (
  step: (call: Call) => number,
  workgroups: (
    sizes: { outputs: number; eachOutputs: number; eachChannels: number; taps: readonly [number, number] },
    call: Call
  ) => readonly [number, number]
): { readonly of: (parts: 1 | 2) => Reading } => ({
  of: axis => call => {
    const { at } = wordsOf(call)
    const [images, each, channels, outputs] = [at(2), at(3), at(4), at(7)]
    const [rows, columns] = [at(8), at(9)]
    const taps = [at(10), at(11)] as const
    const [eachChannels, eachOutputs] = [at(18), at(19)]
    const parts = Math.ceil(images / each)
    const [x, y] = workgroups({ outputs, eachOutputs, eachChannels, taps }, call)
    return {
      stores: [stretch(0, parts * outputs * eachChannels * product(taps))],
      needs: [at(0) + images * channels * at(5) * at(6), at(1) + images * outputs * rows * columns],
      workgroups: axis === 1 ? [x, parts, 1] : [x, y, parts],
      ...complaintOf({
        'a turn does not go on by as many pixels as its lanes take':
          (at(20) * rows + at(21)) * columns + at(22) === step(call),
        [GROUPS]: channels / eachChannels === outputs / eachOutputs
      })
    }
  }
})

/** Sixteen outputs and two columns a lane of a subgroup. */
export const conv2dFilterGradAny = filterGradient(
  () => 1,
  ({ outputs, eachChannels, taps }, call) => [
    Math.ceil(outputs / 16) * Math.ceil((eachChannels * product(taps)) / (2 * constantOf(call, 'S'))),
    1
  ]
).of(1)
const byRowsOfTaps = (step: (call: Call) => number) =>
  filterGradient(step, ({ outputs, eachChannels, taps }, call) =>
    constantOf(call, 'L') === taps[1] ? [outputs * eachChannels, taps[0]] : [Number.NaN, taps[0]]
  ).of(2)
export const conv2dGroupedFilterGradAny = byRowsOfTaps(call => constantOf(call, 'S'))
export const conv2dFilterGradTree = byRowsOfTaps(() => 64)
/** Tiles of 64 columns and a depth of 16. */
export const conv2dFilterGradTile = filterGradient(
  () => 16,
  ({ outputs, eachOutputs, eachChannels, taps }, call) => [
    Math.ceil((eachChannels * product(taps)) / 64),
    (outputs / eachOutputs) * Math.ceil(eachOutputs / constantOf(call, 'ROWS'))
  ]
).of(2)

const ALIGNED = 'an operand that it loads by vec4 begins between two'
const isAligned = (offset: number): boolean => offset % 4 === 0

/** `conv2d_row4`: what is stored follows from the workgroups. */
export const conv2dRow4: Reading = call => {
  const { at } = wordsOf(call)
  const [channels, outputs, height, columns] = [at(4), at(5), at(6), at(7)]
  const stored = at(2)
  const [x, y] = call.workgroups
  const [size, outs] = [constantOf(call, 'SIZE'), constantOf(call, 'OUTS')]
  const pixels = x * size * 8
  const plane = height * columns * 4
  return {
    stores: [stretch(at(3), pixels * y * outs)],
    needs: [
      at(0) + ((pixels / plane - 1) * stored + channels) * plane,
      at(1) + 9 * (constantOf(call, 'FLIP') === 1 ? outputs * channels : (outputs - 1) * stored + channels)
    ],
    workgroups: [Math.ceil(pixels / (8 * size)), outputs / outs, 1],
    ...complaintOf({
      [ALIGNED]: isAligned(at(0)) && isAligned(at(3)),
      'its lanes do not fill whole images': Number.isInteger(pixels / plane) && height % 2 === 0,
      'rows straddle its subgroups, and it does not look for that':
        constantOf(call, 'EDGES') === 1 || constantOf(call, 'S') % columns === 0
    })
  }
}

/** `conv2d_1x1_row4`. */
export const conv2d1x1Row4: Reading = call => {
  const { at } = wordsOf(call)
  const [total, plane, outputs, channels] = [at(2), at(3), at(6), at(7)]
  return {
    stores: [stretch(at(9), 4 * total * outputs)],
    needs: [
      at(0) + 4 * plane * ((total / plane - 1) * at(8) + channels),
      1 + at(1) + (outputs - 1) * at(4) + (channels - 1) * at(5)
    ],
    workgroups: [Math.ceil(total / constantOf(call, 'SIZE')), Math.ceil(outputs / constantOf(call, 'OUTS')), 1],
    ...complaintOf({
      [ALIGNED]: isAligned(at(0)) && isAligned(at(9)),
      'its pixels do not fill whole images': Number.isInteger(total / plane)
    })
  }
}

/** `conv2d_filter_grad_row4`: eight outputs of a subgroup of channels. */
export const conv2dFilterGradRow4: Reading = call => {
  const { at } = wordsOf(call)
  const [images, each, channels, outputs] = [at(2), at(3), at(4), at(5)]
  const plane = at(6) * at(7) * 4
  const parts = Math.ceil(images / each)
  return {
    stores: [stretch(0, parts * outputs * channels * 9)],
    needs: [at(0) + images * channels * plane, at(1) + images * outputs * plane],
    workgroups: [Math.ceil(outputs / 8) * Math.ceil(channels / constantOf(call, 'S')), parts, 1],
    ...complaintOf({ [ALIGNED]: isAligned(at(0)) && isAligned(at(1)) })
  }
}

/** `conv2d_1x1_filter_grad_row4`: sixteen outputs and two channels a lane of a subgroup. */
export const conv2d1x1FilterGradRow4: Reading = call => {
  const { at } = wordsOf(call)
  const [plane, images, each, channels, outputs] = [4 * at(2), at(4), at(5), at(6), at(7)]
  const parts = Math.ceil(images / each)
  return {
    stores: [stretch(0, parts * outputs * channels)],
    needs: [at(0) + images * channels * plane, at(1) + images * outputs * plane],
    workgroups: [Math.ceil(outputs / 16), Math.ceil(channels / (2 * constantOf(call, 'S'))), parts],
    ...complaintOf({ [ALIGNED]: isAligned(at(0)) && isAligned(at(1)) })
  }
}

/** What the depthwise shaders by rows of vec4 are told by constants. */
const depthwiseOf = (call: Call) => {
  const { at } = wordsOf(call)
  const [channels, taps, height] = [constantOf(call, 'CHANNELS'), constantOf(call, 'K') ** 2, constantOf(call, 'H')]
  return { at, channels, filters: channels * taps, height, size: constantOf(call, 'S') }
}
const ROWS = 'its rows straddle subgroups'

/** `conv2d_depthwise_row4`. */
export const conv2dDepthwiseRow4: Reading = call => {
  const { at, channels, filters, height, size } = depthwiseOf(call)
  const [images, columns, dilation] = [at(2), constantOf(call, 'W4'), constantOf(call, 'DILATION')]
  const all = images * channels * height * columns * 4
  return {
    stores: [stretch(0, all)],
    needs: [at(0) + all, at(1) + filters],
    workgroups: [Math.ceil((images * dilation * columns) / constantOf(call, 'SIZE')), channels, 1],
    ...complaintOf({
      [ALIGNED]: isAligned(at(0)),
      [ROWS]: size % columns === 0 && constantOf(call, 'SIZE') % size === 0
    })
  }
}

/** `conv2d_depthwise_filter_grad_row4`. */
export const conv2dDepthwiseFilterGradRow4: Reading = call => {
  const { at, channels, filters, height, size } = depthwiseOf(call)
  const [images, each, columns] = [at(2), at(3), constantOf(call, 'W4')]
  const parts = Math.ceil(images / each)
  const all = images * channels * height * columns * 4
  return {
    stores: [stretch(0, parts * filters)],
    needs: [at(0) + all, at(1) + all],
    workgroups: [channels, parts, 1],
    ...complaintOf({ [ALIGNED]: isAligned(at(0)) && isAligned(at(1)), [ROWS]: size % columns === 0 })
  }
}

/** The depthwise shaders of stride 2, by where they store. */
export const conv2dDepthwiseStride2 =
  (result: 'outputs' | 'images' | 'filters'): Reading =>
  call => {
    const { at, channels, filters, height, size } = depthwiseOf(call)
    const [images, each, columns] = [at(2), at(3), constantOf(call, 'J4')]
    const outputs = images * channels * constantOf(call, 'ROWS') * columns * 4
    const pixels = images * channels * height * columns * 8
    const parts = Math.ceil(images / each)
    const walks = Math.ceil((images * columns) / constantOf(call, 'SIZE'))
    return {
      stores: [stretch(0, result === 'outputs' ? outputs : result === 'images' ? pixels : parts * filters)],
      needs: [at(0) + (result === 'images' ? outputs : pixels), at(1) + (result === 'filters' ? outputs : filters)],
      workgroups: result === 'filters' ? [channels, parts, 1] : [walks, channels, 1],
      ...complaintOf({
        [ALIGNED]: isAligned(at(0)) && (result !== 'filters' || isAligned(at(1))),
        [ROWS]: size % columns === 0 && (result === 'filters' || constantOf(call, 'SIZE') % size === 0)
      })
    }
  }
