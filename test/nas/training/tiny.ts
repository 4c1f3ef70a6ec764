/** A training small enough for the reference: some digits, and networks of two channels. */
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { subset } from '../../../src/nas/data/dataset.js'
import { decodeDigits } from '../../../src/nas/data/digits.js'
import type { DerivedNetwork } from '../../../src/nas/genotypes/derive.js'
import { parseGenotype } from '../../../src/nas/genotypes/genotype.js'
import type { Snapshot } from '../../../src/nas/run/checkpoint.js'
import { trainingNetwork } from '../../../src/nas/training/config.js'
import { prepareTraining, type TrainingData } from '../../../src/nas/training/data.js'
import type { TrainingEvent, TrainingObserver } from '../../../src/nas/training/events.js'
import { TRAINING_PRESETS, type TrainingConfig } from '../../../src/nas/training/options.js'
import { right } from '../../kernels/results.js'

export const CELL = '|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_1x1~1|+|skip_connect~0|avg_pool_3x3~1|nor_conv_3x3~2|'
export const DARTS =
  "Genotype(normal=[('sep_conv_3x3', 0), ('skip_connect', 1)], normal_concat=[2], reduce=[('max_pool_3x3', 0), ('skip_connect', 1)], reduce_concat=[2])"

export const digits = right(
  decodeDigits(gunzipSync(readFileSync(new URL('../../../data/digits.csv.gz', import.meta.url))))
)

export interface Tiny {
  readonly config: TrainingConfig
  readonly net: DerivedNetwork
  readonly data: TrainingData
}

/** A training of a genotype on 70 digits: 56 to train on, 14 to test on. */
export const tiny = (genotype: string, changes: Partial<TrainingConfig> = {}): Tiny => {
  const config = { ...TRAINING_PRESETS.small, channels: 2, layers: 3, batch: 8, epochs: 2, ...changes }
  const parsed = right(parseGenotype(genotype))
  const some = subset(
    digits,
    Array.from({ length: 70 }, (_, i) => i)
  )
  const data = right(
    prepareTraining({ train: some, test: null }, undefined, config, parsed.family === 'darts' ? 'layers' : 'stages')
  )
  return { config, net: right(trainingNetwork(config, parsed, {}, data.train)), data }
}

/** An observer that keeps what it is told; `moments` are those that the training wants kept. */
export const recorder = (due = false) => {
  const told: TrainingEvent[] = []
  const moments: Snapshot[] = []
  const state = { interruptAfter: Number.POSITIVE_INFINITY }
  const observer: TrainingObserver = {
    tell: event => () => void told.push(event),
    interrupted: () => told.filter(({ type }) => type === 'step').length >= state.interruptAfter,
    now: () => 0,
    checkpoints: { due: () => due, keep: snapshot => () => void moments.push(snapshot) }
  }
  return { told, moments, state, observer }
}
