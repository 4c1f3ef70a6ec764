/** The reference backend: evaluates graphs in float64 on the CPU. Slow, and what everything else is held to. */
import { topological } from './graph.js'
import type { NdArray } from './ndarray.js'
import { show, sizeOf } from './shape.js'
import type { Tensor } from './tensor.js'
import { isTensor } from './tensor.js'
import { leaves, rebuild, type Tree, type WithLeaves } from './tree.js'

/** What a node computes of the values of its inputs. */
export type Compute = (node: Tensor, inputs: readonly NdArray[]) => NdArray['data']
export const reference: Compute = (node, inputs) => node.primitive.reference(inputs, node.attributes, node)

/**
 * The values of `outputs`, given values of the inputs they depend on. An intermediate is dropped after its last use.
 * `observe` is told of each value; `compute` may be another arithmetic than the reference.
 */
export const interpret = (
  outputs: readonly Tensor[],
  bindings: ReadonlyMap<Tensor, NdArray> = new Map(),
  observe?: (node: Tensor, value: NdArray) => void,
  compute: Compute = reference
): NdArray[] => {
  const order = topological(outputs, node => bindings.has(node))
  const lastUse = new Map<Tensor, number>()
  order.forEach((node, i) => {
    for (const input of node.inputs) lastUse.set(input, i)
  })
  for (const output of outputs) lastUse.set(output, Number.POSITIVE_INFINITY)
  const values = new Map<Tensor, NdArray>()
  order.forEach((node, i) => {
    const value: NdArray = bindings.get(node) ?? {
      shape: node.shape,
      dtype: node.dtype,
      data: compute(
        node,
        node.inputs.map(input => values.get(input) as NdArray)
      )
    }
    if (value.dtype !== node.dtype || value.data.length !== sizeOf(node.shape))
      throw new Error(
        `${node.primitive.name} requires a value ${show(node)}, but got ${show(value)}; bind an array of that ` +
          'dtype and shape'
      )
    observe?.(node, value)
    values.set(node, value)
    for (const input of node.inputs) if (lastUse.get(input) === i) values.delete(input)
  })
  return outputs.map(output => values.get(output) as NdArray)
}

/**
 * The values of a tree of tensors without inputs, in float64.
 * @example evaluate(grad(f)(x)).data.length // 12
 */
export const evaluate = <T extends Tree>(tree: T): WithLeaves<T, NdArray> =>
  rebuild(tree, isTensor, interpret(leaves(tree))) as WithLeaves<T, NdArray>
