/**
 * Searches as they went, on a software adapter: `runs.json` has of each its command, and by epoch alpha (to four
 * decimals), losses and Λ. Of those of NAS-Bench-201 it has what the table says of their cells, which no verdict here is
 * given.
 */
import { readFileSync } from 'node:fs'
import { PRESETS } from '../../../src/nas/configuration/options.js'
import { parseGenotype } from '../../../src/nas/genotypes/genotype.js'
import type { EpochRecord } from '../../../src/nas/run/record.js'
import { mixtureRows, namedMixtures, rowsOf } from '../../../src/nas/selection/magnitude.js'
import type { DecisionEvent } from '../../../src/nas/selection/selection.js'
import { mapRecord, SPACES, type Space } from '../../../src/nas/space/space.js'
import type { Evidence } from '../../../src/nas/verdict/evidence.js'
import { right } from '../../kernels/results.js'

type KeptEpoch = Pick<EpochRecord, 'genotype' | 'trainLoss' | 'validLoss' | 'lambdaTrain' | 'eigenvalue' | 'alpha'>
interface KeptRun {
  readonly command: string
  readonly genotype: string
  readonly testAccuracy: number
  readonly stepsDone: number
  readonly table: { readonly accuracy: number; readonly percentile: number } | null
  readonly decisions: readonly DecisionEvent[]
  readonly epochs: readonly KeptEpoch[]
}

/** An epoch of which only some facts are known; the others are of no account. */
export const epochOf = (space: Space, known: KeptEpoch, more: Partial<EpochRecord> = {}): EpochRecord => ({
  type: 'epoch',
  seconds: 0,
  epoch: 1,
  epochs: 12,
  steps: 22,
  trainAccuracy: 0.9,
  validAccuracy: 0.9,
  lambdaValid: 0.5,
  gradientNorm: 1,
  regulariserNorm: 1,
  learningRate: 0.01,
  lambda: 0.1,
  cosines: {},
  operations: {},
  quotient: null,
  mixtures: mapRecord(space.cells, (cell, kind) =>
    namedMixtures(cell, mixtureRows(rowsOf(cell, known.alpha[kind] as readonly number[])))
  ),
  ...known,
  ...more
})

const optionsOf = (command: string): ReadonlyMap<string, string> =>
  new Map([...command.matchAll(/--([\w-]+)(?: (?!--)(\S+))?/g)].map(([, name, value]) => [name as string, value ?? '']))

const runOf = ({ command, genotype, testAccuracy, stepsDone, table, decisions, epochs }: KeptRun) => {
  const options = optionsOf(command)
  const name = options.get('space') ?? 'nb201'
  const space = SPACES[name] as Space
  const records = epochs.map((epoch, e) => epochOf(space, epoch, { epoch: e + 1, epochs: epochs.length }))
  const config = {
    ...PRESETS.digits,
    space: name,
    method: (options.get('method') ?? 'lambda-darts') as 'darts',
    derivative: (options.get('derivative') ?? 'fd') as 'fd',
    select: (options.get('select') ?? 'magnitude') as 'magnitude',
    alphaLearningRate: Number(options.get('alpha-learning-rate') ?? 3e-3),
    epochs: epochs.length
  }
  const evidence: Evidence = {
    config,
    space,
    genotype: right(parseGenotype(genotype, space)),
    mixtures: (records.at(-1) as EpochRecord).mixtures,
    epochs: records,
    decisions,
    result: { stopped: null, stepsDone, epochsDone: epochs.length, testAccuracy }
  }
  return { command, evidence, table }
}

export const runs = (JSON.parse(readFileSync(new URL('runs.json', import.meta.url), 'utf8')) as readonly KeptRun[]).map(
  runOf
)
