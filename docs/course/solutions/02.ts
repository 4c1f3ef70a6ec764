/** Solutions of the exercises of chapter 2. */
import { $, type Shape, type Tensor } from 'lambda-darts'
import { ordered } from '../02-the-graph.js'

/** As reverse accumulation with ones for partial derivatives, but forwards: each node adds up what its inputs have. */
export const paths = (output: Tensor, x: Tensor): number => {
  const counts = new Map<Tensor, number>()
  for (const node of ordered(output)) {
    const through = node.inputs.reduce((sum, input) => sum + (counts.get(input) as number), 0)
    counts.set(node, node === x ? 1 : through)
  }
  return counts.get(output) as number
}

export const depth = (output: Tensor): number => {
  const depths = new Map<Tensor, number>()
  for (const node of ordered(output)) {
    const below = node.inputs.map(input => depths.get(input) as number)
    depths.set(node, below.length === 0 ? 0 : 1 + Math.max(...below))
  }
  return depths.get(output) as number
}

/** Axes that were added in front, and axes that were stretched, are summed; the reshape gives extents of 1 back. */
export const unbroadcast = (g: Tensor, shape: Shape): Tensor => {
  const added = g.shape.length - shape.length
  const axes = [...g.shape.keys()].filter(axis => axis < added || (shape[axis - added] === 1 && g.shape[axis] !== 1))
  return $.reshape($.sum(g, axes), shape)
}

/** A list of what is to be done: a node comes back when its inputs are done. */
export const orderedOf = (output: Tensor): Tensor[] => {
  const order = new Set<Tensor>()
  const waiting = [output]
  while (waiting.length > 0) {
    const node = waiting.at(-1) as Tensor
    const missing = node.inputs.filter(input => !order.has(input))
    if (missing.length === 0) {
      order.add(node)
      waiting.pop()
    } else waiting.push(...missing)
  }
  return [...order]
}
