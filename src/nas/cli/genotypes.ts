/** `lambda-darts genotypes` */
import { formatGenotype } from '../genotype.js'
import { PUBLISHED } from '../published.js'
import { say } from './inputs.js'
import { DONE } from './refusal.js'
import type { Subcommand } from './subcommand.js'

const run = ({ json }: { readonly json?: boolean }): number => {
  const texts = Object.entries(PUBLISHED).map(([name, genotype]) => [name, formatGenotype(genotype)] as const)
  say(json ? JSON.stringify(Object.fromEntries(texts)) : texts.map(([name, text]) => `${name}\n  ${text}`).join('\n'))
  return DONE
}

export const genotypesCommand: Subcommand = (root, finish) => {
  root
    .command('genotypes')
    .description('lists the genotypes that Λ-DARTS published, by name')
    .option('--json', 'as JSON')
    .action(given => finish(Promise.resolve(run(given))))
}
