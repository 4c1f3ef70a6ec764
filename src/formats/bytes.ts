/** Bytes put together, and as text of one letter a byte. */

/** Bytes one after another, in memory of their own. */
export const joined = (parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> => {
  const bytes = new Uint8Array(parts.reduce((total, part) => total + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

/** Letters that are made by one call, whose arguments are many. */
const LETTERS = 4096

/** ISO 8859-1: each byte is the letter of its number. (A TextDecoder of that name gives Windows' letters.) */
export const latin1 = (bytes: Uint8Array): string => {
  let text = ''
  for (let at = 0; at < bytes.length; at += LETTERS) text += String.fromCharCode(...bytes.subarray(at, at + LETTERS))
  return text
}

/** The bytes of a text in ISO 8859-1; of other letters the last byte. */
export const fromLatin1 = (text: string): Uint8Array => {
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i)
  return bytes
}
