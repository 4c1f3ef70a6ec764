/**
 * A small search as a process that can be killed at a write, what its folder says, and how it goes on: for
 * `nas/resume.test.ts` and `faults/main.ts`.
 */
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { decodeCheckpoint } from '../../src/nas/run/checkpoint.js'
import { right } from '../kernels/results.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const FEW_DIGITS = fileURLToPath(new URL('../nas/files/few-digits.npz', import.meta.url))
const KEEPING = ['--checkpoint-minutes', '0', '--quiet']

/** Three epochs of three steps, with a checkpoint after each step. */
export const OPTIONS = [
  ...`search --data npz --root ${FEW_DIGITS} --backend reference --channels 1 --batch 8 --epochs 3`.split(' '),
  ...KEEPING
]

export interface Exit {
  readonly code: number | null
  readonly signal: string | null
  readonly stderr: string
}

/** A process of the command line, killed at a write if the environment says so (`kill.mjs`). */
export const asProcess = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Exit> =>
  new Promise(resolve => {
    const killer = ['--import', './test/faults/kill.mjs']
    const child = spawn(process.execPath, ['--import', 'tsx', ...killer, 'src/nas/main.ts', ...args], {
      cwd: root,
      env: { ...process.env, ...env }
    })
    const stderr: string[] = []
    child.stderr.on('data', text => stderr.push(String(text)))
    child.on('close', (code, signal) => resolve({ code, signal, stderr: stderr.join('') }))
  })

/** Runs the search undisturbed, and gives the number of its writes. */
export const undisturbed = async (out: string, count: string): Promise<number> => {
  const { code, stderr } = await asProcess([...OPTIONS, '--out', out], { KILL_COUNT: count })
  if (code !== 0) throw new Error(`The undisturbed run was to end with code 0, but it ended with ${code}: ${stderr}`)
  return Number(readFileSync(count, 'utf8'))
}

/**
 * All that a run folder says, but for times; and for the lock, which a process leaves that is killed after its last
 * file.
 */
export const told = (out: string): unknown => {
  const timeless = (text: string): unknown =>
    JSON.parse(text, (key, value) => (['seconds', 'command'].includes(key) ? 0 : value))
  const text = (name: string) => readFileSync(join(out, name), 'utf8')
  const names = readdirSync(join(out, 'checkpoints')).sort()
  const { tensors, position, steps } = right(
    decodeCheckpoint(readFileSync(join(out, 'checkpoints', names.at(-1) as string)))
  )
  const files = readdirSync(out).filter(name => name !== 'lock')
  return {
    files: files.sort(),
    summary: timeless(text('summary.json')),
    events: text('events.jsonl').trimEnd().split('\n').map(timeless),
    genotype: text('genotype.txt'),
    checkpoint: { names, tensors: [...tensors], position, steps }
  }
}

/**
 * Goes on until the run ends; one that was killed before it had a checkpoint is refused, and started again. Throws
 * where neither can be done.
 */
export const goOnToTheEnd = async (out: string): Promise<void> => {
  const { code, stderr } = await asProcess(['search', '--resume', out, ...KEEPING])
  if (code === 0 || stderr.startsWith('Wanted --resume to be a run that has not ended')) return
  if (code !== 2 || !/^Wanted (a whole checkpoint in|--resume to be the folder of a run)/.test(stderr))
    throw new Error(`A run was to go on, or to be started again, but it ended with ${code}: ${stderr}`)
  rmSync(out, { recursive: true, force: true })
  const again = await asProcess([...OPTIONS, '--out', out])
  if (again.code !== 0) throw new Error(`A run that was started again was to end with code 0, but: ${again.stderr}`)
}
