/** `lambda-darts score` */
import { scoreOf } from '../genotypes/bench201.js'
import { scoreText } from '../genotypes/report.js'
import { readGenotype, readTable } from './inputs.js'
import { say } from './outputs.js'
import { DONE, orRefuse, refuse } from './refusal.js'
import { type Subcommand, withManual } from './subcommand.js'

const TABLE = `A table is yours, a CSV (docs/search.md#genotypes-and-their-scores). The accuracies of
NAS-Bench-201 come with its official API (github.com/D-X-Y/NAS-Bench-201): write a line for each
cell, its text in the column arch, and columns like cifar10_test_200 with what it reached.`

const run = (given: string, { table, json }: { readonly table?: string; readonly json?: boolean }): number => {
  const genotype = readGenotype(given)
  if (table === undefined)
    return refuse(
      '--table with a table of NAS-Bench-201',
      'none',
      'make one with its official API: `lambda-darts score --help` says how'
    )
  const report = orRefuse(scoreOf(readTable(table))(genotype))
  say(json ? JSON.stringify(report) : scoreText(report))
  return DONE
}

export const scoreCommand: Subcommand = (root, finish) => {
  const command = root
    .command('score')
    .description(
      'looks up what a cell of NAS-Bench-201 reached when it was trained: accuracy, rank, percentile, regret'
    )
    .argument('<genotype>', 'its text, a file that holds it, or the folder of a run')
    .option(
      '--table <file>',
      'a table of NAS-Bench-201 (CSV, gzip or not): a column arch, columns like cifar10_test_200'
    )
    .option('--json', 'as JSON')
    .action((genotype, given) => finish(Promise.resolve(run(genotype, given))))
  withManual(command, {
    examples: [
      [
        'lambda-darts score runs/first --table nasbench201.csv.gz',
        'what the cell of a search reached when it was trained'
      ],
      ['lambda-darts score genotype.txt --table nasbench201.csv.gz --json', 'a cell in a file, for a program']
    ],
    notes: TABLE
  })
}
