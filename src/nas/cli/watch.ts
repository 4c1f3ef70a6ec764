/**
 * `lambda-darts report --watch`: the page of a report on this machine, anew while its run goes on. The run knows nothing
 * of it: its files are read as they grow.
 */
import { closeSync, existsSync, fstatSync, openSync, readSync, statSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import { StringDecoder } from 'node:string_decoder'
import { setTimeout } from 'node:timers/promises'
import * as E from 'fp-ts/lib/Either.js'
import { parseOption } from '../configuration/options.js'
import { EVENTS } from './eventlog.js'
import { interruption, untilSignal } from './interruption.js'
import { complain, say } from './outputs.js'
import { INTERRUPTED, orRefuse, refuse } from './refusal.js'
import { htmlOf, readRun, reportOfAny, runsIn } from './reports.js'

/** Milliseconds between looks at the files. */
const PAUSE = 1000

const PORT = { flag: '--port <n>', help: '', least: 0, most: 65535, whole: true } as const

/** A file that grows, read as far as it is there: what is new each time, or all of it after it was cut back. */
export const follow = (path: string) => {
  const state = { at: 0, text: '', decoder: new StringDecoder('utf8') }
  /** Reads on. Gives what is new. */
  const more = (): string => {
    if (!existsSync(path)) return ''
    const file = openSync(path, 'r')
    try {
      const { size } = fstatSync(file)
      if (size < state.at) Object.assign(state, { at: 0, text: '', decoder: new StringDecoder('utf8') })
      const bytes = Buffer.alloc(size - state.at)
      const read = readSync(file, bytes, 0, bytes.length, state.at)
      state.at += read
      const fresh = state.decoder.write(bytes.subarray(0, read))
      state.text += fresh
      return fresh
    } finally {
      closeSync(file)
    }
  }
  return { more, text: () => state.text }
}

const stampOf = (path: string): number => (existsSync(path) ? statSync(path).mtimeMs : 0)

/** A run that is watched: whether it has anything new to draw, which single steps are not, and whether it has ended. */
const watched = (folder: string) => {
  const events = follow(join(folder, EVENTS))
  const summary = join(folder, 'summary.json')
  const seen = { stamp: -1, length: -1 }
  return {
    folder,
    text: events.text,
    ended: () => existsSync(summary),
    hasNews: (): boolean => {
      const fresh = events.more()
      const wasCut = events.text().length < seen.length
      const stamp = stampOf(summary)
      const isNew = seen.length < 0 || wasCut || stamp !== seen.stamp || /"type":"(epoch|decision|tuning)"/.test(fresh)
      Object.assign(seen, { stamp, length: events.text().length })
      return isNew
    }
  }
}

/** The page as it is now, the number of this drawing, and who is to be told of a new one. */
interface Served {
  html: string
  drawing: number
  readonly readers: Set<ServerResponse>
}

const HEADERS = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' }

const tellOne = (reader: ServerResponse, event: string): void => void reader.write(`event: ${event}\ndata: \n\n`)
const tell = ({ readers }: Served, event: string): void => {
  for (const reader of readers) tellOne(reader, event)
}

const answer =
  (served: Served) =>
  ({ url, method, headers }: IncomingMessage, response: ServerResponse): void => {
    // A page elsewhere whose name was led to this machine would say its own name.
    const isLocal = /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/.test(headers.host ?? '')
    if (!isLocal || method !== 'GET') response.writeHead(403, HEADERS).end()
    else if (url === '/')
      response.writeHead(200, { ...HEADERS, 'content-type': 'text/html; charset=utf-8' }).end(served.html)
    else if (url?.startsWith('/events?')) {
      response.writeHead(200, { ...HEADERS, 'content-type': 'text/event-stream' }).write('retry: 2000\n\n')
      // Between a page and its question for news there may have been some.
      if (url !== `/events?${served.drawing}`) tellOne(response, 'report')
      served.readers.add(response)
      response.on('close', () => served.readers.delete(response))
      response.on('error', () => served.readers.delete(response))
    } else response.writeHead(url === '/favicon.ico' ? 204 : 404, HEADERS).end()
  }

const listening = (server: Server, port: number): Promise<number> =>
  new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      const address = server.address()
      resolve(typeof address === 'object' && address ? address.port : port)
    })
  })

const listenOrRefuse = async (server: Server, port: number): Promise<number> => {
  try {
    return await listening(server, port)
  } catch (error) {
    return refuse('--port to be free', `${port} (${error instanceof Error ? error.message : error})`, 'name another')
  }
}

/** Serves the report of runs until a signal ends it. */
export const watch = async (given: readonly string[], title: string | null, port = '0'): Promise<number> => {
  const at = orRefuse(parseOption(PORT, port)) as number
  const runs = given.flatMap(path => orRefuse(runsIn(path))).map(watched)
  const draw = async (drawing: number): Promise<E.Either<{ readonly message: string }, string>> => {
    const read = E.sequenceArray(runs.map(({ folder, text }) => readRun(folder, E.right(text()))))
    const report = E.chain((all: Parameters<typeof reportOfAny>[0]) => reportOfAny(all, title))(read)
    return E.isLeft(report) ? report : E.right(await htmlOf(report.right, drawing))
  }
  for (const run of runs) run.hasNews()
  const served: Served = { html: orRefuse(await draw(0)), drawing: 0, readers: new Set() }
  const server = createServer(answer(served))
  const ending = interruption()
  const state = { told: '' }
  const update = async (): Promise<void> => {
    if (!runs.map(run => run.hasNews()).includes(true)) return
    const drawing = served.drawing + 1
    const drawn = await draw(drawing)
    if (E.isRight(drawn)) {
      Object.assign(served, { html: drawn.right, drawing })
      tell(served, 'report')
    } else if (drawn.left.message !== state.told) {
      state.told = drawn.left.message
      complain(drawn.left.message)
    }
  }
  const go = async (): Promise<void> => {
    say(`Report: http://127.0.0.1:${await listenOrRefuse(server, at)}/  (Ctrl-C ends it)`)
    const woken = new AbortController()
    const stop = ending.each(() => woken.abort())
    while (!ending.happened()) {
      await update()
      if (runs.every(run => run.ended())) tell(served, 'end')
      await setTimeout(PAUSE, undefined, { signal: woken.signal }).catch(() => undefined)
    }
    stop()
  }
  try {
    await untilSignal(ending, () => complain('Ended.'), go)
    return INTERRUPTED
  } finally {
    for (const reader of served.readers) reader.end()
    server.close()
    server.closeAllConnections()
  }
}
