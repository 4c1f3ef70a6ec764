/** A report that is served: to this machine alone, anew when its run says more, until it is told to end. */
import { appendFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { writeReport } from '../../../src/nas/cli/reports.js'
import { follow } from '../../../src/nas/cli/watch.js'
import type { RunRecord } from '../../../src/nas/run/record.js'
import { inProcess } from '../command.js'
import { epochLines, runOf, writeRun } from './records.js'

const folder = mkdtempSync(join(tmpdir(), 'lambda-darts-watch-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const write = (name: string, run: RunRecord, epochs: number): string => {
  const path = join(folder, name)
  writeRun(path, run, epochs)
  return path
}

describe('a file that grows', () => {
  it('is read on from where it was, letters of several bytes whole, and anew when it was cut', () => {
    const path = join(folder, 'growing')
    const bytes = Buffer.from('aΛ\n')
    const file = follow(path)
    expect(file.more()).toBe('')
    writeFileSync(path, bytes.subarray(0, 2))
    expect(file.more()).toBe('a')
    appendFileSync(path, bytes.subarray(2))
    expect([file.more(), file.text()]).toEqual(['Λ\n', 'aΛ\n'])
    truncateSync(path, 1)
    expect([file.more(), file.text()]).toEqual(['a', 'a'])
  })
})

describe('report', () => {
  it('writes a page and pictures of runs, and overwrites no other file', async () => {
    const path = write('drawn', runOf({ epochs: 2, isEnded: false }), 2)
    const ended = await inProcess('report', path, '--png', join(folder, 'pictures'), '--json')
    expect([ended.code, ended.stderr]).toEqual([0, ''])
    const told = JSON.parse(ended.stdout)
    expect(told).toMatchObject({ report: join(path, 'report.html'), runs: [path] })
    expect(readFileSync(told.report).length).toBe(told.bytes)
    expect(told.pictures.length).toBeGreaterThan(10)
    for (const picture of told.pictures) expect(readFileSync(picture).toString('latin1', 1, 4)).toBe('PNG')
    const foreign = await inProcess('report', path, '--out', join(path, 'config.json'))
    expect([foreign.code, foreign.stderr]).toEqual([
      2,
      expect.stringMatching(/^Wanted --out to be a new file or the report/)
    ])
  }, 60_000)

  it('refuses what is no run, in a sentence', async () => {
    const nothing = await inProcess('report', join(folder, 'nowhere'))
    expect([nothing.code, nothing.stderr]).toEqual([
      2,
      expect.stringMatching(/^Wanted the folder of a run .*none: name/)
    ])
    const path = write('altered', runOf({ epochs: 1, isEnded: false }), 1)
    appendFileSync(join(path, 'events.jsonl'), '{"type":"epoch"}\n')
    const altered = await inProcess('report', path)
    expect([altered.code, altered.stderr]).toEqual([
      2,
      expect.stringMatching(/altered: Wanted .*line 2 of events\.jsonl/)
    ])
  })

  it('that cannot be drawn leaves the run as it is: one sentence, and no path', async () => {
    const path = write('undrawn', runOf({ epochs: 1, isEnded: false }), 1)
    const said: string[] = []
    const spy = vi.spyOn(process.stderr, 'write').mockImplementation(text => said.push(String(text)) > 0)
    const full = () => {
      throw new Error('ENOSPC: no space left on device')
    }
    expect(await writeReport(path, full).finally(() => spy.mockRestore())).toBeUndefined()
    expect(said).toEqual([
      expect.stringMatching(/^Wanted '.*report\.html' to be drawn, but got 'ENOSPC.*tries again\.\n$/)
    ])
  })
})

describe('report --watch', () => {
  it('serves the page to this machine, tells of a new one, outlives a reader, and ends at a signal', async () => {
    const run = runOf({ epochs: 2, isEnded: false })
    const path = write('watched', run, 1)
    const said: string[] = []
    const spy = vi.spyOn(process.stdout, 'write').mockImplementation(text => said.push(String(text)) > 0)
    const stderr = vi.spyOn(process.stderr, 'write').mockImplementation(() => true)
    const { main } = await import('../../../src/nas/cli/cli.js')
    const ended = main(['report', path, '--watch'])
    try {
      await vi.waitFor(() => expect(said.join('')).toMatch(/127\.0\.0\.1:\d+/), { timeout: 30_000 })
      const [, address = ''] = /(http:\/\/127\.0\.0\.1:\d+\/)/.exec(said.join('')) ?? []
      const page = async () => (await fetch(address)).text()
      expect(await page()).toContain('1 of 12 epochs are over'.replace('12', String(run.config.epochs)))
      expect((await fetch(`${address}elsewhere`)).status).toBe(404)
      // Another name for this machine is that of a page elsewhere.
      const status = await new Promise(resolve => {
        request(address, { headers: { host: 'elsewhere.example' } }, answer => resolve(answer.statusCode)).end()
      })
      expect(status).toBe(403)

      await (await fetch(`${address}events?0`)).body?.cancel()
      const reader = (await fetch(`${address}events?0`)).body?.getReader()
      appendFileSync(join(path, 'events.jsonl'), epochLines(run)[1] as string)
      const texts: string[] = []
      while (!texts.join('').includes('event: report'))
        texts.push(new TextDecoder().decode((await reader?.read())?.value))
      expect(await page()).toContain(`2 of ${run.config.epochs} epochs are over`)
      // A page of before that asks only now is told at once.
      const late = (await fetch(`${address}events?0`)).body?.getReader()
      const atOnce: string[] = []
      while (!atOnce.join('').includes('event: report'))
        atOnce.push(new TextDecoder().decode((await late?.read())?.value))
    } finally {
      process.emit('SIGTERM')
      const code = await ended
      spy.mockRestore()
      stderr.mockRestore()
      expect(code).toBe(130)
    }
  }, 90_000)
})
