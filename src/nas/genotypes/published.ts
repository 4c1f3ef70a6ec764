/** The genotypes that Λ-DARTS published (`sota/cnn/genotypes.py` of its official code), by their names there. */
import { mapRecord } from '../space/space.js'
import type { ConcatCell, Genotype } from './genotype.js'

/** Short names of the operations, as they stand in the table below. */
const OPERATIONS: Readonly<Record<string, string>> = {
  s3: 'sep_conv_3x3',
  s5: 'sep_conv_5x5',
  d3: 'dil_conv_3x3',
  d5: 'dil_conv_5x5',
  sk: 'skip_connect',
  mp: 'max_pool_3x3',
  ap: 'avg_pool_3x3'
}

/** `s5.0 sk.1 / ...`: the two edges of each node as operation and source; the nodes 2 to 5 are concatenated. */
const cell = (text: string): ConcatCell => ({
  nodes: text.split(' / ').map(node =>
    node.split(' ').map(edge => {
      const [operation, from] = edge.split('.') as [string, string]
      return { operation: OPERATIONS[operation] as string, from: Number(from) }
    })
  ),
  concat: [2, 3, 4, 5]
})

/**
 * Normal and reduction cell. Names say the data set and the space (none: the DARTS space on CIFAR-10) and the
 * regulariser.
 */
export const CELLS = {
  lambdadarts_corr_0: [
    's5.0 sk.1 / s3.2 s5.1 / s3.1 mp.0 / d3.2 mp.0',
    'sk.1 sk.0 / mp.0 d3.2 / d5.3 d5.1 / sk.1 s5.2'
  ],
  lambdadarts_corr_1: [
    's3.0 s5.1 / s3.1 s3.0 / s3.1 sk.0 / sk.0 s3.1',
    'mp.0 mp.1 / mp.0 mp.1 / mp.0 d5.3 / d5.4 d5.3'
  ],
  lambdadarts_corr_2: [
    's3.0 s3.1 / s3.1 sk.0 / s3.1 sk.0 / s3.4 d3.3',
    'sk.0 mp.1 / mp.0 s5.1 / d5.3 mp.0 / d5.3 d5.4'
  ],
  lambdadarts_corr_3: [
    's3.0 s3.1 / s3.0 sk.1 / s3.1 s3.0 / d5.4 mp.1',
    'sk.0 sk.1 / d5.2 s3.1 / d5.3 ap.0 / sk.1 d5.4'
  ],
  lambdadarts_sign_0: [
    's5.1 s3.0 / d5.2 d3.0 / d3.3 s3.0 / d3.4 sk.0',
    's3.0 mp.1 / sk.0 sk.2 / s5.3 d3.2 / d5.4 s5.3'
  ],
  lambdadarts_sign_1: [
    's3.1 s5.0 / s3.1 sk.0 / s3.2 s3.1 / mp.0 d5.4',
    'mp.0 s3.1 / mp.0 sk.2 / d5.3 mp.0 / d5.2 s5.0'
  ],
  lambdadarts_sign_2: [
    's3.1 sk.0 / s3.2 s3.1 / d5.3 s3.1 / d3.3 s5.2',
    'mp.0 sk.1 / mp.0 d5.2 / mp.0 d5.3 / d5.4 d5.3'
  ],
  lambdadarts_sign_3: [
    's3.1 sk.0 / s3.1 s3.2 / s3.1 d5.3 / d3.3 d3.2',
    'ap.1 mp.0 / sk.2 mp.0 / d5.3 sk.2 / sk.2 sk.3'
  ],
  c10_s1_lambdadarts_corr: [
    'sk.1 d3.0 / d5.0 s3.1 / s3.1 s3.2 / mp.1 d5.4',
    'mp.0 mp.1 / mp.0 d5.2 / mp.0 mp.1 / mp.0 d5.2'
  ],
  c10_s2_lambdadarts_corr: [
    'sk.1 sk.0 / s3.2 sk.1 / s3.2 s3.1 / s3.4 s3.1',
    's3.0 sk.1 / s3.0 s3.1 / s3.0 s3.1 / s3.4 s3.1'
  ],
  c10_s3_lambdadarts_corr: [
    'sk.0 s3.1 / s3.0 s3.1 / s3.0 s3.3 / s3.0 s3.4',
    's3.1 s3.0 / sk.1 sk.0 / s3.0 s3.1 / s3.1 sk.2'
  ],
  c10_s4_lambdadarts_corr: [
    's3.0 s3.1 / s3.0 s3.1 / s3.0 s3.1 / s3.0 s3.1',
    's3.0 s3.1 / s3.0 s3.1 / s3.0 s3.1 / s3.0 s3.1'
  ],
  c100_s1_lambdadarts_corr: [
    'd3.0 d5.1 / d5.0 s3.1 / d3.3 sk.0 / s3.0 d3.3',
    'mp.1 mp.0 / d5.2 mp.1 / d5.3 s3.1 / d5.4 d5.3'
  ],
  c100_s2_lambdadarts_corr: [
    's3.0 sk.1 / s3.2 s3.0 / s3.0 s3.3 / s3.4 s3.3',
    's3.0 s3.1 / s3.2 s3.1 / s3.3 s3.2 / s3.3 s3.4'
  ],
  c100_s3_lambdadarts_corr: [
    's3.0 s3.1 / s3.0 s3.1 / s3.0 s3.1 / s3.2 s3.1',
    's3.1 s3.0 / s3.2 s3.1 / s3.0 s3.3 / s3.3 s3.4'
  ],
  c100_s4_lambdadarts_corr: [
    's3.0 s3.1 / s3.0 s3.1 / s3.0 s3.2 / s3.0 s3.1',
    's3.0 s3.1 / s3.0 s3.1 / s3.0 s3.1 / s3.0 s3.2'
  ],
  svhn_s1_lambdadarts_corr: [
    'd3.0 d5.1 / d5.0 d3.2 / d3.3 s3.2 / s3.0 mp.1',
    'mp.1 mp.0 / d5.2 mp.1 / d5.3 d3.2 / d5.3 d5.4'
  ],
  svhn_s2_lambdadarts_corr: [
    'sk.1 s3.0 / s3.2 s3.1 / s3.1 s3.0 / s3.3 s3.1',
    'sk.0 sk.1 / s3.2 sk.1 / sk.0 sk.1 / s3.2 s3.4'
  ],
  svhn_s3_lambdadarts_corr: [
    's3.1 s3.0 / s3.1 s3.2 / s3.2 s3.1 / s3.3 s3.4',
    's3.0 s3.1 / s3.2 s3.0 / s3.3 s3.2 / s3.3 s3.4'
  ],
  svhn_s4_lambdadarts_corr: [
    's3.0 s3.1 / s3.0 s3.1 / s3.0 s3.1 / s3.0 s3.1',
    's3.0 s3.1 / s3.0 s3.2 / s3.0 s3.1 / s3.0 s3.3'
  ]
} as const

/** All twenty: `PUBLISHED.c10_s2_lambdadarts_corr`. */
export const PUBLISHED: Readonly<Record<keyof typeof CELLS, Genotype> & Record<string, Genotype>> = mapRecord(
  CELLS,
  ([normal, reduce]): Genotype => ({ family: 'darts', normal: cell(normal), reduce: cell(reduce) })
)
