/** What a run was and what it ran on, as tables. */
import { isRead } from '../configuration/config.js'
import { OPTIONS, PRESETS } from '../configuration/options.js'
import type { RunRecord } from '../run/record.js'
import { clock, percent } from '../text.js'
import type { Table, TitledTable } from './figure.js'
import { short } from './lines.js'
import { truthOf } from './measures.js'

const yesOrNo = (value: unknown): string => (typeof value === 'boolean' ? (value ? 'yes' : 'no') : String(value))

const optionRows = (run: RunRecord, keeps: (key: keyof RunRecord['config']) => boolean): Table['rows'] =>
  OPTIONS.filter(({ key }) => keeps(key)).map(({ key, flag, help }) => [
    flag.split(' ')[0] as string,
    yesOrNo(run.config[key]) || '(none)',
    isRead(key, run.config) ? help : `not read by ${run.config.method} with --select ${run.config.select}`
  ])

const optionTable = (rows: Table['rows']): Table => ({
  head: ['option', 'value', 'what it is'],
  rows,
  textColumns: [0, 1, 2]
})

/** The configuration: what is not as usual first, then all of it. */
export const configurationTables = (run: RunRecord): readonly TitledTable[] => {
  const usual = PRESETS.digits
  const different = optionRows(run, key => run.config[key] !== usual[key])
  return [
    ...(different.length > 0
      ? [
          {
            title: 'Options that are not as usual',
            says: null,
            table: optionTable(different),
            isOpen: true
          }
        ]
      : []),
    {
      title: different.length > 0 ? 'All options' : 'All options (each is as usual)',
      says: null,
      table: optionTable(optionRows(run, () => true)),
      isOpen: false
    }
  ]
}

export const adapterName = ({ summary, compiled }: RunRecord): string => {
  if (!summary) return compiled?.backend ?? 'not said'
  if (summary.adapter === 'reference') return 'the reference (float64 on the CPU)'
  return `${summary.adapter.name}${summary.adapter.software ? ' (a software adapter)' : ''}`
}

/** An argument as a shell takes it back. */
const quoted = (argument: string): string =>
  /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`

/** What the run was started by, what it ran on, and how large its step is. */
export const originTable = (run: RunRecord): TitledTable => {
  const { summary, compiled } = run
  const rows: Table['rows'] = [
    ['folder', run.name],
    ...(summary
      ? [
          ['command line', ['lambda-darts', ...summary.command].map(quoted).join(' ')],
          [
            'version',
            `lambda-darts ${summary.version}, Node ${summary.versions.node}, webgpu ${summary.versions.webgpu}`
          ]
        ]
      : [['command line, versions', 'not known before the run has ended']]),
    ['adapter', adapterName(run)],
    ...(compiled
      ? [
          [
            'a step',
            `${compiled.nodes} nodes, ${compiled.calls} dispatches, ${compiled.pipelines} pipelines, ` +
              `${(compiled.flops / 1e9).toFixed(2)} GFLOP, ${(compiled.peakBytes / 2 ** 20).toFixed(1)} MiB`
          ]
        ]
      : []),
    ...(summary ? [['time', `${clock(summary.seconds)} (minutes, seconds) for ${summary.stepsDone} steps`]] : [])
  ]
  return { title: 'What it ran on', says: null, table: { head: ['', ''], rows, textColumns: [0, 1] }, isOpen: true }
}

/** The genotype that a run came to, or that alpha prefers so far. */
export const genotypeText = ({ summary, epochs }: RunRecord): string | null =>
  summary?.genotype ?? epochs.at(-1)?.genotype ?? null

/** The score of the cell that a run came to, or would come to so far, by column. */
export const scoreOfRun = ({ summary, epochs }: RunRecord) => summary?.score ?? epochs.at(-1)?.score ?? {}

const scoreFacts = (run: RunRecord): readonly (readonly [string, string])[] => {
  const scores = scoreOfRun(run)
  return truthOf(Object.keys(scores)).flatMap(column => {
    const score = scores[column]
    return score ? [[column, `${score.accuracy.toFixed(2)} %, rank ${score.rank.toLocaleString('en')}`] as const] : []
  })
}

/** A few facts of a run at a glance. */
export const glance = (run: RunRecord): readonly (readonly [string, string])[] => {
  const { summary, epochs, config } = run
  const last = epochs.at(-1)
  return [
    ['method', config.method === 'lambda-darts' ? `${config.method}, ${config.derivative}` : config.method],
    ['seed', String(config.seed)],
    ['epochs', `${last?.epoch ?? 0} of ${config.epochs}`],
    ...scoreFacts(run),
    ...(last
      ? ([
          ['Λ training', short(last.lambdaTrain)],
          ['Λ validation', short(last.lambdaValid)]
        ] as const)
      : []),
    ...(summary ? ([['supernet, test', percent(summary.testAccuracy)]] as const) : []),
    ...(summary ? ([['time', clock(summary.seconds)]] as const) : []),
    ['adapter', adapterName(run)]
  ]
}
