/**
 * A search in a space of one's own: which of four operations should follow an image, once and once more?
 * Run it with `node --import tsx examples/own-space.ts`.
 */
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import {
  decodeDigits,
  openGpu,
  PRESETS,
  prepareSearch,
  type SearchConfig,
  type Space,
  search,
  supernet
} from 'lambda-darts'

/** What an Either holds, or its sentence as an error. */
const right = <A>(either: { _tag: 'Left'; left: { message: string } } | { _tag: 'Right'; right: A }): A => {
  if (either._tag === 'Left') throw new Error(either.left.message)
  return either.right
}

// A cell of two nodes: each takes one candidate of each edge that comes in. The network is three stages of such cells.
const operations = ['none', 'skip_connect', 'nor_conv_3x3', 'avg_pool_3x3']
const space: Space = {
  name: 'mine',
  skeleton: { kind: 'stages', stages: 3 },
  normAfterPool: false,
  cells: {
    alpha: {
      inputs: 1,
      nodes: 2,
      concat: [2],
      edges: [
        { from: 0, to: 1, operations },
        { from: 0, to: 2, operations },
        { from: 1, to: 2, operations }
      ]
    }
  }
}

const digits = right(decodeDigits(gunzipSync(readFileSync(new URL('../data/digits.csv.gz', import.meta.url)))))
const config: SearchConfig = { ...PRESETS.digits, channels: 4, layersPerStage: 1, epochs: 2, batch: 32 }
const data = right(prepareSearch({ train: digits, test: null }, { seed: config.seed }))
const net = supernet(space, {
  channels: config.channels,
  layers: config.layersPerStage,
  imageChannels: 1,
  size: [8, 8],
  classes: 10
})

const gpu = await openGpu()
const result = await gpu.perform(
  search(net, config, data, {
    tell: event => () => {
      if (event.type === 'epoch') console.log(`epoch ${event.epoch}: ${JSON.stringify(event.genotype)}`)
    },
    interrupted: () => false,
    now: () => performance.now() / 1000
  })
)
export const { genotype, testAccuracy, epochsDone } = result
console.log(
  `found ${genotype}: the network of all candidates is right on ${(100 * testAccuracy).toFixed(1)} % of the digits`
)
gpu.dispose()
