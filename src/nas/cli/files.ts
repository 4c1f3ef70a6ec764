/**
 * Files: what a user gives is read; a run folder is written, nothing of it by half, and nothing that is there is
 * overwritten.
 */
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { gunzipSync } from 'node:zlib'
import * as E from 'fp-ts/lib/Either.js'
import { quoted } from '../../formats/error.js'
import { type InputError, inputError } from '../errors.js'
import { lock } from './lock.js'

/**
 * A folder that one process writes a run into. Files are whole or not there; those that grow are cut back to where a
 * checkpoint knows them.
 */
export interface RunFolder {
  readonly path: string
  /** Writes a whole file: to a temporary one, flushed, then renamed; what was added to others is flushed before. */
  readonly write: (name: string, content: string | Uint8Array) => void
  /** Adds to a file that grows: all of it or, where the disk is full, nothing. */
  readonly append: (name: string, content: string | Uint8Array) => void
  /** Lengths of the files that grow, in bytes. */
  readonly lengths: () => Readonly<Record<string, number>>
  /** Cuts the files that grow back to these lengths. Refused, and nothing cut, if one is shorter or not there. */
  readonly cut: (lengths: Readonly<Record<string, number>>) => E.Either<InputError, void>
  /** Whether a checkpoint was written here. Asked and discarded without opening a file: there may be none left. */
  readonly hasCheckpoint: () => boolean
  /** Removes what was written, and the folders that were made. */
  readonly discard: () => void
  /** Lets others have the folder. */
  readonly close: () => void
}

