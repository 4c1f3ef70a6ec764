/** What a person reads of a training. Pure: events in, text out. */

import { epochText, partText } from '../run/report.js'
import { type Summary, summarise } from '../statistics.js'
import { clock, counted, percent, tableText } from '../text.js'
import type { TrainingEpoch, TrainingEvent, TrainingResult } from './events.js'
import { topCount } from './loss.js'
import type { Likely } from './predict.js'

/** One line for an epoch; `left`: seconds until the run's end. It has at most 100 columns. */
export const trainingEpochLine = (summary: TrainingEpoch, left: number): string =>
  [
    epochText(summary),
    partText('train', summary.trainLoss, summary.trainAccuracy, 3),
    partText('test', summary.testLoss, summary.testTop1, 3),
    `rate ${summary.learningRate.toFixed(4)}`,
    `left ${clock(left)}`
  ].join('  ')

/** `48/264` steps, for a terminal. */
export const trainingStepText = ({ epoch, step, steps, loss }: Extract<TrainingEvent, { type: 'step' }>): string =>
  `epoch ${epoch}  step ${step}/${steps}  loss ${loss.toFixed(3)}`

const share = (value: number): string => `${(100 * value).toFixed(2)} %`

/** What the network gets right after the last step, and in the epoch that was best. */
export const trainingText = (
  { last, best, testImages, stepsDone }: TrainingResult,
  { classes, parameters, seed }: { readonly classes: number; readonly parameters: number; readonly seed: number }
): string => {
  const top = `top-${topCount(classes)}`
  return [
    `Test accuracy after the last step: ${share(last.top1)}, ${top} ${share(last.top5)}, loss ` +
      `${last.loss.toFixed(4)}, of ${counted(testImages, 'image')}`,
    ...(best
      ? [
          `Best epoch: ${best.epoch}, ${share(best.testTop1)}, ${top} ${share(best.testTop5)} (chosen by the test ` +
            'part itself, so it flatters)'
        ]
      : []),
    `${parameters.toLocaleString('en')} parameters, ${counted(stepsDone, 'step')}, seed ${seed}`
  ].join('\n')
}

/** A seed, and what its training came to. */
export interface SeedResult {
  readonly seed: number
  readonly last: Pick<TrainingResult['last'], 'top1' | 'top5'>
  readonly best: Pick<TrainingEpoch, 'testTop1' | 'testTop5'> | null
}

/** The measures of a training that seeds are compared by. */
const measuresOf = ({ last, best }: SeedResult) => ({
  lastTop1: last.top1,
  lastTop5: last.top5,
  bestTop1: best?.testTop1 ?? last.top1,
  bestTop5: best?.testTop5 ?? last.top5
})
type Measures = ReturnType<typeof measuresOf>

/** Mean, deviation and confidence over seeds of each measure; one seed has no deviation. */
export const seedStatistics = (results: readonly SeedResult[]): Readonly<Record<keyof Measures, Summary | null>> => {
  const of = (name: keyof Measures) => summarise(results.map(result => measuresOf(result)[name]))
  return { lastTop1: of('lastTop1'), lastTop5: of('lastTop5'), bestTop1: of('bestTop1'), bestTop5: of('bestTop5') }
}

/** A row for each seed, then mean and deviation. */
export const seedsText = (results: readonly SeedResult[], classes: number): string => {
  const top = `top-${topCount(classes)}`
  const statistics = Object.values(seedStatistics(results))
  const shown = (value: number | null | undefined): string => (typeof value === 'number' ? share(value) : '-')
  return tableText([
    ['seed', 'last top-1', `last ${top}`, 'best top-1', `best ${top}`],
    ...results.map(result => [String(result.seed), ...Object.values(measuresOf(result)).map(share)]),
    ['mean', ...statistics.map(summary => shown(summary?.mean))],
    ['deviation', ...statistics.map(summary => shown(summary?.deviation))]
  ])
}

/** `cat.png  cat 97.3 %, dog 2.1 %`, a line for an image. */
export const predictionText = (image: string, classes: readonly Likely[]): string =>
  `${image}  ${classes.map(({ label, probability }) => `${label} ${percent(probability)}`).join(', ')}`
