/** How numbers, backends and tables are written for a person. */
import type { AdapterInfo } from '../engine/index.js'

export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`

/** `1 step`, `2 steps`. */
export const counted = (count: number, one: string): string => `${count} ${one}${count === 1 ? '' : 's'}`

/** `1:05` minutes and seconds. */
export const clock = (seconds: number): string =>
  `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`

export const backendName = (info: AdapterInfo | undefined): string =>
  info ? `${info.name}${info.software ? ', a software adapter' : ''}` : 'reference (float64 on the CPU)'

/** Columns that lines of a terminal have here. */
export const MOST_COLUMNS = 100

const broken = (text: string, first: string, rest: string): string => {
  const room = MOST_COLUMNS - first.length
  const at = text.length <= room ? -1 : ([text.lastIndexOf(' ', room), text.indexOf(' ')].find(i => i > 0) ?? -1)
  return at < 0 ? `${first}${text}` : `${first}${text.slice(0, at)}\n${broken(text.slice(at + 1), rest, rest)}`
}

/**
 * A text as lines of at most 100 columns: the first begins with `first`, the others with `rest`. A number and its
 * percent sign stay together.
 */
export const wrapped = (text: string, first: string, rest: string): string =>
  broken(text.replaceAll(' %', '\u00a0%'), first, rest).replaceAll('\u00a0%', ' %')

/** Rows of cells as lines with columns of equal width; the first column to the left, the others to the right. */
export const tableText = (rows: readonly (readonly string[])[]): string => {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map(row => (row[column] as string).length)))
  return rows
    .map(row =>
      row
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths[column] as number) : cell.padStart(widths[column] as number)
        )
        .join('  ')
    )
    .join('\n')
}
