/** Data sets as maps of files, and the real subsets of a shared folder, which a checkout may have beside it. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { DataSet, Files } from '../../../src/nas/data/block.js'
import type { Sources } from '../../../src/nas/data/dataset.js'
import { DATA_SETS } from '../../../src/nas/data/datasets.js'
import { left, right } from '../../kernels/results.js'

const SHARED = fileURLToPath(new URL('../../../../shared/data', import.meta.url))

export const subsetOf = (name: string): string => `${SHARED}/${name}-subset`
export const missing = (name: string): boolean => !existsSync(subsetOf(name))

/** The files of a folder. */
export const filesIn = (folder: string): Files =>
  new Map(readdirSync(folder).map(name => [name, new Uint8Array(readFileSync(`${folder}/${name}`))]))

const setOf = (name: string): DataSet => DATA_SETS[name] as DataSet

/** What a data set makes of files, those that it wants. */
const decode = (name: string, files: Files) =>
  setOf(name).decode(new Map([...files].filter(([path]) => setOf(name).wants(path))))

export const decoded = (name: string, files: Files): Sources => right(decode(name, files))
export const refusal = (name: string, files: Files): string => left(decode(name, files)).message

/** The files with some others, or with some left out. */
export const changed = (files: Files, changes: Readonly<Record<string, Uint8Array | undefined>>): Files =>
  new Map(
    [...files, ...Object.entries(changes)].flatMap(([path]) => {
      const bytes = Object.hasOwn(changes, path) ? changes[path] : files.get(path)
      return bytes ? [[path, bytes] as const] : []
    })
  )
