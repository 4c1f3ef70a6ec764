/**
 * What arrives on standard error, whatever that is: all but Dawn's noise, in its order, also of a process that crashes.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'

const folder = mkdtempSync(join(tmpdir(), 'quiet-'))
afterAll(() => rmSync(folder, { recursive: true }))
const root = new URL('../../../', import.meta.url)

/** Runs a module through a shell, which says where standard error leads; what arrives there. */
const through = (text: string, shell: string, env: Readonly<Record<string, string>> = {}) => {
  const file = join(folder, 'program.mts')
  writeFileSync(file, text)
  const tsx = new URL('node_modules/tsx/dist/esm/index.mjs', pathToFileURL(`${process.cwd()}/`))
  const command = `'${process.execPath}' --import '${tsx.href}' '${file}' ${shell}`
  const { status, signal, stdout, stderr } = spawnSync('/bin/sh', ['-c', command], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, ...env }
  })
  return { status, signal, stdout, stderr }
}

const OPENING = `
import { openDevice } from '${new URL('src/kernels/device.ts', root).href}'
const opened = await openDevice()()
console.log(opened._tag)
process.exit()
`
const NOISE =
  'Warning: maxDynamicUniformBuffersPerPipelineLayout artificially reduced from 1000000 to 16 to fit what there is.\\n'
const within = (work: string) => `
import { writeSync } from 'node:fs'
import { quietly } from '${new URL('src/kernels/platform/quiet.ts', root).href}'
console.error('before')
await quietly(async () => { ${work} }).catch(reason => console.error(reason.message))
console.error('after')
`

describe('standard error', () => {
  // Mesa says that it misses XDG_RUNTIME_DIR only where it is told of a Wayland display.
  const noisy = { WAYLAND_DISPLAY: 'wayland-0', XDG_RUNTIME_DIR: '' }

  it.each([
    ['a socket', ''],
    ['a pipe', '2>&1 >/dev/null | cat >&2'],
    ['a file', '2>err >/dev/null; cat err >&2; rm err'],
    ['a file that is appended to', '2>>err >/dev/null; cat err >&2; rm err']
  ])('stays empty where a device is opened, as %s', (_, shell) => {
    expect(through(OPENING, `${shell}`, noisy)).toMatchObject({ stderr: '' })
  })

  it('tells what the driver complains of', () => {
    const { stderr, stdout } = through(OPENING, '', {
      VK_LOADER_DEBUG: 'error',
      VK_DRIVER_FILES: join(folder, 'none.json')
    })
    expect(stdout).toBe('Left\n')
    expect(stderr).toContain('none.json')
    expect(stderr).not.toContain('artificially')
  })

  it('loses no other line, and keeps their order in a file that both streams write', () => {
    const work = `writeSync(2, '${NOISE}one\\n${NOISE}'); writeSync(1, 'between\\n'); writeSync(2, 'two, not ended'); throw new Error(' three')`
    through(within(work), '>all 2>&1')
    const text = readFileSync(join(folder, 'all'), 'utf8')
    expect(text.split('\n').sort()).toEqual(['', 'after', 'before', 'between', 'one', 'two, not ended three'].sort())
    expect(text.indexOf('before')).toBe(0)
    expect(text.endsWith('two, not ended three\nafter\n')).toBe(true)
  })

  it('takes more than a pipe holds', () => {
    const { stderr } = through(within("for (let i = 0; i < 30000; i++) writeSync(2, 'line ' + i + '\\n')"), '')
    expect(stderr).toBe(`before\n${Array.from({ length: 30_000 }, (_, i) => `line ${i}\n`).join('')}after\n`)
  })

  it('has the last words of a process that crashes meanwhile', () => {
    const { stderr, stdout } = through(within(`writeSync(2, '${NOISE}last words\\n'); process.abort()`), '; echo $?')
    expect(stdout).toBe(`${128 + 6}\n`)
    for (const line of ['before\n', 'last words\n']) expect(stderr).toContain(line)
    expect(stderr).not.toContain('artificially')
  })

  it('is left alone where there is no sed', () => {
    const { stderr } = through(within(`writeSync(2, '${NOISE}')`), '', { PATH: folder })
    expect(stderr).toBe(`before\n${NOISE.replace('\\n', '\n')}after\n`)
  })
})
