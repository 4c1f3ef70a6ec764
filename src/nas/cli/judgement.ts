/** The verdict on a search that has ended: from what its folder tells, and from what is known besides. */
import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type { InputError } from '../errors.js'
import { type BenchTable, randomCells, scoreOf } from '../genotypes/bench201.js'
import { parseGenotype } from '../genotypes/genotype.js'
import type { SearchResult } from '../run/events.js'
import { type Baseline, decodeRun, type RunRecord, type Summary } from '../run/record.js'
import { verdictOf } from '../verdict/verdict.js'
import { EVENTS, MOST_EVENTS_BYTES } from './eventlog.js'
import { readText } from './files.js'
import { complain } from './outputs.js'
import type { Problem } from './problem.js'
import { orRefuse } from './refusal.js'

/** What the folder of a search tells that has ended, and has no summary yet. */
const recordOf = (
  path: string,
  { config, space }: Pick<Problem, 'config' | 'space'>
): E.Either<InputError, RunRecord> =>
  pipe(
    readText('the folder of a run', join(path, EVENTS), MOST_EVENTS_BYTES),
    E.chain(events => decodeRun(path, { config: JSON.stringify(config), space: JSON.stringify(space), events }))
  )

/** Epochs and decisions of a folder; those that this process knows of, with a complaint, where it cannot be read. */
const toldIn = (path: string, problem: Pick<Problem, 'config' | 'space'>): Pick<RunRecord, 'epochs' | 'decisions'> =>
  pipe(
    recordOf(path, problem),
    E.getOrElseW(({ message }) => {
      complain(message)
      return { epochs: [], decisions: [] }
    })
  )

/** The mixtures that a search ended with: those of alpha, also where a selection decided otherwise. */
export const mixturesOfResult = ({ lastEpoch, mixtures }: SearchResult): SearchResult['mixtures'] =>
  lastEpoch?.mixtures ?? mixtures

/** What the summary of a search says of its cell. */
export const judge = (
  {
    config,
    space,
    table,
    path
  }: Pick<Problem, 'config' | 'space'> & {
    readonly table: BenchTable | undefined
    readonly path: string
  },
  result: SearchResult,
  baseline: Baseline | undefined
): Pick<Summary, 'verdict' | 'score' | 'random' | 'baseline'> => {
  const genotype = orRefuse(parseGenotype(result.genotype, space))
  const known = {
    ...(table ? { score: orRefuse(scoreOf(table)(genotype)).scores, random: randomCells(table) } : {}),
    ...(baseline ? { baseline } : {})
  }
  const mixtures = mixturesOfResult(result)
  const verdict = verdictOf({ config, space, genotype, mixtures, ...toldIn(path, { config, space }), result, ...known })
  return { ...known, verdict }
}
