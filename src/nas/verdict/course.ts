/** What the course of the search says: how alpha came to its cell, and whether weights and cells went along. */
import { formatGenotype } from '../genotypes/genotype.js'
import type { EpochRecord } from '../run/record.js'
import { marginsOf, undecidedOf } from '../selection/margins.js'
import type { DecisionEvent } from '../selection/selection.js'
import { counted, percent } from '../text.js'
import { type Clause, clause, type Evidence, mean, thirds } from './evidence.js'

/** A search that did not come to its end. */
export const ended = ({ config, result, epochs }: Evidence): readonly Clause[] => {
  const { stopped, epochsDone } = result
  const after =
    epochsDone === config.epochs ? 'after its last epoch' : `after ${epochsDone} of ${counted(config.epochs, 'epoch')}`
  if (epochs.length === 0 && stopped)
    return [clause('stopped', 'bad', 'no epoch came to its end: the cell is that of chance', 'search again')]
  if (stopped === null) return []
  return stopped.reason === 'interrupted'
    ? [clause('stopped', 'doubt', `the search was interrupted ${after}`, 'go on with --resume')]
    : [
        clause(
          'stopped',
          'bad',
          `the search ended ${after} at a number that is not finite`,
          'lower --learning-rate or --lambda'
        )
      ]
}

/** A difference of accuracies that a validation part of some hundred images does not show. */
const ACCURACY = 0.01

/** Whether a decision by perturbation was made by next to nothing. */
const isTie = ({ kind, candidates, outcome }: DecisionEvent): boolean => {
  const chosen = candidates.find(({ from, operation }) => from === outcome.from && operation === outcome.operation)
  const left = candidates.flatMap(one => (one === chosen || one.accuracy === null ? [] : [one.accuracy]))
  if (!chosen || chosen.accuracy === null || left.length === 0) return false
  // An operation is kept without which least is left; an input is dropped without which most is left.
  return kind === 'operation'
    ? Math.min(...left) - chosen.accuracy < ACCURACY
    : chosen.accuracy - Math.max(...left) < ACCURACY
}

/** How many edges are undecided. Half of them are a reason to doubt; all, that nothing was found. */
const undecidedClause = (undecided: number, edges: number, how: string, cure: string): Clause => {
  if (undecided === 0) return clause('margins', 'good', `all ${counted(edges, 'edge')} are decided`)
  const text = `${undecided} of ${counted(edges, 'edge')} ${undecided === 1 ? 'is' : 'are'} undecided: ${how}`
  if (2 * undecided < edges) return clause('margins', 'good', text)
  return clause('margins', undecided === edges ? 'bad' : 'doubt', text, cure)
}

export const margins = (evidence: Evidence): readonly Clause[] => {
  const { config, space, genotype, mixtures, decisions } = evidence
  if (config.select === 'perturbation' && config.selectCriterion !== 'magnitude') {
    const made = decisions.filter(({ kind }) => kind === 'operation')
    if (made.length === 0) return []
    const ties = made.filter(isTie).length
    return [
      undecidedClause(
        ties,
        made.length,
        'the network is as right without the next operation, to a point of accuracy',
        'train longer before the selection, or raise --select-epochs'
      )
    ]
  }
  const { edges, undecided } = undecidedOf(marginsOf(space, genotype, mixtures))
  return [
    undecidedClause(
      undecided,
      edges,
      'the lead over the next operation is below a tenth of the uniform weight, which one epoch could take back',
      'search longer with --epochs, or raise --alpha-learning-rate'
    )
  ]
}

/** Entropies as shares of what uniform mixtures have, on average over all edges with a choice. */
export const spreadOf = ({ mixtures }: Pick<EpochRecord, 'mixtures'>): number => {
  const edges = Object.values(mixtures)
    .flat()
    .filter(({ weights }) => Object.keys(weights).length > 1)
  return edges.length === 0
    ? 0
    : mean(edges.map(({ entropy, weights }) => entropy / Math.log(Object.keys(weights).length)))
}

/** As near to uniform as this a softmax has hardly left it: entries of alpha spread by a deviation of some 0.2. */
const UNIFORM = 0.99
/** As far from uniform as this, nearly all weight lies on one operation of each edge, and gradients vanish. */
const CORNER = 0.1

/** Alpha that never left uniform, or that was at a corner long before the end. */
export const saturation = ({ config, epochs }: Evidence): readonly Clause[] => {
  const spreads = epochs.map(spreadOf)
  const last = spreads.at(-1)
  if (last === undefined || config.method === 'fixed-alpha') return []
  const corner = spreads.findIndex(spread => spread < CORNER)
  if (last > UNIFORM)
    return [
      clause(
        'saturation',
        'doubt',
        `alpha has hardly left uniform: its mixtures still have ${percent(last)} of the largest entropy`,
        'search longer with --epochs, or raise --alpha-learning-rate'
      )
    ]
  return corner >= 0 && corner < epochs.length / 2
    ? [
        clause(
          'saturation',
          'doubt',
          `alpha was at a corner after epoch ${corner + 1} of ${epochs.length}: nothing later could change the cell`,
          'lower --alpha-learning-rate'
        )
      ]
    : []
}

