/**
 * The chapters of the course, as modules: what they are checked as, what their blocks give when they run, and what
 * stands beside them in files: pictures, and the blocks that export something, as a module for later chapters and
 * exercises.
 */
import { dirname, join } from 'node:path'
import { type Chapter, chapterOf, exportedOf, isPicture, type Statement } from '../../course/chapter.js'
import { standalone } from '../../src/pictures/index.js'
import { filesBelow, isChapter, pages, read } from './blocks.js'
import { type Module, moduleOf, runModule } from './modules.js'

export const COURSE = 'docs/course'

export interface Page extends Chapter {
  readonly file: string
  readonly number: number
  readonly module: Module
}

/** A chapter from its file, of this text. */
export const pageOf = (file: string, text = read(file)): Page => {
  const chapter = chapterOf(text)
  const block = { file, line: 1, kind: 'chapter', language: 'ts', info: '', text: chapter.code } as const
  return { ...chapter, file, number: Number(/\d\d/.exec(file)?.[0]), module: moduleOf(block) }
}

/** All chapters, in order. */
export const chapters = (): Page[] =>
  pages()
    .filter(isChapter)
    .sort()
    .map(file => pageOf(file))

/** A value that a chapter gave, and the number of the block. */
export interface Told {
  readonly block: number
  readonly statement: Statement
  readonly value: unknown
}

/** What became of a chapter that was run. */
export interface Ran {
  readonly told: readonly Told[]
  /** Comments that do not hold, and pictures without an image or images without a picture. */
  readonly complaints: readonly string[]
  /** The texts of files that belong beside it, by their paths. */
  readonly files: ReadonlyMap<string, string>
  /** Those whose text is another in each run: pictures of what was measured. */
  readonly measured: ReadonlySet<string>
}

/** What a chapter exports, as the text of a file; undefined where that is nothing. */
const exportsOf = ({ file, blocks }: Page): string | undefined => {
  const code = exportedOf(blocks.map(({ text }) => text))
  const head = `// What ${file} exports. Written by \`npm run course -- --pictures\`: change it there.`
  return code === '' ? undefined : `${head}\n\n${code}\n`
}

/** Runs a chapter. `seen` is told of each value as it comes. */
export const ran = async (page: Page, seen: (told: Told) => void = () => {}): Promise<Ran> => {
  const told: Told[] = []
  const complaints = await runModule(page.module, (statement, value) => {
    const one = { block: page.blocks.findLastIndex(({ line }) => line <= statement.line), statement, value }
    told.push(one)
    seen(one)
  })
  const files = new Map<string, string>()
  const measured = new Set<string>()
  const wrong = page.blocks.flatMap(({ line, images }, i) => {
    const pictures = told.flatMap(({ block, value }) => (block === i && isPicture(value) ? [value] : []))
    images.forEach((image, k) => {
      const [path, picture] = [join(dirname(page.file), image.file), pictures[k]]
      if (picture !== undefined) files.set(path, `${standalone(picture)}\n`)
      if (image.measured) measured.add(path)
    })
    const count = `${pictures.length} ${pictures.length === 1 ? 'picture' : 'pictures'}`
    return pictures.length === images.length
      ? []
      : [`${page.file}:${line} the block gives ${count}, and ${images.length} images follow it`]
  })
  const own = exportsOf(page)
  if (own !== undefined) files.set(page.file.replace(/md$/, 'ts'), own)
  return { told, complaints: [...complaints, ...wrong], files, measured }
}

/** The files beside chapters that their blocks give: pictures and modules. */
export const filesBeside = (): string[] => [
  ...filesBelow(COURSE, '.svg'),
  ...filesBelow(COURSE, '.ts').filter(path => isChapter(path.replace(/ts$/, 'md')))
]
