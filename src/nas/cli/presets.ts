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

/** The values of presets, an option a line. */
export const tableOfPresets = <K extends string>(
  options: readonly { readonly key: K; readonly flag: string }[],
  presets: Readonly<Record<string, Readonly<Record<K, unknown>>>>
): string => {
  const rows = [
    ['option', ...Object.keys(presets)],
    ...options.map(option => [flagName(option), ...Object.values(presets).map(preset => String(preset[option.key]))])
  ]
  const widths = (rows[0] as string[]).map((_, i) => Math.max(...rows.map(row => (row[i] as string).length)))
  return `\nPresets (--preset):\n${rows
    .map(
      row =>
        `  ${row
          .map((cell, i) => cell.padEnd(widths[i] as number))
          .join('  ')
          .trimEnd()}`
    )
    .join('\n')}\n`
}
