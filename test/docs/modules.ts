/**
 * Blocks as modules: what they may use without importing it, whether they have the types that they should, and what
 * they do when they run.
 *
 * A fence of a page is complete: it imports all that it uses. An example of a docstring may use the names of its own
 * file, of the package, and of `docs/prelude.ts`, unless it has imports of its own.
 */
import { basename, dirname, join, relative } from 'node:path'
import ts from 'typescript'
import { execute, type Statement, statementsOf, toldOf } from '../../course/chapter.js'
import { complaintAbout, type Expected, expectedOf, outcomeOf } from '../../course/expected.js'
import { type Block, beside, ROOT } from './blocks.js'
import { base, exported, meantBy, PACKAGE, PRELUDE } from './program.js'

const parsed = (file: string, text: string): ts.SourceFile =>
  ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)

const isComplete = ({ kind, text }: Block): boolean => kind === 'fence' || /^import /m.test(text)

/** The identifiers of a block that are no names of properties. */
const usedBy = (text: string): Set<string> => {
  const used = new Set<string>()
  const visit = (node: ts.Node): void => {
    if (ts.isPropertyAccessExpression(node)) return visit(node.expression)
    if (ts.isPropertyAssignment(node)) return visit(node.initializer)
    if (ts.isIdentifier(node)) used.add(node.text)
    ts.forEachChild(node, visit)
  }
  visit(parsed('block.ts', text))
  return used
}

const declaredBy = (text: string): Set<string> => {
  const declared = new Set<string>()
  const bind = (name: ts.BindingName): void => {
    if (ts.isIdentifier(name)) declared.add(name.text)
    else for (const element of name.elements) if (ts.isBindingElement(element)) bind(element.name)
  }
  for (const statement of parsed('block.ts', text).statements) {
    if (ts.isVariableStatement(statement)) for (const { name } of statement.declarationList.declarations) bind(name)
    if ((ts.isFunctionDeclaration(statement) || ts.isInterfaceDeclaration(statement)) && statement.name)
      declared.add(statement.name.text)
  }
  return declared
}

/** How the names that a file exports are imported: a type says that it is one. */
const exportsOf = (file: string): ReadonlyMap<string, string> => {
  const importOf = (symbol: ts.Symbol): string => {
    const [specifier] = symbol.declarations ?? []
    const asType =
      specifier && ts.isExportSpecifier(specifier) && (specifier.isTypeOnly || specifier.parent.parent.isTypeOnly)
    return meantBy(symbol).flags & ts.SymbolFlags.Value && !asType ? symbol.name : `type ${symbol.name}`
  }
  return new Map(exported(file).map(symbol => [symbol.name, importOf(symbol)]))
}

let names:
  | { readonly ofPackage: ReadonlyMap<string, string>; readonly ofPrelude: ReadonlyMap<string, string> }
  | undefined
const given = (): NonNullable<typeof names> => {
  names ??= { ofPackage: exportsOf('src/index.ts'), ofPrelude: exportsOf(PRELUDE) }
  return names
}

export interface Module {
  readonly block: Block
  /** The file that the compiler is told of: beside the block's own, so that imports mean the same. */
  readonly path: string
  /** Its code: what it may use without importing it stands before its first line, on the same one. */
  readonly code: string
}

/** A block as a module. */
export const moduleOf = (block: Block): Module => {
  if (block.kind === 'chapter') return { block, path: join(ROOT, block.file.replace(/md$/, 'ts')), code: block.text }
  const path = join(
    ROOT,
    `${block.file.replace(/\.\w+$/, '')}.block${block.line}.${block.language === 'js' ? 'js' : 'ts'}`
  )
  if (isComplete(block)) return { block, path, code: block.text }
  const declared = declaredBy(block.text)
  const used = [...usedBy(block.text)].filter(name => !declared.has(name))
  const own = exportsOf(block.file)
  const line = (
    from: string,
    names: ReadonlyMap<string, string>,
    ...before: readonly ReadonlyMap<string, string>[]
  ): string => {
    const taken = used
      .filter(name => names.has(name) && !before.some(other => other.has(name)))
      .map(name => names.get(name))
    return taken.length > 0 ? `import { ${taken.join(', ')} } from '${from}'; ` : ''
  }
  const { ofPackage, ofPrelude } = given()
  const header =
    line(`./${basename(block.file, '.ts')}.js`, own) +
    line(relative(dirname(block.file), PRELUDE).replace(/\.ts$/, '.js'), ofPrelude, own) +
    line('lambda-darts', ofPackage, own, ofPrelude)
  return { block, path, code: header + block.text }
}

/**
 * What the compiler says of modules, each complaint with its place. All are checked in one program, by the options of
 * the sources.
 */
