/** What a person reads of a genotype: its network's size, and what a table says of it. */
import { tableText } from '../text.js'
import type { BenchReport } from './bench201.js'
import type { DerivedNetwork, NetworkSize } from './derive.js'
import { formatGenotype } from './genotype.js'

/** What the table of NAS-Bench-201 says of a cell. */
export const scoreText = ({ genotype, index, parametersMillions, cells, isomorphic, scores }: BenchReport): string =>
  [
    genotype,
    [
      ...(index === null ? [] : [`index ${index}`]),
      ...(parametersMillions === null ? [] : [`${parametersMillions.toFixed(3)} M parameters`]),
      `${isomorphic} of ${cells} cells compute the same, itself included`
    ].join(', '),
    '',
    tableText([
      ['data set, part, epochs', 'accuracy %', 'rank', 'percentile', 'regret', 'same cells'],
      ...Object.entries(scores).map(
        ([
          column,
          {
            accuracy,
            rank,
            percentile,
            regret,
            isomorphic: [low, high]
          }
        ]) => [
          column,
          accuracy.toFixed(2),
          String(rank),
          percentile.toFixed(2),
          regret.toFixed(2),
          `${low.toFixed(2)} to ${high.toFixed(2)}`
        ]
      )
    ])
  ].join('\n')

/** How large the network of a genotype is. */
export const sizeText = ({ genotype, config }: DerivedNetwork, { parameters, multiplyAdds }: NetworkSize): string => {
  const { channels, layers, classes, imageChannels, size } = config
  const cells = genotype.family === 'nb201' ? `${layers} cells in each stage` : `${layers} cells`
  return [
    formatGenotype(genotype),
    `${parameters.toLocaleString('en')} parameters, ${multiplyAdds.toLocaleString('en')} multiply-adds an image`,
    `(${channels} channels, ${cells}, ${classes} classes, images ${[imageChannels, ...size].join('x')})`
  ].join('\n')
}
