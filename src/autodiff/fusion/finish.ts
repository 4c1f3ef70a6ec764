/** Pointwise nodes that finish a fold's results where they arise. */
import { numberOf } from '../graph.js'
import type { Tensor } from '../tensor.js'
import { kindOf } from './roots.js'

/**
 * Pointwise nodes that alone consume a fold's results, one after another, and need else only numbers and what is there
 * before the fold: by the last of them, which is stored in the fold's place, the fold. What is no sooner there than the
 * fold is not waited for: folds of one space are better side by side, and a large operand is not kept.
 */
export const finishes = (
  order: readonly Tensor[],
  outputs: readonly Tensor[]
): { readonly finished: ReadonlyMap<Tensor, Tensor>; readonly finishing: ReadonlySet<Tensor> } => {
  /** Kernels on the longest way to a node. What has fewer than a fold cannot depend on it. */
  const levels = new Map<Tensor, number>()
  /** By node, what alone reads it; undefined: several do. */
  const consumers = new Map<Tensor, Tensor | undefined>()
  for (const node of order) {
    const below = node.inputs.reduce((most, input) => Math.max(most, levels.get(input) as number), 0)
    levels.set(node, below + (kindOf(node) === 'map' || kindOf(node) === 'view' ? 0 : 1))
    for (const input of node.inputs)
      consumers.set(input, consumers.has(input) && consumers.get(input) !== node ? undefined : node)
  }
  const results = new Set(outputs)
  /** The only consumer of a node, past reshapes, and what of the node it reads. */
  const next = (node: Tensor): readonly [Tensor, Tensor] | undefined => {
    const consumer = consumers.get(node)
    if (!consumer || results.has(node)) return undefined
    return consumer.primitive.name === 'reshape' ? next(consumer) : [consumer, node]
  }
  const finished = new Map<Tensor, Tensor>()
  const finishing = new Set<Tensor>()
  for (const fold of order) {
    if (kindOf(fold) !== 'reduce') continue
    const isThere = (node: Tensor) => (levels.get(node) as number) < (levels.get(fold) as number)
    let last = fold
    for (;;) {
      const [consumer, operand] = next(last) ?? []
      const finishes =
        consumer &&
        kindOf(consumer) === 'map' &&
        consumer.dtype === fold.dtype &&
        !finishing.has(consumer) &&
        consumer.inputs.every(input => input === operand || numberOf(input) !== undefined || isThere(input))
      if (!finishes) break
      finishing.add(consumer)
      last = consumer
    }
    if (last !== fold) finished.set(last, fold)
  }
  return { finished, finishing }
}
