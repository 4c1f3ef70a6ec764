/** Safetensors: there and back, a file of the format's description by another program, and what must be refused. */
import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import {
  decodeSafetensors,
  encodeSafetensors,
  type FileTensor,
  type TensorData
} from '../../src/formats/safetensors.js'
import { left, right } from '../kernels/results.js'
import { bytesOf, example, patched } from './files.js'

const names = fc
  .string({ unit: 'grapheme', maxLength: 12 })
  .filter(name => name !== '__metadata__' && name !== '__proto__')
const data: fc.Arbitrary<TensorData> = fc.oneof(
  fc.float32Array({ maxLength: 12 }),
  fc.float64Array({ maxLength: 12 }),
  fc.int32Array({ maxLength: 12 }),
  fc.uint32Array({ maxLength: 12 }),
  fc.uint8Array({ maxLength: 12 })
)
const tensor: fc.Arbitrary<FileTensor> = data.chain(values =>
  fc.constantFrom([values.length], [1, values.length], [values.length, 1, 1]).map(shape => ({ shape, data: values }))
)
const file = (header: string, values: readonly number[] = []): Uint8Array =>
  bytesOf(
    [header.length % 256, Math.floor(header.length / 256) % 256, Math.floor(header.length / 65536), 0, 0, 0, 0, 0],
    header,
    values
  )
const one = (entry: string, values: readonly number[] = [1, 2]): Uint8Array => file(`{"a":${entry}}`, values)

describe('safetensors', () => {
  test.prop([
    fc.uniqueArray(fc.tuple(names, tensor), { selector: ([name]) => name }),
    fc.dictionary(names, fc.string())
  ])('gives tensors and metadata back', (entries, metadata) => {
    const decoded = right(decodeSafetensors(encodeSafetensors({ metadata, tensors: new Map(entries) })))
    expect({ ...decoded.metadata }).toEqual({ ...metadata })
    expect(new Map(decoded.tensors)).toEqual(new Map(entries))
  })

  it('reads what another program wrote, at any place in memory', () => {
    const bytes = bytesOf([1], example('two.safetensors'))
    const { metadata, tensors } = right(decodeSafetensors(bytes.subarray(1)))
    expect(metadata).toEqual({ format: 'pt' })
    expect([...tensors]).toEqual([
      ['weights', { shape: [2, 2], data: Float32Array.of(0.5, -1.5, 2, 3.25) }],
      ['steps', { shape: [2], data: Int32Array.of(7, -8) }]
    ])
  })
  it('writes what the other program wrote', () => {
    const bytes = example('two.safetensors')
    const written = encodeSafetensors(right(decodeSafetensors(bytes)))
    expect(written.subarray(-24)).toEqual(bytes.subarray(-24))
    expect(right(decodeSafetensors(written))).toEqual(right(decodeSafetensors(bytes)))
  })

  it.each<[string, Uint8Array, string]>([
    ['nothing', bytesOf(), 'safetensors: at least 8 bytes is required, but there are 0'],
    ['a gigantic header', patched(example('two.safetensors'), 4, [1]), 'a header of'],
    ['a header that is no JSON', file('hello'), 'a header of JSON is required, but it is not JSON'],
    ['a list as header', file('[]'), 'an object as header is required, but it is none'],
    ['metadata that are no texts', file('{"__metadata__":{"a":1}}'), 'texts as metadata is required'],
    ['an entry that is none', one('3'), "an object as entry 'a' is required"],
    [
      'other numbers',
      one('{"dtype":"BF16","shape":[1],"data_offsets":[0,2]}'),
      "as dtype of 'a' is required, but it is 'BF16'"
    ],
    [
      'a dtype that is no text',
      one(`{"dtype":${'['.repeat(1e5)}${']'.repeat(1e5)},"shape":[1],"data_offsets":[0,2]}`),
      'it is no text'
    ],
    ['a shape below 0', one('{"dtype":"U8","shape":[-2],"data_offsets":[0,2]}'), "whole numbers as shape of 'a'"],
    ['a single offset', one('{"dtype":"U8","shape":[2],"data_offsets":[0]}'), "two offsets of 'a' is required"],
    ['a gigantic shape', one('{"dtype":"U8","shape":[1e9,1e9],"data_offsets":[0,2]}'), 'it says 0 to 2'],
    ['offsets beyond the file', one('{"dtype":"U8","shape":[3],"data_offsets":[0,3]}'), 'it says 0 to 3'],
    [
      'a gap',
      one('{"dtype":"U8","shape":[1],"data_offsets":[1,2]}'),
      "'a' at bytes 0 to 1 of 2 is required, but it says 1 to 2"
    ],
    [
      'bytes that no tensor has',
      one('{"dtype":"U8","shape":[1],"data_offsets":[0,1]}'),
      '1 bytes of values is required, but there are 2'
    ]
  ])('refuses %s', (_, bytes, message) => expect(left(decodeSafetensors(bytes)).message).toContain(message))
})
