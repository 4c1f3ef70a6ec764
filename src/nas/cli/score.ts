/** `lambda-darts score` */
import { scoreOf } from '../genotypes/bench201.js'
import { scoreText } from '../genotypes/report.js'
import { readGenotype, readTable } from './inputs.js'
import { say } from './outputs.js'
import { DONE, orRefuse } from './refusal.js'
import type { Subcommand } from './subcommand.js'

const run = (given: string, { table, json }: { readonly table: string; readonly json?: boolean }): number => {
  const genotype = readGenotype(given)
  const report = orRefuse(scoreOf(readTable(table))(genotype))
  say(json ? JSON.stringify(report) : scoreText(report))
  return DONE
}

export const scoreCommand: Subcommand = (root, finish) => {
  root
    .command('score')
    .description(
      'looks up what a cell of NAS-Bench-201 reached when it was trained: accuracy, rank, percentile, regret'
    )
    .argument('<genotype>', 'its text, or a file that holds it')
    .requiredOption(
      '--table <file>',
      'a table of NAS-Bench-201 (CSV, gzip or not): a column arch, columns like cifar10_test_200'
    )
    .option('--json', 'as JSON')
    .action((genotype, given) => finish(Promise.resolve(run(genotype, given))))
}
