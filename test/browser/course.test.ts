/**
 * The site of the course in a real Chromium on a software adapter, opened as files: every block runs and gives what its
 * comments say, pictures have marks, exercises are checked, and axe finds nothing.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Browser, type Page, chromium as playwright } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildSite, readCourse } from '../../course/build.js'
import { statementsOf } from '../../course/chapter.js'
import { expectedOf } from '../../course/expected.js'
import type { Lesson } from '../../course/pages.js'
import { CURE, chromium } from './chromium.js'

const program = chromium()
if (program === undefined) console.warn(`The site of the course is not tested: there is no Chromium; ${CURE}.`)

const FLAGS = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader', '--enable-features=Vulkan', '--no-sandbox']
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

const course = readCourse()
/**
 * A software adapter takes half a minute for chapter 8, and many minutes for the searches of 9 and 10: they run whole
 * with COURSE_ALL=1; otherwise their first blocks run, and all their exercises.
 */
const isWanted = ({ name }: Lesson): boolean => process.env['COURSE_ALL'] === '1' || !/^(08|09|10)-/.test(name)
const chapters = course.chapters.filter(isWanted)

/** The searches of a chapter take a software adapter a quarter of an hour. */
const PATIENCE = process.env['COURSE_ALL'] === '1' ? 3_600_000 : 600_000

/** A chapter with pictures. */
const pictured = chapters.find(({ blocks }) => blocks.some(({ images }) => images.length > 0)) as Lesson

/** How many values and errors the comments of a chapter say. */
const claimsOf = (blocks: readonly { readonly text: string }[]): number =>
  blocks.flatMap(({ text }) => statementsOf(text)).filter(({ comment }) => comment && expectedOf(comment.text)).length

interface Opened {
  readonly page: Page
  /** What the console complained of, and what was asked of a network. */
  readonly complaints: string[]
}

const folder = mkdtempSync(join(tmpdir(), 'course-'))
const addressOf = (file: string): string => pathToFileURL(join(folder, file)).href

const open = async (browser: Browser, file: string): Promise<Opened> => {
  const page = await (await browser.newContext()).newPage()
  const complaints: string[] = []
  page.on('console', message => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
  })
  page.on('pageerror', error => complaints.push(error.message))
  page.on('request', request => {
    if (!/^(file|blob|data):/.test(request.url())) complaints.push(`it asks for ${request.url()}`)
  })
  await page.goto(addressOf(file))
  return { page, complaints }
}

const runs = (page: Page): Promise<unknown> => page.waitForSelector('body:not(.running)', { timeout: PATIENCE })

/** What a block has given, item by item: code | value | what the comment says. */
const outputOf = async (page: Page, block: number): Promise<string[]> =>
  (await page.locator(`[data-block="${block}"] .output > li`).allInnerTexts()).map(text => text.replaceAll('\n', ' | '))

/** Writes a text in the place of that of a block. */
const write = async (page: Page, block: number, text: string): Promise<void> => {
  await page.locator(`[data-block="${block}"] .cm-content`).click()
  await page.keyboard.press('Control+A')
  await page.keyboard.insertText(text)
}
const run = async (page: Page, block: number): Promise<void> => {
  await page.locator(`[data-block="${block}"] .buttons button`).first().click()
  await runs(page)
}

interface Violation {
  readonly id: string
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[]
}

