/**
 * The package as somebody meets it who has just installed it: what is in it, its types, its program, and what bundlers
 * make of it.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as esbuild from 'esbuild'
import { build, createLogger } from 'vite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Project, packed } from './packed.js'

const root = fileURLToPath(new URL('../../', import.meta.url))

let project: Project
beforeAll(() => {
  project = packed()
}, 240_000)
afterAll(() => project?.remove())

const FIRST = `
import { $, grad, openGpu } from 'lambda-darts'
const gpu = await openGpu()
console.log((await gpu.read(gpu.run(grad(x => $.mul(x, $.tanh(x))), 0.5))).data[0])
`
/** tanh(x) + x / cosh(x)^2 at 0.5 */
const EXPECTED = Math.tanh(0.5) + 0.5 / Math.cosh(0.5) ** 2

describe('the package', () => {
  it('has its pages, examples and shaders, and none of its sources and tests', () => {
    expect(project.files).toEqual(
      expect.arrayContaining(['README.md', 'LICENSE', 'docs/README.md', 'shaders/map.wgsl'])
    )
    expect(project.files.filter(path => /^(src|test|bench|node_modules)\/|(^|\/)\.|\.tsbuildinfo$/.test(path))).toEqual(
      []
    )
    expect(project.files.filter(path => path.startsWith('examples/browser/'))).not.toEqual([])
  })

  it('has the texts of the shaders in a module, as they are in the files', async () => {
    const { SHADERS } = await import(join(project.folder, 'node_modules/lambda-darts/dist/kernels/platform/shaders.js'))
    for (const [file, text] of SHADERS) expect(text).toBe(readFileSync(join(root, 'shaders', file), 'utf8'))
    expect(SHADERS.size).toBe(project.files.filter(path => path.endsWith('.wgsl')).length)
  })

  it('names the modules that are imported for what they do, else a bundler leaves them out', () => {
    const own = join(project.folder, 'node_modules/lambda-darts')
    const { sideEffects } = JSON.parse(readFileSync(join(own, 'package.json'), 'utf8'))
    const bare = project.files
      .filter(path => path.startsWith('dist/') && path.endsWith('.js'))
      .flatMap(path =>
        [...readFileSync(join(own, path), 'utf8').matchAll(/^import '(\..*)';$/gm)].map(
          ([, name = '']) => `./${join(path, '..', name)}`
        )
      )
    expect(bare.length).toBeGreaterThan(0)
    expect(sideEffects).toEqual(expect.arrayContaining(bare))
  })

  it('says where it comes from', () => {
    const own = JSON.parse(readFileSync(join(project.folder, 'node_modules/lambda-darts/package.json'), 'utf8'))
    expect(own.repository.url).toContain('github.com/lambda-darts/lambda-darts')
    expect(own.homepage).toContain('github.com/lambda-darts/lambda-darts')
    expect(own.keywords).toContain('autodiff')
  })

  it('computes a first gradient in three lines of JavaScript, and says nothing on standard error', () => {
    project.write({ 'first.js': FIRST })
    const { status, stdout, stderr } = project.run(process.execPath, 'first.js')
    expect([status, stderr]).toEqual([0, ''])
    expect(Number(stdout)).toBeCloseTo(EXPECTED, 6)
  })
})

describe('the program', () => {
  it.each([
    ['where the package is installed', () => project.folder],
    ['in a checkout', () => root]
  ])('runs by npx %s', (_, folder) => {
    const { status, stdout } = spawnSync('npx', ['--no-install', 'lambda-darts', 'genotypes'], {
      cwd: folder(),
      encoding: 'utf8'
    })
    expect(status).toBe(0)
    expect(stdout).toContain('lambdadarts_corr_0')
  })
})

