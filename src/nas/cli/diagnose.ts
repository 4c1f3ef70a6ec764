/** `lambda-darts diagnose` */
import * as E from 'fp-ts/lib/Either.js'
import { diagnose } from '../diagnose.js'
import { inputError } from '../errors.js'
import { backendName, diagnosisText } from '../report.js'
import { say, version } from './inputs.js'
import { chooseBackend, type Given, infoOf, setUp, withConfiguration } from './problem.js'
import { DONE, FAILED, orRefuse } from './refusal.js'
import type { Subcommand } from './subcommand.js'

/** `1e-1,1e-2` as numbers above 0. */
const parseEpsilons = (text: string): readonly number[] => {
  const values = text.split(',').map(part => (part.trim() === '' ? Number.NaN : Number(part)))
  return values.every(value => Number.isFinite(value) && value > 0)
    ? values
    : orRefuse(E.left(inputError('--epsilons to be numbers above 0 with commas between them', `'${text}'`, 'correct it')))
}

const parseSteps = (text: string): number => {
  const steps = text.trim() === '' ? Number.NaN : Number(text)
  return Number.isSafeInteger(steps) && steps >= 0
    ? steps
    : orRefuse(E.left(inputError('--steps to be a whole number of at least 0', `'${text}'`, 'correct it')))
}

const run = async (given: Given & { readonly epsilons: string; readonly steps: string }): Promise<number> => {
  const options = { epsilons: parseEpsilons(given.epsilons), steps: parseSteps(given.steps) }
  const { config, net, data } = setUp(given)
  const backend = await chooseBackend(given, net, config, data)
  const found = orRefuse(await diagnose(net, config, data, options)({ backend })(), FAILED)
  if (given.json) say(JSON.stringify({ ...found, config, version: version(), adapter: infoOf(backend) ?? 'reference' }))
  else say(diagnosisText(found, backendName(infoOf(backend))))
  return DONE
}

export const diagnoseCommand: Subcommand = (root, finish) => {
  withConfiguration(
    root
      .command('diagnose')
      .description(
        "measures difference quotients beside the derivatives that they stand for: the regulariser's gradient in the weights, and the hypergradient of darts2, on the batches that a search would take next"
      )
  )
    .option(
      '--epsilons <list>',
      'steps of the quotients: epsilon0 of the regulariser, length by which the hypergradient moves the weights',
      '1e-1,1e-2,1e-3,1e-4,1e-5'
    )
    .option('--steps <n>', 'steps of the search to take first', '0')
    .option('--json', 'as JSON')
    .action(given => finish(run(given)))
}