/** What axe complains of. */
const faults = async (page: Page): Promise<string[]> => {
  await page.evaluate(AXE)
  const { violations } = await page.evaluate<{ readonly violations: readonly Violation[] }>('axe.run()')
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)} ${failureSummary}`)
  )
}

describe.skipIf(program === undefined)('the site of the course', () => {
  let browser: Browser
  beforeAll(async () => {
    await buildSite(course, folder)
    browser = await playwright.launch({ executablePath: program as string, args: FLAGS })
  })
  afterAll(async () => {
    await browser?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  it('is one folder without folders, whose links lead somewhere', async () => {
    const files = readdirSync(folder)
    expect(files.sort()).toEqual(
      [
        'course.css',
        'course.js',
        'index.html',
        'worker.js',
        ...course.chapters.map(({ name }) => `${name}.html`)
      ].sort()
    )
    for (const file of files.filter(name => name.endsWith('.html'))) {
      const text = readFileSync(join(folder, file), 'utf8')
      const links = [...text.matchAll(/(?:href|src)="([^"#]+)(#[^"]*)?"/g)].map(([, link = '']) => link)
      expect(links.filter(link => !/^(https:|data:)/.test(link) && !files.includes(link))).toEqual([])
    }
  })

  it.each(chapters.map(({ name, blocks }) => [name, blocks] as const))(
    '%s runs, and gives what its comments say',
    { timeout: PATIENCE },
    async (name, blocks) => {
      const { page, complaints } = await open(browser, `${name}.html`)
      await page.click('[data-do=run-all]')
      await runs(page)
      expect(await page.locator('.output .error').allInnerTexts()).toEqual([])
      expect(await page.locator('.output .differs').allInnerTexts()).toEqual([])
      expect(await page.locator('.output .holds').count()).toBe(claimsOf(blocks))
      const images = blocks.flatMap(block => block.images)
      const drawings = page.locator('figure.picture.drawn .drawing')
      expect(await drawings.count()).toBe(images.length)
      for (const drawing of await drawings.all())
        expect(await drawing.locator('svg :is(path, text, circle, rect, polygon, ellipse)').count()).toBeGreaterThan(1)
      expect(complaints).toEqual([])
      await page.context().close()
    }
  )

  it.each(course.chapters.filter(one => !isWanted(one)))('$name begins', async ({ name, blocks }) => {
    const { page, complaints } = await open(browser, `${name}.html`)
    await run(page, 0)
    expect(await page.locator('.output :is(.error, .differs)').allTextContents()).toEqual([])
    expect(await page.locator('.output .holds').count()).toBe(claimsOf(blocks.slice(0, 1)))
    expect(complaints).toEqual([])
    await page.context().close()
  })

  describe('a chapter in the hands of a reader', () => {
    let page: Page
    let complaints: string[]
    beforeAll(async () => {
      ;({ page, complaints } = await open(browser, `${chapters[0]?.name}.html`))
    })
    afterAll(async () => {
      expect(complaints).toEqual([])
      await page.context().close()
    })
    const given = async (text: string): Promise<string[]> => {
      await write(page, 0, text)
      await run(page, 0)
      return outputOf(page, 0)
    }

    it('runs what is written, on the GPU and on the reference, and says whether comments hold', async () => {
      const output = await given(`import { $, evaluate, grad, openGpu, type Tensor } from 'lambda-darts'
