/**
 * The course: each chapter is one module that compiles, runs and gives what its comments say; its pictures and what it
 * exports are the files beside it; the tests of its exercises fail until they are solved, and pass for the solutions.
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { isPicture, statementsOf, toldOf } from '../../course/chapter.js'
import { standalone } from '../../src/pictures/index.js'
import { anchorOf, fencesOf, filesBelow, ROOT, read } from './blocks.js'
import { COURSE, chapters, filesBeside, pageOf, ran } from './chapters.js'
import { typeErrors } from './modules.js'

const pages = chapters()
const complaints = typeErrors(pages.map(({ module }) => module))
/** The files that the chapters gave, once all have run. */
const given = new Map<string, string>()

/** Whether a picture shows something: all that can be said of one whose values are others in each run. */
const hasMarks = (svg: string): boolean => isPicture(svg) && /<path[^>]* d="[^"]{2}/.test(svg)

describe.each(pages.map(page => [basename(page.file), page] as const))('%s', (_, page) => {
  it('compiles', () => {
    expect(complaints.get(page.module)).toEqual([])
  })
  it('runs, and gives what it says and what stands beside it', async () => {
    const { complaints, files, measured } = await ran(page)
    expect(complaints).toEqual([])
    for (const [path, text] of files) {
      given.set(path, text)
      const kept = existsSync(join(ROOT, path)) ? read(path) : ''
      const holds = measured.has(path) ? hasMarks(kept) && hasMarks(text) : kept === text
      expect(holds, `${path}: \`npm run course -- --pictures\``).toBe(true)
    }
  })
})

