/** The sources and the prelude as one program of the compiler's, by the options of the repository. */
import { join } from 'node:path'
import ts from 'typescript'
import { filesBelow, ROOT } from './blocks.js'

export const PRELUDE = 'docs/prelude.ts'

const compilerOptions = (): ts.CompilerOptions => {
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT)
  return { ...options, allowJs: true, checkJs: true, noUnusedLocals: false, noUnusedParameters: false }
}

/** The package by its names, as tsconfig.json has them. */
export const PACKAGE: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(compilerOptions().paths ?? {}).map(([name, [file]]) => [name, (file as string).replace('./', '')])
)

let made: ts.Program | undefined

/** All sources, compiled without any block: made when it is first asked for, which takes seconds. */
export const base = (): ts.Program => {
  made ??= ts.createProgram({
    rootNames: [...filesBelow('src', '.ts'), PRELUDE].map(file => join(ROOT, file)),
    options: compilerOptions()
  })
  return made
}

/** What a symbol stands for where it was gathered from another file. */
export const meantBy = (symbol: ts.Symbol): ts.Symbol =>
  symbol.flags & ts.SymbolFlags.Alias ? base().getTypeChecker().getAliasedSymbol(symbol) : symbol

/** What a file exports, as the compiler has it, under the names of the outside. */
export const exported = (file: string): readonly ts.Symbol[] => {
  const source = base().getSourceFile(join(ROOT, file))
  const symbol = source && base().getTypeChecker().getSymbolAtLocation(source)
  return symbol ? base().getTypeChecker().getExportsOfModule(symbol) : []
}

export interface PublicName {
  /** As a user writes it: `grad`, `$.add`. */
  readonly name: string
  readonly symbol: ts.Symbol
}

/** What a user can import, and what stands in the namespaces among it. */
export const publicNames = (file = 'src/index.ts'): readonly PublicName[] =>
  exported(file).flatMap(symbol => {
    const meant = meantBy(symbol)
    const one = { name: symbol.name, symbol: meant }
    if (!(meant.flags & ts.SymbolFlags.ValueModule)) return [one]
    return base()
      .getTypeChecker()
      .getExportsOfModule(meant)
      .map(member => ({ name: `${symbol.name}.${member.name}`, symbol: meantBy(member) }))
  })

/** The text of a docstring, without its tags. */
export const docOf = (symbol: ts.Symbol): string =>
  ts.displayPartsToString(symbol.getDocumentationComment(base().getTypeChecker())).trim()