export const f = (x: Tensor): Tensor => $.mul(x, $.tanh(x))
console.log('a text', [1, 2], $.tensor([1, 2]))
evaluate(grad(f)($.tensor(0.5))).data[0] // 0.8553...
const gpu = await openGpu()
;(await gpu.read(gpu.run(grad(grad(f)), 0.5))).data[0] // 1.3
$.add([1, 2], [1, 2, 3]) // ShapeError: add requires`)
      expect(output).toEqual([
        'a text [1, 2] f32[2] [1, 2]',
        expect.stringMatching(/^evaluate.* \| 0\.8553\d+ \| ✓ as the comment says$/),
        expect.stringMatching(/^\(await.* \| 1\.209\d+ \| ≠ the comment says 1\.3$/),
        expect.stringMatching(/^\$\.add.* \| ShapeError: add requires .* \| ✓ as the comment says$/)
      ])
      expect(await page.locator('.state').textContent()).toMatch(/^done on .*swiftshader/i)
    })

    it('goes on from what has run, and begins anew where that was changed', async () => {
      const stamp = (await given('let a = 1\nconst at = performance.now()\nat'))[0]
      await write(page, 1, 'a += 1\na // 2')
      await run(page, 1)
      expect(await outputOf(page, 1)).toEqual([expect.stringMatching(/2 \| ✓/)])
      expect((await outputOf(page, 0))[0]).toBe(stamp)
      await run(page, 1)
      expect(await outputOf(page, 1)).toEqual([expect.stringMatching(/2 \| ✓/)])
      expect((await outputOf(page, 0))[0]).not.toBe(stamp)
      await write(page, 0, 'let a = 5')
      expect(await page.getAttribute('[data-block="1"]', 'data-state')).toBe('outdated')
      await run(page, 1)
      expect(await outputOf(page, 1)).toEqual([expect.stringMatching(/6 \| ≠ the comment says 2/)])
    })

    it.each([
      ['const a = 1\nconst b = (', 'Line 2: SyntaxError'],
      ['const a = 1\na = 2', 'Line 2: TypeError Assignment to constant variable'],
      ["import { grads } from 'lambda-darts'", "Line 1: SyntaxError 'lambda-darts' exports no 'grads': "],
      [
        "import { x } from 'nowhere'",
        "Line 1: TypeError 'nowhere' cannot be imported in a page: import an earlier chapter, or"
      ],
      [
        "import { $ } from 'lambda-darts'\nconst f = () =>\n  $.add($.tensor([1, 2]), $.tensor([1, 2, 3]))\nf()",
        'Line 3: ShapeError add requires shapes that broadcast'
      ],
      [
        "import { openGpu } from 'lambda-darts'\nconst gpu = await openGpu()\ngpu.dispose()\nawait gpu.store(1)",
        'Line 4: EngineFailure'
      ]
    ])('shows what is wrong with `%s`, and where', async (text, sentence) => {
      expect(await given(text)).toEqual([expect.stringContaining(sentence)])
      expect(await page.locator('[data-block="0"] .cm-line.failed').count()).toBe(sentence.startsWith('Line') ? 1 : 0)
    })

    it('refuses a name that is declared twice', async () => {
      await write(page, 0, 'const a = 1')
      await write(page, 1, 'const b = 1\nconst a = 2')
      await run(page, 1)
      expect(await outputOf(page, 1)).toEqual([
        "Line 2: SyntaxError 'a' is declared twice in this chapter: give one another name"
      ])
    })

    it('stops what does not end, and runs again', async () => {
      await write(page, 0, 'while (true) {}')
      await page.click('[data-block="0"] .buttons button')
      await page.waitForSelector('[data-block="0"][data-state=running]')
      await page.click('[data-do=stop]')
      await runs(page)
      expect(await page.getAttribute('[data-block="0"]', 'data-state')).toBe('stopped')
      expect(await given('1 + 1 // 2')).toEqual([expect.stringMatching(/2 \| ✓/)])
    })

    it('draws', async () => {
      await given(`import { $ } from 'lambda-darts'
import { draw } from 'lambda-darts/pictures'
const x = $.tensor(2)
for (const y of [$.sin(x)]) await draw(y)
draw($.mul(x, x), { names: { x } })`)
      const drawing = page.locator('figure[data-after="0"] svg, [data-block="0"] .output svg')
      expect(await drawing.locator('text').allTextContents()).toEqual(expect.arrayContaining(['x', 'mul']))
    })

    it('lets the keyboard in and out of an editor, and keeps what was written', async () => {
      await write(page, 0, '20 + 1 // 21')
      await page.keyboard.press('Control+Enter')
      await page.waitForSelector('[data-block="0"][data-state=done]')
      expect(await outputOf(page, 0)).toEqual([expect.stringMatching(/21 \| ✓/)])
      await page.keyboard.press('Tab')
      expect(await page.evaluate('document.activeElement.getAttribute("aria-label")')).toBe('Run block 1')
      await page.reload()
      expect(await page.textContent('[data-block="0"] .cm-content')).toBe('20 + 1 // 21')
      await page.click('[data-do=reset-all]')
      await page.reload()
      const [original = ''] = chapters[0]?.blocks[0]?.text.split('\n') ?? []
      expect(await page.textContent('[data-block="0"] .cm-content')).toContain(original)
    })
  })

  const exercises = course.chapters.flatMap(({ name, exercise }) => (exercise ? [[name, exercise] as const] : []))
  it.each(exercises)(
    '%s: the exercise fails as it stands, and passes when it is solved',
    async (name, { solution }) => {
      const { page, complaints } = await open(browser, `${name}.html`)
      const check = async (): Promise<void> => {
        await page.click('[data-exercise] .buttons button')
        await runs(page)
      }
      await check()
      expect(await page.locator('[data-exercise] :is(.fails, .error)').count()).toBeGreaterThan(0)
      await page.locator('[data-exercise] .cm-content').click()
      await page.keyboard.press('Control+A')
      await page.keyboard.insertText(solution)
      await check()
      expect(await page.locator('[data-exercise] :is(.fails, .error)').allInnerTexts()).toEqual([])
      expect(await page.locator('[data-exercise] .check.holds').count()).toBeGreaterThan(0)
      expect(complaints).toEqual([])
      await page.context().close()
    }
  )

  it('has no fault of accessibility in light, in dark and on a phone, and fits', async () => {
    const { page: index } = await open(browser, 'index.html')
    const { page } = await open(browser, `${pictured.name}.html`)
    await page.click('[data-do=run-all]')
    await runs(page)
    await page.click('[data-exercise] .buttons button')
    await runs(page)
    for (const one of [index, page]) {
      expect(await faults(one)).toEqual([])
      await one.emulateMedia({ colorScheme: 'dark' })
      expect(await faults(one)).toEqual([])
      await one.setViewportSize({ width: 360, height: 740 })
      expect(await faults(one)).toEqual([])
      expect(await one.evaluate('document.documentElement.scrollWidth - innerWidth')).toBe(0)
      await one.context().close()
    }
  })

  it('says where there is no WebGPU, and runs what needs none', async () => {
    const without = await playwright.launch({ executablePath: program as string, args: ['--no-sandbox'] })
    try {
      const { page } = await open(without, `${chapters[0]?.name}.html`)
      await page.waitForSelector('.device.without')
      expect(await page.textContent('.device')).toMatch(/^This browser offers no WebGPU adapter, .* open it in Chrome/)
      const text = `import { $, evaluate, openGpu } from 'lambda-darts'
evaluate($.tensor(2)) // 2
const gpu = await openGpu()
;(await gpu.read(gpu.run(x => $.mul(x, x), 3))).data[0] // 9`
      await write(page, 0, text)
      await run(page, 0)
      expect(await outputOf(page, 0)).toEqual([
        expect.stringMatching(/2 \| ✓/),
        expect.stringMatching(/^Line 3: EngineFailure .*browser with WebGPU/)
      ])
      await page.check('.device input')
      await run(page, 0)
      expect(await outputOf(page, 0)).toEqual([expect.stringMatching(/2 \| ✓/), expect.stringMatching(/9 \| ✓/)])
      expect(await page.textContent('.state')).toBe('done on reference')
    } finally {
      await without.close()
    }
  })
})
