/** Graphs: nodes in an order that can be computed, and what people look at (`showGraph`, `toDot`, counts). */
import type { NdArray } from './ndarray.js'
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

const attributeText = (node: Tensor): string => {
  const entries = Object.entries(node.attributes).filter(
    ([key, value]) => key !== 'value' && key !== 'aval' && typeof value !== 'function'
  )
  return entries.length
    ? ` {${entries.map(([key, value]) => `${key}: ${typeof value === 'string' ? value : JSON.stringify(value)}`).join(', ')}}`
    : ''
}

/** One line a node: `%3 = mul %1 %2 : f32[2,3]`. */
export const showGraph = (...outputs: readonly Tensor[]): string => {
  const order = topological(outputs)
  const number = new Map(order.map((node, i) => [node, i]))
  const lines = order.map(
    (node, i) =>
      `%${i} = ` +
      `${[node.primitive.name, ...node.inputs.map(input => `%${number.get(input)}`)].join(' ')}${attributeText(node)} ` +
      `: ${showAval(node)}`
  )
  return [...lines, `return ${outputs.map(output => `%${number.get(output)}`).join(' ')}`].join('\n')
}

/** The graph in Graphviz' dot language. */
export const toDot = (...outputs: readonly Tensor[]): string => {
  const order = topological(outputs)
  const number = new Map(order.map((node, i) => [node, i]))
  const quote = (text: string) => `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
  return [
    'digraph {',
    ...order.map(
      (node, i) =>
        `  n${i} ` +
        `[label=${quote(`${node.primitive.name}${attributeText(node)} ${showAval(node)}`)}${outputs.includes(node) ? ' peripheries=2' : ''}]`
    ),
    ...order.flatMap((node, i) => node.inputs.map(input => `  n${number.get(input)} -> n${i}`)),
    '}'
  ].join('\n')
}
