/** Every refusal of a shape is one sentence: what was required, what was got, the cure. */

import { describe, expect, it } from 'vitest'
import { grad } from '../../src/autodiff/grad.js'
import { topological } from '../../src/autodiff/graph.js'
import { input } from '../../src/autodiff/leaves.js'
import * as nn from '../../src/autodiff/nn.js'
import * as $ from '../../src/autodiff/ops/index.js'
import { ShapeError } from '../../src/autodiff/shape.js'
import type { Tensor } from '../../src/autodiff/tensor.js'
import { requireDtype } from '../../src/autodiff/tensor.js'
import type { DType } from '../../src/kernels/spec.js'

const t = (shape: readonly number[], dtype: DType = 'f32'): Tensor => input({ shape, dtype })
const scalar = t([])
const vector = t([3])
const matrix = t([2, 3])
const images = t([2, 4, 5, 5])
const filters = t([6, 4, 3, 3])
const labels = t([2], 'i32')

type Refusal = readonly [what: string, refused: () => unknown, required: string, got: string, cure: string]

const refusals: Readonly<Record<string, readonly Refusal[]>> = {
  'pointwise operations': [
    [
      'extents that do not broadcast',
      () => $.add(matrix, t([2])),
      'shapes that broadcast',
      '[2,3] and [2]',
      'reshape or transpose'
    ],
    ['mixed dtypes', () => $.mul(vector, t([3], 'i32')), 'operands of one dtype', 'f32[3], i32[3]', 'convert'],
    ['integers where only f32 goes', () => $.exp(t([3], 'i32')), 'f32 operands', 'i32[3]', 'convert(x, dtype)'],
    ['unsigned integers negated', () => $.neg(t([3], 'u32')), 'signed operands', 'u32[3]', 'convert'],
    ['a condition of floats', () => $.where(vector, 1, 2), 'a condition of dtype u32', 'f32[3]', 'greater(x, 0)'],
    [
      'branches of two dtypes',
      () => $.where(t([3], 'u32'), vector, labels),
      'shapes that broadcast',
      '[3] and [2]',
      'reshape'
    ],
    ['a power that is not finite', () => $.pow(vector, Number.NaN), 'a finite exponent', 'NaN', 'use exp'],
    ['a power that f32 cannot hold', () => $.pow(vector, -1e39), 'a finite exponent', '-1e+39', 'use exp'],
    [
      'a dtype that is required',
      () => requireDtype('f', labels, 'f32'),
      'a tensor of dtype f32',
      'i32[2]',
      "convert(x, 'f32')"
    ]
  ],
  'constants and inputs': [
    ['ragged rows', () => $.tensor([[1, 2], [3]]), 'nested lists of equal lengths', '[2], [1]', 'equally long'],
    ['too few values', () => $.tensor([1, 2], [3]), '3 values for the shape [3]', '2', 'holds them all'],
    ['no values', () => $.tensor([]), 'a positive whole extent', '[0]', 'leave empty tensors out'],
    ['an input without elements', () => t([2, 0]), 'a positive whole extent', '[2,0]', 'leave empty tensors out']
  ],
  'reshape and broadcast': [
    [
      'another number of elements',
      () => $.reshape(matrix, [4]),
      'a shape of 6 elements for f32[2,3]',
      '[4]',
      'same product'
    ],
    [
      'an extent that does not come out',
      () => $.reshape(matrix, [4, -1]),
      'a positive whole extent',
      '[4,1.5]',
      'leave'
    ],
    [
      'a shape that is not stretched to',
      () => $.broadcastTo(matrix, [3, 3]),
      'a shape that f32[2,3] stretches to',
      '[3,3]',
      'line up'
    ],
    ['fewer axes', () => $.broadcastTo(matrix, [3]), 'a shape that f32[2,3] stretches to', '[3]', 'line up']
  ],
  reductions: [
    [
      'an axis that is not there',
      () => $.sum(matrix, 2),
      'an axis from -2 to 1',
      'axis 2 of a tensor with 2 axes',
      'an axis that exists'
    ],
    ['a negative one', () => $.max(matrix, -3), 'an axis from -2 to 1', 'axis -3', 'an axis that exists'],
    ['a maximum of integers', () => $.max(labels), 'f32 operands', 'i32[2]', 'convert'],
    [
      'a place among no axes',
      () => $.argmax(scalar),
      'an axis',
      'axis -1 of a tensor with 0 axes',
      'an axis that exists'
    ]
  ],
  movement: [
    [
      'an axis named twice',
      () => $.transpose(matrix, [0, 0]),
      'a permutation of the 2 axes of f32[2,3]',
      '[0,0]',
      'each axis once'
    ],
    ['too few axes', () => $.transpose(matrix, [0]), 'a permutation', '[0]', 'each axis once'],
    ['an empty slice', () => $.slice(matrix, [[1, 1]]), '0 <= start < stop <= extent', '[1,0] to [1,3]', 'not empty'],
    [
      'a slice before the start',
      () => $.slice(matrix, [[-3]]),
      '0 <= start < stop <= extent',
      '[-1,0]',
      'inside the tensor'
    ],
    ['a step of 0', () => $.slice(matrix, [[0, 2, 0]]), 'step >= 1', 'by [0,1]', 'inside'],
    ['too many specs', () => $.slice(vector, [[], []]), 'at most 1 specs for f32[3]', '2', 'drop the last ones'],
    ['a padding below 0', () => $.pad(vector, [-1], [0]), '1 counts >= 0', '[-1] [0] [0]', 'use slice'],
    ['paddings of too few axes', () => $.pad(matrix, [1], [1]), '2 counts', '[1] [1] [0,0]', 'use slice'],
    [
      'shapes that do not fit together',
      () => $.concat([matrix, t([2, 4])]),
      'agree on every axis but 0',
      'f32[2,3], f32[2,4]',
      'pad them'
    ],
    [
      'dtypes that do not',
      () => $.concat([t([2]), labels]),
      'agree on every axis but 0',
      'f32[2], i32[2]',
      'reshape or pad'
    ],
    ['nothing', () => $.concat([]), 'at least one tensor', 'none', 'a list that is not empty'],
    ['scalars', () => $.concat([scalar, scalar]), 'an axis', 'axis 0 of a tensor with 0 axes', 'an axis that exists']
  ],
  matmul: [
    [
      'inner extents',
      () => $.matmul(matrix, matrix),
      'f32[..., m, k] and f32[..., k, n]',
      'f32[2,3] and f32[2,3]',
      'transpose'
    ],
    ['integers', () => $.matmul(t([2, 2], 'i32'), t([2, 2], 'i32')), 'f32[..., m, k]', 'i32[2,2]', 'transpose'],
    ['a scalar', () => $.matmul(scalar, matrix), 'at least one axis', 'f32[] and f32[2,3]', 'use mul'],
    ['batches', () => $.matmul(t([2, 4, 3]), t([5, 3, 4])), 'shapes that broadcast', '[2] and [5]', 'reshape']
  ],
  indexing: [
    ['indices of floats', () => $.take(matrix, vector), 'i32 indices', 'f32[2,3] and f32[3]', 'convert'],
    ['a table of integers', () => $.take(labels, labels), 'an f32 tensor', 'i32[2]', 'convert'],
    [
      'an axis that is not there',
      () => $.take(matrix, labels, 2),
      'an axis from -2 to 1',
      'axis 2',
      'an axis that exists'
    ],
    [
      'rows that are not those of the indices',
      () => $.scatterAdd(vector, labels, 0, 5),
      'are those of the i32 indices',
      'f32[3] and i32[2]',
      'reshape'
    ],
    ['no rows to scatter to', () => $.scatterAdd(t([2]), labels, 0, 0), 'a positive extent', 'into 0', 'reshape'],
    ['no classes', () => $.oneHot(labels, 0), 'a positive number of classes', 'i32[2] and 0', 'convert'],
    ['classes of floats', () => $.oneHot(vector, 3), 'i32 indices', 'f32[3]', "convert(x, 'i32')"]
  ],
  'along axes': [
    [
      'another rank of indices',
      () => $.takeAlong(matrix, labels),
      'of equally many axes',
      'f32[2,3] and i32[2]',
      'reshape'
    ],
    ['indices of floats', () => $.takeAlong(matrix, matrix), 'i32 indices', 'f32[2,3] and f32[2,3]', 'convert'],
    [
      'other axes',
      () => $.takeAlong(matrix, t([3, 3], 'i32'), 1),
      'shapes that broadcast',
      '[2,1] and [3,1]',
      'reshape'
    ],
    ['no places', () => $.scatterAddAlong(vector, t([3], 'i32'), 0, 0), 'a positive extent', 'into 0', 'reshape'],
    ['a scalar', () => $.sort(scalar), 'an axis', 'axis -1 of a tensor with 0 axes', 'an axis that exists'],
    [
      'more than there are',
      () => $.topK(matrix, 4),
      'a whole number from 1 to 3 for axis -1 of f32[2,3]',
      '4',
      'ask for fewer'
    ],
    ['percents', () => $.quantile(matrix, 50), 'a number from 0 to 1', '50', 'divide percents by 100'],
    [
      'a misspelt option',
      () => $.sort(matrix, 0, { descend: true } as never),
      'options among descending',
      "'descend'",
      'write descending'
    ],
    ['part of a shift', () => $.roll(vector, 0.5), 'a shift as a whole number', '0.5', 'round it'],
    ['too many differences', () => $.diff(vector, 0, 3), 'an order below the extent 3', '3', 'take fewer'],
    [
      'a diagonal outside',
      () => $.diagonal(matrix, { offset: 3 }),
      'an offset from -1 to 2 for f32[2,3]',
      '3',
      'choose one within'
    ],
    [
      'a diagonal of one axis',
      () => $.diagonal(matrix, { axes: [0, -2] }),
      'two different axes',
      '0 and -2',
      'name the rows'
    ],
    ['no function', () => $.associativeScan(3 as never, vector), 'a function', '3', 'pass x => ...']
  ],
  einsum: [
    ['other extents', () => $.einsum('ij,jk', matrix, matrix), "one extent for 'j'", '3 and 2', 'use another letter'],
    ['too few letters', () => $.einsum('i->', matrix), 'as many letters as axes', "'i' for f32[2,3]", 'write ...'],
    ['too few operands', () => $.einsum('ij,jk->ik', matrix), "each of the terms of 'ij,jk->ik'", '1', 'commas'],
    [
      'a letter from nowhere',
      () => $.einsum('ij->k', matrix),
      'letters are those of operands',
      "'k', which no operand has",
      'after ->'
    ],
    ['a letter twice in the result', () => $.einsum('ij->ii', matrix), 'each once', "'i' twice", 'after ->'],
    ['a sign', () => $.einsum('i+->', matrix), "subscripts like 'bij,bjk->bik'", "'+' in 'i+'", 'by a letter'],
    ['two results', () => $.einsum('ij->i->', matrix), 'subscripts like', "'ij->i->'", "'->' once"],
    ['an ellipsis that is lost', () => $.einsum('...i->', matrix), "'...' in the result", "''", "write '...' after ->"],
    [
      'axes of an ellipsis',
      () => $.einsum('...,...->...', matrix, t([2])),
      'one extent for each axis of ...',
      '3 and 2',
      'reshape'
    ],
    ['integers', () => $.einsum('i->', labels), 'a tensor of dtype f32', 'i32[2]', "convert(x, 'f32')"]
  ],
  'transposed and one-dimensional convolutions': [
    [
      'filters of other channels',
      () => $.convTranspose2d(images, filters),
      'a filter for each channel',
      'f32[6,4,3,3] on',
      'groups'
    ],
    [
      'an output padding of a stride',
      () => $.convTranspose2d(images, t([4, 2, 3, 3]), { stride: 2, outputPadding: 2 }),
      'an outputPadding from 0 to below the stride',
      '[2,2] with stride [2,2]',
      'lower it'
    ],
    [
      'channels of signals',
      () => $.conv1d(t([1, 2, 5]), t([3, 4, 2])),
      'filters [O,C/groups,K] for 2 channels',
      'f32[3,4,2] on',
      'groups'
    ],
    [
      'half a stride',
      () => $.conv1d(t([1, 2, 5]), t([3, 2, 2]), { stride: 0.5 }),
      'a whole stride',
      '[0.5,1,1,0,0]',
      'mend'
    ],
    [
      'a short signal',
      () => $.conv1d(t([1, 2, 5]), t([3, 2, 6])),
      'signals of at least 6 elements',
      'f32[1,2,5] with 0',
      'pad more'
    ],
    [
      'filters of other signals',
      () => $.convTranspose1d(t([1, 2, 5]), t([3, 2, 2])),
      'filters [C,O/groups,K] for 2',
      'f32[3,2,2]',
      'groups'
    ],
    [
      'an output padding of a stride along signals',
      () => $.convTranspose1d(t([1, 2, 5]), t([2, 2, 2]), { outputPadding: 1 }),
      'an outputPadding below the stride 1',
      '1',
      'lower it'
    ],
    [
      'no filter for a signal',
      () => $.convTranspose1d(t([1, 2, 1]), t([2, 2, 1]), { padding: 1 }),
      'a result of at least one element',
      '-1',
      'lower'
    ],
    ['sorted integers', () => $.topK(labels, 1), 'a tensor of dtype f32', 'i32[2]', "convert(x, 'f32')"],
    ['images as signals', () => $.conv1d(images, filters), 'signals [B,C,L]', 'f32[6,4,3,3]', 'reshape them to 3 axes'],
    [
      'an unknown option',
      () => $.conv1d(t([1, 2, 3]), t([1, 2, 1]), { pad: 1 } as never),
      'options among',
      "'pad'",
      'write padding'
    ]
  ],
  resampling: [
    ['half a size', () => $.resize(images, [4.5, 3]), 'a positive whole extent', '[4.5,3]', '[height, width]'],
    [
      'too many extents',
      () => $.resize(vector, [4, 3]),
      'a positive whole extent',
      '[4,3] for f32[3]',
      '[height, width]'
    ],
    [
      'a mode',
      () => $.resize(images, [2, 2], { mode: 'area' as never }),
      "a mode 'nearest', 'linear' or 'cubic'",
      "'area'",
      'name one'
    ],
    [
      'corners of nearest',
      () => $.resize(images, [2, 2], { mode: 'nearest', alignCorners: true }),
      'alignCorners with',
      "'nearest'",
      'leave'
    ],
    ['a vector', () => $.adaptiveAvgPool2d(vector, 1), 'images [...,H,W]', 'f32[3]', 'reshape'],
    ['an image to a pool of signals', () => $.maxPool1d(images, { kernel: 2 }), 'f32 signals [B,C,L]', 'f32[', 'shrink']
  ],
  conv2d: [
    [
      'another rank',
      () => $.conv2d(matrix, filters),
      'images [B,C,H,W]',
      'f32[2,3] and f32[6,4,3,3]',
      'reshape them to four axes'
    ],
    [
      'channels',
      () => $.conv2d(images, t([6, 3, 3, 3])),
      'filters of 4 channels',
      'f32[6,3,3,3] on f32[2,4,5,5]',
      'change groups'
    ],
    [
      'groups',
      () => $.conv2d(images, t([6, 1, 3, 3]), { groups: 4 }),
      'a multiple of 4 filters',
      'f32[6,1,3,3]',
      'change groups'
    ],
    [
      'an image smaller than the filter',
      () => $.conv2d(images, filters, { dilation: 3 }),
      'at least as large as the dilated filter',
      'dilation [3,3]',
      'pad'
    ],
    [
      'a stride of 0',
      () => $.conv2d(images, filters, { stride: 0 }),
      'whole strides',
      'stride [0,0]',
      'mend the options'
    ],
    ['integers', () => $.conv2d(t([1, 1, 3, 3], 'i32'), t([1, 1, 3, 3], 'i32')), 'f32 images', 'i32[1,1,3,3]', 'mend']
  ],
  windows: [
    [
      'another rank',
      () => $.maxPool2d(matrix, { kernel: 2 }),
      'f32 images [B,C,H,W]',
      'f32[2,3] with kernel 2',
      'shrink the window'
    ],
    [
      'a window larger than the image',
      () => $.avgPool2d(images, { kernel: 6 }),
      'that hold a window',
      'kernel 6, stride 6',
      'shrink'
    ],
    [
      'more padding than half a window',
      () => $.maxPool2d(images, { kernel: 3, padding: 2 }),
      'at most half the kernel',
      'padding 2',
      'shrink'
    ]
  ],
  random: [
    ['a key of another shape', () => $.randomNormal(vector, [2]), 'a key u32[..., 2]', 'f32[3]', 'key(seed)'],
    [
      'a shape without elements',
      () => $.randomBits($.key(1), [0]),
      'a positive whole extent',
      '[0]',
      'leave empty tensors out'
    ]
  ],
  composites: [
    [
      'logits of three axes',
      () => nn.crossEntropy(t([2, 3, 4]), t([2], 'i32')),
      'logits f32[B,K]',
      'f32[2,3,4]',
      'one label'
    ],
    [
      'labels of two axes',
      () => nn.crossEntropy(t([2, 3]), t([2, 1], 'i32')),
      'labels i32[B]',
      'i32[2,1]',
      'one label'
    ],
    [
      'a batch norm of one value',
      () => nn.batchNorm(t([1, 4, 1, 1])),
      'at least two values a channel',
      '1 in f32[1,4,1,1]',
      'a larger batch'
    ],
    [
      'labels of another count',
      () => nn.crossEntropy(matrix, t([3], 'i32')),
      'logits f32[B,K] and labels i32[B]',
      'i32[3]',
      'one label'
    ],
    ['one vector', () => nn.meanPairwiseCosine(t([1, 5])), 'at least two vectors', 'f32[1,5]', 'M >= 2'],
    [
      'vectors of two sizes',
      () => nn.meanPairwiseCosine([t([5]), t([4])]),
      'agree on every axis',
      'f32[1,5], f32[1,4]',
      'reshape'
    ]
  ]
}

