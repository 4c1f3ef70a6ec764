/** What browsers have in the place of Node's own functions gives the same. */
import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { fromLatin1, joined, latin1 } from '../../src/formats/bytes.js'
import * as browser from '../../src/formats/native.browser.js'
import * as node from '../../src/formats/native.js'

const parts = fc.array(fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.string({ unit: 'grapheme', maxLength: 80 })), {
  maxLength: 5
})

describe('in a browser', () => {
  it('there is every name that there is in Node', () => {
    expect(Object.keys(browser).sort()).toEqual(Object.keys(node).sort())
    expect(browser.constants.Z_SYNC_FLUSH).toBe(node.constants.Z_SYNC_FLUSH)
  })
  test.prop([parts])('SHA-256 is that of Node', all => {
    expect(browser.sha256(all)).toBe(node.sha256(all))
  })
  it('SHA-256 is that of Node for every length around the ends of blocks', () => {
    for (let length = 0; length < 200; length++) {
      const bytes = Uint8Array.from({ length }, (_, i) => i * 7 + length)
      expect(browser.sha256([bytes])).toBe(node.sha256([bytes]))
    }
  })
  test.prop([fc.uint8Array({ maxLength: 300 })])('CRC-32 is that of Node', bytes => {
    expect(browser.crc32(bytes)).toBe(node.crc32(bytes))
  })
  it('what is packed is refused, with what to do', () => {
    for (const unpack of [browser.inflateSync, browser.inflateRawSync]) expect(unpack).toThrow(/DecompressionStream/)
  })
})

describe('bytes', () => {
  test.prop([fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 6 })])('are joined as Buffer does', all => {
    expect([...joined(all)]).toEqual([...Buffer.concat(all)])
  })
  test.prop([fc.uint8Array({ maxLength: 20_000 })])('are letters of latin1 as Buffer has them, and back', bytes => {
    expect(latin1(bytes)).toBe(Buffer.from(bytes).toString('latin1'))
    expect([...fromLatin1(latin1(bytes))]).toEqual([...bytes])
  })
})
