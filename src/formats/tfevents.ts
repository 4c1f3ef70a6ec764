/**
 * The event files that TensorBoard reads: records of protocol buffers (tensorflow/core/util/event.proto), each framed
 * by its length and masked CRC-32C checksums (tensorflow/core/lib/io/record_writer.h). Written by hand, since nothing
 * well kept does.
 */
import { joined } from './bytes.js'

/** CRC-32C (Castagnoli) by bytes: the table of the reflected polynomial 0x82f63b78. */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1
  return value
})

export const crc32c = (bytes: Uint8Array): number => {
  let crc = 0xffffffff
  for (const byte of bytes) crc = (crc >>> 8) ^ (TABLE[(crc ^ byte) & 0xff] as number)
  return (crc ^ 0xffffffff) >>> 0
}

/** A checksum that may stand beside checksummed bytes: rotated by 15 bits, and a constant added. */
const masked = (crc: number): number => (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0

const fixed = (size: number, write: (view: DataView) => void): Uint8Array => {
  const bytes = new Uint8Array(size)
  write(new DataView(bytes.buffer))
  return bytes
}
const uint32 = (value: number): Uint8Array => fixed(4, view => view.setUint32(0, value, true))

/** A whole number in groups of 7 bits, the lowest first. */
const varint = (value: number): Uint8Array => {
  const bytes: number[] = []
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    bytes.push(rest < 128 ? rest : (rest % 128) + 128)
    if (rest < 128) return Uint8Array.from(bytes)
  }
}

/** Wire types of protocol buffers. */
const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const
const field = (number: number, type: keyof typeof WIRE, ...content: readonly Uint8Array[]): Uint8Array =>
  joined([varint(number * 8 + WIRE[type]), ...content])
const message = (number: number, content: Uint8Array): Uint8Array =>
  field(number, 'bytes', varint(content.length), content)
const text = (number: number, value: string): Uint8Array => message(number, new TextEncoder().encode(value))
const double = (number: number, value: number): Uint8Array =>
  field(
    number,
    'fixed64',
    fixed(8, view => view.setFloat64(0, value, true))
  )
const float = (number: number, value: number): Uint8Array =>
  field(
    number,
    'fixed32',
    fixed(4, view => view.setFloat32(0, value, true))
  )

const record = (event: Uint8Array): Uint8Array => {
  const length = fixed(8, view => view.setBigUint64(0, BigInt(event.length), true))
  return joined([length, uint32(masked(crc32c(length))), event, uint32(masked(crc32c(event)))])
}

/** What an event file begins with. `seconds` since 1970. */
export const encodeEventsStart = (seconds: number): Uint8Array =>
  record(joined([double(1, seconds), text(3, 'brain.Event:2')]))

/** Numbers by their tags at a step. */
export interface ScalarEvent {
  readonly seconds: number
  readonly step: number
  readonly scalars: Readonly<Record<string, number>>
}

export const encodeScalars = ({ seconds, step, scalars }: ScalarEvent): Uint8Array => {
  const values = Object.entries(scalars).map(([tag, value]) => message(1, joined([text(1, tag), float(2, value)])))
  return record(joined([double(1, seconds), field(2, 'varint', varint(step)), message(5, joined(values))]))
}
