/**
 * Commands that pages and help texts show: each command and option of `lambda-darts` exists, and so does each script of
 * npm.
 */
import type { Command } from 'commander'
import { expect, it } from 'vitest'
import { program } from '../../src/nas/cli/cli.js'
import { fencesOf, pages, read } from './blocks.js'

const root = program(() => {})
const scripts = Object.keys(JSON.parse(read('package.json')).scripts)

/** The commands of a line of shell: comments and redirections apart. */
const commandsOf = (line: string): string[][] =>
  line
    .replace(/ #.*$|^#.*$/, '')
    .split(/&&|\|/)
    .map(part => part.trim().split(/\s+/))
    .filter(([first]) => first)

/** What a shell is asked of the command line: its arguments; undefined for another program. */
const argumentsOf = (words: readonly string[]): readonly string[] | undefined => {
  const text = words.filter(word => !/^[A-Z_]+=/.test(word))
  if (text[0] === 'lambda-darts') return text.slice(1)
  if (text[0] === 'npx' && text[1] === 'lambda-darts') return text.slice(2)
  if (text[0] !== 'npm' || text[1] !== 'run') return undefined
  const rest = text.slice(text[3] === '--' ? 4 : 3)
  return text[2] === 'search' ? ['search', ...rest] : text[2] === 'lambda-darts' ? rest : undefined
}

const named = (command: Command, name: string): Command | undefined => command.commands.find(one => one.name() === name)

/** What is asked of the command line that it does not know. */
const strangers = (argv: readonly string[], command: Command = root): string[] => {
  const [first, ...rest] = argv
  const next = first === undefined ? undefined : named(command, first)
  if (next) return strangers(rest, next)
  if (command.commands.length > 0 && first !== undefined && !first.startsWith('-')) return [`the command ${first}`]
  return argv
    .filter(word => word.startsWith('-'))
    .map(word => word.split('=')[0] as string)
    .filter(flag => !['--help', '-h', '--version', '-V', '-'].includes(flag))
    .filter(flag => !command.options.some(({ long, short }) => flag === long || flag === short))
    .map(flag => `${command.name()} ${flag}`)
}

/** What a line asks for that is not there. */
const unknownIn = (line: string): string[] =>
  commandsOf(line).flatMap(words => {
    const script = words[0] === 'npm' && words[1] === 'run' ? (words[2] as string) : undefined
    if (script !== undefined && !scripts.includes(script)) return [`npm run ${script}`]
    const argv = argumentsOf(words)
    return argv === undefined ? [] : strangers(argv)
  })

const lines = pages().flatMap(page =>
  fencesOf(page)
    .filter(({ language }) => language === 'sh')
    .flatMap(({ file, line, text }) => text.split('\n').map((one, i) => ({ place: `${file}:${line + i}`, text: one })))
)

it('every command of a page exists, with its options', () => {
  expect(lines.length).toBeGreaterThan(15)
  expect(lines.flatMap(({ place, text }) => unknownIn(text).map(one => `${place} ${one}`))).toEqual([])
})

it('every command that prose shows in code exists, with its options', () => {
  const shown = pages().flatMap(page =>
    [...read(page).matchAll(/`((?:npx |npm run )?[\w-]+[^`\n]*)`/g)].map(([, text]) => ({ page, text: text as string }))
  )
  expect(shown.flatMap(({ page, text }) => unknownIn(text).map(one => `${page}: ${one}`))).toEqual([])
})

it('sees what does not exist', () => {
  expect(unknownIn('npx lambda-darts sreach --seed 1')).toEqual(['the command sreach'])
  expect(unknownIn('npm ci && npm run search -- --sed 1  # the seed')).toEqual(['search --sed'])
  expect(unknownIn('npm run lint2')).toEqual(['npm run lint2'])
  expect(unknownIn('lambda-darts data inspect --data digits --shet a.png')).toEqual(['inspect --shet'])
  expect(unknownIn('npx lambda-darts --help')).toEqual([])
})
