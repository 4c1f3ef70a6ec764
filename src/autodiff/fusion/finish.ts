/** Pointwise nodes that finish a fold's results where they arise. */
import type { Tensor } from '../tensor.js'
import { kindOf } from './roots.js'

/**
 * Pointwise nodes that alone consume a fold's results, one after another: by the last of them, which is stored in the fold's place, the fold. What
 * else they need cannot depend on the fold, since all that does so passes through the last.
 */
export const finishes = (
  order: readonly Tensor[],
  outputs: readonly Tensor[]
): { readonly finished: ReadonlyMap<Tensor, Tensor>; readonly finishing: ReadonlySet<Tensor> } => {
  /** By node, what alone reads it; undefined: several do. */
  const consumers = new Map<Tensor, Tensor | undefined>()
  for (const node of order) {
    for (const input of node.inputs)
      consumers.set(input, consumers.has(input) && consumers.get(input) !== node ? undefined : node)
  }
  const results = new Set(outputs)
  /** The only consumer of a node, past reshapes. */
  const next = (node: Tensor): Tensor | undefined => {
    const consumer = consumers.get(node)
    if (!consumer || results.has(node)) return undefined
    return consumer.primitive.name === 'reshape' ? next(consumer) : consumer
  }
  const finished = new Map<Tensor, Tensor>()
  const finishing = new Set<Tensor>()
  for (const fold of order) {
    if (kindOf(fold) !== 'reduce') continue
    let last = fold
    for (;;) {
      const consumer = next(last)
      if (!consumer || kindOf(consumer) !== 'map' || consumer.dtype !== fold.dtype || finishing.has(consumer)) break
      finishing.add(consumer)
      last = consumer
    }
    if (last !== fold) finished.set(last, fold)
  }
  return { finished, finishing }
}
