/** What the cell itself says: what stands on its paths, and what it is known to reach. */
import { tellingColumns } from '../genotypes/bench201.js'
import { pathsOf, substanceOf } from '../genotypes/paths.js'
import { nb201 } from '../space/space.js'
import { summarise } from '../statistics.js'
import { type Clause, clause, type Evidence, listText } from './evidence.js'

/** What operations without weights are called where several of them stand on paths. */
const PLURALS: Readonly<Record<string, string>> = {
  skip_connect: 'skip connections',
  avg_pool_3x3: 'average pools',
  max_pool_3x3: 'max pools'
}
const plural = (name: string): string => PLURALS[name] ?? name

/** How to search so that cells agree. */
const harmonyCure = ({ config }: Evidence): string =>
  config.method === 'lambda-darts' && config.derivative === 'exact'
    ? 'raise --lambda, try other seeds, or select with --select perturbation'
    : 'search with --method lambda-darts --derivative exact, try other seeds, or select with --select perturbation'

/** Collapse: a cell that computes little or nothing. Reduction cells, whose pools are usual, must only be connected. */
export const collapse = (evidence: Evidence): readonly Clause[] =>
  Object.entries(pathsOf(evidence.genotype)).flatMap(([kind, edges]) => {
    const { kind: substance, operations, parameterFree, free } = substanceOf(edges)
    const cell = kind === 'alpha' ? 'the cell' : `the ${kind === 'reduce' ? 'reduction' : kind} cell`
    const cure = harmonyCure(evidence)
    if (substance === 'severed')
      return [clause('collapse', 'bad', `no path leads from the input of ${cell} to its output`, cure)]
    if (kind === 'reduce') return []
    if (substance === 'empty') {
      const names = listText(free.map(plural))
      return [
        clause('collapse', 'bad', `${cell} collapsed: only ${names} stand between its input and its output`, cure)
      ]
    }
    const share = `${parameterFree} of the ${operations} operations on paths through ${cell} have no weights`
    if (substance === 'full') return [clause('substance', 'good', share)]
    const single =
      operations === 1
        ? `a single operation stands on the paths through ${cell}`
        : `of the ${operations} operations on paths through ${cell} a single one has weights`
    return [clause('collapse', 'doubt', operations - parameterFree === 1 ? single : share, cure)]
  })

/** Accuracies in percent, as a table has them. */
const points = (accuracy: number): string => `${accuracy.toFixed(2)} %`
const share = (accuracy: number): string => `${(100 * accuracy).toFixed(1)} %`

/** What the table says, by data set: that which was searched on first. Below the median is bad. */
export const score = ({ config, score: scores = {}, random = {} }: Evidence): readonly Clause[] =>
  tellingColumns(Object.keys(scores), config.data).flatMap(({ name, dataset }) => {
    const [found, drawn] = [scores[name], random[name]]
    if (!found || !drawn) return []
    const { accuracy, rank, percentile, regret } = found
    const tone = percentile < 50 ? 'bad' : percentile < 75 ? 'doubt' : 'good'
    const place = `rank ${rank.toLocaleString('en')} of ${drawn.cells.toLocaleString('en')}`
    return [
      clause(
        'score',
        tone,
        `by the table the cell reaches ${points(accuracy)} on ${dataset}, ${place}, ${regret.toFixed(2)} points below ` +
          `the best (a random cell: ${points(drawn.mean)} on average, half of all at least ${points(drawn.median)})`,
        tone === 'good' ? null : 'search again with other seeds'
      )
    ]
  })

/** Fewer random cells than this say little. */
const FEW_CELLS = 4

/** What `--baseline` says: the cell beside random ones, trained alike. */
export const baseline = ({ baseline: trained }: Evidence): readonly Clause[] => {
  const [found, accuracies] = [trained?.found, trained?.random.map(({ testAccuracy }) => testAccuracy) ?? []]
  const summary = summarise(accuracies)
  if (!trained || !found || !summary) return []
  const beaten = accuracies.filter(accuracy => found.testAccuracy > accuracy).length
  const [ratio, few] = [beaten / accuracies.length, accuracies.length < FEW_CELLS]
  const tone = ratio < 0.5 ? 'bad' : ratio < 0.75 || few ? 'doubt' : 'good'
  const spread = summary.deviation === null ? '' : ` (deviation ${(100 * summary.deviation).toFixed(1)})`
  const one = accuracies.length === 1 ? 'a random cell' : `${accuracies.length} random cells on average`
  return [
    clause(
      'baseline',
      tone,
      `trained from scratch for ${trained.epochs} epochs the cell reaches ${share(found.testAccuracy)} on test images, ` +
        `${one} ${share(summary.mean)}${spread}; it is better than ${beaten} of ${accuracies.length}`,
      tone === 'good' ? null : few ? 'train more with --baseline 8' : 'search again: drawing cells at random is as good'
    )
  ]
}

/** Without a table and a baseline nobody knows how good the cell is. */
export const unjudged = (evidence: Evidence): readonly Clause[] =>
  score(evidence).length + baseline(evidence).length > 0
    ? []
    : [
        clause(
          'unjudged',
          'doubt',
          `nobody knows yet how good the cell is: the ${share(evidence.result.testAccuracy)} are of shared weights, ` +
            'with all operations mixed',
          evidence.space.name === nb201.name
            ? 'give --table FILE or --baseline 8, or train it with lambda-darts train'
            : 'give --baseline 8, or train it with lambda-darts train'
        )
      ]
