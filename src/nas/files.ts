/** The run folder: nothing is half written, and nothing that is there is overwritten. */
import {
  appendFileSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeSync
} from 'node:fs'
import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { type InputError, inputError } from './config.js'

export interface RunFolder {
  readonly path: string
  /** Writes a whole file: to a temporary one, flushed, then renamed. */
  readonly write: (name: string, text: string) => void
  /** Adds a line to `events.jsonl`. */
  readonly event: (event: unknown) => void
}

const writeWhole = (path: string, text: string): void => {
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

/** Makes the folder. Refused if it holds anything, or cannot be written. */
export const openRunFolder = (path: string): E.Either<InputError, RunFolder> => {
  const refuse = (got: string): E.Either<InputError, RunFolder> =>
    E.left(inputError('--out to be a new or empty folder that can be written', got, 'choose another folder'))
  try {
    if (existsSync(path) && readdirSync(path).length > 0) return refuse(`'${path}', which holds files`)
    mkdirSync(path, { recursive: true })
    const probe = join(path, 'events.jsonl')
    writeWhole(probe, '')
    rmSync(probe)
    return E.right({
      path,
      write: (name, text) => writeWhole(join(path, name), text),
      event: event => appendFileSync(join(path, 'events.jsonl'), `${JSON.stringify(event)}\n`)
    })
  } catch (reason) {
    return refuse(`'${path}' (${reason instanceof Error ? reason.message.replace(/, \w+ '.*$/, '') : String(reason)})`)
  }
}
