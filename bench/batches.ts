/**
 * What a step's images take: a training and a validation batch, taken from bytes, normalised and moved. The device has
 * two steps before it while the host makes the next ones, so a step waits for its images only where this takes longer
 * than the step. `node --import tsx bench/batches.ts`
 */
import { movesOf, NO_AUGMENTATION } from '../src/nas/data/augment.js'
import type { Part } from '../src/nas/data/dataset.js'
import { batchArrays } from '../src/nas/steps/steps.js'
import { median } from './check.js'

const COUNT = 10_000
const CHANNELS = 3

/** Bytes like those of CIFAR-10: how they look changes nothing. */
const partOf = (side: number): Part => ({
  name: 'bytes',
  images: Uint8Array.from({ length: COUNT * CHANNELS * side * side }, (_, i) => (i * 7) % 256),
  labels: new Int32Array(COUNT),
  count: COUNT,
  channels: CHANNELS,
  height: side,
  width: side,
  classNames: ['0'],
  normalisation: { mean: [125, 123, 114], deviation: [63, 62, 67] }
})

const WARM = 20
const SAMPLES = 100
const millisecondsOf = (make: (step: number) => unknown): readonly number[] =>
  Array.from({ length: WARM + SAMPLES }, (_, step) => {
    const start = performance.now()
    make(step)
    return performance.now() - start
  }).slice(WARM)

const moved = { padding: 4, flip: true, mirrorFirst: false, cutout: 16, cutoutProbability: 1 }
process.stdout.write('| images | moved | ms, median | best |\n| --- | --- | ---: | ---: |\n')
for (const [batch, side] of [
  [64, 32],
  [256, 32],
  [64, 64]
] as const) {
  const part = partOf(side)
  for (const [name, augmentation] of Object.entries({ no: NO_AUGMENTATION, 'crop, flip, cutout': moved })) {
    const times = millisecondsOf(step => {
      const places = Array.from({ length: batch }, (_, i) => (step * batch + 37 * i) % COUNT)
      // Weights are trained on moved images, alpha on images as they are.
      return [batchArrays(part, places, movesOf(augmentation, part, batch, [1, step])), batchArrays(part, places)]
    })
    process.stdout.write(
      `| 2 x ${batch} x ${CHANNELS} x ${side} x ${side} | ${name} | ${median(times).toFixed(1)} | ${Math.min(...times).toFixed(1)} |\n`
    )
  }
}