describe.each(Object.entries(refusals))('%s', (_, list) => {
  it.each(list)('%s', (__, refused, required, got, cure) => {
    let error: unknown
    try {
      refused()
    } catch (caught) {
      error = caught
    }
    expect(error).toBeInstanceOf(ShapeError)
    const { message } = error as ShapeError
    expect(message).toMatch(/^\S[^;]* requires .+, but got .+; .+\.$/s)
    const [, first, second, third] = /^.*? requires (.*), but got (.*); (.*)\.$/.exec(message) as unknown as [
      string,
      string,
      string,
      string
    ]
    expect(first).toContain(required)
    expect(second).toContain(got)
    expect(third).toContain(cure)
  })
})

it('a batch norm of two values a channel is none to refuse', () =>
  expect(nn.batchNorm(t([2, 4, 1, 1])).y.shape).toEqual([2, 4, 1, 1]))

describe('what an operation costs, in operations of which a multiply-add has two', () => {
  const costOf = (x: Tensor) => x.primitive.flops?.(x.inputs, x.attributes, x)
  it('a product of matrices, batched', () =>
    expect(costOf($.matmul(t([3, 5, 7]), t([3, 7, 2])))).toBe(2 * 3 * 5 * 2 * 7))
  it('a convolution and both of its gradients, of which each multiplies as often', () => {
    const options = { groups: 2, stride: [2, 1], padding: [1, 0] } as const
    const [x, w] = [t([2, 6, 9, 7]), t([4, 3, 3, 2])]
    const y = $.conv2d(x, w, options)
    expect(y.shape).toEqual([2, 4, 5, 6])
    const cost = 2 * 2 * 4 * 3 * (5 * 6) * (3 * 2)
    expect(costOf(y)).toBe(cost)
    const graph = grad((a: Tensor, b: Tensor) => $.sum($.mul($.conv2d(a, b, options), t([2, 4, 5, 6]))), {
      argnums: [0, 1]
    })(x, w)
    const gradients = topological(graph).filter(({ primitive }) => /_grad$/.test(primitive.name))
    expect(gradients.map(costOf)).toEqual([cost, cost])
  })
})
