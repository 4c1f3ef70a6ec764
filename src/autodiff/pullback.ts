/** Reverse accumulation: the one loop that all derivatives are made of. */
import { topological } from './graph.js'
import { broadcastTo } from './ops/broadcast.js'
import { tensor } from './ops/core.js'
import { add } from './ops/pointwise.js'
import { fail } from './shape.js'
import type { Tensor } from './tensor.js'

export const zerosLike = (x: Tensor): Tensor => broadcastTo(tensor(0), x.shape)

/**
 * Cotangents of `targets` from cotangents of `outputs`: reverse accumulation over the nodes between them. `undefined`:
 * no path at all. A node carries a cotangent if it is f32 and depends on a target through derivatives that are not
 * identically zero. Nothing is pulled through the nodes of `boundary`.
 */
export const pullBack = (
  outputs: readonly Tensor[],
  cotangents: readonly Tensor[],
  targets: readonly Tensor[],
  boundary: readonly Tensor[] = []
): (Tensor | undefined)[] => {
  const isTarget = new Set(targets)
  const isEnd = new Set([...targets, ...boundary])
  const order = topological(outputs, node => isEnd.has(node))
  const reached = new Set<Tensor>()
  const active = new Set<Tensor>()
  for (const node of order) {
    if (isTarget.has(node)) {
      reached.add(node)
      active.add(node)
    }
    if (isEnd.has(node)) continue
    if (node.inputs.some(input => reached.has(input))) reached.add(node)
    if (node.dtype === 'f32' && node.primitive.vjp !== 'zero' && node.inputs.some(input => active.has(input)))
      active.add(node)
  }
  const sums = new Map<Tensor, Tensor>()
  const accumulate = (node: Tensor, cotangent: Tensor) => {
    const before = sums.get(node)
    sums.set(node, before ? add(before, cotangent) : cotangent)
  }
  outputs.forEach((output, i) => {
    if (active.has(output)) accumulate(output, cotangents[i] as Tensor)
  })
  for (let i = order.length - 1; i >= 0; i--) {
    const node = order[i] as Tensor
    const g = sums.get(node)
    if (!g || isEnd.has(node)) continue
    const { vjp, name } = node.primitive
    if (vjp === undefined || vjp === 'zero')
      return fail(
        'a derivative',
        `a vjp for every primitive on the way`,
        `'${name}' without one`,
        'stop the gradient before it with stopGradient, or give it a rule with customVjp'
      )
    vjp(g, node.inputs, node.attributes, node).forEach((cotangent, k) => {
      const input = node.inputs[k] as Tensor
      if (cotangent && active.has(input)) accumulate(input, cotangent)
    })
  }
  return targets.map(target => sums.get(target) ?? (reached.has(target) ? zerosLike(target) : undefined))
}
