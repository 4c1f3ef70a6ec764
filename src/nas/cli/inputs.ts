/** What arguments name: spaces, genotypes, tables. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type BenchTable, decodeBenchTable, MOST_TABLE_BYTES } from '../genotypes/bench201.js'
import { type Genotype, parseGenotype } from '../genotypes/genotype.js'
import { PUBLISHED } from '../genotypes/published.js'
import { SPACES, type Space } from '../space/space.js'
import { parseSpace } from '../space/spacefile.js'
import { readText } from './files.js'
import { orRefuse, refuse } from './refusal.js'

const manifest = (): { readonly version: string; readonly dependencies: Readonly<Record<string, string>> } =>
  JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'))

export const version = (): string => manifest().version

/** What a run depends on besides this package: Node, and the package that brings WebGPU to it (an exact version). */
export const versions = (): { readonly node: string; readonly webgpu: string } => ({
  node: process.versions.node,
  webgpu: manifest().dependencies['webgpu'] as string
})

/** Far more than a space of any use takes, and a genotype of it. */
export const MOST_SPACE_BYTES = 2 ** 20
const MOST_GENOTYPE_BYTES = 2 ** 16

export const isKnown = (space: string): boolean => Object.hasOwn(SPACES, space)

/** A space by its name, or from a JSON file. */
export const readSpace = (given: string): Space => {
  if (isKnown(given)) return SPACES[given] as Space
  if (existsSync(given)) return orRefuse(parseSpace(orRefuse(readText('--space', given, MOST_SPACE_BYTES))))
  return refuse(
    `--space to be one of ${Object.keys(SPACES).join(', ')}, or a JSON file`,
    `'${given}'`,
    'name one of these'
  )
}

export const readTable = (path: string): BenchTable =>
  orRefuse(decodeBenchTable(orRefuse(readText('--table', path, MOST_TABLE_BYTES))))

/**
 * A genotype of the command line: the name of a published one, a text, a file that holds one, or a run folder; of a
 * space, if one is given.
 */
export const readGenotype = (given: string, space?: Space): Genotype => {
  if (Object.hasOwn(PUBLISHED, given)) return PUBLISHED[given] as Genotype
  if (/^\s*(\||Genotype)/.test(given)) return orRefuse(parseGenotype(given, space))
  const found = join(given, 'genotype.txt')
  const path = existsSync(found) ? found : given
  if (existsSync(path))
    return orRefuse(parseGenotype(orRefuse(readText('the genotype', path, MOST_GENOTYPE_BYTES)), space))
  return refuse(
    'a genotype: its text, the name of a published one, a file that holds one, or the folder of a run that has ended',
    `'${given}'`,
    'quote a text for the shell; `lambda-darts genotypes` lists the names'
  )
}
