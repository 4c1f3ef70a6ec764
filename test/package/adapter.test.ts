/**
 * The script that installs an adapter: without the network, and interrupted, against an apt-get that installs nothing.
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, expect, it } from 'vitest'

const folder = mkdtempSync(join(tmpdir(), 'lambda-darts-adapter-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Elsewhere the script installs nothing, and says so. */
const installs =
  process.getuid?.() === 0 &&
  existsSync('/usr/bin/apt-get') &&
  /^ID="?(debian|ubuntu)/m.test(readFileSync('/etc/os-release', 'utf8'))

/** The script where no driver is found or installed, and `apt-get install` is `install`, in the shell's words. */
const run = (name: string, install: string) => {
  const commands = join(folder, name)
  mkdirSync(commands)
  const command = (name: string, ...lines: readonly string[]): void =>
    writeFileSync(join(commands, name), ['#!/bin/sh', ...lines, ''].join('\n'), { mode: 0o755 })
  command('dpkg-query', 'exit 1')
  command(
    'apt-get',
    'case "$1" in',
    "indextargets) echo 'http://archive.invalid bookworm-backports' ;;",
    'update) echo "Could not resolve archive.invalid" >&2; exit 100 ;;',
    `install) ${install} ;;`,
    'esac'
  )
  const env = {
    ...process.env,
    VK_DRIVER_FILES: '/nowhere.json',
    PATH: `${commands}${delimiter}${process.env['PATH']}`
  }
  const child = spawn(process.execPath, ['scripts/adapter.mjs'], { env, stdio: ['ignore', 'ignore', 'pipe'] })
  const said: string[] = []
  child.stderr.on('data', text => said.push(String(text)))
  const ended = new Promise<{ readonly code: number | null; readonly stderr: string }>(resolve => {
    child.on('close', code => resolve({ code, stderr: said.join('') }))
  })
  return { child, ended }
}

it.runIf(installs)('without the network it shows what apt-get said, and a sentence, and ends with code 2', async () => {
  const { code, stderr } = await run('offline', 'echo "E: Unable to fetch some archives" >&2; exit 100').ended
  expect(stderr).toContain('E: Unable to fetch some archives\n')
  expect(stderr).toMatch(
    /^The package mesa-vulkan-drivers was to be installed, but apt-get failed as shown above: .*\.\n$/m
  )
  expect(stderr).not.toContain('    at ')
  expect(code).toBe(2)
})

it.runIf(installs).each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
  'at %s it ends what it began, says a sentence, and ends with code 130',
  async name => {
    const [begun, over] = [join(folder, `${name} begun`), join(folder, `${name} over`)]
    // What is interrupted takes a little to end.
    const install = `trap 'sleep 0.3; touch "${over}"; exit 100' ${name.slice(3)}; touch '${begun}'; while :; do sleep 0.1; done`
    const { child, ended } = run(name, install)
    while (!existsSync(begun)) await sleep(50)
    child.kill(name)
    const { code, stderr } = await ended
    const sentence =
      'The package mesa-vulkan-drivers was to be installed, but that was interrupted: run `npm run adapter` again.'
    expect(stderr.trim().split('\n').at(-1)).toBe(sentence)
    expect([code, existsSync(over)]).toEqual([130, true])
  }
)
