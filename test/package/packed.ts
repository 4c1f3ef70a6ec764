/**
 * The package as npm packs it, installed in an empty project: nothing of the checkout is there, and of other packages
 * only those that it names.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** What a package is made from. */
const SOURCES = [
  ...['package.json', 'tsconfig.json', 'tsconfig.build.json', 'README.md', 'LICENSE', 'CHANGELOG.md'],
  ...['bin', 'data', 'docs', 'examples', 'scripts', 'shaders', 'src']
]

export interface Project {
  readonly folder: string
  /** The files of the package, by their paths in it. */
  readonly files: readonly string[]
  /** Writes files into the project. */
  readonly write: (files: Readonly<Record<string, string>>) => void
  /** Runs a program in it. */
  readonly run: (
    command: string,
    ...args: readonly string[]
  ) => { status: number | null; stdout: string; stderr: string }
  readonly remove: () => void
}

const runIn = (cwd: string, command: string, args: readonly string[]) => {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8', timeout: 110_000 })
  if (error) throw error
  return { status, stdout, stderr }
}

/**
 * Packs a copy of the checkout, so that `dist` of the checkout stays as it is. The paths of what is packed, and the
 * archive.
 */
const pack = (folder: string): { readonly files: readonly string[]; readonly archive: string } => {
  const checkout = join(folder, 'checkout')
  mkdirSync(checkout)
  for (const name of SOURCES) cpSync(join(root, name), join(checkout, name), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(checkout, 'node_modules'))
  const { status, stdout, stderr } = runIn(checkout, 'npm', ['pack', '--json', '--pack-destination', folder])
  if (status !== 0) throw new Error(`npm pack ended with ${status}: ${stdout}${stderr}`)
  const told: unknown = JSON.parse(stdout.slice(stdout.indexOf('[\n')))
  const [{ filename, files }] = told as readonly [{ filename: string; files: readonly { path: string }[] }]
  return { files: files.map(({ path }) => path), archive: join(folder, filename) }
}

/** Packs, and installs what is packed. */
export const packed = (): Project => {
  const folder = mkdtempSync(join(tmpdir(), 'package-'))
  const { files, archive } = pack(folder)
  const project = join(folder, 'project')
  const modules = join(project, 'node_modules')
  const own = join(modules, 'lambda-darts')
  mkdirSync(own, { recursive: true })
  const unpacked = runIn(folder, 'tar', ['-xzf', archive, '-C', own, '--strip-components=1'])
  if (unpacked.status !== 0) throw new Error(unpacked.stderr)
  const link = (target: string, path: string) => {
    mkdirSync(dirname(path), { recursive: true })
    symlinkSync(target, path)
  }
  const { dependencies, optionalDependencies, bin } = JSON.parse(readFileSync(join(own, 'package.json'), 'utf8'))
  for (const name of Object.keys({ ...dependencies, ...optionalDependencies }))
    if (existsSync(join(root, 'node_modules', name))) link(join(root, 'node_modules', name), join(modules, name))
  for (const [name, file] of Object.entries<string>(bin)) link(join(own, file), join(modules, '.bin', name))
  const write: Project['write'] = texts => {
    for (const [name, text] of Object.entries(texts)) {
      mkdirSync(dirname(join(project, name)), { recursive: true })
      writeFileSync(join(project, name), text)
    }
  }
  write({ 'package.json': '{ "name": "project", "private": true, "type": "module" }\n' })
  return {
    folder: project,
    files,
    write,
    run: (command, ...args) => runIn(project, command, args),
    remove: () => rmSync(folder, { recursive: true })
  }
}
