/** Graphs built anew from their leaves: by a rule for each node, and so that equal nodes are one. */
import { type Graph, topological } from './graph.js'
import type { NdArray } from './ndarray.js'
import type { Tensor } from './tensor.js'

/** What stands for a node, whose inputs have been replaced already. */
export type Rule = (node: Tensor) => Tensor

export const rewrite = ({ inputs, outputs }: Graph, rule: (node: Tensor, before: Tensor) => Tensor): Graph => {
  const renewed = new Map<Tensor, Tensor>()
  for (const node of topological(outputs)) {
    const parents = node.inputs.map(input => renewed.get(input) as Tensor)
    const own = parents.every((parent, i) => parent === node.inputs[i]) ? node : { ...node, inputs: parents }
    renewed.set(node, rule(own, node))
  }
  return { inputs, outputs: outputs.map(output => renewed.get(output) as Tensor) }
}

/** Operations of two operands whose order does not matter, to the last bit. */
const COMMUTATIVE: ReadonlySet<string> = new Set(['add', 'mul'])

/** `-0` and `0` are different constants, and all NaN are one. */
const constantKey = ({ data, shape }: NdArray): string =>
  `[${shape}] ${Array.from(data, value => (Object.is(value, -0) ? '-0' : String(value))).join()}`

/** The rule that knows what it has seen: an equal node of before stands for each, and for those beneath it that other rules have made. */
export const interning = (): ((node: Tensor) => Tensor) => {
  const numbers = new Map<Tensor, number>()
  const known = new Map<string, Tensor>()
  const intern = (node: Tensor): Tensor => {
    if (numbers.has(node)) return node
    const inputs = node.inputs.map(intern)
    const { name } = node.primitive
    const attributes = name === 'constant' ? constantKey(node.attributes['value'] as NdArray) : JSON.stringify(node.attributes)
    const operands = inputs.map(input => numbers.get(input) as number)
    if (COMMUTATIVE.has(name)) operands.sort((a, b) => a - b)
    const key = name === 'input' ? undefined : `${name} ${operands.join()} ${attributes} ${node.dtype}`
    const twin = key === undefined ? undefined : known.get(key)
    if (twin) return twin
    const own = inputs.every((input, i) => input === node.inputs[i]) ? node : { ...node, inputs }
    if (key !== undefined) known.set(key, own)
    numbers.set(own, numbers.size)
    return own
  }
  return intern
}
