/** Runs side by side: what they differ in, which of them are the same but for the seed, and what they are called. */
import { isRead } from '../configuration/config.js'
import { OPTIONS } from '../configuration/options.js'
import type { RunRecord } from '../run/record.js'
import { summarise } from '../statistics.js'
import { counted } from '../text.js'
import type { Band, Line } from './lines.js'

/** What a run has to have to be drawn beside others. */
export interface Drawn {
  readonly name: string
  readonly config: { readonly seed: number }
  readonly epochs: readonly { readonly epoch: number }[]
}

/** Runs of one configuration, drawn in one style: more than two as mean and spread. */
export interface Group<R extends Drawn = RunRecord> {
  readonly label: string
  readonly style: number
  readonly runs: readonly R[]
}

/** What runs were told, as texts by option; an option that a run does not read has none. */
export type Told<R> = (run: R) => Readonly<Record<string, string>>

/** More runs of one configuration than this are a sample, and are drawn as one. */
const MOST_SINGLE = 2

/** A seed makes no other configuration, and nothing of what is computed depends on these. */
const PLACES = ['seed', 'root', 'eigenvalue', 'probe', 'baseline']

/** What a search was told. */
export const toldOf: Told<RunRecord> = ({ config }) =>
  Object.fromEntries(
    OPTIONS.flatMap(({ key }) =>
      PLACES.includes(key) || !isRead(key, config) ? [] : [[key, String(config[key])] as const]
    )
  )

/** Options in which runs differ that read them. */
export const differingOptions = <R>(runs: readonly R[], told: Told<R>): readonly string[] => {
  const all = runs.map(told)
  const values = (key: string): readonly string[] => all.flatMap(one => one[key] ?? [])
  return [...new Set(all.flatMap(Object.keys))].filter(key => new Set(values(key)).size > 1)
}

/** Names speak for themselves, numbers and switches with their option. */
const valueText = (key: string, value: string | undefined): readonly string[] => {
  if (value === undefined || value === 'false') return []
  if (value === 'true') return [key]
  return [value.trim() === '' || Number.isNaN(Number(value)) ? value : `${key} ${value}`]
}

/** The same texts with what tells equal ones apart. */
const distinct = (labels: readonly string[], names: readonly string[]): readonly string[] =>
  labels.map((label, i) => {
    const isTaken = labels.some((other, j) => j !== i && other === label)
    return isTaken || label === '' ? [label, names[i] as string].filter(text => text !== '').join(', ') : label
  })

/** Runs by configuration, in the order in which they were given. */
export const groupsOf = <R extends Drawn>(runs: readonly R[], told: Told<R>): readonly Group<R>[] => {
  const keys = differingOptions(runs, told)
  const identity = (run: R): string => JSON.stringify(told(run))
  const alike = [...new Set(runs.map(identity))].map(id => runs.filter(run => identity(run) === id))
  const groups = alike.flatMap(of => (of.length > MOST_SINGLE ? [of] : of.map(run => [run])))
  const labels = groups.map(of => keys.flatMap(key => valueText(key, told(of[0] as R)[key])).join(', '))
  const seeds = groups.map(of => (of.length === 1 ? `seed ${of[0]?.config.seed}` : `${of.length} seeds`))
  const names = groups.map(of => of[0]?.name ?? '')
  const unique = distinct(distinct(labels, seeds), names)
  return groups.map((of, style) => ({ label: unique[style] as string, style, runs: of }))
}

/** Longer titles say less. */
const MOST_TITLE = 80

/** What runs side by side are called that have no name together: their configurations. */
export const titleOf = (groups: readonly { readonly label: string }[]): string => {
  const labels = groups.map(({ label }) => label).join(' · ')
  return labels.length <= MOST_TITLE ? labels : counted(groups.length, 'configuration')
}

/** What of an epoch is drawn. */
export type OfEpoch<R extends Drawn = RunRecord> = (epoch: R['epochs'][number], run: R) => number

/** A value over the epochs of a run. */
export const lineOf = <R extends Drawn>(run: R, label: string, style: number, of: OfEpoch<R>): Line => ({
  label,
  style,
  points: run.epochs.map(epoch => [epoch.epoch, of(epoch, run)] as const)
})

/** Mean and spread of the runs of a group, with the runs behind them. */
const sampleOf = <R extends Drawn>({ label, style, runs }: Group<R>, of: OfEpoch<R>) => {
  const lines = runs.map(run => lineOf(run, label, style, of))
  const byRun = lines.map(({ points }) => new Map(points))
  const epochs = [...new Set(byRun.flatMap(points => [...points.keys()]))].toSorted((a, b) => a - b)
  const spread = epochs.flatMap(epoch => {
    const summary = summarise(byRun.map(points => points.get(epoch) ?? Number.NaN).filter(Number.isFinite))
    return summary ? [[epoch, summary.mean, summary.deviation ?? 0] as const] : []
  })
  const mean = { label, style, points: spread.map(([x, y]) => [x, y] as const) }
  return {
    lines: [...lines.map(line => ({ ...line, faint: true })), mean],
    bands: [{ style, points: spread.map(([x, y, deviation]) => [x, y - deviation, y + deviation] as const) }]
  }
}

/** A value over the epochs of all runs: a line each, or for a sample mean and spread. */
export const linesOf = <R extends Drawn>(
  groups: readonly Group<R>[],
  of: OfEpoch<R>
): { readonly lines: readonly Line[]; readonly bands: readonly Band[] } => {
  const all = groups.map(group =>
    group.runs.length > MOST_SINGLE
      ? sampleOf(group, of)
      : { lines: group.runs.map(run => lineOf(run, group.label, group.style, of)), bands: [] }
  )
  return { lines: all.flatMap(({ lines }) => lines), bands: all.flatMap(({ bands }) => bands) }
}
