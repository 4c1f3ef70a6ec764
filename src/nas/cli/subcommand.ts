/**
 * A command is a block: it declares itself, gives the promise of its exit code to `finish`, and has a manual, which
 * stands behind its options in `--help` and in its page of `docs/commands`. `argv`: the arguments of the whole command
 * line, which a run writes down.
 */
import type { Command } from 'commander'
import { type PresetTable, tableOfPresets } from './presets.js'
import { BAD_INPUT, DONE, FAILED, INTERRUPTED, READER_LEFT } from './refusal.js'

export type Finish = (code: Promise<number>) => void
export type Subcommand = (root: Command, finish: Finish, argv: readonly string[]) => void

/** What a command does, beside what its options say. */
export interface Manual {
  /** Two to four: a line of a shell, and what it is for. */
  readonly examples: readonly (readonly [line: string, what: string])[]
  /** What it leaves on the disk; nothing, if it does not say. */
  readonly writes?: string
  /** When it ends with code 1, and whether Ctrl-C ends it with what was reached. */
  readonly fails?: string
  readonly interrupted?: string
  readonly presets?: PresetTable
  /** What is to be known before the examples. */
  readonly notes?: string
}

/** The exit codes of a command, with what they say. */
export const exitsOf = ({ fails, interrupted }: Manual): readonly (readonly [number, string])[] => [
  [DONE, 'done'],
  ...(fails === undefined ? [] : [[FAILED, fails] as const]),
  [BAD_INPUT, 'bad input, or nothing to run on: one sentence on standard error, and nothing left behind'],
  ...(interrupted === undefined ? [] : [[INTERRUPTED, interrupted] as const]),
  [READER_LEFT, 'done, but whoever read standard output left before its end']
]

/** The exit codes of what trains, searches and sweeps. */
export const RUN_EXITS = {
  fails: 'the run failed (a loss not finite, a lost device, a full disk): what was reached is kept',
  interrupted: 'interrupted by Ctrl-C, SIGTERM or SIGHUP: it ends after the step at hand, and can go on'
} as const

const manuals = new WeakMap<Command, Manual>()

export const manualOf = (command: Command): Manual | undefined => manuals.get(command)

const manualText = (manual: Manual): string =>
  [
    ...(manual.presets ? [tableOfPresets(manual.presets)] : []),
    ...(manual.notes === undefined ? [] : [manual.notes]),
    `Examples:\n${manual.examples.map(([line, what]) => `  ${line}\n      ${what}`).join('\n')}`,
    ...(manual.writes === undefined ? [] : [`Writes: ${manual.writes}.`]),
    `Exit codes:\n${exitsOf(manual)
      .map(([code, what]) => `  ${String(code).padEnd(3)}  ${what}`)
      .join('\n')}`
  ]
    .map(part => `\n${part}\n`)
    .join('')

/** A command with its manual. */
export const withManual = (command: Command, manual: Manual): Command => {
  manuals.set(command, manual)
  return command.addHelpText('after', manualText(manual))
}
