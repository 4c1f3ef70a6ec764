/** Files of the formats that are read, written by hand so that any part of them can be false. */
import { crc32, deflateRawSync, deflateSync } from 'node:zlib'

const text = (value: string): Buffer => Buffer.from(value, 'utf8')

/** An .npy file of version 1. */
export const npyOf = (descr: string, shape: readonly number[], values: Uint8Array, fortran = false): Uint8Array => {
  const tuple = shape.length === 1 ? `${shape[0]},` : shape.join(', ')
  const header = text(`{'descr': ${descr}, 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': (${tuple}), }\n`)
  const start = Buffer.from([0x93, ...text('NUMPY'), 1, 0, header.length & 0xff, header.length >> 8])
  return new Uint8Array(Buffer.concat([start, header, values]))
}

/** Bytes, floats or long integers as an .npy file. */
export const npyOfNumbers = (
  shape: readonly number[],
  values: Uint8Array | Float32Array | BigInt64Array | Int32Array | Float64Array
) => {
  const kinds = {
    Uint8Array: '|u1',
    Float32Array: '<f4',
    BigInt64Array: '<i8',
    Int32Array: '<i4',
    Float64Array: '<f8'
  } as const
  const descr = kinds[values.constructor.name as keyof typeof kinds]
  return npyOf(`'${descr}'`, shape, new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
}

export interface Zipped {
  readonly name: string
  readonly data: Uint8Array
  readonly stored?: boolean
  /** What is said instead of what is true. */
  readonly size?: number
  readonly crc?: number
  readonly flags?: number
  readonly method?: number
  readonly localName?: string
  /** Zeros behind the packed data that belong to them. */
  readonly after?: number
}

/** An archive of these files. */
export const zipOf = (files: readonly Zipped[]): Uint8Array => {
  const [locals, centrals]: [Buffer[], Buffer[]] = [[], []]
  let offset = 0
  for (const {
    name,
    data,
    stored,
    size = data.length,
    crc = crc32(data),
    flags = 0,
    method,
    localName = name,
    after = 0
  } of files) {
    const packed = Buffer.concat([stored ? Buffer.from(data) : deflateRawSync(data), Buffer.alloc(after)])
    const common = Buffer.alloc(26)
    common.writeUInt16LE(20, 0)
    common.writeUInt16LE(flags, 2)
    common.writeUInt16LE(method ?? (stored ? 0 : 8), 4)
    common.writeUInt32LE(crc, 10)
    common.writeUInt32LE(packed.length, 14)
    common.writeUInt32LE(size, 18)
    common.writeUInt16LE(text(name).length, 22)
    const local = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), common, text(localName), packed])
    const tail = Buffer.alloc(14)
    tail.writeUInt32LE(offset, 10)
    centrals.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\x00', 'latin1'), common, tail, text(name)]))
    locals.push(local)
    offset += local.length
  }
  const directory = Buffer.concat(centrals)
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06', 'latin1')
  end.writeUInt16LE(files.length, 8)
  end.writeUInt16LE(files.length, 10)
  end.writeUInt32LE(directory.length, 12)
  end.writeUInt32LE(offset, 16)
  return new Uint8Array(Buffer.concat([...locals, directory, end]))
}

const element = (type: number, values: Uint8Array, size = values.length): Buffer => {
  const tag = Buffer.alloc(8)
  tag.writeUInt32LE(type, 0)
  tag.writeUInt32LE(size, 4)
  return Buffer.concat([tag, values, Buffer.alloc((8 - (values.length % 8)) % 8)])
}

export interface Variable {
  readonly name: string
  readonly shape: readonly number[]
  /** Bytes, or doubles. */
  readonly values: Uint8Array | Float64Array
  /** What the packed element says of its size. */
  readonly size?: number
}

/** A little-endian MAT file of level 5 with these variables, each packed. */
export const matOf = (variables: readonly Variable[]): Uint8Array => {
  const header = Buffer.concat([text('MATLAB 5.0 MAT-file').subarray(0, 19), Buffer.alloc(109, ' ')])
  header.write('\x00\x01IM', 124, 'latin1')
  const packed = variables.map(({ name, shape, values, size }) => {
    const bytes = values instanceof Uint8Array
    const flags = Buffer.alloc(8)
    flags.writeUInt32LE(bytes ? 9 : 6, 0)
    const raw = new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
    const dimensions = new Uint8Array(Int32Array.from(shape).buffer)
    const parts = [element(6, flags), element(5, dimensions), element(1, text(name)), element(bytes ? 2 : 9, raw)]
    const whole = deflateSync(element(14, Buffer.concat(parts), size))
    const tag = Buffer.alloc(8)
    tag.writeUInt32LE(15, 0)
    tag.writeUInt32LE(whole.length, 4)
    return Buffer.concat([tag, whole])
  })
  return new Uint8Array(Buffer.concat([header, ...packed]))
}
