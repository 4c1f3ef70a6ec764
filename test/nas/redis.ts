/**
 * A real Redis for tests: that of the machine, or Debian's, fetched without installing it; undefined where there is
 * neither.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** The program and what it needs that a machine may lack. */
const PACKAGES = ['redis-server', 'redis-tools', 'libjemalloc2', 'liblzf1', 'libatomic1']

const cache = join(tmpdir(), 'lambda-darts-redis')

export interface RedisProgram {
  readonly path: string
  readonly libraries: string
}

const runs = ({ path, libraries }: RedisProgram): boolean => {
  try {
    return execFileSync(path, ['--version'], { env: { ...process.env, LD_LIBRARY_PATH: libraries } }).includes(
      'Redis server'
    )
  } catch {
    return false
  }
}

/** Unpacks Debian's packages into a folder beside the cache, which takes its name when it is whole. */
const fetch = (): void => {
  const made = mkdtempSync(`${cache}-`)
  try {
    const quiet = { cwd: made, stdio: 'ignore', timeout: 60_000 } as const
    execFileSync('apt-get', ['download', ...PACKAGES], quiet)
    mkdirSync(join(made, 'root'))
    for (const name of readdirSync(made).filter(file => file.endsWith('.deb')))
      execFileSync('dpkg', ['-x', name, join(made, 'root')], quiet)
    if (!existsSync(cache)) renameSync(join(made, 'root'), cache)
  } catch {
    // Not Debian, or no network: the tests say that they are skipped.
  } finally {
    rmSync(made, { recursive: true, force: true })
  }
}

export const redisProgram = (): RedisProgram | undefined => {
  const triplet = process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu'
  const found = { path: 'redis-server', libraries: process.env['LD_LIBRARY_PATH'] ?? '' }
  const cached = { path: join(cache, 'usr/bin/redis-server'), libraries: join(cache, 'usr/lib', triplet) }
  if (runs(found)) return found
  if (!runs(cached)) fetch()
  return runs(cached) ? cached : undefined
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer().on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })

export interface RunningRedis {
  readonly url: string
  /** Ends it, and all that it knows. */
  readonly stop: () => Promise<void>
  /** Starts it again, at the same port. */
  readonly start: () => Promise<void>
}

/** Starts a Redis on loopback at a free port, in a folder of its own, that keeps nothing. */
export const startRedis = async ({ path, libraries }: RedisProgram): Promise<RunningRedis> => {
  const folder = mkdtempSync(join(tmpdir(), 'lambda-darts-redis-data-'))
  const port = await freePort()
  const state: { child?: ChildProcess } = {}
  const start = async (): Promise<void> => {
    const given = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no']
    const child = spawn(path, given, {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { ...process.env, LD_LIBRARY_PATH: libraries }
    })
    state.child = child
    await new Promise<void>((resolve, reject) => {
      child.on('error', reject)
      child.on('exit', code => reject(new Error(`redis-server ended with ${code}`)))
      child.stdout?.on('data', text => String(text).includes('Ready to accept connections') && resolve())
    })
  }
  const stop = async (): Promise<void> => {
    const { child } = state
    if (child && child.exitCode === null && child.signalCode === null) {
      child.removeAllListeners('exit')
      child.kill('SIGKILL')
      while (child.exitCode === null && child.signalCode === null) await sleep(20)
    }
  }
  await start()
  return {
    url: `redis://127.0.0.1:${port}`,
    start,
    stop: async () => {
      await stop()
      rmSync(folder, { recursive: true, force: true })
      mkdirSync(folder)
    }
  }
}
