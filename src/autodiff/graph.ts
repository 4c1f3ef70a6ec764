/** Graphs: nodes in an order that can be computed, and what people look at (`showGraph`, counts). */
import { type NdArray, valuesText } from './ndarray.js'
import { show as showAval, sizeOf } from './shape.js'
import type { Tensor } from './tensor.js'

/** A graph is its outputs; all else is reached from them. Dead code is what is not. */
export interface Graph {
  readonly inputs: readonly Tensor[]
  readonly outputs: readonly Tensor[]
}

/**
 * All nodes that the outputs depend on, each after its inputs. Without recursion: graphs are tens of thousands of nodes
 * deep.
 */
export const topological = (outputs: readonly Tensor[], stop?: (node: Tensor) => boolean): Tensor[] => {
  const order: Tensor[] = []
  const seen = new Set<Tensor>()
  /** The way from an output to the node at hand, and how many inputs of each node on it were gone into. */
  const path: Tensor[] = []
  const gone: number[] = []
  const enter = (node: Tensor): void => {
    if (seen.has(node)) return
    seen.add(node)
    path.push(node)
    gone.push(stop?.(node) ? node.inputs.length : 0)
  }
  for (const output of outputs) {
    enter(output)
    while (path.length) {
      const node = path.at(-1) as Tensor
      const next = gone.at(-1) as number
      const input = node.inputs[next]
      gone[gone.length - 1] = next + 1
      if (input) enter(input)
      else {
        order.push(node)
        path.pop()
        gone.pop()
      }
    }
  }
  return order
}

/** How often each primitive occurs. */
export const countNodes = (outputs: readonly Tensor[]): Readonly<Record<string, number>> => {
  const counts: Record<string, number> = {}
  for (const { primitive } of topological(outputs)) counts[primitive.name] = (counts[primitive.name] ?? 0) + 1
  return counts
}

/** The one number that a tensor repeats, if it is a constant scalar or a view of one. */
export const numberOf = (node: Tensor): number | undefined => {
  if (node.primitive.kernel?.kind === 'view') return numberOf(node.inputs[0] as Tensor)
  return node.primitive.name === 'constant' && sizeOf(node.shape) === 1
    ? (node.attributes['value'] as NdArray).data[0]
    : undefined
}

/**
 * What there is to compute: multiply-adds (two each) where a primitive counts them, else an operation an element; views
 * are free.
 */
export const work = (outputs: readonly Tensor[]): number =>
  topological(outputs).reduce((total, node) => {
    const { kernel, flops } = node.primitive
    if (!kernel || kernel.kind === 'view') return total
    return total + (flops?.(node.inputs, node.attributes, node) ?? sizeOf(node.shape))
  }, 0)

/** What a node is told besides its inputs, each by its name, in short. */
export const attributesOf = ({ attributes, primitive: { name } }: Tensor): readonly (readonly [string, string])[] =>
  name === 'input' || name === 'constant'
    ? []
    : Object.entries(attributes).flatMap(([key, value]) =>
        typeof value === 'function' || value === undefined
          ? []
          : [[key, typeof value === 'string' ? value : JSON.stringify(value)] as const]
      )

/** What a leaf is: the name of an input, the values of a constant. Empty of all other nodes. */
export const leafText = ({ attributes, primitive: { name } }: Tensor): string => {
  if (name === 'input') return `'${String(attributes['name'])}'`
  return name === 'constant' ? valuesText(attributes['value'] as NdArray) : ''
}

/** `mul %1 %2`, `sum %1 {axes: [0]}`, `input 'weights.w'`, `constant [1, 2]`; `of` says an input. */
export const operationText = (node: Tensor, of: (input: Tensor) => string): string => {
  const told = attributesOf(node).map(([key, value]) => `${key}: ${value}`)
  const parts = [
    node.primitive.name,
    leafText(node),
    ...node.inputs.map(of),
    told.length > 0 ? `{${told.join(', ')}}` : ''
  ]
  return parts.filter(part => part !== '').join(' ')
}

/** One line a node: `%3 = mul %1 %2 : f32[2,3]`. Inputs have their names, constants their values. */
export const showGraph = (...outputs: readonly Tensor[]): string => {
  const order = topological(outputs)
  const number = new Map(order.map((node, i) => [node, i]))
  const named = (node: Tensor): string => `%${number.get(node)}`
  const lines = order.map(node => `${named(node)} = ${operationText(node, named)} : ${showAval(node)}`)
  return [...lines, `return ${outputs.map(named).join(' ')}`].join('\n')
}
