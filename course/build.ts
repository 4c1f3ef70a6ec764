/**
 * Makes `course/dist`: the chapters of docs/course as pages, and the engine that runs their blocks, in one folder that
 * needs no server. Scripts are classic ones, since a browser loads no modules from `file:`.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { type BuildOptions, build, type Plugin } from 'esbuild'
import { shadersModule } from '../scripts/shaders.mjs'
import { THEME_CSS } from '../src/pictures/theme.js'
import { chapterOf } from './chapter.js'
import { type Course, type Exercise, indexOf, pageOf } from './pages.js'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const COURSE = join(ROOT, 'docs', 'course')

const read = (...path: readonly string[]): string => readFileSync(join(...path), 'utf8')

/** The text of a file of docs/course, where there is one. */
const readIfThere = (folder: string, ...path: readonly string[]): string | undefined => {
  try {
    return read(folder, ...path)
  } catch {
    return undefined
  }
}

const exerciseOf = (folder: string, name: string): Exercise | undefined => {
  const number = name.slice(0, 2)
  const stub = readIfThere(folder, 'exercises', `${number}.ts`)
  const test = readIfThere(folder, 'exercises', `${number}.test.ts`)
  const solution = readIfThere(folder, 'solutions', `${number}.ts`)
  return stub && test && solution ? { stub, test, solution } : undefined
}

/** Files beside the exercises that they import. */
const helpersOf = (folder: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    readdirSync(join(folder, 'exercises'))
      .filter(file => file.endsWith('.ts') && !/^\d\d\./.test(file))
      .map(file => [`exercises/${file.replace('.ts', '')}`, read(folder, 'exercises', file)])
  )

/** The course as a folder has it: README.md, and its chapters in order. */
export const readCourse = (folder = COURSE): Course => ({
  index: read(folder, 'README.md'),
  chapters: readdirSync(folder)
    .filter(file => /^\d\d-.*\.md$/.test(file))
    .sort()
    .map(file => {
      const [name, markdown] = [file.replace('.md', ''), read(folder, file)]
      const exercise = exerciseOf(folder, name)
      return { name, markdown, ...chapterOf(markdown), ...(exercise ? { exercise } : {}) }
    }),
  helpers: helpersOf(folder),
  pictureOf: file => readIfThere(folder, file)
})

/** What a page and its worker know of the course, as a module. */
const lessonsModule = ({ chapters, helpers }: Course): string => {
  const lessons = Object.fromEntries(
    chapters.map(({ name, title, blocks, exercise }) => [
      name,
      { title, blocks: blocks.map(({ text }) => text), ...(exercise ? { exercise } : {}) }
    ])
  )
  const digits = readFileSync(join(ROOT, 'data', 'digits.csv.gz')).toString('base64')
  return Object.entries({ lessons, helpers, digits })
    .map(([name, value]) => `export const ${name} = ${JSON.stringify(value)}\n`)
    .join('')
}

/** Modules that a browser has in other words than Node, by what package.json says of them, and those made here. */
const forBrowsers = (course: Course): Plugin => ({
  name: 'for browsers',
  setup: ({ onResolve, onLoad }) => {
    const { browser } = JSON.parse(read(ROOT, 'package.json')) as { readonly browser: Record<string, string> }
    const source = (file: string) => join(ROOT, file.replace('./dist', 'src').replace('.js', '.ts'))
    const other = new Map(Object.entries(browser).map(([node, page]) => [source(node), source(page)]))
    onLoad({ filter: /\.ts$/ }, ({ path }) => {
      const page = other.get(path)
      return page ? { contents: readFileSync(page, 'utf8'), loader: 'ts', resolveDir: join(page, '..') } : undefined
    })
    onLoad({ filter: /kernels.platform.shaders\.ts$/ }, () => ({
      contents: shadersModule(join(ROOT, 'shaders')),
      loader: 'js'
    }))
    onResolve({ filter: /^lambda-darts:lessons$/ }, () => ({ path: 'lessons', namespace: 'course' }))
    onLoad({ filter: /.*/, namespace: 'course' }, () => ({ contents: lessonsModule(course), loader: 'js' }))
  }
})

const optionsFor = (course: Course, entry: string): BuildOptions & { readonly write: false } => ({
  absWorkingDir: ROOT,
  entryPoints: [join('course', entry)],
  bundle: true,
  minify: true,
  write: false,
  format: 'iife',
  platform: 'browser',
  target: 'es2022',
  logLevel: 'error',
  legalComments: 'none',
  // Errors are known by the names of their classes.
  keepNames: true,
  plugins: [forBrowsers(course)]
})

const bundled = async (course: Course, entry: string): Promise<string> => {
  const { outputFiles } = await build(optionsFor(course, entry))
  return outputFiles[0]?.text ?? ''
}

/** Writes the site; what was in the folder before is gone. */
export const buildSite = async (course: Course, out: string): Promise<void> => {
  const [page, worker] = await Promise.all([bundled(course, 'page/main.ts'), bundled(course, 'worker/main.ts')])
  rmSync(out, { recursive: true, force: true })
  mkdirSync(out, { recursive: true })
  const write = (file: string, text: string): void => writeFileSync(join(out, file), text)
  write('index.html', indexOf(course))
  for (const lesson of course.chapters) write(`${lesson.name}.html`, pageOf(course, lesson))
  write('course.css', `${THEME_CSS}\n${read(ROOT, 'course', 'course.css')}`)
  write('course.js', page)
  // The worker as a text: a page opened from `file:` may start one of a blob only.
  write('worker.js', `globalThis.courseWorker = ${JSON.stringify(worker)}\n`)
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [folder = COURSE, out = join(ROOT, 'course', 'dist')] = process.argv.slice(2)
  await buildSite(readCourse(folder), out)
  console.log(`open ${join(out, 'index.html')}`)
}
