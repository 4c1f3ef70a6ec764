// What docs/course/03-vjp-rules.md exports. Written by `npm run course -- --pictures`: change it there.

import { $, type Tensor } from 'lambda-darts'
import { ordered } from './02-the-graph.js'

/** What each of `targets` receives from the cotangent g of `output`: nothing, where no path leads to it. */
export const pullBack = (output: Tensor, g: Tensor, targets: readonly Tensor[]): (Tensor | undefined)[] => {
  const received = new Map<Tensor, Tensor>([[output, g]])
  for (const node of ordered(output).reverse()) {
    const arrived = received.get(node)
    const rule = node.primitive.vjp
    if (!arrived || node.inputs.length === 0 || targets.includes(node) || rule === 'zero') continue
    if (!rule) throw new Error(`'${node.primitive.name}' has no rule`)
    rule(arrived, node.inputs, node.attributes, node).forEach((passed, k) => {
      const input = node.inputs[k] as Tensor
      const before = received.get(input)
      if (passed) received.set(input, before ? $.add(before, passed) : passed)
    })
  }
  return targets.map(target => received.get(target))
}
