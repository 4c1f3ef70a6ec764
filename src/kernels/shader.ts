/**
 * Shaders are plain WGSL files that compile as they stand, with two directives in comments: `//! include "file.wgsl"`,
 * and one block from `//! op` to `//! end` whose default text a call may replace, by one that may include files too.
 * Lines are remembered by file for messages.
 */
import * as E from 'fp-ts/lib/Either.js'
import { type KernelError, shaderError } from './errors.js'
import { SHADERS } from './platform/shaders.js'

/** The directive in the text of a call's own block. */
const INCLUDE = /^\/\/! include "([^"]+)"$/

/** Gives the text of a file by its name, or throws. */
export type Loader = (file: string) => string

/** Gives the files of the package's `shaders/`. */
export const loadShader: Loader = file => {
  const text = SHADERS.get(file)
  if (text === undefined) throw new Error('there is no such file')
  return text
}

/**
 * Where a line of expanded text came from, counting from 1. Lines of a call's own block are at the block's directive.
 */
export interface Origin {
  readonly file: string
  readonly line: number
}
export interface Source {
  readonly code: string
  readonly origins: readonly Origin[]
}

/**
 * The text of shader `name` with its directives expanded; each file is included once. `ShaderError` for a file that is
 * missing, includes itself, or has a directive that is wrong, and for an `op` that no block would take.
 */
export const expand = (name: string, op?: string, load: Loader = loadShader): E.Either<KernelError, Source> => {
  const lines: string[] = []
  const origins: Origin[] = []
  const done = new Set<string>()
  let blocks = 0

  const put = (text: string, file: string, line: number): void => {
    lines.push(text)
    origins.push({ file, line })
  }

  // Throws KernelError, which does not leave this function.
  const walk = (file: string, parents: readonly string[], from: Origin): void => {
    if (parents.includes(file)) throw shaderError(from.file, from.line, `${file} includes itself`, 'remove the cycle')
    if (done.has(file)) return
    done.add(file)
    let text: string
    try {
      text = load(file)
    } catch (reason) {
      throw shaderError(from.file, from.line, `${file} cannot be read (${(reason as Error).message})`, 'check the name')
    }
    let inBlock = false
    for (const [i, content] of text.split(/\r?\n/).entries()) {
      const line = i + 1
      const wrong = (got: string): KernelError => shaderError(file, line, got, 'correct the directive')
      const [, word, rest = ''] = /^\s*\/\/!\s*(\w*)\s*(.*?)\s*$/.exec(content) ?? []
      if (word === undefined) {
        if (!inBlock || op === undefined) put(content, file, line)
      } else if (word === 'include' && !inBlock) {
        const target = /^"([^"]+)"$/.exec(rest)?.[1]
        if (target === undefined) throw wrong('include needs a file in double quotes')
        walk(target, [...parents, file], { file, line })
      } else if (word === 'op' && !inBlock) {
        if (++blocks > 1) throw wrong('a second op block; there can be one')
        inBlock = true
        for (const own of op?.split('\n') ?? []) {
          const target = INCLUDE.exec(own)?.[1]
          if (target === undefined) put(own, file, line)
          else walk(target, [...parents, file], { file, line })
        }
      } else if (word === 'end' && inBlock) {
        inBlock = false
      } else throw wrong(`"${content.trim()}" is no directive, or not at this place`)
    }
    if (inBlock) throw shaderError(file, text.split('\n').length, 'the op block has no end', 'add a line `//! end`')
  }

  return E.tryCatch(
    () => {
      const file = `${name}.wgsl`
      walk(file, [], { file, line: 1 })
      if (op !== undefined && blocks === 0)
        throw shaderError(file, 1, 'a call brings an op, but there is no op block', 'add `//! op` and `//! end`')
      return { code: lines.join('\n'), origins }
    },
    error => error as KernelError
  )
}
