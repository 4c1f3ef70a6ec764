/** Files: what a user gives is read; a run folder is written, nothing of it by half, and nothing that is there is overwritten. */
import {
  appendFileSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeSync
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { gunzipSync } from 'node:zlib'
import * as E from 'fp-ts/lib/Either.js'
import { type InputError, inputError } from '../errors.js'

export interface RunFolder {
  readonly path: string
  /** Writes a whole file: to a temporary one, flushed, then renamed. */
  readonly write: (name: string, text: string) => void
  /** Adds a line to `events.jsonl`. */
  readonly event: (event: unknown) => void
  /** Removes what was written, and the folders that were made. */
  readonly discard: () => void
}

/** A system's reason, without the path that it repeats. */
export const reasonOf = (reason: unknown): string =>
  reason instanceof Error ? reason.message.replace(/, \w+( '.*)?$/, '') : String(reason)

/** Writes a whole file: to a temporary one, flushed, then renamed. */
export const writeWhole = (path: string, text: string): void => {
  const temporary = `${path}.part`
  const file = openSync(temporary, 'w')
  try {
    writeSync(file, text)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  renameSync(temporary, path)
}

/** The folder and those above it that are missing, the uppermost first. `mkdir` with `recursive` never returns where /proc refuses. */
const missing = (path: string): readonly string[] => (existsSync(path) ? [] : [...missing(dirname(path)), path])

/** Makes the folder. Refused, and nothing left behind, if it holds anything or cannot be written. */
export const openRunFolder = (path: string): E.Either<InputError, RunFolder> => {
  const refuse = (got: string): E.Either<InputError, RunFolder> =>
    E.left(inputError('--out to be a new or empty folder that can be written', got, 'choose another folder'))
  const made: string[] = []
  const written = new Set<string>()
  const discard = (): void => {
    for (const name of written) rmSync(join(path, name), { force: true })
    for (const folder of made.toReversed()) rmdirSync(folder)
  }
  const write = (name: string, text: string): void => {
    written.add(name).add(`${name}.part`)
    writeWhole(join(path, name), text)
  }
  try {
    if (path.trim() === '') return refuse("''")
    if (existsSync(path) && readdirSync(path).length > 0) return refuse(`'${path}', which holds files`)
    for (const folder of missing(resolve(path))) {
      mkdirSync(folder)
      made.push(folder)
    }
    write('events.jsonl', '')
    return E.right({
      path,
      write,
      event: event => appendFileSync(join(path, 'events.jsonl'), `${JSON.stringify(event)}\n`),
      discard
    })
  } catch (reason) {
    discard()
    return refuse(`'${path}' (${reasonOf(reason)})`)
  }
}

/** The first bytes of a file, or of a device or a pipe without end: `most` of them. */
const firstBytes = (path: string, most: number): Buffer => {
  const file = openSync(path, 'r')
  try {
    const chunks: Buffer[] = []
    for (let length = 0; length < most; ) {
      const chunk = Buffer.alloc(Math.min(1 << 16, most - length))
      const read = readSync(file, chunk)
      if (read === 0) break
      chunks.push(chunk.subarray(0, read))
      length += read
    }
    return Buffer.concat(chunks)
  } finally {
    closeSync(file)
  }
}

/**
 * The text of a file, unpacked if it is gzip, of at most so many bytes: no more is read, and no more unpacked. `what` names the option in the refusal.
 */
export const readText = (what: string, path: string, most: number): E.Either<InputError, string> => {
  const tooLarge = () =>
    E.left(inputError(`${what} to be a file of at most ${most} bytes`, `'${path}', which has more`, 'check which file it is'))
  try {
    const bytes = firstBytes(path, most + 1)
    if (bytes.length > most) return tooLarge()
    const text = bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes, { maxOutputLength: most }) : bytes
    return E.right(text.toString('utf8'))
  } catch (reason) {
    if ((reason as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') return tooLarge()
    return E.left(inputError(`${what} to be a file that can be read`, `'${path}' (${reasonOf(reason)})`, 'correct the path'))
  }
}
