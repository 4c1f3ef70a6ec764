/**
 * A small search as a process that can be killed at a write, what its folder says, and how it goes on: for
 * `nas/resume.test.ts` and `faults/main.ts`.
 */
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
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
  readonly stdout: string
  readonly stderr: string
}

/** How a process is ended, or what it has little of. */
export interface Fault {
  /** What `kill.mjs` reads. */
  readonly env?: Readonly<Record<string, string>>
  /** It is killed after so many milliseconds. */
  readonly killAfter?: number
  /** Options of the shell's `ulimit`, as `-f 16`: no file has more than 16 blocks of 512 bytes. */
  readonly limit?: string
}

/** A process of the command line, killed at a write if the environment says so (`kill.mjs`). */
export const asProcess = (args: readonly string[], { env, killAfter, limit }: Fault = {}): Promise<Exit> =>
  new Promise(resolve => {
    const program = ['--import', 'tsx', '--import', './test/faults/kill.mjs', 'src/nas/main.ts', ...args]
    const [command, ...given] =
      limit === undefined
        ? [process.execPath, ...program]
        : ['sh', '-c', `ulimit ${limit} && exec "$@"`, 'limited', process.execPath, ...program]
    const child = spawn(command as string, given, { cwd: root, env: { ...process.env, ...env } })
    const timer = killAfter === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfter)
    const [stdout, stderr]: [string[], string[]] = [[], []]
    child.stdout.on('data', text => stdout.push(String(text)))
    child.stderr.on('data', text => stderr.push(String(text)))
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      resolve({ code, signal, stdout: stdout.join(''), stderr: stderr.join('') })
    })
  })

/** Runs the search undisturbed, and gives its calls that write, in their order: `renameSync .../summary.json.part`. */
export const undisturbed = async (out: string, log: string): Promise<readonly string[]> => {
  const { code, stderr } = await asProcess([...OPTIONS, '--out', out], { env: { KILL_LOG: log } })
  if (code !== 0) throw new Error(`The undisturbed run was to end with code 0, but it ended with ${code}: ${stderr}`)
  return readFileSync(log, 'utf8').trimEnd().split('\n')
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
 * Goes on until the run ends, and draws its report if it had ended without; one that was killed before it had a
 * checkpoint is refused, and started again. Throws where none of this can be done.
 */
export const goOnToTheEnd = async (out: string): Promise<void> => {
  const { code, stderr } = await asProcess(['search', '--resume', out, ...KEEPING])
  if (code === 0) return
  if (stderr.startsWith('Wanted --resume to be a run that has not ended')) {
    const drawn = existsSync(join(out, 'report.html')) ? undefined : await asProcess(['report', out])
    if (drawn && drawn.code !== 0) throw new Error(`A report was to be drawn, but: ${drawn.stderr}`)
    return
  }
  if (code !== 2 || !/^Wanted (a whole checkpoint in|--resume to be the folder of a run)/.test(stderr))
    throw new Error(`A run was to go on, or to be started again, but it ended with ${code}: ${stderr}`)
  rmSync(out, { recursive: true, force: true })
  const again = await asProcess([...OPTIONS, '--out', out])
  if (again.code !== 0) throw new Error(`A run that was started again was to end with code 0, but: ${again.stderr}`)
}
