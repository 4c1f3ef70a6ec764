/**
 * The site of the course in a real Chromium on a software adapter, opened as files: every block runs and gives what its
 * comments say, pictures have marks, exercises are checked, and axe finds nothing.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Browser, type BrowserContextOptions, type Page, chromium as playwright } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildSite, readCourse } from '../../course/build.js'
import { statementsOf } from '../../course/chapter.js'
import { expectedOf } from '../../course/expected.js'
import { CURE, chromium } from './chromium.js'

const program = chromium()
if (program === undefined) console.warn(`The site of the course is not tested: there is no Chromium; ${CURE}.`)

const FLAGS = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader', '--enable-features=Vulkan', '--no-sandbox']
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const PHONE = { viewport: { width: 360, height: 740 } }

const course = readCourse()
/** Chapters that search take minutes on a software adapter: they run with TEST_ALL. */
const LONG = /^(09|10)-/
const chapters = course.chapters.filter(({ name }) => process.env['TEST_ALL'] === '1' || !LONG.test(name))

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

const open = async (browser: Browser, file: string, options: BrowserContextOptions = {}): Promise<Opened> => {
  const page = await (await browser.newContext(options)).newPage()
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

const runs = (page: Page): Promise<unknown> => page.waitForSelector('body:not(.running)', { timeout: 600_000 })

/** What a block has given, item by item. */
const outputOf = (page: Page, block: number): Promise<string[]> =>
  page.locator(`[data-block="${block}"] .output > li`).allInnerTexts()

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
    { timeout: 600_000 },
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
})
