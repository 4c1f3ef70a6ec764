/** What the build puts into the scripts of the site of docs/course. */
declare module 'lambda-darts:lessons' {
  import type { Exercise } from './pages.js'
  /** The chapters by their names, in order, with the texts of their blocks. */
  export const lessons: Readonly<
    Record<string, { readonly title: string; readonly blocks: readonly string[]; readonly exercise?: Exercise }>
  >
  /** Files that exercises import, by their paths from docs/course without the ending. */
  export const helpers: Readonly<Record<string, string>>
  /** data/digits.csv.gz in base 64. */
  export const digits: string
}
