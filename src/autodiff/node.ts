/** Nodes as objects: what a tensor says of itself where it is printed. All else of them is data. */
import { attributesOf, leafText } from './graph.js'
import { fail, type Shape, show, sizeOf } from './shape.js'
import type { Attributes, DType, Primitive, Tensor } from './tensor.js'

/** How deep an expression is written out. */
const DEPTH = 2

/** `mul(0.5, tanh(0.5))`: constants of one number by it, inputs by their names, what lies deeper by its shape. */
const expression = (node: Tensor, depth: number): string => {
  const leaf = leafText(node)
  if (leaf !== '')
    return depth === DEPTH || node.primitive.name === 'input' || sizeOf(node.shape) === 1 ? leaf : show(node)
  if (depth === 0) return show(node)
  const told = attributesOf(node).map(([key, value]) => `${key}: ${value}`)
  return `${node.primitive.name}(${[...node.inputs.map(input => expression(input, depth - 1)), ...told].join(', ')})`
}

/** The symbol by which Node asks an object how it shall be printed. */
export const INSPECT: unique symbol = Symbol.for('nodejs.util.inspect.custom')

class TensorNode implements Tensor {
  // Declared, since fields that are defined and then assigned cost twice.
  declare readonly primitive: Primitive
  declare readonly inputs: readonly Tensor[]
  declare readonly attributes: Attributes
  declare readonly shape: Shape
  declare readonly dtype: DType

  constructor(primitive: Primitive, inputs: readonly Tensor[], attributes: Attributes, shape: Shape, dtype: DType) {
    this.primitive = primitive
    this.inputs = inputs
    this.attributes = attributes
    this.shape = shape
    this.dtype = dtype
  }

  /** `f32[2] [1, 2]`, `f32[] mul(x, tanh(x))`. */
  toString(): string {
    return `${show(this)} ${expression(this, DEPTH)}`
  }

  [INSPECT](): string {
    return this.toString()
  }

  /** `x * 2` would be NaN without a word. */
  [Symbol.toPrimitive](hint: string): string {
    return hint === 'number'
      ? fail('arithmetic', 'numbers', `the tensor ${this}`, 'write $.mul(x, 2), $.add(x, 2), and so on')
      : this.toString()
  }

  /** An expression has no numbers to be written, and may be of any size. */
  toJSON(): never {
    return fail('JSON', 'numbers', `the tensor ${this}`, 'evaluate it or read it first, and write its data')
  }
}

/** A node. Whoever has not checked its shape goes by `bind`. */
export const nodeOf = (
  primitive: Primitive,
  inputs: readonly Tensor[],
  attributes: Attributes,
  shape: Shape,
  dtype: DType
): Tensor => new TensorNode(primitive, inputs, attributes, shape, dtype)

/** The same operation of other inputs, like those that it had. */
export const withInputs = ({ primitive, attributes, shape, dtype }: Tensor, inputs: readonly Tensor[]): Tensor =>
  new TensorNode(primitive, inputs, attributes, shape, dtype)
