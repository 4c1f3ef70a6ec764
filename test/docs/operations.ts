/** The table of operations, from the code: what a user may call, what it is made of, its derivative and its kernel. */
import { basename } from 'node:path'
import ts from 'typescript'
import '../../src/autodiff/ops/index.js'
import { registry } from '../../src/autodiff/primitive.js'
import type { Primitive } from '../../src/autodiff/tensor.js'
import { base, docOf, exported, meantBy } from './program.js'

/** Namespaces of the package whose functions are operations on tensors. */
const NAMESPACES = ['$', 'nn'] as const

interface Operation {
  /** As a user writes it: `$.add`. */
  readonly name: string
  readonly family: string
  readonly signature: string
  readonly line: string
  readonly derivative: string
  readonly kernel: string
}

const checker = base().getTypeChecker()

const declarationOf = (symbol: ts.Symbol): ts.Declaration | undefined =>
  symbol.valueDeclaration ?? symbol.declarations?.[0]

/** What a declaration refers to, outside of types. */
const referredBy = (declaration: ts.Declaration): readonly ts.Symbol[] => {
  const found = new Set<ts.Symbol>()
  const visit = (node: ts.Node): void => {
    if (ts.isTypeNode(node)) return
    if (ts.isIdentifier(node)) {
      const symbol = checker.getSymbolAtLocation(node)
      if (symbol && node.parent !== declaration) found.add(meantBy(symbol))
    }
    ts.forEachChild(node, visit)
  }
  visit(declaration)
  return [...found]
}

/** The names of primitives that a declaration of a module makes: the first text of a call that names one. */
const madeBy = (declaration: ts.Declaration): readonly string[] => {
  const isOfModule = ts.isVariableDeclaration(declaration) && ts.isSourceFile(declaration.parent.parent.parent)
  const initializer = isOfModule ? declaration.initializer : undefined
  if (!initializer || !ts.isCallExpression(initializer)) return []
  const [first] = initializer.arguments
  const property =
    first && ts.isObjectLiteralExpression(first)
      ? first.properties.find(one => one.name?.getText() === 'name')
      : undefined
  const name = property && ts.isPropertyAssignment(property) ? property.initializer : first
  return name && ts.isStringLiteral(name) && registry.has(name.text) ? [name.text] : []
}

const isOfTensors = (declaration: ts.Declaration | undefined): declaration is ts.Declaration =>
  declaration !== undefined && /src\/autodiff\//.test(declaration.getSourceFile().fileName)

/**
 * What an operation is made of: primitives that it binds itself, or by helpers that are not `public_`, and other
 * operations.
 */
const partsOf = (symbol: ts.Symbol, public_: ReadonlyMap<ts.Symbol, string>) => {
  const primitives = new Set<string>()
  const operations = new Set<string>()
  const seen = new Set<ts.Symbol>()
  const visit = (one: ts.Symbol): void => {
    const declaration = declarationOf(one)
    if (seen.has(one) || !isOfTensors(declaration)) return
    seen.add(one)
    for (const name of madeBy(declaration)) primitives.add(name)
    // A primitive's own record says how it is differentiated, not what the operation is made of.
    if (madeBy(declaration).length > 0) return
    for (const other of referredBy(declaration)) {
      const known = public_.get(other)
      if (known !== undefined && other !== symbol) operations.add(known)
      else if (other.flags & (ts.SymbolFlags.Variable | ts.SymbolFlags.Function)) visit(other)
    }
  }
  visit(symbol)
  // Beside others, constants are the numbers among the operands.
  if (primitives.size > 1) primitives.delete('constant')
  return { primitives: [...primitives], operations: [...operations] }
}

/** The operations that only bring operands together, or look at them, are not what another one is made of. */
const BESIDE = new Set(['$.broadcastTo', '$.reshape', '$.tensor', '$.convert', '$.alias', '$.transpose'])

