/**
 * Passes over graphs: pure functions Graph -> Graph that keep every value, NaN included. They run inside `compile`,
 * after all differentiation. Dead code needs no pass: a graph is what its outputs reach.
 */

import { sumOfParts } from './assemble.js'
import { type Graph, numberOf, topological } from './graph.js'
import { holds } from './leaves.js'
import { type NdArray, ndarray } from './ndarray.js'
import { withInputs } from './node.js'
import { broadcastTo, mul, neg, reshape, tensor } from './ops/index.js'
import { type Shape, sizeOf } from './shape.js'
import type { Tensor } from './tensor.js'

/** What stands for a node, whose inputs have been replaced already. */
type Rule = (node: Tensor) => Tensor

/** Rebuilds a graph from its leaves. */
const rewrite = ({ inputs, outputs }: Graph, rule: Rule): Graph => {
  const renewed = new Map<Tensor, Tensor>()
  for (const node of topological(outputs)) {
    const parents = node.inputs.map(input => renewed.get(input) as Tensor)
    renewed.set(node, rule(parents.every((parent, i) => parent === node.inputs[i]) ? node : withInputs(node, parents)))
  }
  return { inputs, outputs: outputs.map(output => renewed.get(output) as Tensor) }
}

/** A sum over axes along which its operand only repeats is a product. */
const sumOfBroadcast = (node: Tensor): Tensor => {
  const [wide] = node.inputs as readonly [Tensor]
  if (wide.primitive.name !== 'broadcast' || node.dtype !== 'f32') return node
  const [narrow] = wide.inputs as readonly [Tensor]
  const missing = wide.shape.length - narrow.shape.length
  const axes = node.attributes['axes'] as readonly number[]
  if (!axes.every(axis => axis < missing || narrow.shape[axis - missing] === 1)) return node
  const count = axes.reduce((product, axis) => product * (wide.shape[axis] as number), 1)
  const kept = narrow.shape.filter((_, axis) => !axes.includes(axis + missing))
  return mul(broadcastTo(reshape(narrow, kept), node.shape), count)
}

const identities: Rule = node => {
  const [x, y] = node.inputs as readonly [Tensor, Tensor]
  switch (node.primitive.name) {
    case 'alias':
    case 'stop_gradient':
    case 'custom_vjp':
      return x
    case 'add':
      return numberOf(y) === 0 ? x : numberOf(x) === 0 ? y : (sumOfParts(x, y) ?? node)
    case 'sub':
      return numberOf(y) === 0 ? x : node
    case 'mul':
      return numberOf(y) === 1
        ? x
        : numberOf(x) === 1
          ? y
          : numberOf(y) === -1
            ? neg(x)
            : numberOf(x) === -1
              ? neg(y)
              : node
    case 'div':
      return numberOf(y) === 1 ? x : node
    case 'neg':
      return x.primitive.name === 'neg' ? (x.inputs[0] as Tensor) : node
    case 'sum':
      return sumOfBroadcast(node)
    default:
      return node
  }
}

/** Constants of more elements than this are computed by the device. */
const LARGEST_FOLDED = 4096

const folded: Rule = node => {
  const { kernel, reference } = node.primitive
  /** What float64 holds and the dtype does not is left to the device, which gives an infinity. */
  const known = (data: NdArray['data'], shape: Shape): Tensor | undefined =>
    data.every(value => holds(node.dtype, value)) ? tensor(data, shape, node.dtype) : undefined
  if (!kernel || node.inputs.length === 0) return node
  if (kernel.kind === 'map') {
    const values = node.inputs.map(numberOf)
    if (values.every(value => value !== undefined)) {
      const scalars = node.inputs.map((input, i) => ndarray([values[i] as number], [], input.dtype))
      const result = known(reference(scalars, node.attributes, { shape: [], dtype: node.dtype }), [])
      return result ? broadcastTo(result, node.shape) : node
    }
  }
  if (kernel.kind === 'view' || sizeOf(node.shape) > LARGEST_FOLDED) return node
  if (!node.inputs.every(input => input.primitive.name === 'constant')) return node
  const values = node.inputs.map(input => input.attributes['value'] as NdArray)
  return known(reference(values, node.attributes, node), node.shape) ?? node
}

/**
 * The rule that knows what it has seen: an equal node of before stands for each, and for those beneath it that other
 * rules have made.
 */
const interning = (): Rule => {
  const numbers = new Map<Tensor, number>()
  const known = new Map<string, Tensor>()
  const intern: Rule = node => {
    if (numbers.has(node)) return node
    const inputs = node.inputs.map(intern)
    const { name } = node.primitive
    const attributes =
      name === 'constant' ? constantKey(node.attributes['value'] as NdArray) : JSON.stringify(node.attributes)
    const key =
      name === 'input'
        ? undefined
        : `${name} ${inputs.map(input => numbers.get(input)).join()} ${attributes} ${node.dtype}`
    const twin = key === undefined ? undefined : known.get(key)
    if (twin) return twin
    const own = inputs.every((input, i) => input === node.inputs[i]) ? node : withInputs(node, inputs)
    if (key !== undefined) known.set(key, own)
    numbers.set(own, numbers.size)
    return own
  }
  return intern
}

/** `-0` and `0` are different constants, and all NaN are one. */
const constantKey = ({ data, shape }: NdArray): string =>
  `[${shape}] ${Array.from(data, value => (Object.is(value, -0) ? '-0' : String(value))).join()}`

/**
 * Identities of real numbers that hold for every float but the sign of a zero: x + 0, x - 0, x * 1, x / 1, --x, sums of
 * broadcasts, sums of parts that nowhere meet. Never 0 * x. The nodes that only mattered to differentiation go.
 */
export const algebra = (graph: Graph): Graph => rewrite(graph, identities)

/** Pointwise operations on repeated numbers, and small operations on constants, are done now, in float64. */
export const constants = (graph: Graph): Graph => rewrite(graph, folded)

/** Nodes of one primitive, attributes and inputs become one node. */
export const commonSubexpressions = (graph: Graph): Graph => rewrite(graph, interning())

/**
 * What `compile` applies: all rules on one way through the graph, and once more the identities, for nodes that rules
 * have made.
 */
export const optimise = (graph: Graph): Graph => {
  const intern = interning()
  return algebra(rewrite(graph, node => intern(folded(identities(node)))))
}
