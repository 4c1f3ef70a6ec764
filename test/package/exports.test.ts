/**
 * Every type that a public signature names is public itself: users can name what they are given and what they have to
 * give.
 */
import ts from 'typescript'
import { expect, it } from 'vitest'

const BUILT = '/built/'

/** The declarations of the package, as a program of their own: what a user's compiler sees. */
const declarations = (): ts.Program => {
  const host = { ...ts.sys, onUnRecoverableConfigFileDiagnostic: () => undefined }
  const config = ts.getParsedCommandLineOfConfigFile(
    'tsconfig.build.json',
    { outDir: BUILT, emitDeclarationOnly: true },
    host
  )
  if (!config) throw new Error('tsconfig.build.json could not be read')
  const texts = new Map<string, string>()
  ts.createProgram(config.fileNames, config.options).emit(
    undefined,
    (name, text) => texts.set(name, text),
    undefined,
    true
  )
  const compiler = ts.createCompilerHost(config.options)
  const built: ts.CompilerHost = {
    ...compiler,
    fileExists: name => texts.has(name) || compiler.fileExists(name),
    readFile: name => texts.get(name) ?? compiler.readFile(name),
    directoryExists: () => true,
    getSourceFile: (name, options) => {
      const text = texts.get(name)
      return text === undefined ? compiler.getSourceFile(name, options) : ts.createSourceFile(name, text, options, true)
    }
  }
  return ts.createProgram([`${BUILT}index.d.ts`], { ...config.options, noEmit: true }, built)
}

const resolved = (checker: ts.TypeChecker, symbol: ts.Symbol): ts.Symbol =>
  symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol

/** All that a module exports, and what the namespaces among it do. */
const exportsOf = (checker: ts.TypeChecker, module: ts.Symbol): ts.Symbol[] =>
  checker.getExportsOfModule(module).flatMap(symbol => {
    const own = resolved(checker, symbol)
    return own.flags & ts.SymbolFlags.Module ? [own, ...exportsOf(checker, own)] : [own]
  })

/** What a declaration names, wherever in it. */
const namedIn = (node: ts.Node): readonly ts.Node[] => {
  const own = ts.isTypeReferenceNode(node)
    ? [node.typeName]
    : ts.isExpressionWithTypeArguments(node)
      ? [node.expression]
      : ts.isImportTypeNode(node) && node.qualifier
        ? [node.qualifier]
        : []
  const inside: ts.Node[] = []
  ts.forEachChild(node, child => {
    inside.push(...namedIn(child))
  })
  return [...own, ...inside]
}

it('every type that a public signature names is exported', () => {
  const program = declarations()
  const checker = program.getTypeChecker()
  const entry = program.getSourceFile(`${BUILT}index.d.ts`)
  const module = entry && checker.getSymbolAtLocation(entry)
  if (!module) throw new Error('the package has no entry')
  const exported = new Set(exportsOf(checker, module))
  expect(exported.size).toBeGreaterThan(300)
  const missing = new Set<string>()
  for (const symbol of exported)
    for (const declaration of symbol.declarations ?? []) {
      if (ts.isSourceFile(declaration)) continue
      for (const name of namedIn(declaration)) {
        const found = checker.getSymbolAtLocation(name)
        const target = found && resolved(checker, found)
        const file = target?.declarations?.[0]?.getSourceFile().fileName ?? ''
        if (!target || !file.startsWith(BUILT) || target.flags & ts.SymbolFlags.TypeParameter || exported.has(target))
          continue
        missing.add(`${target.name} of ${file.slice(BUILT.length)}, in the signature of ${symbol.name}`)
      }
    }
  expect([...missing].sort()).toEqual([])
})
