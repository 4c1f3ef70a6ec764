/** A Chromium for the tests: the machine's own, or Debian's, fetched without installing it. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']

/** How to get one where there is none. */
export const CURE = 'install one (Debian: apt-get install chromium) or name one by CHROMIUM=/path/to/chromium'

const run = (command: string, args: readonly string[], cwd?: string): string => {
  const { status, stdout } = spawnSync(command, args, { encoding: 'utf8', timeout: 60_000, ...(cwd ? { cwd } : {}) })
  return status === 0 ? stdout.trim() : ''
}

/** A program that says its version; libraries that it needs may be missing where it was not installed. */
const works = (path: string): boolean => /Chrom/.test(run(path, ['--version']))

/** Debian's, unpacked into the folder of temporary files. */
const fetched = (): string | undefined => {
  const folder = join(tmpdir(), 'lambda-darts-chromium')
  const program = join(folder, 'usr', 'lib', 'chromium', 'chromium')
  if (!existsSync(program)) {
    mkdirSync(folder, { recursive: true })
    run('apt-get', ['download', 'chromium', 'chromium-common'], folder)
    for (const name of readdirSync(folder).filter(file => file.endsWith('.deb'))) run('dpkg', ['-x', name, '.'], folder)
  }
  return existsSync(program) ? program : undefined
}

/** The path of a Chromium that runs; undefined where there is none. */
export const chromium = (): string | undefined => {
  const named = process.env['CHROMIUM']
  const there = named ? [named] : NAMES.map(name => run('sh', ['-c', `command -v ${name}`])).filter(path => path !== '')
  return there.find(works) ?? [fetched()].find(path => path !== undefined && works(path))
}