it('what chapters quote of shaders and of the source stands in it', () => {
  const quoted = pages.flatMap(({ file }) => fencesOf(file)).filter(({ info }) => /^(shaders|src)\//.test(info))
  expect([...new Set(quoted.map(({ language }) => language))].sort()).toEqual(['ts', 'wgsl'])
  for (const { info, text, file, line } of quoted)
    expect(read(info).includes(text), `${file}:${line} is in ${info}`).toBe(true)
})

it('no file beside the chapters is left over', () => {
  expect(filesBeside().filter(path => !given.has(path))).toEqual([])
})

describe('the index', () => {
  const index = read(`${COURSE}/README.md`)

  it('names every chapter, by its title', () => {
    const links = [...index.matchAll(/^\| \[(.*)\]\((\d\d-.*\.md)\) \|/gm)].map(([, title, file]) => [title, file])
    expect(links).toEqual(pages.map(({ title, file }) => [title, basename(file)]))
  })

  it('reads the source in six files of under 800 lines of code, as many as it says', () => {
    const listed = [...index.matchAll(/^\d\. \[.*\]\(\.\.\/\.\.\/(src.*)\) \((\d+) lines\)/gm)]
    const lines = listed.map(
      ([, file]) =>
        read(file as string)
          .replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '')
          .split('\n')
          .filter(line => line.trim() !== '').length
    )
    expect(listed.map(([, , count]) => Number(count))).toEqual(lines.map(count => Math.round(count / 10) * 10))
    expect(lines).toHaveLength(6)
    expect(lines.reduce((sum, count) => sum + count, 0)).toBeLessThan(800)
  })

  it('has each term once, with a link to the section that explains it and sets it apart', () => {
    const rows = [...index.matchAll(/^\| \[(.*)\]\((\d\d-.*\.md)#(.*)\) \|/gm)]
    const terms = rows.map(([, term]) => term as string)
    expect(terms.length).toBeGreaterThan(40)
    expect(terms).toEqual([...new Set(terms)].sort((a, b) => a.localeCompare(b)))
    const elsewhere = rows.filter(([, term = '', file, anchor]) => {
      const sections = read(`${COURSE}/${file}`)
        .replaceAll(/^```[\s\S]*?^```$/gm, '')
        .split(/^#+ /m)
      const section = sections.find(text => anchorOf(text.split('\n')[0] as string) === anchor) ?? ''
      const apart = [...section.matchAll(/\*{1,2}(?=\S)[^*]+(?<=\S)\*{1,2}|`[^`]+`/g)].map(([text]) =>
        text.replaceAll('\n', ' ')
      )
      return !apart.some(text => text.toLowerCase().includes(term.toLowerCase()))
    })
    expect(elsewhere.map(([text]) => text)).toEqual([])
  })
})

describe('what holds chapters to their word', () => {
  const page = (text: string) => pageOf(`${COURSE}/01-a.md`, text)
  const fence = (code: string) => `\`\`\`ts\n${code}\n\`\`\`\n`

  it('makes one module of the blocks, each line where it stands', async () => {
    const two = page(`# 1. A\n\n${fence('const a = 1')}\nmore\n\n${fence('a + 1 // 3')}`)
    expect(two.title).toBe('1. A')
    expect((await ran(two)).complaints).toEqual([`${COURSE}/01-a.md:10 its comment says 3, it is 2`])
    const wrong = page(`${fence("const a: number = 'b'")}\n${fence('a + c')}`)
    expect(typeErrors([wrong.module]).get(wrong.module)).toEqual([
      `${COURSE}/01-a.md:2 Type 'string' is not assignable to type 'number'.`,
      `${COURSE}/01-a.md:6 Cannot find name 'c'.`
    ])
  })

  it('leaves out what belongs into a file, and other languages', () => {
    expect(page('```ts\n1\n```\n```ts a.ts\n2\n```\n```sh\nls\n```\n').blocks.map(({ text }) => text)).toEqual(['1'])
  })

  it('gives each picture of a block the image behind it', async () => {
    const drawn = `${fence("'<svg>1</svg>'\nPromise.resolve('<svg>2</svg>')")}\n![one](pictures/a.svg)\n![two](pictures/b.svg)\n`
    const { files, complaints } = await ran(page(drawn))
    expect(complaints).toEqual([])
    expect([...files]).toEqual([
      [`${COURSE}/pictures/a.svg`, `${standalone('<svg>1</svg>')}\n`],
      [`${COURSE}/pictures/b.svg`, `${standalone('<svg>2</svg>')}\n`]
    ])
    expect((await ran(page(drawn.replace('![two](pictures/b.svg)', '')))).complaints).toEqual([
      `${COURSE}/01-a.md:2 the block gives 2 pictures, and 1 images follow it`
    ])
  })

  it('knows pictures of what was measured', async () => {
    const [exact, measured] = ['![one](pictures/a.svg)', '![two](pictures/b.svg "measured on llvmpipe")']
    const { files, ...ofPage } = await ran(page(`${fence("'<svg>1</svg>'\n'<svg>2</svg>'")}\n${exact}\n${measured}\n`))
    expect([...files.keys()]).toEqual([`${COURSE}/pictures/a.svg`, `${COURSE}/pictures/b.svg`])
    expect([...ofPage.measured]).toEqual([`${COURSE}/pictures/b.svg`])
  })

  it('makes a module of the blocks that export something, with the imports that they need', async () => {
    const first = "import { $, evaluate, type Tensor } from 'lambda-darts'\nexport const a = 1"
    const { files } = await ran(
      page(`${fence(first)}\n${fence('a // 1')}\n${fence('export const b: Tensor = $.tensor(a)')}`)
    )
    const text = files.get(`${COURSE}/01-a.ts`) ?? ''
    expect(text.split('\n').slice(2)).toEqual([
      "import { $, type Tensor } from 'lambda-darts'",
      '',
      'export const a = 1',
      '',
      'export const b: Tensor = $.tensor(a)',
      ''
    ])
  })

  it('tells the value of expressions, of what is printed, and of declarations', () => {
    const code =
      'const { a } = { a: 1 } // 1\nf(\n  a\n); // two\nconsole.log(a, 2)\nif (a) f(a)\nexport const [b] = [a]\n'
    const statements = statementsOf(code)
    expect(statements.map(({ kind, value, line, comment }) => [kind, value, line, comment?.text])).toEqual([
      ['declaration', '{ a }', 1, '// 1'],
      ['expression', 'f(\n  a\n)', 2, '// two'],
      ['expression', 'a', 5, undefined],
      ['declaration', '[b]', 7, undefined]
    ])
    expect(toldOf('let a = 1\na + 1 // 2', statementsOf('let a = 1\na + 1 // 2'))).toBe(
      'let a = 1; await tell(0, async () => (a));\nawait tell(1, async () => (a + 1)); // 2'
    )
  })
})

/** What became of each test of the exercises: by file and title, whether it passed. */
const exercises = async (project: 'exercises' | 'solutions'): Promise<Record<string, boolean>> => {
  const folder = mkdtempSync(join(tmpdir(), 'exercises-'))
  try {
    const file = join(folder, 'report.json')
    const options = ['--config', join(COURSE, 'vitest.config.ts'), '--project', project]
    const child = spawn(
      process.execPath,
      [join(ROOT, 'node_modules/vitest/vitest.mjs'), 'run', ...options, '--reporter', 'json', '--outputFile', file],
      { cwd: ROOT, stdio: 'ignore' }
    )
    await new Promise(done => child.once('close', done))
    const { testResults } = JSON.parse(readFileSync(file, 'utf8')) as {
      readonly testResults: readonly {
        readonly name: string
        readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[]
      }[]
    }
    return Object.fromEntries(
      testResults.flatMap(({ name, assertionResults }) =>
        assertionResults.map(({ fullName, status }) => [`${basename(name)} ${fullName}`, status === 'passed'])
      )
    )
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

it('the tests of exercises fail until they are solved, and pass for the solutions', async () => {
  const [stubs, solved] = await Promise.all([exercises('exercises'), exercises('solutions')])
  const names = Object.keys(solved).sort()
  expect(Object.keys(stubs).sort()).toEqual(names)
  expect(
    names.filter(name => stubs[name]),
    'pass without a solution'
  ).toEqual([])
  expect(
    names.filter(name => !solved[name]),
    'fail with the solution'
  ).toEqual([])
  const tested = filesBelow(`${COURSE}/exercises`, '.test.ts').map(file => basename(file))
  expect(tested).toEqual(pages.map(({ number }) => `${String(number).padStart(2, '0')}.test.ts`))
  for (const file of tested) expect(names.filter(name => name.startsWith(file)).length).toBeGreaterThan(0)
})
