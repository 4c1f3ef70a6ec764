/** What a person reads of a diagnosis. */
import { counted, tableText } from '../text.js'
import type { Diagnosis } from './diagnose.js'

/** A number in few characters: fixed point where that shows it, else with an exponent. */
const short = (value: number): string => {
  const size = Math.abs(value)
  return value === 0 || (size >= 0.01 && size < 1e5)
    ? value.toPrecision(3).replace(/^(-?\d+)\.?e\+\d+$/, '$1')
    : value.toExponential(1)
}

/** What a diagnosis found: two tables, a row for each epsilon. */
export const diagnosisText = (
  { steps, lambda, epsilons, cells, regulariser, hypergradient }: Diagnosis,
  backend: string
): string =>
  [
    `After ${counted(steps, 'step')}, on ${backend}: loss ${regulariser.loss.toFixed(3)}, harmony ` +
      `${regulariser.harmony.toFixed(3)}, |dL/dw| ${short(regulariser.gradientNorm)}`,
    `Cells, |dL/dp|: ${cells.map(({ name, gradientNorm }) => `${name} ${short(gradientNorm)}`).join(', ')}`,
    '',
    `The regulariser's gradient in the weights: |exact| ${short(regulariser.exactNorm)}; lambda ${lambda}; ` +
      `${regulariser.relus} ReLUs, ${regulariser.pools} pooling windows`,
    tableText([
      [
        'epsilon0',
        '|fd|',
        'cosine to exact',
        '|fd - exact| / |exact|',
        'ReLUs flipped',
        'pools flipped',
        '|lambda fd| / |dL/dw|',
        'clip',
        'clip with exact'
      ],
      ...regulariser.rows.map((row, i) => [
        String(epsilons[i]),
        short(row.norm),
        row.cosine.toFixed(3),
        short(row.error),
        String(row.reluFlips),
        String(row.poolFlips),
        short(row.share),
        row.clip.toFixed(3),
        row.exactClip.toFixed(3)
      ])
    ]),
    '',
    `The hypergradient of darts2 in alpha: |exact| ${short(hypergradient.exactNorm)}, |first order| ` +
      `${short(hypergradient.firstNorm)}, cosine of the two ${hypergradient.cosine.toFixed(3)}`,
    tableText([
      [
        'length',
        '|fd|',
        'cosine to exact',
        '|fd - exact| / |exact|',
        '/ |second-order part|',
        'ReLUs flipped',
        'pools flipped'
      ],
      ...hypergradient.rows.map((row, i) => [
        String(epsilons[i]),
        short(row.norm),
        row.cosine.toFixed(3),
        short(row.error),
        short(row.partError),
        String(row.reluFlips),
        String(row.poolFlips)
      ])
    ])
  ].join('\n')
