/** Options that come from a table, and the presets of their values, on the command line and in its help. */
import { type Command, Option as CommandOption } from 'commander'
import { flagName } from '../configuration/options.js'

/** An option as the command line declares it. */
interface Declared {
  readonly key: string
  readonly flag: string
  readonly help: string
  /** What a plain run uses. */
  readonly usual: unknown
}

/** A command with these options. Those that are switches can be switched off, too, whatever the preset says. */
export const withOptions = (command: Command, options: readonly Declared[]): Command => {
  for (const { flag, help, usual } of options) {
    command.addOption(new CommandOption(flag, usual === '' ? help : `${help} (default: ${usual})`))
    if (typeof usual === 'boolean')
      command.addOption(new CommandOption(flag.replace('--', '--no-'), 'not so, whatever the preset'))
  }
  return command
}

/** Options of a table, and the values that they have in presets. */
export interface PresetTable {
  readonly options: readonly { readonly key: string; readonly flag: string }[]
  readonly presets: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}

/** A header and a row for each option; presets that follow each other and differ in their space alone are one column. */
export const presetRows = ({ options, presets }: PresetTable): readonly (readonly string[])[] => {
  const isLike = (a: string, b: string): boolean =>
    options.every(({ key }) => key === 'space' || presets[a]?.[key] === presets[b]?.[key]) && presets[a] !== undefined
  const names = Object.keys(presets)
  const starts = names.filter((name, i) => !isLike(names[i - 1] ?? '', name))
  const span = (first: string, last: string): string => (first === last ? first : `${first} to ${last}`)
  const ends = starts.map((first, i) => {
    const next = starts[i + 1]
    return [first, names[next === undefined ? names.length - 1 : names.indexOf(next) - 1] as string] as const
  })
  return [
    ['option', ...ends.map(([first, last]) => span(first, last))],
    ...options.map(option => [
      flagName(option),
      ...ends.map(([first, last]) => span(String(presets[first]?.[option.key]), String(presets[last]?.[option.key])))
    ])
  ]
}

/** The values of presets, an option a line. */
export const tableOfPresets = (table: PresetTable): string => {
  const rows = presetRows(table)
  const widths = (rows[0] as readonly string[]).map((_, i) => Math.max(...rows.map(row => (row[i] as string).length)))
  const line = (row: readonly string[]): string =>
    `  ${row.map((cell, i) => cell.padEnd(widths[i] as number)).join('  ')}`.trimEnd()
  return `Presets (--preset):\n${rows.map(line).join('\n')}`
}
