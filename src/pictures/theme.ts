/**
 * The colours of all pictures, for light and dark. A picture names colours as CSS variables, so that one SVG serves
 * both: the page that holds it says what they are (`THEME_CSS`), and `standalone` does where it stands by itself.
 */
import { fail } from '../autodiff/shape.js'

export type Scheme = 'light' | 'dark'

/** Text and rules, the words good, doubt and bad, and eight series. */
export type ColourName =
  | 'paper'
  | 'surface'
  | 'ink'
  | 'muted'
  | 'rule'
  | 'good'
  | 'doubt'
  | 'bad'
  | `series-${1 | 2 | 3 | 4 | 5 | 6 | 7 | 8}`

/**
 * Values of the colours. Text (ink, muted, good, doubt, bad) stands out from paper and surface by 4.5:1 or more, series
 * by 3:1; no two series look alike to people who see all colours, or lack one of the three kinds of cones.
 */
export const THEME: Readonly<Record<Scheme, Readonly<Record<ColourName, string>>>> = {
  light: {
    paper: '#fcfcfa',
    surface: '#ffffff',
    ink: '#1c1e21',
    muted: '#565b63',
    rule: '#e1e1dc',
    good: '#1a6b43',
    doubt: '#8a5a00',
    bad: '#b3261e',
    'series-1': '#0e57b5',
    'series-2': '#bd3520',
    'series-3': '#17a171',
    'series-4': '#992c81',
    'series-5': '#b98600',
    'series-6': '#5988eb',
    'series-7': '#5a1a14',
    'series-8': '#76616b'
  },
  dark: {
    paper: '#15171a',
    surface: '#1b1e22',
    ink: '#e8e8e4',
    muted: '#a9adb4',
    rule: '#33373d',
    good: '#6fd3a0',
    doubt: '#e8b95a',
    bad: '#ff9a8d',
    'series-1': '#5e8ff4',
    'series-2': '#df7637',
    'series-3': '#1bdc8f',
    'series-4': '#b58bc0',
    'series-5': '#d9e740',
    'series-6': '#b3ebe8',
    'series-7': '#9a6246',
    'series-8': '#819489'
  }
}

/** How a picture names a colour. */
export const colour = (name: ColourName): string => `var(--${name})`

/** The colours of series, in the order in which they are taken. */
export const SERIES: readonly string[] = ([1, 2, 3, 4, 5, 6, 7, 8] as const).map(i => colour(`series-${i}`))

/** Dashes of the same series, so that no line is told by its colour alone. */
export const DASHES: readonly (readonly number[])[] = [
  [1, 0],
  [6, 2],
  [2, 2],
  [8, 2, 2, 2],
  [4, 4],
  [10, 3],
  [1, 3],
  [6, 2, 1, 2, 1, 2]
]

/** Fonts that machines have: none is fetched. */
export const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'

const declarations = (scheme: Scheme): string =>
  Object.entries(THEME[scheme])
    .map(([name, value]) => `--${name}:${value}`)
    .join(';')

/** What a page says of the colours: light or dark as its reader prefers, or as `data-theme` of its root says. */
export const THEME_CSS = [
  `:root{color-scheme:light dark;${declarations('light')}}`,
  `@media (prefers-color-scheme:dark){:root:not([data-theme=light]){${declarations('dark')}}}`,
  `:root[data-theme=light]{color-scheme:light}`,
  `:root[data-theme=dark]{color-scheme:dark;${declarations('dark')}}`,
  `@media print{:root,:root[data-theme]{${declarations('light')}}}`
].join('\n')

/**
 * An SVG that stands by itself: with the colours of a scheme filled in, as what draws a PNG needs it; or with a style
 * inside that takes those which its reader prefers.
 *
 * @example standalone('<svg><text fill="var(--ink)"/></svg>', 'light') // '<svg><text fill="#1c1e21"/></svg>'
 */
export const standalone = (svg: string, scheme?: Scheme): string => {
  if (scheme === undefined) {
    const style =
      `<style>svg{${declarations('light')};background:var(--paper)}` +
      `@media (prefers-color-scheme:dark){svg{${declarations('dark')}}}</style>`
    return svg.replace(/<svg[^>]*>/, start => `${start}${style}`)
  }
  const values: Readonly<Record<string, string>> = THEME[scheme]
  return svg.replaceAll(
    /var\(--([\w-]+)\)/g,
    (_, name: string) =>
      values[name] ?? fail('a picture', `colours among ${Object.keys(values).join(', ')}`, name, 'correct the name')
  )
}
