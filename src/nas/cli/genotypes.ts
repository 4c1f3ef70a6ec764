/** `lambda-darts genotypes` */
import { keyOf } from '../../autodiff/threefry.js'
import { parseOption } from '../configuration/options.js'
import { formatGenotype } from '../genotypes/genotype.js'
import { PUBLISHED } from '../genotypes/published.js'
import { foldIn } from '../method/initialise.js'
import { drawGenotype } from '../selection/magnitude.js'
import { readSpace } from './inputs.js'
import { say } from './outputs.js'
import { DONE, orRefuse, refuse } from './refusal.js'
import { type Subcommand, withManual } from './subcommand.js'

interface Given {
  readonly draw?: string
  readonly space?: string
  readonly seed?: string
  readonly json?: boolean
}

const DRAW = {
  flag: '--draw <n>',
  help: 'draws so many cells of a space instead',
  least: 1,
  most: 1e6,
  whole: true
} as const
const SEED = { flag: '--seed <n>', help: 'seed of what is drawn (default: 0)', least: 0, whole: true } as const

/** Cells that were drawn, as texts. */
const drawn = (count: string, { space = 'nb201', seed = '0' }: Given): readonly string[] => {
  const [of, key] = [readSpace(space), keyOf(orRefuse(parseOption(SEED, seed)) as number)]
  const draws = orRefuse(parseOption(DRAW, count)) as number
  return Array.from({ length: draws }, (_, n) => formatGenotype(drawGenotype(of, foldIn(key, n))))
}

const run = (given: Given): number => {
  const { draw, json } = given
  if (draw !== undefined) {
    const texts = drawn(draw, given)
    say(json ? JSON.stringify(texts) : texts.join('\n'))
    return DONE
  }
  const stray = (['space', 'seed'] as const).find(name => given[name] !== undefined)
  if (stray) refuse(`--${stray} with --draw`, 'no --draw', 'give both, or neither')
  const texts = Object.entries(PUBLISHED).map(([name, genotype]) => [name, formatGenotype(genotype)] as const)
  say(json ? JSON.stringify(Object.fromEntries(texts)) : texts.map(([name, text]) => `${name}\n  ${text}`).join('\n'))
  return DONE
}

export const genotypesCommand: Subcommand = (root, finish) => {
  const command = root
    .command('genotypes')
    .description('lists the genotypes that Λ-DARTS published, by name; or draws cells of a space, to train them')
    .option(DRAW.flag, DRAW.help)
    .option('--space <name>', 'the space of what is drawn: a name, or a JSON file (default: nb201)')
    .option(SEED.flag, SEED.help)
    .option('--json', 'as JSON')
    .action(given => finish((async () => run(given))()))
  withManual(command, {
    examples: [
      ['lambda-darts genotypes', 'the twenty cells that Λ-DARTS published, by name'],
      ['lambda-darts genotypes --draw 5 --space s5 --seed 1', 'five cells at random, the baseline of any search']
    ]
  })
}
