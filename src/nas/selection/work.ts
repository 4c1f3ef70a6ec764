/** How much a selection by perturbation has to do, known before it begins, and what that costs beside the search. */
import { stepOptions } from '../configuration/config.js'
import type { SearchConfig } from '../configuration/options.js'
import type { Space } from '../space/space.js'
import { type Decision, type Projection, planOf, project, removalsFor } from './perturbation.js'
import { type SelectionOptions, type SelectionPlace, selectionStart } from './selection.js'

/** Evaluations of the whole validation part, and epochs of training. */
export interface SelectionWork {
  readonly evaluations: number
  readonly epochs: number
}

/** Candidates that are judged for a decision, and the projection after it: their number is the same whatever is kept. */
const judged = (space: Space, projection: Projection, decision: Decision): readonly [number, Projection] => {
  const [first, ...others] = removalsFor(space, projection, decision)
  if (first === undefined) return [0, projection]
  const [more, last] = judged(space, project(projection, decision, first), decision)
  return [1 + others.length + more, last]
}

/** What a selection has left to do, from a place. */
export const selectionWork = (
  space: Space,
  { key, criterion, interval }: Pick<SelectionOptions, 'key' | 'criterion' | 'interval'>,
  { projection, rounds, trained }: SelectionPlace = selectionStart(space)
): SelectionWork => {
  const plan = planOf(space, key)
  const left = plan.slice(rounds)
  const epochs = left.reduce((sum, _, i) => sum + (rounds + i + 1 < plan.length ? interval : 1), 0)
  const [evaluations] = left
    .slice(trained > 0 ? 1 : 0)
    .flat()
    .reduce<readonly [number, Projection]>(
      ([sum, before], decision) => {
        const [count, after] = judged(space, before, decision)
        return [sum + count, after]
      },
      [0, projection]
    )
  return { evaluations: criterion === 'magnitude' ? 0 : evaluations, epochs: Math.max(0, epochs - trained) }
}

/** A training step on a batch of weights and one of alpha, in forward passes of a batch: what its arithmetic comes to. */
export const TUNING_PASSES = 5

/**
 * What a step of the search costs, in forward passes of a batch: by the arithmetic of the compiled steps, to some tenth
 * of it. A quotient is two passes forward and back more; each inner step of iDARTS is one, each term of its series two.
 */
export const forwardPasses = (config: SearchConfig): number => {
  const { method, regularised, derivative } = { ...config, ...stepOptions(config) }
  if (method === 'darts2') return 13
  if (method === 'idarts') return 3 + 3 * config.innerSteps + 6 * (config.neumann + 1)
  return TUNING_PASSES + (regularised ? { fd: 6, exact: 4 }[derivative] : 0)
}
