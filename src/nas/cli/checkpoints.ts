/** The checkpoints of a run folder: kept whole, the last few; found again, the newest that is whole. */
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { type InputError, inputError } from '../errors.js'
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from '../run/checkpoint.js'
import { CHECKPOINTS, type RunFolder, reasonOf } from './files.js'

/** `checkpoints/000000780.safetensors`, after 780 steps: names are in the order of time. */
const nameOf = (steps: number): string => `${String(steps).padStart(9, '0')}.safetensors`

/** The names of a folder's checkpoints, the newest first. */
export const checkpointNames = (path: string): readonly string[] =>
  existsSync(join(path, CHECKPOINTS))
    ? readdirSync(join(path, CHECKPOINTS))
        .filter(name => /^\d+\.safetensors$/.test(name))
        .sort()
        .reverse()
    : []

/** Whether a run has kept anything to go on from. */
export const hasCheckpoints = (path: string): boolean => checkpointNames(path).length > 0

/** Writes a checkpoint, then removes all but the last `most`. */
export const keepCheckpoint = (folder: RunFolder, checkpoint: Checkpoint, most: number): void => {
  const name = nameOf(checkpoint.steps)
  folder.write(join(CHECKPOINTS, name), encodeCheckpoint(checkpoint))
  removeOthers(folder, checkpoint, most)
}

/**
 * Removes all checkpoints but one and those before it, `most` in all: what a kill left there, and newer ones that
 * cannot be used.
 */
export const removeOthers = ({ path }: RunFolder, { steps }: Checkpoint, most: number): void => {
  const names = checkpointNames(path)
  const kept = names.filter(name => name <= nameOf(steps)).slice(0, most)
  for (const name of names) if (!kept.includes(name)) rmSync(join(path, CHECKPOINTS, name), { force: true })
}

/** A checkpoint, and what was wrong with those that are newer. */
export interface Found {
  readonly checkpoint: Checkpoint
  readonly passedOver: readonly string[]
}

/** The newest checkpoint that is whole. Refused if there is none. */
export const newestCheckpoint = (path: string): E.Either<InputError, Found> => {
  const passedOver: string[] = []
  for (const name of checkpointNames(path)) {
    const file = join(path, CHECKPOINTS, name)
    try {
      const decoded = decodeCheckpoint(readFileSync(file))
      if (E.isRight(decoded)) return E.right({ checkpoint: decoded.right, passedOver })
      passedOver.push(`'${file}' is passed over: ${decoded.left.message}.`)
    } catch (reason) {
      passedOver.push(`'${file}' is passed over: ${reasonOf(reason)}.`)
    }
  }
  return E.left(
    inputError(
      `a whole checkpoint in '${path}'`,
      passedOver.length === 0 ? 'none' : passedOver.join(' '),
      'start a new run'
    )
  )
}
