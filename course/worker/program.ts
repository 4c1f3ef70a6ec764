/**
 * Blocks as one module that is run piece by piece. What a module may not do, blocks may not: a name is declared once, a
 * constant keeps its value.
 */
import type { Block, Declared, Import } from './block.js'

export type Exports = Readonly<Record<string, unknown>>
/** What an import leads to. */
export type Load = (specifier: string) => Promise<Exports>

export interface Program {
  /**
   * Runs one more block. `name` is its file in traces of errors; `around` are names that it finds besides those of the
   * module; `at` is told the line of each statement before it runs.
   */
  readonly run: (block: Block, name: string, around: Exports, at: (line: number) => void) => Promise<void>
  /** What the blocks that ran have exported. */
  readonly exports: Exports
}

/** How a name is read and assigned to. */
type Names = Readonly<Record<string, PropertyDescriptor>>
type Made = (around: object, scope: object, define: (names: Names) => void, at: (line: number) => void) => Promise<void>

const accessOf = ({ name, fixed }: Declared): string =>
  `${name}: { get: () => ${name}${fixed ? '' : `, set: value => { ${name} = value }`} }`

/**
 * The text of a function with lines as the block's. `with` is what makes a scope of an object, so the function itself
 * is not strict; the code in it is, as that of a module.
 */
const functionOf = ({ declared, body }: Block, name: string): string =>
  [
    '(function (__around, __scope, __define, __at) { with (__around) with (__scope) return (async () => { "use strict"; ',
    `__define({ ${declared.map(accessOf).join(', ')} }); `,
    `${body}\n})() })\n//# sourceURL=${name}`
  ].join('')

/** Indirect, so that the code sees nothing of this file. */
// biome-ignore lint/security/noGlobalEval: running what the reader has written is what this page is for
const evaluated = (text: string): Made => globalThis.eval(text)

const importedNames = (module: Exports, { from, names }: Import): Names =>
  Object.fromEntries(
    names.map(({ name, as }) => {
      if (name !== '*' && !(name in module))
        throw new SyntaxError(`'${from}' exports no '${name}': import one of ${Object.keys(module).sort().join(', ')}`)
      return [as, { get: () => (name === '*' ? module : module[name]) }]
    })
  )

/** A module without any block. */
export const emptyProgram = (load: Load): Program => {
  const scope: Record<string, unknown> = Object.create(null)
  const exports: Record<string, unknown> = {}
  const define = (names: Names): void => {
    for (const [name, access] of Object.entries(names))
      Object.defineProperty(scope, name, { ...access, enumerable: true })
  }
  const refuseTwice = (name: string): void => {
    if (name in scope) throw new SyntaxError(`'${name}' is declared twice in this chapter: give one another name`)
  }
  const run: Program['run'] = async (block, name, around, at) => {
    for (const one of block.imports) {
      at(one.line)
      for (const { as } of one.names) refuseTwice(as)
      define(importedNames(await load(one.from), one))
    }
    for (const one of block.declared) {
      at(one.line)
      refuseTwice(one.name)
    }
    const made = evaluated(functionOf(block, name))
    await made(Object.assign(Object.create(null), around), scope, define, at)
    for (const one of block.exports)
      Object.defineProperty(exports, one, { get: () => scope[one], enumerable: true, configurable: true })
  }
  return { run, exports }
}