/** A system's reason, without the path that it repeats. */
export const reasonOf = (reason: unknown): string =>
  reason instanceof Error ? reason.message.replace(/, \w+( '.*)?$/s, '') : String(reason)

const flushed = (path: string, flags: string, write: (file: number) => void): void => {
  const file = openSync(path, flags)
  try {
    write(file)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/** A file's content, whole or not at all: what is left of a failure is removed, what was there before stays. */
export const writeWhole = (path: string, content: string | Uint8Array): void => {
  const temporary = `${path}.part`
  try {
    flushed(temporary, 'w', file => writeFileSync(file, content))
    renameSync(temporary, path)
    // The name is as safe as the content only when its folder is flushed too.
    flushed(dirname(path), 'r', () => undefined)
  } catch (reason) {
    rmSync(temporary, { force: true })
    throw reason
  }
}

/**
 * The folder and those above it that are missing, the uppermost first. `mkdir` with `recursive` never returns where
 * /proc refuses.
 */
const missing = (path: string): readonly string[] => (existsSync(path) ? [] : [...missing(dirname(path)), path])

/** Adds to a file, or leaves it as long as it was. */
const appendWhole = (path: string, content: string | Uint8Array): void => {
  const file = openSync(path, 'a')
  try {
    const { size } = fstatSync(file)
    try {
      writeFileSync(file, content)
    } catch (reason) {
      ftruncateSync(file, size)
      throw reason
    }
  } finally {
    closeSync(file)
  }
}

/** Removes folders that `makeFolder` has made. */
export const removeFolders = (made: readonly string[]): void => {
  for (const folder of made.toReversed()) rmdirSync(folder)
}

/** Makes a folder and those above it that are missing, all or none. Gives those that it made, the uppermost first. */
export const makeFolder = (path: string): readonly string[] => {
  const made: string[] = []
  try {
    for (const folder of missing(resolve(path))) {
      mkdirSync(folder)
      made.push(folder)
    }
    return made
  } catch (reason) {
    removeFolders(made)
    throw reason
  }
}

/** A sub-folder of a run's checkpoints. */
export const CHECKPOINTS = 'checkpoints'

const runFolder = (path: string, made: readonly string[], unlock: () => void): RunFolder => {
  const written = new Set<string>()
  const grown = new Set<string>()
  const at = (name: string): string => join(path, name)
  return {
    path,
    write: (name, content) => {
      written.add(name)
      makeFolder(dirname(at(name)))
      // A checkpoint or a summary never says more than the files beside it hold, not even after a loss of power.
      for (const other of grown) flushed(at(other), 'r+', () => undefined)
      writeWhole(at(name), content)
    },
    append: (name, content) => {
      written.add(name)
      grown.add(name)
      appendWhole(at(name), content)
    },
    lengths: () => Object.fromEntries([...grown].map(name => [name, statSync(at(name)).size])),
    cut: lengths => {
      const short = Object.entries(lengths).find(
        ([name, length]) => !existsSync(at(name)) || statSync(at(name)).size < length
      )
      if (short)
        return E.left(
          inputError(
            `'${at(short[0])}' of at least ${short[1]} bytes, as its checkpoint knows it`,
            existsSync(at(short[0])) ? `${statSync(at(short[0])).size}` : 'no such file',
            'bring it back, or start a new run'
          )
        )
      for (const [name, length] of Object.entries(lengths)) {
        grown.add(name)
        truncateSync(at(name), length)
      }
      return E.right(undefined)
    },
    hasCheckpoint: () => [...written].some(name => dirname(name) === CHECKPOINTS && existsSync(at(name))),
    discard: () => {
      for (const name of written) rmSync(at(name), { force: true })
      if (existsSync(at(CHECKPOINTS))) rmdirSync(at(CHECKPOINTS))
      unlock()
      removeFolders(made)
    },
    close: unlock
  }
}

/** Makes the folder of a new run. Refused, and nothing left behind, if it holds anything or cannot be written. */
const emptyRunFolder = (path: string): E.Either<InputError, RunFolder> => {
  const refuse = (got: string): E.Either<InputError, RunFolder> =>
    E.left(inputError('--out to be a new or empty folder that can be written', got, 'choose another folder'))
  let made: readonly string[] = []
  try {
    if (path.trim() === '') return refuse("''")
    if (existsSync(path) && readdirSync(path).length > 0) return refuse(`'${path}', which holds files`)
    made = makeFolder(path)
    const unlock = lock(path)
    return typeof unlock === 'string' ? refuse(`'${path}', which ${unlock}`) : E.right(runFolder(path, made, unlock))
  } catch (reason) {
    removeFolders(made)
    return refuse(`'${path}' (${reasonOf(reason)})`)
  }
}

/** The folder of a new run with the files that `begin` writes; where one of them cannot be, all is as it was before. */
export const openRunFolder = (path: string, begin: (folder: RunFolder) => void): E.Either<InputError, RunFolder> => {
  const opened = emptyRunFolder(path)
  try {
    if (E.isRight(opened)) begin(opened.right)
    return opened
  } catch (reason) {
    if (E.isRight(opened)) opened.right.discard()
    throw reason
  }
}

/**
 * The folder of a run that goes on. Refused if it is none, or if a process is at it. What a kill left half written is
 * removed.
 */
export const reopenRunFolder = (path: string): E.Either<InputError, RunFolder> => {
  const refuse = (got: string, cure: string): E.Either<InputError, RunFolder> =>
    E.left(inputError('--resume to be the folder of a run that can be written', got, cure))
  try {
    const unlock = lock(path)
    if (typeof unlock === 'string') return refuse(`'${path}', which ${unlock}`, 'wait for it, or end it')
    for (const folder of [path, join(path, CHECKPOINTS)].filter(folder => existsSync(folder)))
      for (const name of readdirSync(folder)) if (name.endsWith('.part')) rmSync(join(folder, name), { force: true })
    return E.right(runFolder(path, [], unlock))
  } catch (reason) {
    return refuse(`'${path}' (${reasonOf(reason)})`, 'see to the folder')
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
 * The text of a file, unpacked if it is gzip, of at most so many bytes: no more is read, and no more unpacked. `what`
 * names the option in the refusal.
 */
export const readText = (what: string, path: string, most: number): E.Either<InputError, string> => {
  const tooLarge = () =>
    E.left(
      inputError(`${what} to be a file of at most ${most} bytes`, `'${path}', which has more`, 'check which file it is')
    )
  try {
    const bytes = firstBytes(path, most + 1)
    if (bytes.length > most) return tooLarge()
    const text = bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes, { maxOutputLength: most }) : bytes
    return E.right(text.toString('utf8'))
  } catch (reason) {
    if ((reason as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') return tooLarge()
    return E.left(
      inputError(`${what} to be a file that can be read`, `'${path}' (${reasonOf(reason)})`, 'correct the path')
    )
  }
}

/** So many bytes of an open file; fewer if it ends before. */
const readUpTo = (file: number, size: number): Uint8Array => {
  const bytes = new Uint8Array(size)
  for (let at = 0; at < size; ) {
    // The system takes no more at a time.
    const read = readSync(file, bytes, at, Math.min(size - at, 2 ** 30), null)
    if (read === 0) return bytes.subarray(0, at)
    at += read
  }
  return bytes
}

/**
 * The bytes of a file. Refused before anything of it is read: folders, pipes and devices, which are not waited for, and
 * a file of more than `most` bytes. `what` names the option in the refusal.
 */
export const readBytes = (what: string, path: string, most: number): E.Either<InputError, Uint8Array> => {
  const refuse = (wanted: string, got: string) =>
    E.left(inputError(`${what} to be ${wanted}`, `${quoted(path)}, ${got}`, 'correct the path'))
  try {
    const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      const status = fstatSync(file)
      if (!status.isFile()) return refuse('a file', 'which is a folder, a pipe or a device')
      if (status.size > most) return refuse(`a file of at most ${most} bytes`, `which has ${status.size}`)
      const bytes = readUpTo(file, status.size)
      return bytes.length === status.size ? E.right(bytes) : refuse('a whole file', 'which was cut while it was read')
    } finally {
      closeSync(file)
    }
  } catch (reason) {
    return refuse('a file that can be read', `which cannot (${reasonOf(reason)})`)
  }
}
