/** The pieces of code that readers meet: fences of Markdown pages, and the `@example`s of docstrings. */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { fencesIn } from '../../course/chapter.js'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')

export interface Block {
  /** Where it stands, from the root of the repository, and the line of its first line of code, counted from 1. */
  readonly file: string
  readonly line: number
  readonly kind: 'fence' | 'example' | 'chapter'
  /** The fence's language; `ts` for an example. */
  readonly language: string
  /** What follows the language in a fence's first line: the file that a page's code belongs into. */
  readonly info: string
  readonly text: string
}

/** Files below a folder of the repository with this ending, without what is installed, built or fetched. */
export const filesBelow = (folder: string, ending: string): string[] =>
  readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap(entry => {
    const path = join(folder, entry.name)
    if (entry.isDirectory())
      return /^(node_modules|dist|runs|api|\..*)$/.test(entry.name) ? [] : filesBelow(path, ending)
    return entry.name.endsWith(ending) ? [path] : []
  })

/** All pages of the repository. */
export const pages = (): string[] => filesBelow('.', '.md')

export const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8')

/** The fences of a page. */
export const fencesOf = (file: string, text = read(file)): Block[] =>
  fencesIn(text).map(fence => ({ file, kind: 'fence', ...fence }))

/** The examples of a source file's docstrings. */
export const examplesOf = (file: string, text = read(file)): Block[] => {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
  const found: Block[] = []
  const visit = (node: ts.Node): void => {
    const { jsDoc = [] } = node as { readonly jsDoc?: readonly ts.JSDoc[] }
    for (const tag of jsDoc.flatMap(doc => doc.tags ?? [])) {
      if (tag.tagName.text !== 'example') continue
      const raw = text.slice(tag.tagName.end, tag.end).replace(/\s*\*\/$/, '')
      const start = raw.search(/[^\s*]/)
      found.push({
        file,
        line: source.getLineAndCharacterOfPosition(tag.tagName.end + start).line + 1,
        kind: 'example',
        language: 'ts',
        info: '',
        text: raw
          .slice(start)
          .replaceAll(/\n[ \t]*\*? ?/g, '\n')
          .trimEnd()
      })
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

/** Whether a page is a chapter of the course: its blocks are one module, see `chapters.ts`. */
export const isChapter = (page: string): boolean => /^docs\/course\/\d\d-[\w-]+\.md$/.test(page)

/** Every block of the pages that users read, but chapters of the course, and of the sources. */
export const allBlocks = (): Block[] => [
  ...pages()
    .filter(page => /^(README\.md|CONTRIBUTING\.md|docs\/|src\/|examples\/)/.test(page) && !isChapter(page))
    .flatMap(page => fencesOf(page)),
  ...filesBelow('src', '.ts').flatMap(file => examplesOf(file))
]

/** A path in a link or an import of a file, from the root of the repository. */
export const beside = (file: string, path: string): string => relative(ROOT, join(ROOT, dirname(file), path))

/** The anchor of a heading, as GitHub makes it. */
export const anchorOf = (heading: string): string =>
  heading
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\p{M}\- _]/gu, '')
    .replaceAll(' ', '-')
