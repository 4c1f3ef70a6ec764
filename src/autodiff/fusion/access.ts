/** Where elements of nodes are: in a buffer of their own, or in that of what a node is a view of. */
import type { ShaderKernel, ViewKernel } from '../kernel.js'
import { denseView, type View } from '../ndarray.js'
import type { Tensor } from '../tensor.js'
import { type Access, kindOf } from './roots.js'

/** The operand that passes through a function of its kernel, if it is that operand only. */
export const hooked = (node: Tensor): Tensor | undefined => {
  const { hook } = node.primitive.kernel as ShaderKernel
  const operand = hook === undefined ? undefined : node.inputs[hook]
  return node.inputs.filter(input => input === operand).length === 1 ? operand : undefined
}

export const viewOf = (node: Tensor, view: View): View | undefined =>
  (node.primitive.kernel as ViewKernel).view(view, node.attributes, node)

/**
 * Where each node's elements are: in itself, or in what it is a view of. `stored` are the nodes that have a buffer
 * whatever things cost: all but views and pointwise nodes. A view that strides cannot say is stored: a copy.
 */
export const accesses = (
  order: readonly Tensor[],
  fused: boolean
): { readonly access: (node: Tensor) => Access; readonly stored: readonly Tensor[] } => {
  const stored: Tensor[] = []
  const resolved = new Map<Tensor, Access>()
  const access = (node: Tensor): Access => resolved.get(node) as Access
  for (const node of order) {
    const kind = kindOf(node)
    const below = kind === 'view' ? access(node.inputs[0] as Tensor) : undefined
    const view = below && viewOf(node, below.view)
    if (below ? !view : kind !== 'map' || !fused) stored.push(node)
    resolved.set(node, below && view ? { node: below.node, view } : { node, view: denseView(node.shape) })
  }
  return { access, stored }
}
