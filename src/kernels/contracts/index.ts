/**
 * What each shader does to memory, by its file's name. A shader that a program of the engine calls has an entry; a test
 * goes over all files.
 */
import type { Reading } from './contract.js'
import * as convolutions from './convolutions.js'
import * as generated from './generated.js'
import * as others from './others.js'

export type { Contract, Reading } from './contract.js'

export const CONTRACTS: Readonly<Record<string, Reading>> = {
  map: generated.map,
  map_strided: generated.mapStrided,
  map_rows: generated.mapRows,
  reduce: generated.reduce(false),
  reduce_shuffle: generated.reduce(true),

  conv2d: convolutions.conv2d,
  conv2d_input_grad: convolutions.conv2dInputGrad,
  conv2d_filter_grad: convolutions.conv2dFilterGrad,
  conv2d_any: convolutions.conv2dAny,
  conv2d_grouped_any: convolutions.conv2dGroupedAny,
  conv2d_direct: convolutions.conv2dDirect,
  conv2d_tile: convolutions.conv2dTile,
  conv2d_filter_grad_any: convolutions.conv2dFilterGradAny,
  conv2d_grouped_filter_grad_any: convolutions.conv2dGroupedFilterGradAny,
  conv2d_filter_grad_tree: convolutions.conv2dFilterGradTree,
  conv2d_filter_grad_tile: convolutions.conv2dFilterGradTile,
  conv2d_row4: convolutions.conv2dRow4,
  conv2d_1x1_row4: convolutions.conv2d1x1Row4,
  conv2d_filter_grad_row4: convolutions.conv2dFilterGradRow4,
  conv2d_1x1_filter_grad_row4: convolutions.conv2d1x1FilterGradRow4,
  conv2d_depthwise_row4: convolutions.conv2dDepthwiseRow4,
  conv2d_depthwise_filter_grad_row4: convolutions.conv2dDepthwiseFilterGradRow4,
  conv2d_depthwise_stride2_row4: convolutions.conv2dDepthwiseStride2('outputs'),
  conv2d_depthwise_stride2_input_grad_row4: convolutions.conv2dDepthwiseStride2('images'),
  conv2d_depthwise_stride2_filter_grad_row4: convolutions.conv2dDepthwiseStride2('filters'),

  window_argmax: others.windowsFromPixels(false),
  window_sum: others.windowsFromPixels(false),
  window_gather: others.windowsFromPixels(true),
  window_gather4: others.windowsFromPixels(true, 4),
  window_spread: others.pixelsFromWindows(false),
  window_scatter: others.pixelsFromWindows(true),
  window_argmax_row4: others.windowsRow4('windows'),
  window_sum_row4: others.windowsRow4('windows'),
  window_spread_row4: others.windowsRow4('image'),
  window_scatter_row4: others.windowsRow4('image', true),

  matmul: others.matmul,
  matmul_shuffle: others.matmulShuffle,
  matmul_shuffle_any: others.matmulShuffleAny,
  matmul_tile: others.matmulTile,

  gather_parts: others.gatherParts,
  argmax: others.argmax,
  one_hot: others.oneHot,
  take: others.indexed('take'),
  scatter_add: others.indexed('scatter_add'),
  sort_blocks: others.sorted(false),
  merge_runs: others.sorted(true),
  flip: others.flip,
  cumsum: others.cumsum,
  random: others.random,
  check_finite: others.checkRow,
  check_written: others.checkRow,
  check_equal: others.checkEqual
}
