/** A page for each command, from its declaration: what it takes, its examples, what it leaves, its exit codes. */
import type { Command, Option } from 'commander'
import { program } from '../../src/nas/cli/cli.js'
import { presetRows } from '../../src/nas/cli/presets.js'
import { exitsOf, type Manual, manualOf } from '../../src/nas/cli/subcommand.js'

/** A command with its whole name, as `data inspect`. */
interface Leaf {
  readonly name: string
  readonly command: Command
  readonly manual: Manual
}

const leavesOf = (command: Command, path: readonly string[] = []): readonly Leaf[] => {
  if (command.commands.length > 0) return command.commands.flatMap(one => leavesOf(one, [...path, one.name()]))
  const [name, manual] = [path.join(' '), manualOf(command)]
  if (!manual) throw new Error(`A manual of the command ${name} was wanted, but got none: see withManual.`)
  return [{ name, command, manual }]
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ')
const code = (text: string): string => (text === '' ? '' : `\`${text}\``)
const table = (header: readonly string[], rows: readonly (readonly string[])[]): string =>
  [header, header.map(() => '---'), ...rows]
    .map(row => `|${row.map(one => (one === '' ? ' ' : ` ${one} `)).join('|')}|`)
    .join('\n')

/** An option's text without its default, which has a column of its own. */
const meaningOf = ({ description }: Option): string => cell(description.replace(/ \(default: .*\)$/, ''))
const defaultOf = ({ description, defaultValue }: Option): string => {
  const own = / \(default: (.*)\)$/.exec(description)?.[1]
  return own ?? (defaultValue === undefined ? '' : String(defaultValue))
}

/** Values of switches as words. */
const valueOf = (text: string): string => ({ true: 'on', false: 'off' })[text] ?? cell(text)

/** The options that presets set, with their values there. */
const presetTable = ({ command }: Leaf, presets: NonNullable<Manual['presets']>): string => {
  const [[, ...names] = [], ...rows] = presetRows(presets)
  return table(
    ['option', 'meaning', ...names.map(code)],
    rows.map(([flag, ...values]) => {
      const option = command.options.find(({ long, negate }) => long === flag && !negate) as Option
      const takes = option.flags.replace(/^(--[\w-]+).*?( <.*>)?$/, '$1$2')
      return [code(takes), meaningOf(option), ...values.map(valueOf)]
    })
  )
}

const optionsOf = (leaf: Leaf): readonly string[] => {
  const { command, manual } = leaf
  const set = new Set(manual.presets?.options.map(({ flag }) => flag.split(' ')[0]) ?? [])
  /** Whether it only switches off what another option switches on. */
  const isOpposite = ({ long, negate }: Option): boolean =>
    negate && command.options.some(one => one.long === long?.replace('--no-', '--'))
  const others = command.options.filter(option => !isOpposite(option) && !set.has(option.long ?? ''))
  const rest = table(
    ['option', 'meaning', 'default'],
    others.map(option => [code(option.flags), meaningOf(option), cell(defaultOf(option))])
  )
  return manual.presets
    ? [
        '## Options',
        rest,
        '## Options that a preset sets',
        'Those that are on or off are switched off by `--no-` before their name, whatever the preset says.',
        presetTable(leaf, manual.presets)
      ]
    : others.length > 0
      ? ['## Options', rest]
      : []
}

const sentence = (text: string): string => `${text[0]?.toUpperCase()}${text.slice(1)}.`

const argumentsOf = ({ command }: Leaf): readonly string[] =>
  command.registeredArguments.length === 0
    ? []
    : [
        '## Arguments',
        table(
          ['argument', 'what'],
          command.registeredArguments.map(one => [
            code(`${one.required ? '<' : '['}${one.name()}${one.variadic ? '...' : ''}${one.required ? '>' : ']'}`),
            cell(one.description)
          ])
        )
      ]

/** A file whose first line names it, as pages show one. */
const fenced = (text: string): string => {
  const [, name = '', code = ''] = /^\/\/ (\S+)\n([\s\S]*)$/.exec(text) ?? []
  return [`\`\`\`js ${name}`, code, '```'].join('\n')
}

/** Notes as they stand in the help: what is indented there is code. */
const notesOf = ({ notes }: Manual): readonly string[] =>
  notes === undefined
    ? []
    : notes
        .split('\n\n')
        .map(part => (/^ {2}/.test(part) ? fenced(part.replaceAll(/^ {2}/gm, '')) : linked(part.replaceAll('\n', ' '))))

const GENERATED = '<!-- Written by `npm run docs:commands` from the code: change that. -->'

export const fileOf = (name: string): string => `docs/commands/${name.replaceAll(' ', '-')}.md`

const pageOf = (leaf: Leaf): string => {
  const { name, command, manual } = leaf
  return `${[
    GENERATED,
    `# lambda-darts ${name}`,
    sentence(command.description()),
    ['```text', `lambda-darts ${name} ${command.usage()}`, '```'].join('\n'),
    ...argumentsOf(leaf),
    ...notesOf(manual),
    '## Examples',
    ['```sh', ...manual.examples.map(([line, what]) => `${line}  # ${what}`), '```'].join('\n'),
    ...optionsOf(leaf),
    ...(manual.writes === undefined ? [] : ['## What it writes', linked(sentence(manual.writes))]),
    '## Exit codes',
    table(
      ['code', 'when'],
      exitsOf(manual).map(([exit, what]) => [String(exit), cell(what)])
    )
  ].join('\n\n')}\n`
}

/** Pages that a text names, as links from the folder of commands. */
const linked = (text: string): string => text.replaceAll(/docs\/([\w-]+\.md)(#[\w-]+)?/g, '[$1](../$1$2)')

/** All pages by their files. */
export const commandPages = (): ReadonlyMap<string, string> => {
  const leaves = leavesOf(program(() => {}))
  const index = [
    GENERATED,
    '# Commands',
    'In a checkout they are called with `npx lambda-darts`, the first also with `npm run search -- ...`. Each prints this page as text with `--help`.',
    table(
      ['command', 'what it does'],
      leaves.map(({ name, command }) => [
        `[${name}](${fileOf(name).replace('docs/commands/', '')})`,
        cell(sentence(command.description()))
      ])
    )
  ].join('\n\n')
  return new Map([
    ['docs/commands/README.md', `${index}\n`],
    ...leaves.map(leaf => [fileOf(leaf.name), pageOf(leaf)] as const)
  ])
}
