/**
 * Reports in a real Chromium: nothing is complained of, nothing is asked of a network, everything is drawn, and people
 * who do not see it, or have a small screen, get all of it.
 */
import { spawn } from 'node:child_process'
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { type Browser, type Page, chromium as playwright } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { htmlOf } from '../../src/nas/cli/reports.js'
import { reportOf } from '../../src/nas/report/report.js'
import { epochLines, runOf, writeRun } from '../nas/report/records.js'
import { CURE, chromium } from './chromium.js'

const program = chromium()
if (program === undefined) console.warn(`Reports are not opened: there is no Chromium; ${CURE}.`)

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

const PAGES = {
  'one run': () => reportOf([runOf({ isChecked: true, isScored: true })], 'one <run>'),
  'three runs': () =>
    reportOf(
      [
        runOf({ name: 'darts', config: { method: 'darts' } }),
        runOf({ name: 'fd' }),
        runOf({ name: 'exact', config: { derivative: 'exact' }, isEnded: false })
      ],
      null
    )
} as const

describe.skipIf(program === undefined)('a report', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lambda-darts-report-'))
  let browser: Browser
  beforeAll(async () => {
    for (const [name, report] of Object.entries(PAGES))
      writeFileSync(join(folder, `${name}.html`), await htmlOf(report()))
    browser = await playwright.launch({ executablePath: program as string, args: ['--no-sandbox'] })
  })
  afterAll(async () => {
    await browser?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  /** The page of a file, with all that it complains of or asks for. */
  const opened = async (name: string, scheme: 'light' | 'dark', width: number) => {
    // The policy of the page lets no script in but its own: axe comes from outside.
    const context = await browser.newContext({ viewport: { width, height: 800 }, colorScheme: scheme, bypassCSP: true })
    const page = await context.newPage()
    const noticed: string[] = []
    page.on('console', message => noticed.push(message.text()))
    page.on('pageerror', error => noticed.push(error.message))
    page.on('request', request => {
      if (!/^(file|blob):/.test(request.url())) noticed.push(request.url())
    })
    await page.goto(pathToFileURL(join(folder, `${name}.html`)).href)
    return { page, noticed, close: () => context.close() }
  }

  /** What axe finds, of WCAG 2 A and AA and what is good practice. */
  const faults = async (page: Page): Promise<readonly string[]> => {
    await page.evaluate(axe)
    return page.evaluate(`axe.run(document).then(({ violations }) =>
      violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => id + ': ' + html.slice(0, 120))))`)
  }

  it.each(
    Object.keys(PAGES).flatMap(name =>
      [
        ['light', 1200],
        ['dark', 1200],
        ['light', 360]
      ].map(([scheme, width]) => [name, scheme, width] as const)
    )
  )('of %s is whole in %s at %d pixels, and axe finds no fault', async (name, scheme, width) => {
    const { page, noticed, close } = await opened(name, scheme as 'light' | 'dark', width as number)
    const empty = await page.evaluate(`[...document.querySelectorAll('figure svg[role=img]')]
      .filter(svg => !svg.getAttribute('aria-label') || !svg.querySelector('path,line,rect,circle,ellipse,polygon')
        || svg.getBoundingClientRect().width < 50).length`)
    const pictures = await page.evaluate(`document.querySelectorAll('figure svg[role=img]').length`)
    expect(pictures).toBeGreaterThan(20)
    const wider = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')
    expect([empty, wider, await faults(page), noticed]).toEqual([0, 0, [], []])
    await close()
  })

  it('changes between light and dark, and gives figures as files', async () => {
    const { page, noticed, close } = await opened('one run', 'light', 1200)
    const paper = () => page.evaluate('getComputedStyle(document.body).backgroundColor')
    const before = await paper()
    await page.click('#theme')
    expect(await paper()).not.toBe(before)
    for (const [kind, begins] of [
      ['svg', '<svg'],
      ['png', '\u0089PNG']
    ] as const) {
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.click(`#figure-softmax-alpha [data-save=${kind}]`)
      ])
      expect(download.suggestedFilename()).toBe(`softmax-alpha.${kind}`)
      const bytes = readFileSync(await download.path(), 'latin1')
      expect(bytes.startsWith(begins)).toBe(true)
      expect(bytes.length).toBeGreaterThan(5000)
      if (kind === 'svg') expect(bytes).not.toContain('var(')
    }
    expect(noticed).toEqual([])
    await close()
  })

  it('is called by what differs, and printed with what the verdicts found', async () => {
    const { page, noticed, close } = await opened('three runs', 'light', 700)
    expect(await page.textContent('h1')).toBe('darts · lambda-darts, fd · lambda-darts, exact')
    await page.emulateMedia({ media: 'print' })
    const findings = () => page.locator('.verdict .findings li:visible').count()
    const all = await page.locator('.verdict .findings li').count()
    expect([await findings(), all > 3]).toEqual([0, true])
    await page.evaluate("dispatchEvent(new Event('beforeprint'))")
    expect(await findings()).toBe(all)
    expect(await page.evaluate('document.documentElement.scrollWidth <= document.documentElement.clientWidth')).toBe(
      true
    )
    await page.evaluate("dispatchEvent(new Event('afterprint'))")
    expect([await findings(), noticed]).toEqual([0, []])
    await close()
  })

  it('that is served shows what its run adds, and says when nobody serves it any more', async () => {
    const run = join(folder, 'run')
    const record = runOf({ epochs: 2, isEnded: false })
    writeRun(run, record, 1)
    const root = fileURLToPath(new URL('../..', import.meta.url))
    const served = spawn(process.execPath, ['--import', 'tsx', 'src/nas/main.ts', 'report', run, '--watch'], {
      cwd: root
    })
    const ended = new Promise(resolve => served.on('close', resolve))
    const address = await new Promise<string>(resolve => {
      served.stdout.on('data', text => resolve(/http:\S+/.exec(String(text))?.[0] ?? ''))
    })
    const context = await browser.newContext()
    const page = await context.newPage()
    const noticed: string[] = []
    page.on('pageerror', error => noticed.push(error.message))
    await page.goto(address)
    const over = (count: number) => page.waitForSelector(`text=/${count} of ${record.config.epochs} epochs are over/`)
    await over(1)
    await page.click('summary >> nth=0')
    appendFileSync(join(run, 'events.jsonl'), epochLines(record)[1] as string)
    await over(2)
    // What a reader has opened stays open.
    expect(await page.locator('details[open]').count()).toBe(1)
    served.kill('SIGTERM')
    await page.waitForSelector('text=/Nobody serves this page any more/')
    expect([await ended, noticed]).toEqual([130, []])
    await context.close()
  }, 60_000)
})