export const typeErrors = (modules: readonly Module[]): Map<Module, readonly string[]> => {
  const texts = new Map(modules.map(({ path, code }) => [path, `${code}\nexport {}\n`]))
  const host = ts.createCompilerHost(base().getCompilerOptions())
  const program = ts.createProgram({
    rootNames: [...texts.keys()],
    options: base().getCompilerOptions(),
    oldProgram: base(),
    host: {
      ...host,
      fileExists: file => texts.has(file) || host.fileExists(file),
      readFile: file => texts.get(file) ?? host.readFile(file),
      getSourceFile: (file, languageVersion, ...more) => {
        const text = texts.get(file)
        return text === undefined
          ? host.getSourceFile(file, languageVersion, ...more)
          : ts.createSourceFile(file, text, languageVersion)
      }
    }
  })
  return new Map(
    modules.map(module => {
      const source = program.getSourceFile(module.path)
      const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)]
      return [
        module,
        found.map(
          one =>
            `${placeOf(module.block, source, one.start ?? 0)} ${ts.flattenDiagnosticMessageText(one.messageText, ' ')}`
        )
      ]
    })
  )
}

const placeOf = ({ file, line }: Block, source: ts.SourceFile | undefined, position: number): string =>
  `${file}:${line + (source?.getLineAndCharacterOfPosition(position).line ?? 0)}`

/** A statement whose value a comment says. */
interface Claim {
  readonly expected: Expected
  readonly statement: Statement
}

/**
 * The claims of a module's code. A comment that looks like a value but stands where nothing can be held to it is an
 * error of the page.
 */
const claimsOf = ({ code, block }: Module): readonly Claim[] => {
  const claims = statementsOf(code).flatMap(statement => {
    const expected = statement.comment && expectedOf(statement.comment.text)
    return expected ? [{ expected, statement }] : []
  })
  for (const { index, 0: comment } of code.matchAll(/\/\/ .*$/gm))
    if (expectedOf(comment)?.kind === 'value' && !claims.some(({ statement }) => statement.comment?.start === index))
      throw new Error(
        `${block.file}:${block.line}: '${comment}' looks like a value, but stands behind no statement of the block itself`
      )
  return claims
}

/** How many values and errors a module claims. */
export const countClaims = (module: Module): number => claimsOf(module).length

/** Modules that a page may import, as the tests have them. */
const imported = async (specifier: string, from: string): Promise<unknown> => {
  const file =
    PACKAGE[specifier] ?? (specifier.startsWith('.') ? beside(from, specifier).replace(/\.js$/, '.ts') : undefined)
  if (file === PRELUDE) return prelude()
  return file === undefined ? import(specifier) : import(join(ROOT, file))
}

/** Runs the code of a file, with what it imports, and gives what it exports. */
const run = async (
  code: string,
  file: string,
  names: Readonly<Record<string, unknown>>
): Promise<Record<string, unknown>> => {
  const { outputText } = ts.transpileModule(code, {
    compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2023 }
  })
  const specifiers = ts.preProcessFile(code).importedFiles.map(({ fileName }) => fileName)
  const modules = await Promise.all(specifiers.map(async one => [one, await imported(one, file)] as const))
  return execute(outputText, new Map(modules), names)
}

let loaded: Promise<Record<string, unknown>> | undefined
const prelude = (): Promise<Record<string, unknown>> => {
  loaded ??= run(ts.sys.readFile(join(ROOT, PRELUDE)) ?? '', PRELUDE, {})
  return loaded
}

/**
 * Runs a module and says which of its claims do not hold. What it prints is not printed. `seen` is told of the value of
 * each expression, and of each declaration with a comment behind it, or of what it threw.
 */
export const runModule = async (
  module: Module,
  seen?: (statement: Statement, value: unknown) => void
): Promise<readonly string[]> => {
  const claims = new Map(claimsOf(module).map(({ expected, statement }) => [statement.start, expected]))
  const statements = statementsOf(module.code).filter(
    ({ kind, comment, start }) => claims.has(start) || (seen && (kind === 'expression' || comment))
  )
  const complaints: string[] = []
  const tell = async (place: number, value: () => Promise<unknown>): Promise<void> => {
    const statement = statements[place] as Statement
    const expected = claims.get(statement.start)
    const told = async (): Promise<unknown> => {
      try {
        const got = await value()
        seen?.(statement, got)
        return got
      } catch (error) {
        seen?.(statement, error)
        throw error
      }
    }
    if (!expected) return void (await told())
    const complaint = complaintAbout(expected, await outcomeOf(expected, told))
    if (complaint) complaints.push(`${module.block.file}:${module.block.line + statement.line - 1} ${complaint}`)
  }
  await run(toldOf(module.code, statements), module.block.file, { tell, console: { ...console, log: () => {} } })
  return complaints
}
