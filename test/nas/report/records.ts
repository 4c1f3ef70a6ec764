/** Runs that are made up, as large as is wanted: what a report is tested on without a search. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PRESETS, type SearchConfig } from '../../../src/nas/configuration/options.js'
import { cellsOf, formatGenotype, operationCounts } from '../../../src/nas/genotypes/genotype.js'
import type { EpochRecord, RunRecord } from '../../../src/nas/run/record.js'
import { genotypeOf, mixtureRows, namedMixtures, rowsOf } from '../../../src/nas/selection/magnitude.js'
import { mapRecord, nb201, operationCount, operationsOf, type Space } from '../../../src/nas/space/space.js'
import { verdictOf } from '../../../src/nas/verdict/verdict.js'

export interface MadeUp {
  readonly name?: string
  readonly space?: Space
  readonly epochs?: number
  readonly config?: Partial<SearchConfig>
  /** How many cells of each kind agree or not. */
  readonly cells?: number
  readonly isChecked?: boolean
  readonly isScored?: boolean
  readonly isEnded?: boolean
}

/** Something between 0 and 1 that differs from place to place, the same each time. */
const wave = (...at: readonly number[]): number =>
  0.5 + 0.5 * Math.sin(at.reduce((sum, x, i) => sum + x * (1.3 + i), 0))

const epochOf = (
  epoch: number,
  space: Space,
  { epochs = 12, cells = 3, isChecked, isScored }: MadeUp,
  seed: number
): EpochRecord => {
  const alpha = mapRecord(space.cells, (cell, _, kind) =>
    Array.from(
      { length: cell.edges.length * operationCount(cell) },
      (_entry, i) => (0.4 * epoch * wave(i, kind, seed)) / epochs
    )
  )
  const genotype = genotypeOf(space, alpha)
  const chosen = cellsOf(genotype)
  const share = epoch / epochs
  return {
    type: 'epoch',
    seconds: 10 * epoch,
    epoch,
    epochs,
    steps: 2,
    trainLoss: 2.3 - 2 * share + 0.05 * wave(epoch, seed),
    validLoss: 2.3 - 1.8 * share + 0.05 * wave(epoch, seed, 1),
    trainAccuracy: 0.1 + 0.85 * share,
    validAccuracy: 0.1 + 0.8 * share,
    lambdaTrain: 0.1 + 0.4 * share * wave(seed),
    lambdaValid: 0.1 + 0.3 * share * wave(seed, 1),
    gradientNorm: 2 + wave(epoch, seed),
    regulariserNorm: 20 + 100 * wave(epoch, seed, 2),
    learningRate: 0.025 * (1 - share),
    lambda: 0.25 * share,
    cosines: mapRecord(space.cells, (_, kind, n) =>
      Array.from({ length: cells * cells }, (_entry, at) => {
        const [i, j] = [Math.floor(at / cells), at % cells].toSorted((a, b) => a - b) as [number, number]
        return i === j ? 1 : 2 * wave(i, j, epoch, n + kind.length) - 1
      })
    ),
    operations: mapRecord(space.cells, (cell, kind) => operationCounts(operationsOf(cell), chosen[kind] ?? [])),
    eigenvalue: isChecked ? { largest: 0.3 + wave(epoch), residual: 1e-3 } : null,
    quotient: isChecked
      ? { error: 0.4, cosine: wave(epoch, 3), norm: 10 + 90 * wave(epoch), exactNorm: 9, reluFlips: 3, poolFlips: 0 }
      : null,
    genotype: formatGenotype(genotype),
    mixtures: mapRecord(space.cells, (cell, kind) =>
      namedMixtures(cell, mixtureRows(rowsOf(cell, alpha[kind] as readonly number[])))
    ),
    alpha,
    ...(isScored
      ? {
          score: {
            cifar10_test_200: {
              accuracy: 80 + 10 * share,
              rank: 9000 - epoch,
              percentile: 50,
              regret: 10,
              isomorphic: [80, 90] as const
            }
          }
        }
      : {})
  } as EpochRecord
}

/** A run. */
export const runOf = (made: MadeUp = {}): RunRecord => {
  const { name = 'made-up', space = nb201, epochs = 12, isEnded = true } = made
  const config: SearchConfig = { ...PRESETS.digits, epochs, space: space.name, ...made.config }
  const told = Array.from({ length: epochs }, (_, i) => epochOf(i + 1, space, made, config.seed))
  const last = told.at(-1) as EpochRecord
  const genotype = genotypeOf(space, last.alpha)
  const result = {
    genotype: last.genotype,
    connected: true,
    operations: last.operations,
    cells: cellsOf(genotype),
    mixtures: last.mixtures,
    testAccuracy: 0.95,
    testImages: 360,
    epochsDone: epochs,
    stepsDone: 2 * epochs,
    lastEpoch: last,
    stopped: null
  }
  return {
    name,
    config,
    space,
    compiled: {
      type: 'compiled',
      seconds: 1,
      backend: 'made up',
      nodes: 100,
      calls: 50,
      flops: 1e8,
      peakBytes: 2 ** 20,
      lowerBoundBytes: 2 ** 20,
      pipelines: 10
    } as RunRecord['compiled'],
    steps: [],
    epochs: told,
    decisions: [],
    tunings: [],
    profile: null,
    summary: isEnded
      ? ({
          ...result,
          verdict: verdictOf({
            ...{ config, space, genotype, epochs: told, decisions: [], result },
            mixtures: last.mixtures
          }),
          config,
          command: ['search', '--out', 'it is', '--seed', String(config.seed)],
          version: '0.1.0',
          versions: { node: '20.0.0', webgpu: '0.1.0' },
          adapter: 'reference',
          seconds: 83
        } as RunRecord['summary'])
      : null
  }
}

/** The epochs of a run as lines of `events.jsonl`. */
export const epochLines = ({ epochs }: RunRecord): readonly string[] =>
  epochs.map(epoch => `${JSON.stringify(epoch)}\n`)

/** Writes the folder of a run that has told of so many epochs. */
export const writeRun = (path: string, run: RunRecord, epochs: number): void => {
  mkdirSync(path)
  writeFileSync(join(path, 'config.json'), JSON.stringify(run.config))
  writeFileSync(join(path, 'events.jsonl'), epochLines(run).slice(0, epochs).join(''))
}
