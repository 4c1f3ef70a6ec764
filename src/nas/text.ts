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

/** A text as lines of at most 100 columns: the first begins with `first`, the others with `rest`. */
export const wrapped = (text: string, first: string, rest: string): string => {
  const lines = text.split(' ').reduce<readonly string[]>(
    (done, word) => {
      const line = done.at(-1) as string
      const isEmpty = line === first || line === rest
      return isEmpty || line.length + 1 + word.length <= MOST_COLUMNS
        ? [...done.slice(0, -1), isEmpty ? `${line}${word}` : `${line} ${word}`]
        : [...done, `${rest}${word}`]
    },
    [first]
  )
  return lines.join('\n')
}

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
