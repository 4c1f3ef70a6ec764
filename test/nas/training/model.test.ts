/**
 * The file of a trained network: what is no such file is refused in one sentence. (What it holds:
 * test/golden/train.test.ts.)
 */

import { fc, test } from '@fast-check/vitest'
import * as E from 'fp-ts/lib/Either.js'
import { expect, it } from 'vitest'
import { decodeSafetensors, encodeSafetensors, type FileTensor } from '../../../src/formats/safetensors.js'
import { nb201 } from '../../../src/nas/space/space.js'
import { brightestOf, decodeModel, encodeModel } from '../../../src/nas/training/model.js'
import { trainingStart } from '../../../src/nas/training/place.js'
import { right } from '../../kernels/results.js'
import { CELL, tiny } from './tiny.js'

const { net, data } = tiny(CELL)
const { state } = trainingStart(net, [1, 2])
const { classNames, normalisation } = data.train
const model = {
  net,
  classNames,
  normalisation,
  brightest: 16,
  arrays: { weights: state.weights, running: state.running }
}
const file = encodeModel(model)
const { metadata, tensors } = right(decodeSafetensors(file))

const refused = (
  changes: Readonly<Record<string, string | undefined>>,
  other: ReadonlyMap<string, FileTensor> = tensors
) => {
  const left = Object.entries({ ...metadata, ...changes }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined
  )
  const decoded = decodeModel(encodeSafetensors({ metadata: Object.fromEntries(left), tensors: other }))
  return E.isLeft(decoded) ? decoded.left.message : 'nothing was refused'
}
const network = JSON.parse(metadata['network'] ?? '')
const first = [...tensors.keys()][0] as string
const cut = new Map([...tensors].filter(([name]) => name !== first))
const wrong = { shape: [1], data: Float32Array.of(1) }

it.each([
  ['another format', refused({ format: 'lambda-darts checkpoint 1' }), "the format 'lambda-darts model 1' is required"],
  ['no genotype', refused({ genotype: undefined }), 'a genotype'],
  ['a broken genotype', refused({ genotype: '|nor_conv_9x9~0|' }), '3 groups'],
  ['no network', refused({ network: undefined }), 'JSON that describes the network'],
  ['a network of nothing', refused({ network: '{}' }), 'a description of the network and its images is required'],
  ['a network without end', refused({ network: JSON.stringify({ ...network, layers: 1e9 }) }), "'network' is none"],
  ['images that do not halve', refused({ network: JSON.stringify({ ...network, size: [9, 9] }) }), 'multiples of 4'],
  ['a head on stages', refused({ network: JSON.stringify({ ...network, auxiliary: true }) }), 'auxiliary head'],
  ['too few names', refused({ classNames: '["a"]' }), 'a name for each class'],
  ['a deviation of 0', refused({ normalisation: '{"mean":[0],"deviation":[0]}' }), 'a normalisation for each channel'],
  ['no brightness', refused({ brightest: '-1' }), 'model: '],
  ['a space that is none', refused({ space: '{}' }), 'model: '],
  ['a tensor missing', refused({}, cut), `at '${first}' is required, but it has none`],
  [
    'a tensor of another shape',
    refused({}, new Map([...tensors, [first, wrong]])),
    `at '${first}' is required, but it has [1]`
  ],
  ['a tensor too many', refused({}, new Map([...tensors, ['more', wrong]])), "it has 'more'"],
  ['another network', refused({ network: JSON.stringify({ ...network, channels: 3 }) }), 'is required']
])('%s is refused', (_, got, message) => {
  expect(got).toContain(message)
  expect(got).not.toContain('\n')
})

it("a space of one's own comes along", () => {
  const space = { ...nb201, name: 'mine' }
  expect(right(decodeModel(encodeModel({ ...model, space }))).space).toEqual(space)
})

test.prop({ place: fc.nat(file.length - 1), value: fc.nat(255) }, { numRuns: 200 })(
  'an altered byte never throws',
  ({ place, value }) => {
    const altered = Uint8Array.from(file)
    altered[place] = value
    expect(['Left', 'Right']).toContain(decodeModel(altered)._tag)
  }
)

it('full brightness is 255 of bytes, the largest of numbers, and unknown where some are below 0', () => {
  expect(brightestOf({ images: Uint8Array.of(1, 2) })).toBe(255)
  expect(brightestOf({ images: Float32Array.of(0, 16, 3) })).toBe(16)
  expect(brightestOf({ images: Float32Array.of(-1, 16) })).toBeNull()
  expect(brightestOf({ images: new Float32Array(3) })).toBeNull()
})
