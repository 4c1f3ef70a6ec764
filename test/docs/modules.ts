/**
 * Blocks as modules: what they may use without importing it, whether they have the types that they should, and what
 * they do when they run.
 *
 * A fence of a page is complete: it imports all that it uses. An example of a docstring may use the names of its own
 * file, of the package, and of `docs/prelude.ts`, unless it has imports of its own.
 */
import { basename, dirname, join, relative } from 'node:path'
import ts from 'typescript'
import { type Block, beside, ROOT } from './blocks.js'
import { complaintOf, type Expected, expectedOf } from '../../course/expected.js'
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
const PUBLIC = exportsOf('src/index.ts')
const FROM_PRELUDE = exportsOf(PRELUDE)

export interface Module {
  readonly block: Block
  /** The file that the compiler is told of: beside the block's own, so that imports mean the same. */
  readonly path: string
  /** Its code: what it may use without importing it stands before its first line, on the same one. */
  readonly code: string
}

/** A block as a module. */
export const moduleOf = (block: Block): Module => {
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
  const header =
    line(`./${basename(block.file, '.ts')}.js`, own) +
    line(relative(dirname(block.file), PRELUDE).replace(/\.ts$/, '.js'), FROM_PRELUDE, own) +
    line('lambda-darts', PUBLIC, own, FROM_PRELUDE)
  return { block, path, code: header + block.text }
}

/**
 * What the compiler says of modules, each complaint with its place. All are checked in one program, by the options of
 * the sources.
 */
export const typeErrors = (modules: readonly Module[]): Map<Module, readonly string[]> => {
  const texts = new Map(modules.map(({ path, code }) => [path, `${code}\nexport {}\n`]))
  const host = ts.createCompilerHost(base.getCompilerOptions())
  const program = ts.createProgram({
    rootNames: [...texts.keys()],
    options: base.getCompilerOptions(),
    oldProgram: base,
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

/** A comment behind something on the same line. */
const commentBehind = (text: string, end: number): { readonly start: number; readonly text: string } | undefined => {
  const [range] = ts.getTrailingCommentRanges(text, end) ?? []
  return range?.kind === ts.SyntaxKind.SingleLineCommentTrivia
    ? { start: range.pos, text: text.slice(range.pos, range.end) }
    : undefined
}

/** A statement whose value a comment says: the text that has this value, and where. */
interface Claim {
  readonly expected: Expected
  readonly start: number
  readonly end: number
  readonly replacement: (place: number) => string
}

/**
 * What is claimed of a statement: of an expression that stands alone or is printed, and of what a declaration names.
 */
const claimOf = (source: ts.SourceFile, statement: ts.Statement, expected: Expected): Claim | undefined => {
  const at = { expected, start: statement.getStart(source), end: statement.end }
  const asked = (code: string) => (place: number) => `await claim(${place}, async () => (${code}));`
  if (ts.isExpressionStatement(statement)) {
    const { expression } = statement
    const printed =
      ts.isCallExpression(expression) && expression.expression.getText(source) === 'console.log'
        ? expression.arguments[0]
        : expression
    return { ...at, replacement: asked((printed ?? expression).getText(source)) }
  }
  const [declaration] = ts.isVariableStatement(statement) ? statement.declarationList.declarations : []
  if (!declaration) return undefined
  const names = declaration.name.getText(source)
  return { ...at, replacement: place => `${statement.getText(source)}; ${asked(names)(place)}` }
}

/**
 * The claims of a module's code. A comment that looks like a value but stands where nothing can be held to it is an
 * error of the page.
 */
const claimsOf = ({ code, block }: Module): readonly Claim[] => {
  const source = parsed('module.ts', code)
  const claims = source.statements.flatMap(statement => {
    const comment = commentBehind(code, statement.end)
    const expected = comment && expectedOf(comment.text)
    const claim = expected && claimOf(source, statement, expected)
    return claim && comment ? [{ claim, comment: comment.start }] : []
  })
  for (const { index, 0: comment } of code.matchAll(/\/\/ .*$/gm))
    if (expectedOf(comment)?.kind === 'value' && !claims.some(({ comment: start }) => start === index))
      throw new Error(
        `${block.file}:${block.line}: '${comment}' looks like a value, but stands behind no statement of the block itself`
      )
  return claims.map(({ claim }) => claim)
}

/** How many values and errors a module claims. */
export const countClaims = (module: Module): number => claimsOf(module).length

const AsyncFunction = (async () => {}).constructor as new (
  ...names: string[]
) => (...values: unknown[]) => Promise<void>

/** Modules that a page may import, as the tests have them. */
const imported = async (specifier: string, from: string): Promise<unknown> => {
  const file =
    PACKAGE[specifier] ?? (specifier.startsWith('.') ? beside(from, specifier).replace(/\.js$/, '.ts') : undefined)
  if (file === PRELUDE) return prelude()
  return file === undefined ? import(specifier) : import(join(ROOT, file))
}

/** Runs code in place, with what it imports, and gives what it exports. */
const execute = async (
  code: string,
  file: string,
  names: Readonly<Record<string, unknown>>
): Promise<Record<string, unknown>> => {
  const { outputText } = ts.transpileModule(code, {
    compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2023 }
  })
  const specifiers = ts.preProcessFile(code).importedFiles.map(({ fileName }) => fileName)
  const modules = new Map(
    await Promise.all(specifiers.map(async specifier => [specifier, await imported(specifier, file)] as const))
  )
  const exports: Record<string, unknown> = {}
  const run = new AsyncFunction('require', 'exports', ...Object.keys(names), outputText)
  await run((specifier: string) => modules.get(specifier), exports, ...Object.values(names))
  return exports
}

let loaded: Promise<Record<string, unknown>> | undefined
const prelude = (): Promise<Record<string, unknown>> => {
  loaded ??= execute(ts.sys.readFile(join(ROOT, PRELUDE)) ?? '', PRELUDE, {})
  return loaded
}

/** Runs a module and says which of its claims do not hold. What it prints is not printed. */
export const runModule = async (module: Module): Promise<readonly string[]> => {
  const claims = claimsOf(module)
  const complaints: string[] = []
  const code = claims.reduceRight(
    (text, { start, end, replacement }, place) => text.slice(0, start) + replacement(place) + text.slice(end),
    module.code
  )
  const claim = async (place: number, run: () => unknown): Promise<void> => {
    const { expected, start } = claims[place] as Claim
    const complaint = await complaintOf(expected, run)
    if (complaint) complaints.push(`${placeOf(module.block, parsed('module.ts', module.code), start)} ${complaint}`)
  }
  await execute(code, module.block.file, { claim, console: { ...console, log: () => {} } })
  return complaints
}
