/**
 * What is measured runs in a process of its own: a crash costs one row, the first call is a first call, and the
 * driver's cache is an empty folder. The process takes commands on stdin, a line each, and answers on stdout with lines
 * that begin with `@`:
 *
 * start -> { first: First } once the first call is through and its results are saved as `results-ENGINE` sample -> { ms
 * } of one call, the mean of as many as `SAMPLE_MS` takes queued -> { ms } of one call of a few that are asked for
 * before the first is done; by an engine whose samples wait for each verify -> { note } once it has seen, at the size
 * that was timed, that its results are right; by an engine that can
 *
 * so that contestants take turns, and what disturbs the machine disturbs all.
 */
import { spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** What a contestant knows after its first call. Numbers that it cannot know are null. */
export interface First {
  readonly firstMs: number
  readonly adapter: string
  readonly flops: number | null
  readonly dispatches: number | null
  readonly pipelines: number | null
  readonly peakBytes: number | null
  readonly lowerBoundBytes: number | null
  readonly readBytes: number | null
  readonly writtenBytes: number | null
  /**
   * Its samples wait for each call, and it can be asked for queued ones: a step of a search, which has three in flight.
   */
  readonly alone?: true
  /** What a reader of the row should know. */
  readonly note?: string
}

/** A sample takes at least so long, so that the grain of the wait does not count. */
export const SAMPLE_MS = 60
const MOST_CALLS = 50

const timed = async (calls: (n: number) => Promise<void>, n: number): Promise<number> => {
  const start = performance.now()
  await calls(n)
  return (performance.now() - start) / n
}

/**
 * The mean time of a call, of as many as fill a sample; `calls(n)` makes n calls and waits for the last. `alone`: each
 * is waited for.
 */
export const sampler = (calls: (n: number) => Promise<void>, alone = false): (() => Promise<number>) => {
  const made = alone
    ? async (n: number): Promise<void> => {
        for (let i = 0; i < n; i++) await calls(1)
      }
    : calls
  let count: number | undefined
  return async () => {
    if (count === undefined) {
      const single = await timed(made, 1)
      count = Math.max(1, Math.min(MOST_CALLS, Math.round(SAMPLE_MS / single)))
      if (count === 1) return single
    }
    return timed(made, count)
  }
}

/** What has started: its first call, any number more of them, and where it can check itself, the check in words. */
export interface Started {
  readonly first: First
  readonly calls: (n: number) => Promise<void>
  readonly verify?: () => Promise<string>
}

/** Calls that are queued, as a search has them. */
const QUEUED = 3

/** The contestant's side: answers commands until stdin ends. */
export const answer = async (start: () => Promise<Started>): Promise<void> => {
  const say = (reply: unknown): void => {
    process.stdout.write(`@${JSON.stringify(reply)}\n`)
  }
  let started: (Started & { readonly sample: () => Promise<number> }) | undefined
  const reply = async (command: string): Promise<object> => {
    if (command === 'start') {
      const one = await start()
      started = { ...one, sample: sampler(one.calls, one.first.alone) }
      return { first: one.first }
    }
    if (!started) throw new Error(`a start was wanted before a ${command}, but there was none`)
    if (command === 'sample') return { ms: await started.sample() }
    if (command === 'queued') return { ms: await timed(started.calls, QUEUED) }
    if (!started.verify) throw new Error('a check of its own was wanted, but it has none')
    return { note: await started.verify() }
  }
  for await (const command of createInterface({ input: process.stdin })) {
    try {
      say(await reply(command))
    } catch (error) {
      // It stays until it is told to go: an exit while the device is at work can crash, and then the reason would be
      // lost.
      say({ error: error instanceof Error ? error.message : String(error) })
    }
  }
  process.exit()
}

export interface Contestant {
  readonly engine: string
  readonly start: () => Promise<First>
  readonly sample: () => Promise<number>
  readonly queued: () => Promise<number>
  readonly verify: () => Promise<string>
  readonly end: () => Promise<void>
}

/**
 * How long an answer may take. The plain kernels of a verified run take more than 25 minutes for the largest step on a
 * software adapter.
 */
const MINUTES = { start: 20, sample: 20, queued: 20, verify: 240 } as const

/**
 * Starts a contestant's process; its driver's cache is an empty folder in `folder`. Promises reject with one sentence.
 */
export const enter = (engine: string, command: readonly string[], folder: string): Contestant => {
  const cache = join(folder, `cache-${engine}`)
  mkdirSync(cache, { recursive: true })
  const [program, ...args] = command as [string, ...string[]]
  const child = spawn(program, args, { env: { ...process.env, MESA_SHADER_CACHE_DIR: cache } })
  let stderr = ''
  let settle: ((reply: { error: string } | object) => void) | undefined
  let gone: { error: string } | undefined
  const ended = new Promise<void>(resolve => child.once('close', () => resolve()))
  child.stderr.on('data', chunk => {
    stderr = `${stderr}${chunk}`.slice(-20_000)
  })
  createInterface({ input: child.stdout }).on('line', line => {
    if (line.startsWith('@')) settle?.(JSON.parse(line.slice(1)))
  })
  child.stdin.on('error', () => undefined) // the end of the process tells more
  const leave = (error: string): void => {
    gone ??= { error }
    settle?.(gone)
  }
  child.once('error', ({ message }) => leave(message))
  child.once('close', (code, signal) => {
    const said = stderr.split('\n').findLast(line => /error/i.test(line) && !/^Warning|^ +at /.test(line))
    leave(`its process ended with ${signal ?? `code ${code}`}${said ? `: ${said.trim()}` : ''}`)
  })
  const ask = (what: keyof typeof MINUTES): Promise<object> =>
    new Promise((resolve, reject) => {
      const late = setTimeout(() => {
        child.kill('SIGKILL')
        reject(new Error(`it did not answer within ${MINUTES[what]} minutes`))
      }, MINUTES[what] * 60_000)
      settle = reply => {
        clearTimeout(late)
        if ('error' in reply) reject(new Error(reply.error.split('\n')[0]))
        else resolve(reply)
      }
      if (gone) settle(gone)
      child.stdin.write(`${what}\n`)
    })
  return {
    engine,
    start: async () => ((await ask('start')) as { first: First }).first,
    sample: async () => ((await ask('sample')) as { ms: number }).ms,
    queued: async () => ((await ask('queued')) as { ms: number }).ms,
    verify: async () => ((await ask('verify')) as { note: string }).note,
    end: async () => {
      child.stdin.end()
      const late = setTimeout(() => child.kill('SIGKILL'), 10_000)
      await ended
      clearTimeout(late)
    }
  }
}
