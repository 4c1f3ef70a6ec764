/**
 * A page as code that runs: which fences it has, which statements of theirs have a value to show, and how they are run
 * in one go. For the tests and `npm run course` in Node, and for the site in a browser: nothing here is of either.
 */
import { typescriptLanguage } from '@codemirror/lang-javascript'

/** A fence of a Markdown page. */
export interface Fence {
  /** The line of its first line of code, counted from 1. */
  readonly line: number
  readonly language: string
  /** What follows the language in the first line: the file that a page's code belongs into. */
  readonly info: string
  readonly text: string
}

/** The fences of a page. A fence may be indented, as in a list. */
export const fencesIn = (text: string): Fence[] =>
  [...text.matchAll(/^( *)```(\S*) *(.*)\n([\s\S]*?)^\1```$/gm)].map(
    ({ index, 1: indent = '', 2: language = '', 3: info = '', 4: code = '' }) => ({
      line: text.slice(0, index).split('\n').length + 1,
      language,
      info: info.trim(),
      text: code.replaceAll(new RegExp(`^${indent}`, 'gm'), '').trimEnd()
    })
  )

/**
 * An image of a page: what it shows, in words, and its file. `measured`: what it shows was measured, or computed in
 * float32 by some device, so that the next run draws another: `![alt](file "measured on ADAPTER")`.
 */
export interface Image {
  readonly alt: string
  readonly file: string
  readonly measured: boolean
}

/** A block of a chapter that is run, and the images behind it: one for each picture among its values, in order. */
export interface ChapterBlock {
  readonly line: number
  readonly text: string
  readonly images: readonly Image[]
}

export interface Chapter {
  readonly title: string
  readonly blocks: readonly ChapterBlock[]
  /** All blocks as one module, each line where the page has it. */
  readonly code: string
}

/** Blocks of these lines as the text of one module: all other lines are empty. */
export const codeOf = (blocks: readonly { readonly line: number; readonly text: string }[]): string =>
  blocks.reduce((code, { line, text }) => code + '\n'.repeat(line - code.split('\n').length) + text, '')

