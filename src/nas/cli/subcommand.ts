/** A command is a block: it declares itself, and gives the promise of its exit code to `finish`. */
import type { Command } from 'commander'

export type Finish = (code: Promise<number>) => void
export type Subcommand = (root: Command, finish: Finish) => void
