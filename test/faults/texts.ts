/** A row for each reader of texts that a user, or a run before, has written: examples, and what its answer may hold. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import * as E from 'fp-ts/lib/Either.js'
import { keyOf } from '../../src/autodiff/threefry.js'
import { loadSafetensors, saveSafetensors } from '../../src/engine/weights.js'
import { PRESETS, SearchConfig } from '../../src/nas/configuration/options.js'
import { decodeDigits } from '../../src/nas/data/digits.js'
import { parseSplit } from '../../src/nas/data/split.js'
import { decodeBenchTable } from '../../src/nas/genotypes/bench201.js'
import { formatGenotype, parseGenotype } from '../../src/nas/genotypes/genotype.js'
import { PUBLISHED } from '../../src/nas/genotypes/published.js'
import { decodeCheckpoint, encodeCheckpoint } from '../../src/nas/run/checkpoint.js'
import { decodeRun, type RunFiles } from '../../src/nas/run/record.js'
import { nb201, SPACES } from '../../src/nas/space/space.js'
import { decodeJson, parseSpace } from '../../src/nas/space/spacefile.js'
import { parseSweep } from '../../src/nas/sweep/sweep.js'
import { RunSummary } from '../../src/nas/sweep/sweepreport.js'
import { decodeModel, encodeModel } from '../../src/nas/training/model.js'
import { decodeTraining, TRAINING_PRESETS } from '../../src/nas/training/options.js'
import { trainingStart } from '../../src/nas/training/place.js'
import { right } from '../kernels/results.js'
import { SHORT } from '../nas/sweeps.js'
import { CELL, tiny } from '../nas/training/tiny.js'

export interface Reader {
  readonly decode: (bytes: Uint8Array) => E.Either<unknown, unknown>
  readonly examples: () => readonly Uint8Array[]
  readonly most: (length: number) => number
}

const encoder = new TextEncoder()
const text =
  (parse: (text: string) => E.Either<unknown, unknown>): Reader['decode'] =>
  bytes =>
    parse(new TextDecoder().decode(bytes))
const json = (decode: (json: unknown) => E.Either<unknown, unknown>): Reader['decode'] =>
  text(content => {
    try {
      return decode(JSON.parse(content))
    } catch (reason) {
      if (reason instanceof SyntaxError) return E.left(reason)
      throw reason
    }
  })
const texts =
  (...examples: readonly string[]) =>
  () =>
    examples.map(one => encoder.encode(one))
const jsons = (...examples: readonly unknown[]) => texts(...examples.map(one => JSON.stringify(one)))

/** Strings of a text are parts of it; what they become holds some fifty bytes for each of its letters at most. */
const MOST = (length: number): number => 100 * length + 5000

const cells = Object.values(PUBLISHED).map(formatGenotype)
const OWN = {
  name: 'own',
  normAfterPool: false,
  skeleton: { kind: 'stages', stages: 2 },
  cells: {
    alpha: { inputs: 1, nodes: 1, concat: [1], edges: [{ from: 0, to: 1, operations: ['none', 'nor_conv_1x1'] }] }
  }
}
const BENCH = ['skip_connect', 'nor_conv_3x3', 'none'].map(
  one => `|${one}~0|+|${one}~0|nor_conv_1x1~1|+|avg_pool_3x3~0|${one}~1|skip_connect~2|`
)
const TABLE = [
  'index,arch,params_m,cifar10_test_200,cifar100_valid_12',
  ...BENCH.map((cell, i) => `${i},${cell},1.5,${90 - i},40.5`)
].join('\n')
const SUMMARY = {
  genotype: cells[0],
  testAccuracy: 0.5,
  operations: { alpha: { none: 1 } },
  lastEpoch: { lambdaTrain: 0.1, lambdaValid: null },
  seconds: 1,
  adapter: { name: 'one' },
  stopped: null
}
const SWEEPS = [
  {
    base: { epochs: 12 },
    grid: { method: ['darts', 'lambda-darts'] },
    list: [{ name: 'wide', channels: 8 }],
    seeds: [0]
  },
  { grid: { epochs: [4, 12] }, seeds: [0, 1], baseline: 'epochs4', random: { cells: 10 } }
]
const KNOWN = [
  { key: 'epochs', flag: '--epochs', type: 'number' },
  { key: 'channels', flag: '--channels', type: 'number' },
  { key: 'method', flag: '--method', type: 'string' }
] as const
const digits = (): readonly Uint8Array[] => {
  const file = fileURLToPath(new URL('../../data/digits.csv.gz', import.meta.url))
  return [encoder.encode(gunzipSync(readFileSync(file)).toString().split('\n').slice(0, 8).join('\n'))]
}
const model = (): readonly Uint8Array[] => {
  const { net, data } = tiny(CELL)
  const { state } = trainingStart(net, keyOf(1))
  const { classNames, normalisation } = data.train
  const arrays = { weights: state.weights, running: state.running }
  return [undefined, { ...nb201, name: 'mine' }].map(space =>
    encodeModel({ net, classNames, normalisation, brightest: 16, arrays, ...(space ? { space } : {}) })
  )
}
const checkpoint = (): readonly Uint8Array[] => [
  encodeCheckpoint({
    tensors: new Map([['weights', { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }]]),
    steps: 7,
    position: { stepsDone: 7, sums: { metrics: [0.1], cosines: {} }, lastEpoch: null, selection: null },
    identity: { config: { channels: 4 }, data: 'abc' },
    files: { lengths: { 'events.jsonl': 100 }, seconds: 1.5 }
  })
]
const weights = (): readonly Uint8Array[] => [
  right(saveSafetensors({ a: [{ b: { shape: [2], dtype: 'f32', data: Float32Array.of(1, 2) } }] }))
]

