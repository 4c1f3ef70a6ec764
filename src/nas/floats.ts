/** Numbers of float32. */

/** Arrays one after another, as an array with memory of its own: Buffer gives small results a place inside a larger buffer. */
export const concatenate = (parts: readonly Float32Array[]): Float32Array => {
  const bytes = Buffer.concat(parts.map(part => new Uint8Array(part.buffer, part.byteOffset, part.byteLength)))
  return new Float32Array(new Uint8Array(bytes).buffer)
}
