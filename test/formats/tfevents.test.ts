/**
 * Event files of TensorBoard, read back by another decoder: protobufjs on TensorFlow's own schema, framed as its record
 * reader frames them.
 */
import { fc, test } from '@fast-check/vitest'
import protobuf from 'protobufjs'
import { describe, expect, it } from 'vitest'
import { crc32c, encodeEventsStart, encodeScalars } from '../../src/formats/tfevents.js'

/**
 * The fields in use of tensorflow/core/util/event.proto and tensorflow/core/framework/summary.proto, by their numbers
 * there.
 */
const { root } = protobuf.parse(`
  syntax = "proto3";
  message Value { string tag = 1; float simple_value = 2; }
  message Summary { repeated Value value = 1; }
  message Event { double wall_time = 1; int64 step = 2; string file_version = 3; Summary summary = 5; }
`)
const Event = root.lookupType('Event')

/** CRC-32C bit by bit, as RFC 3720 defines it. */
const slowCrc = (bytes: Uint8Array): number => {
  let crc = 0xffffffff
  for (const byte of bytes)
    for (let bit = 0; bit < 8; bit++) {
      const low = (crc ^ (byte >> bit)) & 1
      crc = (crc >>> 1) ^ (low ? 0x82f63b78 : 0)
    }
  return ~crc >>> 0
}
const unmasked = (value: number): number => {
  const rotated = (value - 0xa282ead8) >>> 0
  return ((rotated >>> 17) | (rotated << 15)) >>> 0
}

const decode = (file: Uint8Array): readonly Record<string, unknown>[] => {
  const view = new DataView(file.buffer, file.byteOffset, file.length)
  const events: Record<string, unknown>[] = []
  let at = 0
  while (at < file.length) {
    const length = Number(view.getBigUint64(at, true))
    const data = file.subarray(at + 12, at + 12 + length)
    expect(unmasked(view.getUint32(at + 8, true))).toBe(slowCrc(file.subarray(at, at + 8)))
    expect(unmasked(view.getUint32(at + 12 + length, true))).toBe(slowCrc(data))
    events.push(Event.toObject(Event.decode(data), { longs: Number }))
    at += 16 + length
  }
  return events
}

describe('crc32c', () => {
  it('gives the values of RFC 3720, B.4', () => {
    expect(crc32c(new TextEncoder().encode('123456789'))).toBe(0xe3069283)
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa)
    expect(crc32c(new Uint8Array(32).fill(255))).toBe(0x62a8ab43)
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e)
  })
})

const scalar = fc.double({ noNaN: true }).map(Math.fround)
test.prop([
  fc.array(
    fc.record({
      seconds: fc.double({ min: 1, max: 1e11, noNaN: true }),
      step: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
      scalars: fc.dictionary(
        fc.string({ minLength: 1, unit: 'grapheme' }),
        scalar.filter(value => value !== 0),
        { minKeys: 1, noNullPrototype: true }
      )
    }),
    { maxLength: 5 }
  )
])('events come back through another decoder', events => {
  const file = new Uint8Array(Buffer.concat([encodeEventsStart(12.5), ...events.map(encodeScalars)]))
  expect(decode(file)).toEqual([
    { wallTime: 12.5, fileVersion: 'brain.Event:2' },
    ...events.map(({ seconds, step, scalars }) => ({
      wallTime: seconds,
      step,
      summary: { value: Object.entries(scalars).map(([tag, simpleValue]) => ({ tag, simpleValue })) }
    }))
  ])
})
