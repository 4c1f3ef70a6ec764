/** The command line: commands are the blocks of `COMMANDS`, refusals become sentences and exit codes here. */
import { Command, CommanderError } from 'commander'
import { type InputError, inputError } from '../errors.js'
import { adaptersCommand } from './adapters.js'
import { countCommand } from './count.js'
import { dataCommand } from './data.js'
import { diagnoseCommand } from './diagnose.js'
import { genotypesCommand } from './genotypes.js'
import { gradcheckCommand } from './gradcheck.js'
import { graphCommand } from './graph.js'
import { version } from './inputs.js'
import { complain } from './outputs.js'
import { predictCommand } from './predict.js'
import { BAD_INPUT, DONE, FAILED, Refusal } from './refusal.js'
import { reportCommand } from './report.js'
import { scoreCommand } from './score.js'
import { searchCommand } from './search.js'
import type { Finish, Subcommand } from './subcommand.js'
import { sweepCommand } from './sweep.js'
import { trainCommand } from './train.js'
import { workerCommand } from './worker.js'

const COMMANDS: readonly Subcommand[] = [
  searchCommand,
  sweepCommand,
  reportCommand,
  workerCommand,
  trainCommand,
  predictCommand,
  diagnoseCommand,
  adaptersCommand,
  scoreCommand,
  countCommand,
  genotypesCommand,
  dataCommand,
  gradcheckCommand,
  graphCommand
]

const examples = `
Examples:
  lambda-darts search                            Λ-DARTS on the digits: a minute or two
  lambda-darts report runs/...                   what it tells, drawn; several side by side
  lambda-darts train runs/...                    trains the cell that was found, from scratch
  lambda-darts score runs/... --table FILE       what that cell reached, in a table of NAS-Bench-201
  lambda-darts sweep sweep.json --out sweeps/a   configurations times seeds, with statistics
  lambda-darts diagnose                          difference quotients beside the derivatives
  lambda-darts gradcheck model.mjs:loss          derivatives of a function of your own

lambda-darts COMMAND --help says what a command takes, with examples.
`

/** The commands with their options, as commander has them. */
export const program = (finish: Finish, argv: readonly string[] = []): Command => {
  const root = new Command('lambda-darts')
    .description('Differentiable architecture search that keeps cells in harmony, on WebGPU')
    .version(version(), '-V, --version')
    .exitOverride()
    .configureOutput({ outputError: () => {} })
    .addHelpText('after', examples)
  for (const command of COMMANDS) command(root, finish, argv)
  return root
}

/** commander's refusals as the sentence that all others are. */
const asInputError = ({ message }: CommanderError): InputError => {
  const [first = '', ...more] = message
    .replace(/^error: /, '')
    .replaceAll('\n', ' ')
    .replace(/\.$/, '')
    .split('. ')
  const got = [first, ...more.map(text => `(${text})`)].join(' ')
  return inputError('options and commands that exist', got, 'see --help')
}

/** Runs the command line and gives the exit code. */
export const main = async (argv: readonly string[]): Promise<number> => {
  const running: Promise<number>[] = []
  try {
    program(code => running.push(code), argv).parse(argv, { from: 'user' })
    return (await running[0]) ?? DONE
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return DONE // help and version
      if (error.code === 'commander.help') return BAD_INPUT // printed by commander: no command was given
      complain(asInputError(error).message)
      return BAD_INPUT
    }
    if (error instanceof Refusal) {
      complain(error.message)
      return error.code
    }
    if (error instanceof Error && 'syscall' in error) {
      complain(
        inputError(
          'the files of the run to be written',
          `'${error.message}'`,
          'see to the folder, then go on with --resume if the run has a checkpoint, else start again'
        ).message
      )
      return FAILED
    }
    throw error
  }
}