const describeParts = ({
  primitives,
  operations
}: ReturnType<typeof partsOf>): Pick<Operation, 'derivative' | 'kernel'> => {
  const [name] = primitives
  if (name !== undefined && primitives.length === 1) {
    const { vjp, kernel } = registry.get(name) as Primitive
    const derivative = vjp === 'zero' ? 'zero' : vjp === undefined ? 'none' : 'rule'
    return { derivative, kernel: kernel?.kind === 'shader' ? `shader \`${kernel.shader}\`` : (kernel?.kind ?? 'none') }
  }
  if (operations.includes('$.customVjp')) return { derivative: 'rule of its own', kernel: 'of its parts' }
  const main = operations.filter(one => !BESIDE.has(one))
  const parts = main.length > 0 ? main : operations
  const isConstant = primitives.length > 0 && primitives.every(one => registry.get(one)?.vjp === 'zero')
  const shown = [...primitives.map(one => `\`${one}\``), ...parts.map(one => `\`${one}\``)]
  return {
    derivative: isConstant ? 'zero' : shown.length > 0 ? 'of its parts' : 'none needed',
    kernel: shown.length > 0 ? shown.slice(0, 4).join(', ') + (shown.length > 4 ? ', ...' : '') : 'none needed'
  }
}

/** The first sentence of a docstring. */
const firstSentence = (text: string): string => {
  const flat = text.replaceAll(/\s+/g, ' ')
  return /^(.*?[^.][.:])(?= [A-Z`]|$)/.exec(flat)?.[1]?.replace(/:$/, '.') ?? flat
}

const signatureOf = (name: string, symbol: ts.Symbol, declaration: ts.Declaration): string | undefined => {
  const [signature] = checker.getSignaturesOfType(
    checker.getTypeOfSymbolAtLocation(symbol, declaration),
    ts.SignatureKind.Call
  )
  if (!signature) return undefined
  const text = checker.signatureToString(signature, declaration, ts.TypeFormatFlags.NoTruncation)
  // Options that are taken apart where they arrive are told by the name of their type alone.
  return `${name}${text.replaceAll(/\s+/g, ' ').replaceAll(/\{[^{}]*\}\?: (?=\w*Options)/g, 'options?: ')}`
}

/** All operations, in the order of their families and names. */
export const operations = (): readonly Operation[] => {
  const public_ = new Map<ts.Symbol, string>()
  for (const symbol of exported('src/index.ts')) {
    if (!(NAMESPACES as readonly string[]).includes(symbol.name)) continue
    for (const member of checker.getExportsOfModule(meantBy(symbol)))
      public_.set(meantBy(member), `${symbol.name}.${member.name}`)
  }
  return [...public_]
    .flatMap(([symbol, name]): Operation[] => {
      const declaration = declarationOf(symbol)
      const signature = declaration && signatureOf(name, symbol, declaration)
      if (!declaration || signature === undefined) return []
      const [namespace, file] = [name.split('.')[0] as string, basename(declaration.getSourceFile().fileName, '.ts')]
      const family = file === namespace ? namespace : `${namespace}: ${file}`
      return [
        { name, family, signature, line: firstSentence(docOf(symbol)), ...describeParts(partsOf(symbol, public_)) }
      ]
    })
    .sort((a, b) => (a.family === b.family ? (a.name < b.name ? -1 : 1) : a.family < b.family ? -1 : 1))
}

const cell = (text: string): string => text.replaceAll('|', '\\|')

const table = (rows: readonly Operation[]): string =>
  [
    '| operation | what | derivative | kernel |',
    '| --- | --- | --- | --- |',
    ...rows.map(
      ({ signature, line, derivative, kernel }) =>
        `| \`${cell(signature)}\` | ${cell(line)} | ${derivative} | ${kernel} |`
    )
  ].join('\n')

/** The page `docs/operations.md`. */
export const operationsPage = (): string => {
  const all = operations()
  const families = [...new Set(all.map(({ family }) => family))]
  return `# Operations
Written by \`npm run docs:operations\` from the code. Each operation runs on the float64 reference and on a device, and has derivatives of every
order. **Derivative**: by a rule; zero almost everywhere (\`zero\`); refused when a cotangent arrives (\`none\`); or that of its parts. **Kernel**: the form of
[design.md](design.md) (\`map\` and \`view\` are fused), a shader of its own, or what the operation is made of. What jax.numpy, jax.lax and torch have and
this has not stands in [operations-left-out.md](operations-left-out.md).

${families.map(family => `## ${family}\n${table(all.filter(one => one.family === family))}`).join('\n\n')}
`
}