describe('types', () => {
  // A project may know WebGPU from the compiler's DOM library, or not at all.
  const WAYS = [
    ['nodenext', 'nodenext', ['ES2023']],
    ['nodenext', 'nodenext', ['ES2023', 'DOM']],
    ['node16', 'node16', ['ES2023']],
    ['esnext', 'bundler', ['ES2023', 'DOM']]
  ] satisfies readonly (readonly [string, string, readonly string[]])[]
  // The types of Vega, which charts are of, need that library.
  const PICTURED = `import * as pictures from 'lambda-darts/pictures'
export const drawn: Promise<string> = pictures.draw(all.$.tensor(2))`
  it.each(WAYS)(
    'hold in a strict project that checks libraries too, by %s and %s with %s',
    (module, moduleResolution, lib) => {
      const program = `${FIRST.replace('console.log(', 'export const slope: number | undefined = (')}
import * as all from 'lambda-darts'
import * as pure from 'lambda-darts/autodiff'
export const same: typeof all.grad = pure.grad
${lib.includes('DOM') ? PICTURED : ''}`
      const options = { strict: true, noEmit: true, skipLibCheck: false, types: [], target: 'ES2023', lib }
      project.write({
        'typed.ts': program,
        'tsconfig.json': JSON.stringify({
          compilerOptions: { ...options, module, moduleResolution },
          files: ['typed.ts']
        })
      })
      const { status, stdout } = project.run(process.execPath, join(root, 'node_modules/typescript/bin/tsc'), '-p', '.')
      expect([stdout, status]).toEqual(['', 0])
    }
  )
  it('are checked in plain JavaScript', () => {
    project.write({
      'checked.js': `// @ts-check${FIRST.replace('0.5)', 'true)')}`,
      'tsconfig.json': JSON.stringify({
        compilerOptions: {
          allowJs: true,
          strict: true,
          noEmit: true,
          types: [],
          lib: ['ES2023', 'DOM'],
          target: 'ES2023',
          module: 'nodenext'
        },
        files: ['checked.js']
      })
    })
    const { stdout } = project.run(process.execPath, join(root, 'node_modules/typescript/bin/tsc'), '-p', '.')
    expect(stdout).toMatch(/checked\.js\(4,33\): error.*\n.*\n.*'boolean' is not assignable/)
  })
})

const DRAWN = `
import { draw } from 'lambda-darts/pictures'
import { $ } from 'lambda-darts/autodiff'
console.log(await draw($.tensor(2)))
`

/** Entries, what of them stands for all, and the most kilobytes that they may have, minified. */
const ENTRIES = [
  ['lambda-darts', "export * from 'lambda-darts'", 800],
  ['lambda-darts/autodiff', "export * from 'lambda-darts/autodiff'", 140],
  ['lambda-darts/pictures', "export * from 'lambda-darts/pictures'", 2000],
  ['a first picture', DRAWN, 2000],
  ['a first gradient', FIRST, 500]
] as const

describe('for browsers', () => {
  it.each(ENTRIES)('esbuild bundles %s without a warning, within its size', async (_, text, most) => {
    project.write({ 'bundled.js': text })
    const { warnings, metafile, outputFiles } = await esbuild.build({
      absWorkingDir: project.folder,
      entryPoints: ['bundled.js'],
      outfile: 'out.js',
      bundle: true,
      format: 'esm',
      minify: true,
      write: false,
      metafile: true,
      logLevel: 'silent'
    })
    expect(warnings).toEqual([])
    expect(metafile.outputs['out.js']?.imports).toEqual([])
    expect(outputFiles[0]?.contents.length).toBeLessThan(most * 1000)
  })

  it.each(ENTRIES)('Vite builds %s without a warning', async (_, text) => {
    project.write({ 'index.html': '<script type="module" src="bundled.js"></script>', 'bundled.js': text })
    const told: string[] = []
    const tell = (message: string): void => void told.push(message)
    const customLogger = { ...createLogger('silent'), warn: tell, warnOnce: tell, error: tell }
    await build({
      root: project.folder,
      configFile: false,
      customLogger,
      build: { write: false, target: 'esnext', chunkSizeWarningLimit: 1000 }
    })
    expect(told).toEqual([])
  })

  it('what is pure runs where there is nothing but the language', async () => {
    project.write({
      'bundled.js': `import { $, evaluate, grad } from 'lambda-darts/autodiff'
globalThis.slope = evaluate(grad(x => $.mul(x, $.tanh(x)))($.tensor(0.5))).data[0]`
    })
    const { outputFiles } = await esbuild.build({
      absWorkingDir: project.folder,
      entryPoints: ['bundled.js'],
      bundle: true,
      format: 'iife',
      write: false
    })
    const { createContext, runInContext } = await import('node:vm')
    const bare = createContext({}) as { slope?: number }
    runInContext(outputFiles[0]?.text ?? '', bare)
    expect(bare.slope).toBeCloseTo(EXPECTED, 12)
  })

  it('what a browser lacks is refused in a sentence', async () => {
    project.write({
      'bundled.js': `import { listAdapters, openDevice, openGpu } from 'lambda-darts'
export const told = [openGpu(), openGpu({ adapter: 'any' })].map(opened => opened.catch(({ message }) => message))
export const flags = openDevice({ flags: ['disable-dawn-features=x'] })()`
    })
    await esbuild.build({
      absWorkingDir: project.folder,
      entryPoints: ['bundled.js'],
      outfile: 'lonely.mjs',
      bundle: true,
      format: 'esm',
      define: { navigator: 'nothing' },
      banner: { js: 'const nothing = {}' }
    })
    const { told, flags } = await import(join(project.folder, 'lonely.mjs'))
    for (const message of await Promise.all(told))
      expect(message).toMatch(/^Wanted a WebGPU adapter, but there is no navigator\.gpu here: open the page/)
    expect((await flags).left.message).toMatch(/^Wanted a WebGPU adapter/)
  })
})
