/** What a report is made of, as values: sections of figures and tables. How they look on a page is page.ts. */
import type { ChartSpec } from '../../pictures/chart.js'
import type { Tone } from '../run/record.js'

/** A picture to be drawn: a chart by Vega-Lite, or a graph by Graphviz. */
export type Drawing =
  | { readonly kind: 'chart'; readonly label: string | null; readonly spec: ChartSpec }
  | {
      readonly kind: 'graph'
      readonly label: string | null
      readonly dot: string
      readonly title: string
      readonly description: string
    }

/** How a series is told from the others: the number of its colour and of its dashes. */
export interface Key {
  readonly label: string
  readonly style: number
}

/** Rows of texts below a head; columns of numbers are aligned to the right. */
export interface Table {
  readonly head: readonly string[]
  readonly rows: readonly (readonly string[])[]
  /** Columns, counted from 0, that hold text; the others are numbers. */
  readonly textColumns: readonly number[]
}

/** Pictures that say one thing, with a title, how to read them, what their series are, and their numbers. */
export interface Figure {
  /** Names it in the page and as a file. */
  readonly id: string
  readonly title: string
  /** How to read it, in a sentence or two. */
  readonly says: string
  readonly drawings: readonly Drawing[]
  readonly keys: readonly Key[]
  /** Its numbers, where they are few. */
  readonly table: Table | null
  /** Whether it takes the whole width of a page, or shares it. */
  readonly isWide: boolean
}

/** A table with what it is of. */
export interface TitledTable {
  readonly title: string
  readonly says: string | null
  readonly table: Table
  /** Whether it is shown at once, or when it is asked for. */
  readonly isOpen: boolean
}

/** What a reader is told first of a run. */
export interface Headline {
  /** Of which run, where there are several. */
  readonly run: string | null
  readonly tone: Tone | null
  readonly headline: string
  readonly findings: readonly { readonly tone: Tone; readonly sentence: string; readonly cure: string | null }[]
}

/** A part of a report. */
export interface Section {
  readonly id: string
  readonly title: string
  readonly says: string | null
  readonly figures: readonly Figure[]
  readonly tables: readonly TitledTable[]
  /** What is not shown, a sentence each: why, and what would show it. */
  readonly missing: readonly string[]
}

/** A report, ready to be drawn. */
export interface ReportPage {
  readonly title: string
  readonly subtitle: string
  readonly headlines: readonly Headline[]
  /** A few facts of the run at a glance: a name and a value each. */
  readonly facts: readonly (readonly [string, string])[]
  readonly sections: readonly Section[]
}
