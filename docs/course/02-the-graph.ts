// What docs/course/02-the-graph.md exports. Written by `npm run course -- --pictures`: change it there.

import { type Tensor } from 'lambda-darts'

/** The nodes that `output` depends on, and itself, each behind its inputs. */
export const ordered = (output: Tensor, order = new Set<Tensor>()): Tensor[] => {
  if (!order.has(output)) {
    for (const input of output.inputs) ordered(input, order)
    order.add(output)
  }
  return [...order]
}