/** A chapter of its Markdown: its fences of `ts` without a file's name are one module. */
export const chapterOf = (markdown: string): Chapter => {
  const lines = markdown.split('\n')
  const fences = fencesIn(markdown).filter(({ language, info }) => language === 'ts' && info === '')
  const blocks = fences.map(({ line, text }, i) => {
    const behind = lines.slice(line - 1 + text.split('\n').length, fences[i + 1]?.line).join('\n')
    const images = [...behind.matchAll(/^!\[([^\]]*)\]\(([^)\s]+)( "measured on [^"]+")?\)$/gm)]
    return {
      line,
      text,
      images: images.map(([, alt = '', file = '', measured]) => ({ alt, file, measured: measured !== undefined }))
    }
  })
  return { title: /^# (.*)$/m.exec(markdown)?.[1] ?? '', blocks, code: codeOf(blocks) }
}

const IMPORT = /^import (type )?\{([^}]*)\} from ('[^']+')$/gm

/** Whether a name stands in code, other than behind a dot (three of them spread it). */
const stands = (name: string, code: string): boolean =>
  new RegExp(`(?<![\\w$]|(?<!\\.)\\.)${name.replace('$', '\\$')}(?![\\w$])`).test(code)

/**
 * What a chapter exports, as a module by itself: the blocks that export something, and of the imports of all blocks those
 * that they need. Empty where nothing is exported.
 */
export const exportedOf = (blocks: readonly string[]): string => {
  const exporting = blocks.map(text => text.replaceAll(IMPORT, '').trim()).filter(text => /^export /m.test(text))
  const part = exporting.join('\n\n')
  const imports = [...blocks.join('\n').matchAll(IMPORT)].flatMap(([, type = '', names = '', from]) => {
    const needed = names.split(',').filter(name => stands(name.trim().split(' ').at(-1) as string, part))
    return needed.length > 0 ? [`import ${type}{ ${needed.map(name => name.trim()).join(', ')} } from ${from}`] : []
  })
  return exporting.length > 0 && imports.length > 0 ? `${imports.join('\n')}\n\n${part}` : part
}

/** A statement of a module that has a value to show: an expression, or a declaration. */
export interface Statement {
  readonly kind: 'expression' | 'declaration'
  /** Where it stands in the text, and its line, counted from 1. */
  readonly start: number
  readonly end: number
  readonly line: number
  /** The code whose value it is: what `console.log` is given, or the names of a declaration. */
  readonly value: string
  /** The comment behind it on its last line, with its slashes, and where. */
  readonly comment?: { readonly text: string; readonly start: number }
}

type Node = ReturnType<typeof typescriptLanguage.parser.parse>['topNode']

const childrenOf = (node: Node): Node[] => {
  const children: Node[] = []
  for (let child = node.firstChild; child; child = child.nextSibling) children.push(child)
  return children
}

const isComment = ({ name }: Node): boolean => name === 'LineComment' || name === 'BlockComment'

/** What is declared, of `const NAME = ...` and `const { NAMES } = ...`, exported or not. */
const namesOf = (node: Node): Node | undefined => {
  if (node.name === 'ExportDeclaration')
    return childrenOf(node)
      .filter(({ name }) => name === 'VariableDeclaration')
      .map(namesOf)[0]
  if (node.name !== 'VariableDeclaration') return undefined
  return childrenOf(node).find(({ name }) => /^(VariableDefinition|ArrayPattern|ObjectPattern)$/.test(name))
}

/** The expression that is shown of an expression statement: the argument of `console.log`, else itself. */
const shownOf = (expression: Node, code: string): Node => {
  const [callee, list] = childrenOf(expression)
  if (expression.name !== 'CallExpression' || !callee || code.slice(callee.from, callee.to) !== 'console.log')
    return expression
  const given = list && childrenOf(list).find(child => !/^[(),]$/.test(child.name) && !isComment(child))
  return given ?? expression
}

/** The statements of a module, outermost ones, that have a value to show. */
export const statementsOf = (code: string): Statement[] =>
  childrenOf(typescriptLanguage.parser.parse(code).topNode).flatMap((node): Statement[] => {
    const last = childrenOf(node).findLast(child => child.name !== ';' && !isComment(child))
    const isExpression = node.name === 'ExpressionStatement'
    const shown = isExpression ? last && shownOf(last, code) : namesOf(node)
    if (!shown) return []
    const end = isExpression && last ? last.to : node.to
    const comment = /^[ ;]*(\/\/.*)/.exec(
      code.slice(end, code.indexOf('\n', end) < 0 ? undefined : code.indexOf('\n', end))
    )
    const text = comment?.[1]
    return [
      {
        kind: isExpression ? 'expression' : 'declaration',
        start: node.from,
        end,
        line: code.slice(0, node.from).split('\n').length,
        value: code.slice(shown.from, shown.to),
        ...(text === undefined ? {} : { comment: { text, start: end + (comment?.[0].length ?? 0) - text.length } })
      }
    ]
  })

/**
 * The text of a module in which the statements are told of: `await tell(PLACE, async () => VALUE)`, with their places
 * in the list, stands for an expression and behind a declaration. Lines stay where they are.
 */
export const toldOf = (code: string, statements: readonly Statement[], tell = 'tell'): string =>
  statements.reduceRight((text, { kind, start, end, value }, place) => {
    const told = `await ${tell}(${place}, async () => (${value}));`
    return (
      text.slice(0, start) + (kind === 'expression' ? told : `${text.slice(start, end)}; ${told}`) + text.slice(end)
    )
  }, code)

const AsyncFunction = (async () => {}).constructor as new (
  ...names: string[]
) => (...values: unknown[]) => Promise<void>

/**
 * Runs a module that a compiler made CommonJS of, and gives what it exports. `modules` are what it imports, `names` what
 * it finds besides: `tell`, a `console`.
 */
export const execute = async (
  commonJs: string,
  modules: ReadonlyMap<string, unknown>,
  names: Readonly<Record<string, unknown>>
): Promise<Record<string, unknown>> => {
  const exports: Record<string, unknown> = {}
  const run = new AsyncFunction('require', 'exports', ...Object.keys(names), commonJs)
  await run((specifier: string) => modules.get(specifier), exports, ...Object.values(names))
  return exports
}

/** Whether a value is a picture: the text of an SVG. */
export const isPicture = (value: unknown): value is string => typeof value === 'string' && value.startsWith('<svg')
