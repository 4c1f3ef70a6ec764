/** `lambda-darts diagnose` */

import { parseOption } from '../configuration/options.js'
import { diagnose } from '../diagnosis/diagnose.js'
import { diagnosisText } from '../diagnosis/report.js'
import { backendName } from '../text.js'
import { infoOf } from './backend.js'
import { version } from './inputs.js'
import { say } from './outputs.js'
import { chooseBackend, type Given, setUp, withConfiguration } from './problem.js'
import { workWriter } from './progress.js'
import { DONE, FAILED, orRefuse, refuse } from './refusal.js'
import { type Subcommand, withManual } from './subcommand.js'

/** `1e-1,1e-2` as numbers above 0. */
const parseEpsilons = (text: string): readonly number[] => {
  const values = text.split(',').map(part => (part.trim() === '' ? Number.NaN : Number(part)))
  return values.every(value => Number.isFinite(value) && value > 0)
    ? values
    : refuse('--epsilons to be numbers above 0 with commas between them', `'${text}'`, 'correct it')
}

const STEPS = { flag: '--steps <n>', help: 'steps of the search to take first', least: 0, whole: true } as const

const run = async (given: Given & { readonly epsilons: string; readonly steps: string }): Promise<number> => {
  const options = {
    epsilons: parseEpsilons(given.epsilons),
    steps: orRefuse(parseOption(STEPS, given.steps)) as number
  }
  const { config, net, data } = await setUp(given)
  const backend = await chooseBackend(given, net, config, data)
  const { underWay, stop } = workWriter(given)
  const diagnosed = await diagnose(net, config, data, options, underWay)({ backend })().finally(stop)
  const found = orRefuse(diagnosed, FAILED)
  if (given.json) say(JSON.stringify({ ...found, config, version: version(), adapter: infoOf(backend) ?? 'reference' }))
  else say(diagnosisText(found, backendName(infoOf(backend))))
  return DONE
}

export const diagnoseCommand: Subcommand = (root, finish) => {
  const command = withConfiguration(
    root
      .command('diagnose')
      .description(
        "measures difference quotients beside the derivatives that they stand for: the regulariser's gradient in " +
          'the weights, and the hypergradient of darts2, on the batches that a search would take next'
      )
  )
    .option(
      '--epsilons <list>',
      'steps of the quotients: epsilon0 of the regulariser, length by which the hypergradient moves the weights',
      '1e-1,1e-2,1e-3,1e-4,1e-5'
    )
    .option(STEPS.flag, STEPS.help, '0')
    .option('--json', 'as JSON')
    .action(given => finish(run(given)))
  withManual(command, {
    examples: [
      ['lambda-darts diagnose', 'how far the published difference quotient is from the derivative, at the start'],
      ['lambda-darts diagnose --steps 100 --unfused', 'the same after 100 steps; compiled soon on a software adapter'],
      ['lambda-darts diagnose --activation softplus --epsilons 1e-2,1e-3', 'without kinks, where a quotient converges']
    ],
    fails: 'what the engine or the device refuses'
  })
}
