/**
 * The page of `examples/browser`, from the package as it is packed, built by Vite, in a real Chromium on a software
 * adapter.
 */
import { cpSync, readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Browser, chromium as playwright } from 'playwright-core'
import { build } from 'vite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Project, packed } from '../package/packed.js'
import { CURE, chromium } from './chromium.js'

const program = chromium()
if (program === undefined) console.warn(`The page is not tested: there is no Chromium; ${CURE}.`)

/** SwiftShader is in Chromium itself, so the page finds the same adapter on every machine. */
const FLAGS = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader', '--enable-features=Vulkan', '--no-sandbox']
const TYPES: Readonly<Record<string, string>> = { '.html': 'text/html', '.js': 'text/javascript' }

const serve = (folder: string): Promise<Server> =>
  new Promise(resolve => {
    const server = createServer((request, response) => {
      const path = request.url === '/' ? '/index.html' : (request.url ?? '')
      try {
        const bytes = readFileSync(join(folder, path))
        response.writeHead(200, { 'content-type': TYPES[extname(path)] ?? 'application/octet-stream' }).end(bytes)
      } catch {
        response.writeHead(path === '/favicon.ico' ? 204 : 404).end()
      }
    })
    server.listen(0, '127.0.0.1', () => resolve(server))
  })

describe.skipIf(program === undefined)('the page', () => {
  let project: Project
  let server: Server
  let browser: Browser
  beforeAll(async () => {
    project = packed()
    cpSync(fileURLToPath(new URL('../../examples/browser', import.meta.url)), join(project.folder, 'browser'), {
      recursive: true
    })
    await build({
      root: join(project.folder, 'browser'),
      configFile: false,
      logLevel: 'error',
      build: { target: 'esnext' }
    })
    server = await serve(join(project.folder, 'browser', 'dist'))
    browser = await playwright.launch({ executablePath: program as string, args: FLAGS })
  }, 240_000)
  afterAll(async () => {
    await browser?.close()
    server?.close()
    project?.remove()
  })

  it('differentiates twice and learns the digits on the GPU, without a complaint', async () => {
    const page = await browser.newPage()
    const complaints: string[] = []
    page.on('console', message => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
    })
    page.on('pageerror', error => complaints.push(error.message))
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('the server has no port')
    await page.goto(`http://localhost:${address.port}/`)
    await page.waitForSelector('#state:not([data-state=running])', { timeout: 110_000 })
    const text = async (id: string): Promise<string> => (await page.textContent(`#${id}`)) ?? ''
    expect([await text('state'), complaints]).toEqual(['Done', []])

    expect(await text('adapter')).toMatch(/swiftshader/i)
    const [t, s] = [Math.tanh(0.5), 1 / Math.cosh(0.5) ** 2]
    // Single precision, and kernels within 2e-7 of each function.
    expect(Number(await text('first'))).toBeCloseTo(t + 0.5 * s, 6)
    expect(Number(await text('second'))).toBeCloseTo(2 * s - s * t, 6)
    expect(Number(await text('accuracy'))).toBeGreaterThan(0.85)
    const milliseconds = await page.getAttribute('#first', 'data-milliseconds')
    console.info(`first gradient in the page: ${Number(milliseconds).toFixed(0)} ms`)
  })
})
