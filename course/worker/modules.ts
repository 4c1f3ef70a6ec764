/** What code of the course may import, and where that comes from. */
import { digits, helpers, lessons } from 'lambda-darts:lessons'
import * as engine from '../../src/index.js'
import * as pictures from '../../src/pictures/index.js'
import { exportedOf } from '../chapter.js'
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

/** Modules by their names, or by their paths from the root. */
export type Modules = ReadonlyMap<string, () => Exports | Promise<Exports>>

/**
 * The engine's exports. `opened` is told of each backend that code opens; the reference stands in for the GPU where the
 * reader says so.
 */
const engineFor = (backend: Backend, opened: (session: Opened) => void): Exports => ({
  ...engine,
  openGpu: async (options?: { readonly adapter?: string }) => {
    const session = backend === 'reference' ? engine.openReference() : await engine.openGpu(options)
    opened(session)
    return session
  }
})

/** What docs/course/digits.ts exports, of the file that the build has put here. */
const digitsModule = async (): Promise<Exports> => {
  const packed = Uint8Array.from(atob(digits), letter => letter.charCodeAt(0))
  const unpacked = new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip')))
  const decoded = engine.decodeDigits(new Uint8Array(await unpacked.arrayBuffer()))
  if (decoded._tag === 'Left') throw new Error(decoded.left.message)
  return { digits: decoded.right }
}

/** The package by its names, and the digits. */
export const packageFor = (backend: Backend, opened: (session: Opened) => void): Modules => {
  const exports = engineFor(backend, opened)
  return new Map<string, () => Exports | Promise<Exports>>([
    ['lambda-darts', () => exports],
    ['lambda-darts/autodiff', () => exports],
    ['lambda-darts/pictures', () => ({ ...pictures })],
    [`${COURSE}/digits.js`, digitsModule]
  ])
}

/** A path beside a file, from the root. */
const beside = (file: string, path: string): string => new URL(path, `file:///${file}`).pathname.slice(1)

/** Runs code as a module of one block; `around` are names that it finds besides its own. */
export const moduleOf = async (code: string, file: string, load: Load, around: Exports = {}): Promise<Exports> => {
  const program = emptyProgram(load)
  await program.run(blockOf(code), file, around, () => {})
  return program.exports
}

const refuse = (specifier: string, modules: Modules): never => {
  const names = [...modules.keys()].filter(name => !name.startsWith(COURSE))
  throw new TypeError(`'${specifier}' cannot be imported in a page: import an earlier chapter, or ${names.join(', ')}`)
}

/** Imports from a file. Chapters are run once for all who import them. */
export const loaderFrom = (file: string, modules: Modules): Load => {
  const seen = new Map<string, Promise<Exports>>()
  const found = async (path: string, specifier: string): Promise<Exports> => {
    const known = modules.get(path)
    if (known) return known()
    const name = path.slice(COURSE.length + 1).replace(/\.js$/, '')
    const code = helpers[name] ?? exportedOf(lessons[name]?.blocks ?? [])
    return code === '' ? refuse(specifier, modules) : moduleOf(code, path, from(path))
  }
  const from =
    (file: string): Load =>
    specifier => {
      const path = specifier.startsWith('.') ? beside(file, specifier) : specifier
      const module = seen.get(path) ?? found(path, specifier)
      seen.set(path, module)
      return module
    }
  return from(file)
}
