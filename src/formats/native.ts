/**
 * What Node does faster than JavaScript could. `browser` in package.json puts `native.browser.ts` in its place for
 * browsers.
 */
import { createHash } from 'node:crypto'

export { constants, crc32, inflateRawSync, inflateSync } from 'node:zlib'

/** SHA-256 over parts one after another (texts in UTF-8), in hexadecimal digits. */
export const sha256 = (parts: Iterable<string | Uint8Array>): string => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest('hex')
}