/** A cell that is still that of the first epoch, when alpha was near uniform. */
export const unchanged = ({ config, genotype, epochs }: Evidence): readonly Clause[] => {
  const [first] = epochs
  return config.select === 'magnitude' &&
    epochs.length > 1 &&
    first?.genotype === formatGenotype(genotype) &&
    spreadOf(first) > UNIFORM
    ? [
        clause(
          'unchanged',
          'doubt',
          'the cell is the one that alpha gave after the first epoch, when it was near uniform',
          'compare the cells of other seeds, or search longer'
        )
      ]
    : []
}

/** The lead that alpha can have at most, in its own units, where Adam's steps are all one way: e^0.5 = 1.6 times. */
const LEAST_TRAVEL = 0.5

/** Too few steps for alpha to have come anywhere. */
export const travel = ({ config, result }: Evidence): readonly Clause[] => {
  const most = config.alphaLearningRate * result.stepsDone
  return config.method === 'fixed-alpha' || config.select === 'perturbation' || most >= LEAST_TRAVEL
    ? []
    : [
        clause(
          'travel',
          'doubt',
          `in ${counted(result.stepsDone, 'step')} Adam can have moved an entry of alpha by ${most.toPrecision(2)} at most`,
          'search longer with --epochs, or raise --alpha-learning-rate'
        )
      ]
}

/** Λ of a search by DARTS lies at 0.05 to 0.08 in the paper's figure. */
const DISCORD = 0.1
/** A fall of Λ by less may be of the batches. */
const FALL = 0.05

/** Whether the cells agree, and how that went. */
export const harmony = ({ config, epochs }: Evidence): readonly Clause[] => {
  if (epochs.length < 2 || config.method === 'fixed-alpha') return []
  const [before, after] = thirds(epochs.map(({ lambdaTrain }) => lambdaTrain)).map(mean) as [number, number]
  const course = `Λ went from ${before.toFixed(2)} to ${after.toFixed(2)}, as means of the first and last third of epochs`
  const cure =
    config.method === 'lambda-darts'
      ? 'raise --lambda, or take --derivative exact'
      : 'search with --method lambda-darts'
  if (after < 0)
    return [
      clause('harmony', 'doubt', `${course}: the cells pull alpha against each other, as when DARTS collapses`, cure)
    ]
  if (after < before - FALL)
    return [
      clause('harmony', 'doubt', `${course}: the cells agree less and less on what is good for all of them`, cure)
    ]
  return after < DISCORD
    ? [clause('harmony', 'doubt', `${course}: the cells disagree, as they do when DARTS collapses`, cure)]
    : [clause('harmony', 'good', `${course}: the cells agree`)]
}

/** Windows of so many epochs are compared, and a growth beyond this ends a search: Zela et al. (ICLR 2020), section 5. */
const WINDOW = 5
const GROWTH = 0.75

/** The largest eigenvalue of the validation loss' Hessian in alpha, where it was logged. */
export const curvature = ({ epochs }: Evidence): readonly Clause[] => {
  const values = epochs.flatMap(({ eigenvalue }) => eigenvalue?.largest ?? [])
  if (values.length <= WINDOW) return []
  const smooth = values.map((_, i) => mean(values.slice(Math.max(0, i + 1 - WINDOW), i + 1)))
  const grown = smooth.findIndex((value, i) => i >= WINDOW && (smooth[i - WINDOW] as number) / value < GROWTH)
  const course = `the largest eigenvalue of the Hessian in alpha went from ${smooth[0]?.toPrecision(2)} to ${smooth.at(-1)?.toPrecision(2)}`
  return grown < 0
    ? [clause('curvature', 'good', course)]
    : [
        clause(
          'curvature',
          'doubt',
          `${course}, and grew in epoch ${grown + 1} as it does before a collapse`,
          `stop after ${counted(grown + 1 - WINDOW, 'epoch')}, or search with --method lambda-darts`
        )
      ]
}

/** Weights that fit their images far better than those of the validation part, and ever better. */
export const fit = ({ epochs }: Evidence): readonly Clause[] => {
  const last = epochs.at(-1)
  if (!last || epochs.length < 2) return []
  const least = Math.min(...epochs.map(({ validLoss }) => validLoss))
  return last.validLoss > 2 * last.trainLoss && last.validLoss > 1.1 * least
    ? [
        clause(
          'fit',
          'doubt',
          `the weights overfit: loss ${last.trainLoss.toFixed(2)} on their own images, ${last.validLoss.toFixed(2)} on ` +
            `the validation part, where it was ${least.toFixed(2)} before`,
          'search for fewer epochs, move the images with --augmentation standard, or use more data'
        )
      ]
    : []
}

/** How far the difference quotient was from the derivative, where that was logged. */
export const quotient = ({ config, epochs }: Evidence): readonly Clause[] => {
  const found = epochs.flatMap(epoch => epoch.quotient ?? [])
  if (found.length === 0) return []
  const [error, cosine] = [mean(found.map(one => one.error)), mean(found.map(one => one.cosine))]
  const text = `the difference quotient of the harmony has cosine ${cosine.toFixed(2)} with its derivative, and differs from it by ${error.toPrecision(2)} times its norm`
  const followed = config.method === 'lambda-darts' && config.derivative === 'fd'
  return followed && error > 1
    ? [clause('quotient', 'doubt', `${text}: the weights followed something else`, 'search with --derivative exact')]
    : [clause('quotient', 'good', text)]
}
