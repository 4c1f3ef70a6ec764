/**
 * A command is a block: it declares itself, and gives the promise of its exit code to `finish`. `argv`: the arguments
 * of the whole command line, which a run writes down.
 */
import type { Command } from 'commander'

export type Finish = (code: Promise<number>) => void
export type Subcommand = (root: Command, finish: Finish, argv: readonly string[]) => void
