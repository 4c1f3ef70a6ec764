/**
 * A block as a function. The blocks of a chapter are one module: what one declares, later ones see. Here each is a
 * function of its own, so that a reader runs them one after another; their names live in a scope that all share.
 */
import { typescriptLanguage } from '@codemirror/lang-javascript'
import { transform } from 'sucrase'

/** An import of a module and the names that it gives; `*` is the whole of it. */
export interface Import {
  readonly line: number
  readonly from: string
  readonly names: readonly { readonly name: string; readonly as: string }[]
}

export interface Declared {
  readonly line: number
  readonly name: string
  /** It cannot be assigned to. */
  readonly fixed: boolean
}

export interface Block {
  readonly imports: readonly Import[]
  readonly exports: readonly string[]
  readonly declared: readonly Declared[]
  /** What it does, in JavaScript, each line where the block has it; `__at(LINE);` stands before each statement. */
  readonly body: string
}

type Node = ReturnType<typeof typescriptLanguage.parser.parse>['topNode']

const childrenOf = (node: Node): Node[] => {
  const children: Node[] = []
  for (let child = node.firstChild; child; child = child.nextSibling) children.push(child)
  return children
}

/** The names in a list: what is imported or declared by them. A type among them is none. */
const listed = (text: string): { readonly name: string; readonly as: string }[] =>
  text.split(',').flatMap(item => {
    const [, name, as = name] = /^\s*(?!type\s)([\w$]+)(?:\s+as\s+([\w$]+))?\s*$/.exec(item) ?? []
    return name === undefined || as === undefined ? [] : [{ name, as }]
  })

/** What an import gives; nothing where it imports types only. */
const importOf = (text: string, line: number): Import | undefined => {
  const from = /(['"])([^'"]*)\1/.exec(text)?.[2]
  if (from === undefined || /^import\s+type\b/.test(text)) return undefined
  const whole = /\*\s*as\s+([\w$]+)/.exec(text)?.[1]
  const standard = /^import\s+([\w$]+)/.exec(text)?.[1]
  return {
    line,
    from,
    names: [
      ...(standard ? [{ name: 'default', as: standard }] : []),
      ...(whole ? [{ name: '*', as: whole }] : []),
      ...listed(/\{([^}]*)\}/.exec(text)?.[1] ?? '')
    ]
  }
}

/** The definitions of a declaration; those within values and bodies are not of it. */
const definitionsOf = (node: Node): Node[] =>
  childrenOf(node).flatMap(child => {
    if (child.name === 'VariableDefinition' || (child.name === 'TypeDefinition' && node.name === 'EnumDeclaration'))
      return [child]
    return /^(ObjectPattern|ArrayPattern|PatternProperty)$/.test(child.name) ? definitionsOf(child) : []
  })

/** A statement of the outermost level, and what becomes of it. */
interface Part {
  readonly text: string
  readonly imports?: Import
  readonly exports?: readonly string[]
  readonly declared?: readonly Declared[]
}

/** Only the line breaks of a text. */
const blank = (text: string): string => text.replaceAll(/[^\n]/g, '')

const VALUES = /^(Variable|Function|Class|Enum)Declaration$/
const TYPES = /^(TypeAlias|Interface)Declaration$/

/** The line in which a node begins. */
const lineOf = ({ from }: Node, code: string): number => code.slice(0, from).split('\n').length

const partOf = (node: Node, code: string): Part => {
  const text = code.slice(node.from, node.to)
  const line = lineOf(node, code)
  const at = `__at(${line});`
  if (node.name === 'ImportDeclaration') {
    const imports = importOf(text, line)
    return { text: blank(text), ...(imports ? { imports } : {}) }
  }
  if (node.name === 'ExportDeclaration') {
    const inner = childrenOf(node).find(({ name }) => VALUES.test(name) || TYPES.test(name))
    if (!inner)
      return { text: blank(text), exports: listed(/\{([^}]*)\}/.exec(text)?.[1] ?? '').map(({ name }) => name) }
    const part = partOf(inner, code)
    return {
      ...part,
      text: blank(code.slice(node.from, inner.from)) + part.text,
      exports: part.declared?.map(({ name }) => name) ?? []
    }
  }
  if (VALUES.test(node.name)) {
    const fixed = /^const\b/.test(text)
    const declared = definitionsOf(node).map(one => ({
      line: lineOf(one, code),
      name: code.slice(one.from, one.to),
      fixed
    }))
    return { text: node.name === 'VariableDeclaration' ? at + text : text, declared }
  }
  return { text: node.name.endsWith('Statement') ? at + text : text }
}

/** TypeScript without its types. Throws a `SyntaxError` with the line. */
const stripped = (code: string): string =>
  transform(code, { transforms: ['typescript'], disableESTransforms: true, keepUnusedImports: true }).code

/** A block of its text, whose statements may have been changed to tell of their values. */
export const blockOf = (code: string): Block => {
  const nodes = childrenOf(typescriptLanguage.parser.parse(code).topNode)
  const parts = nodes.map(node => partOf(node, code))
  const text = parts.reduceRight((all, part, i) => {
    const { from, to } = nodes[i] as Node
    return all.slice(0, from) + part.text + all.slice(to)
  }, code)
  return {
    imports: parts.flatMap(({ imports }) => (imports ? [imports] : [])),
    exports: parts.flatMap(({ exports }) => exports ?? []),
    declared: parts.flatMap(({ declared }) => declared ?? []),
    body: stripped(text)
  }
}
