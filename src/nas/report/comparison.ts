/** Runs beside each other in numbers: what differs, and what each came to. */
import type { RunRecord } from '../run/record.js'
import { summarise } from '../statistics.js'
import { percent } from '../text.js'
import { genotypeText, scoreOfRun } from './facts.js'
import type { TitledTable } from './figure.js'
import { short } from './lines.js'
import { shareWithoutWeights, truthOf } from './measures.js'
import { differingOptions, type Group, toldOf } from './runs.js'

const TONES = { good: 'good', doubt: 'in doubt', bad: 'bad' } as const

/** `0.61`, or `0.61 ± 0.02` over the runs of a group. */
const spread = (
  { runs }: Group,
  of: (run: RunRecord) => number | null | undefined,
  write: (value: number) => string
): string => {
  const summary = summarise(runs.flatMap(run => of(run) ?? []).filter(Number.isFinite))
  if (!summary) return ''
  return summary.deviation === null ? write(summary.mean) : `${write(summary.mean)} ± ${write(summary.deviation)}`
}

/** The verdicts of a group, each with how often it was given. */
const tones = ({ runs }: Group): string => {
  const all = runs.map(({ summary }) => (summary?.verdict ? TONES[summary.verdict.tone] : 'none'))
  const counts = [...new Set(all)].map(tone => [tone, all.filter(one => one === tone).length] as const)
  return runs.length === 1 ? (all[0] ?? '') : counts.map(([tone, count]) => `${tone} ${count}`).join(', ')
}

/** The share of the chosen edges that have no weights. */
const plainShare = (run: RunRecord): number | null => {
  const operations = run.summary?.operations ?? run.epochs.at(-1)?.operations
  return operations ? shareWithoutWeights(operations) : null
}

/** A row for each group: verdict, what it found, and the options in which runs differ. */
export const comparisonTable = (groups: readonly Group[]): readonly TitledTable[] => {
  const runs = groups.flatMap(group => group.runs)
  const keys = differingOptions(runs, toldOf)
  const columns = truthOf([...new Set(runs.flatMap(run => Object.keys(scoreOfRun(run))))])
  const last = (run: RunRecord) => run.epochs.at(-1)
  const facts = groups.map(group => {
    const told = toldOf(group.runs[0] as RunRecord)
    return [
      group.label,
      ...(group.runs.length > 1 || groups.some(one => one.runs.length > 1) ? [String(group.runs.length)] : []),
      tones(group),
      ...columns.flatMap(column => [
        spread(
          group,
          run => scoreOfRun(run)[column]?.accuracy,
          value => value.toFixed(2)
        ),
        spread(
          group,
          run => scoreOfRun(run)[column]?.rank,
          value => value.toFixed(0)
        )
      ]),
      spread(group, run => last(run)?.lambdaTrain, short),
      spread(group, run => last(run)?.lambdaValid, short),
      spread(group, run => run.summary?.testAccuracy, percent),
      spread(group, plainShare, percent),
      ...keys.map(key => told[key] ?? 'not read')
    ]
  })
  const head = [
    'run',
    ...(groups.some(group => group.runs.length > 1) ? ['runs'] : []),
    'verdict',
    ...columns.flatMap(column => [`${column} %`, 'rank']),
    'Λ training',
    'Λ validation',
    'supernet, test',
    'none, skips, pools',
    ...keys
  ]
  const text = ['run', 'verdict', ...keys]
  return [
    {
      title: 'The runs in numbers',
      says: 'Of the last epoch. ± is the sample deviation over the seeds of a configuration.',
      table: { head, rows: facts, textColumns: head.flatMap((name, i) => (text.includes(name) ? [i] : [])) },
      isOpen: true
    },
    {
      title: 'Genotypes',
      says: null,
      table: {
        head: ['run', 'seed', 'genotype'],
        rows: groups.flatMap(group =>
          group.runs.map(run => [group.label, String(run.config.seed), genotypeText(run) ?? 'none yet'])
        ),
        textColumns: [0, 2]
      },
      isOpen: groups.length <= 12
    }
  ]
}