/** The files of a search of one edge, as a search leaves them. */
const runFiles = (() => {
  const made: { files?: RunFiles } = {}
  return (): RunFiles => {
    if (made.files) return made.files
    const folder = mkdtempSync(join(tmpdir(), 'lambda-darts-run-'))
    const given = Object.entries({ ...SHORT, batch: 239, out: join(folder, 'run') }).flatMap(([name, value]) => [
      `--${name}`,
      String(value)
    ])
    execFileSync(process.execPath, ['--import', 'tsx', 'src/nas/main.ts', 'search', '--quiet', ...given])
    const read = (name: string): string => readFileSync(join(folder, 'run', name), 'utf8')
    const files = {
      config: read('config.json'),
      events: read('events.jsonl'),
      summary: read('summary.json'),
      space: read('space.json')
    }
    rmSync(folder, { recursive: true })
    made.files = files
    return files
  }
})()
const ofRun = (name: 'events' | 'summary'): Reader => ({
  decode: text(one => decodeRun('run', { ...runFiles(), [name]: one })),
  examples: () => [encoder.encode(runFiles()[name])],
  most: length => 2 ** 16 + MOST(length)
})

export const READERS: Readonly<Record<string, Reader>> = {
  genotype: { decode: text(one => parseGenotype(one)), examples: texts(...BENCH, ...cells), most: MOST },
  'genotype of s5': {
    decode: text(one => parseGenotype(one, SPACES.s5)),
    examples: texts(...cells),
    most: MOST
  },
  space: { decode: text(parseSpace), examples: jsons(OWN, SPACES.s1, nb201), most: MOST },
  sweep: { decode: text(parseSweep(KNOWN)), examples: jsons(...SWEEPS), most: length => 2 ** 20 + MOST(length) },
  split: { decode: text(parseSplit), examples: jsons({ train: [0, 5], valid: ['int', ['1', '2']] }), most: MOST },
  table: { decode: text(decodeBenchTable), examples: texts(TABLE), most: MOST },
  digits: { decode: decodeDigits, examples: digits, most: MOST },
  'configuration of a search': {
    decode: json(SearchConfig.decode),
    examples: jsons(...Object.values(PRESETS)),
    most: MOST
  },
  'configuration of a training': {
    decode: json(decodeTraining),
    examples: jsons(...Object.values(TRAINING_PRESETS)),
    most: MOST
  },
  summary: { decode: text(decodeJson(RunSummary, 'a summary')), examples: jsons(SUMMARY), most: MOST },
  'events of a run': ofRun('events'),
  'summary of a run': ofRun('summary'),
  checkpoint: { decode: decodeCheckpoint, examples: checkpoint, most: MOST },
  model: { decode: decodeModel, examples: model, most: length => 2 ** 22 + MOST(length) },
  weights: { decode: bytes => loadSafetensors(bytes), examples: weights, most: MOST }
}
