/**
 * Passes over graphs: pure functions Graph -> Graph that keep every value, NaN included. They run inside `compile`, after all
 * differentiation. Dead code needs no pass: a graph is what its outputs reach.
 */
import { type Graph, numberOf } from './graph.js'
import { type NdArray, ndarray } from './ndarray.js'
import { broadcastTo, neg, sumOfParts, tensor } from './ops/index.js'
import { interning, type Rule, rewrite } from './rewrite.js'
import { sizeOf } from './shape.js'
import { siblings } from './siblings.js'
import { fewerSums, sumOfBroadcast } from './sums.js'
import type { Tensor } from './tensor.js'

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
      return numberOf(y) === 1 ? x : numberOf(x) === 1 ? y : numberOf(y) === -1 ? neg(x) : numberOf(x) === -1 ? neg(y) : node
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
  if (!kernel || node.inputs.length === 0) return node
  if (kernel.kind === 'map') {
    const values = node.inputs.map(numberOf)
    if (values.every(value => value !== undefined)) {
      const scalars = node.inputs.map((input, i) => ndarray([values[i] as number], [], input.dtype))
      return broadcastTo(
        tensor(reference(scalars, node.attributes, { shape: [], dtype: node.dtype }), [], node.dtype),
        node.shape
      )
    }
  }
  if (kernel.kind === 'view' || sizeOf(node.shape) > LARGEST_FOLDED) return node
  if (!node.inputs.every(input => input.primitive.name === 'constant')) return node
  return tensor(
    reference(
      node.inputs.map(input => input.attributes['value'] as NdArray),
      node.attributes,
      node
    ),
    node.shape,
    node.dtype
  )
}

/**
 * Identities of real numbers that hold for every float but the sign of a zero: x + 0, x - 0, x * 1, x / 1, --x, sums of broadcasts, sums of
 * parts that nowhere meet. Never 0 * x. The nodes that only mattered to differentiation go.
 */
export const algebra = (graph: Graph): Graph => rewrite(graph, identities)

/** Pointwise operations on repeated numbers, and small operations on constants, are done now, in float64. */
export const constants = (graph: Graph): Graph => rewrite(graph, folded)

/** Nodes of one primitive, attributes and inputs become one node. */
export const commonSubexpressions = (graph: Graph): Graph => rewrite(graph, interning())

/** What `compile` applies: all rules on one way through the graph, and once more the identities, for nodes that rules have made. */
export const optimise = (graph: Graph): Graph => {
  const intern = interning()
  return algebra(rewrite(graph, node => intern(folded(identities(node)))))
}

/** What a device computes instead of a graph: fewer kernels, whose results are those of before up to the order in which floats are added. */
export const condensed = (graph: Graph): Graph => siblings(fewerSums(graph))
