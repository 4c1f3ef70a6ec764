/** The report of trainings from scratch: their curves. */
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as t from 'io-ts/lib/index.js'
import { type InputError, inputError } from '../errors.js'
import { decodeJson } from '../space/spacefile.js'
import { percent } from '../text.js'
import type { ReportPage, Section } from './figure.js'
import { type Chart, chart, figuresOfGroups, figuresOfRun } from './measures.js'
import { groupsOf, type Told, titleOf } from './runs.js'

/** JSON writes numbers that are not finite as null. */
const number = new t.Type<number, number | null, unknown>(
  'a number',
  t.number.is,
  (value, context) => (value === null ? t.success(Number.NaN) : t.number.validate(value, context)),
  t.identity
)

const Epoch = t.readonly(
  t.type({
    epoch: number,
    epochs: number,
    learningRate: number,
    dropPath: number,
    trainLoss: number,
    trainAccuracy: number,
    gradientNorm: number,
    testLoss: number,
    testTop1: number,
    testTop5: number
  })
)
const Typed = t.readonly(t.type({ type: t.string }))
const Config = t.readonly(t.intersection([t.type({ seed: t.number }), t.record(t.string, t.unknown)]))

/** A training as its folder tells it. */
export interface TrainingRecord {
  readonly name: string
  readonly config: t.TypeOf<typeof Config>
  readonly genotype: string
  readonly epochs: readonly t.TypeOf<typeof Epoch>[]
}

/** A training from the texts of its files; left, with file and line, for what is none. */
export const decodeTraining = (
  name: string,
  { config, events, genotype }: { readonly config: string; readonly events: string; readonly genotype: string }
): E.Either<InputError, TrainingRecord> =>
  pipe(
    E.Do,
    E.bind('config', () => decodeJson(Config, 'config.json')(config)),
    E.bind('epochs', () =>
      pipe(
        events.split('\n').slice(0, -1),
        E.traverseReadonlyArrayWithIndex((i, line) =>
          pipe(
            decodeJson(Typed, 'an event')(line),
            E.chain(({ type }) =>
              type === 'epoch'
                ? pipe(
                    decodeJson(Epoch, 'an epoch')(line),
                    E.map(epoch => [epoch])
                  )
                : E.right([])
            ),
            E.mapLeft(({ message }) =>
              inputError(
                'events of a training',
                `line ${i + 1} of events.jsonl (${message.replace(/\.$/, '')})`,
                'it was altered or is of another version: train again'
              )
            )
          )
        )
      )
    ),
    E.map(({ config: of, epochs }) => ({ name, config: of, genotype: genotype.trim(), epochs: epochs.flat() }))
  )

const CHARTS: readonly Chart<TrainingRecord>[] = [
  chart<TrainingRecord>(
    'test',
    'Accuracy',
    '%',
    'After each epoch, on all test images; the training accuracy is the mean over its steps.',
    { test: ({ testTop1 }) => 100 * testTop1, training: ({ trainAccuracy }) => 100 * trainAccuracy }
  ),
  chart<TrainingRecord>('loss', 'Loss', 'cross entropy (nats)', 'Training: the mean over the steps of an epoch.', {
    test: ({ testLoss }) => testLoss,
    training: ({ trainLoss }) => trainLoss
  }),
  chart<TrainingRecord>('rate', 'Learning rate', 'learning rate', 'Of the weights, at the start of each epoch.', {
    'learning rate': ({ learningRate }) => learningRate
  }),
  chart<TrainingRecord>(
    'norm',
    'Norm of the gradient',
    'Euclidean norm',
    'Mean over the steps of an epoch, before the clip.',
    { norm: ({ gradientNorm }) => gradientNorm },
    { isLog: true }
  ),
  chart<TrainingRecord>('drop', 'Probability of a dropped path', 'probability', 'It grows over the epochs.', {
    'drop path': ({ dropPath }) => dropPath
  })
]

const told: Told<TrainingRecord> = ({ config, genotype }) => ({
  ...Object.fromEntries(
    Object.entries(config).flatMap(([key, value]) =>
      key === 'seed' || key === 'root' ? [] : [[key, typeof value === 'string' ? value : JSON.stringify(value)]]
    )
  ),
  genotype
})

const configurationOf = (run: TrainingRecord): Section => ({
  id: 'configuration',
  title: 'Configuration',
  says: null,
  figures: [],
  missing: [],
  tables: [
    {
      title: 'All options',
      says: null,
      table: { head: ['option', 'value'], rows: Object.entries(told(run)), textColumns: [0, 1] },
      isOpen: false
    }
  ]
})

/** The report of one training, or of several side by side. */
export const reportOfTrainings = (
  runs: readonly [TrainingRecord, ...TrainingRecord[]],
  title: string | null
): ReportPage => {
  const [first] = runs
  const groups = groupsOf(runs, told)
  const figures = runs.length === 1 ? figuresOfRun(first, CHARTS) : figuresOfGroups(groups, CHARTS)
  const lasts = runs.flatMap(({ epochs }) => epochs.at(-1) ?? [])
  const best = Math.max(...lasts.map(({ testTop1 }) => testTop1))
  const says =
    lasts.length === 0
      ? 'No epoch is over yet.'
      : `Test accuracy after the last epoch: ${runs.length === 1 ? '' : 'at best '}${percent(best)}`
  const curves: Section = { id: 'curves', title: 'Curves', says: null, figures, tables: [], missing: [] }
  const table: Section = {
    id: 'runs',
    title: 'The trainings',
    says: null,
    figures: [],
    missing: [],
    tables: [
      {
        title: 'After the last epoch',
        says: null,
        table: {
          head: ['training', 'seed', 'epochs', 'test top-1', 'test top-5', 'test loss'],
          rows: runs.map(({ name, config, epochs }) => {
            const last = epochs.at(-1)
            return [
              name,
              String(config.seed),
              String(last?.epoch ?? 0),
              ...(last ? [percent(last.testTop1), percent(last.testTop5), last.testLoss.toFixed(4)] : ['', '', ''])
            ]
          }),
          textColumns: [0]
        },
        isOpen: true
      }
    ]
  }
  return {
    title: title ?? titleOf(groups),
    subtitle: runs.length === 1 ? first.genotype : `${runs.length} trainings side by side`,
    headlines: [{ run: null, tone: null, headline: says, findings: [] }],
    facts: [],
    sections: [table, curves, ...(runs.length === 1 ? [configurationOf(first)] : [])]
  }
}
