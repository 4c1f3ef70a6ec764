/** The example files that other programs wrote (files/README.md). */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const urlOf = (name: string): URL => new URL(`files/${name}`, import.meta.url)

/** Where one lies, or a folder of them. */
export const examplePath = (name: string): string => fileURLToPath(urlOf(name))

export const example = (name: string): Uint8Array => new Uint8Array(readFileSync(urlOf(name)))

export const exampleJson = (name: string): unknown => JSON.parse(readFileSync(urlOf(name), 'utf8'))

/** What is known of the images of a file. */
export interface Truth {
  readonly shape: readonly number[]
  readonly labels: readonly number[]
  readonly sum: number
  readonly first: readonly number[]
  readonly last: readonly number[]
}

export const truthOf = (name: string): Truth =>
  (exampleJson('truth.json') as Readonly<Record<string, Truth>>)[name] as Truth

/** What is to be compared with the truth: of pixels and labels, in the same words. */
export const sayOf = (images: ArrayLike<number>, labels: ArrayLike<number>): Omit<Truth, 'shape'> => {
  const pixels = Array.from(images)
  return {
    labels: Array.from(labels),
    sum: pixels.reduce((sum, pixel) => sum + pixel, 0),
    first: pixels.slice(0, 8),
    last: pixels.slice(-8)
  }
}

export const bytesOf = (...parts: readonly (string | readonly number[] | Uint8Array)[]): Uint8Array =>
  Uint8Array.from(parts.flatMap(part => [...(typeof part === 'string' ? Buffer.from(part, 'latin1') : part)]))

/** With the bytes from `at` replaced. */
export const patched = (bytes: Uint8Array, at: number, by: readonly number[] | string): Uint8Array => {
  const copy = new Uint8Array(bytes)
  copy.set(bytesOf(by), at)
  return copy
}
