/** What code of the course may import, and where that comes from. */
import { helpers, lessons } from 'lambda-darts:lessons'
import * as engine from '../../src/index.js'
import * as pictures from '../../src/pictures/index.js'
import type { Backend } from '../protocol.js'
import { blockOf } from './block.js'
import { type Exports, emptyProgram, type Load } from './program.js'

/** The folder of the chapters, from which their imports lead. */
export const COURSE = 'docs/course'

/** A backend that a block has opened. */
export interface Opened {
  readonly name: string
  readonly dispose: () => void
}

/** The engine's exports; who opens a backend is told of, and `reference` stands in for the GPU where the reader says so. */
export const engineFor = (backend: Backend, opened: (session: Opened) => void): Exports => ({
  ...engine,
  openGpu: async (options?: { readonly adapter?: string }) => {
    const session = backend === 'reference' ? engine.openReference() : await engine.openGpu(options)
    opened(session)
    return session
  }
})

/** A path beside a file, from the root. */
const beside = (file: string, path: string): string => new URL(path, `file:///${file}`).pathname.slice(1)

/** Runs code as a module of one block. */
export const moduleOf = async (code: string, file: string, load: Load): Promise<Exports> => {
  const program = emptyProgram(load)
  await program.run(blockOf(code), file, {}, () => {})
  return program.exports
}

/** What a chapter exports: its blocks that export something are a module of their own. */
const exporting = (blocks: readonly string[]): string => blocks.filter(text => /^export /m.test(text)).join('\n\n')

/**
 * Imports from a file. `given` are modules by their names or paths; chapters come from the course, each once for
 * everyone who imports it.
 */
export const loaderFrom = (file: string, given: ReadonlyMap<string, Exports>): Load => {
  const seen = new Map<string, Promise<Exports>>()
  const from =
    (file: string): Load =>
    specifier => {
      const path = specifier.startsWith('.') ? beside(file, specifier) : specifier
      const known = given.get(path)
      if (known) return Promise.resolve(known)
      const name = path.slice(COURSE.length + 1).replace(/\.js$/, '')
      const code = helpers[name] ?? exporting(lessons[name]?.blocks ?? [])
      if (code === '')
        throw new TypeError(
          `'${specifier}' cannot be imported in the page: import ${[...given.keys()].join(', ')} or an earlier chapter`
        )
      const found = seen.get(path) ?? moduleOf(code, path, from(path))
      seen.set(path, found)
      return found
    }
  return from(file)
}

export const PICTURES: Exports = { ...pictures }
