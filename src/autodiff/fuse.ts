/**
 * Fusion: which pointwise nodes become part of the kernel of their consumer. A node is inlined where one node alone consumes it, pointwise and
 * at its own shape, or as the operand of a fold; so nothing is computed twice, and what is inlined is neither written nor read.
 *
 * Limits split a group, they never fail: inputs, so that a kernel with its result stays within the storage buffers that every adapter has, and
 * nodes, since the time to compile a kernel grows faster than its length.
 */
import type { DType } from '../kernels/spec.js'
import type { MapKernel } from './kernel.js'
import { sameShape } from './shape.js'
import type { Tensor } from './tensor.js'

/** The default of `maxStorageBuffersPerShaderStage` is 8; one is the result. */
const MOST_INPUTS = 7
const MOST_NODES = 16

/** What one kernel computes at an index: `steps` in order, from the values of `inputs`; the last step is the result. */
export interface Body {
  readonly inputs: readonly Tensor[]
  readonly steps: readonly Tensor[]
}

const isMap = (node: Tensor): boolean => node.primitive.kernel?.kind === 'map'

/**
 * Bodies of the nodes that get a kernel of their own (pointwise roots, and the pointwise producers that a fold swallows), given all nodes in
 * order. Nodes without a body that are pointwise are part of another's.
 */
export const fuse = (order: readonly Tensor[], outputs: readonly Tensor[]): ReadonlyMap<Tensor, Body> => {
  const consumers = new Map<Tensor, Set<Tensor | 'output'>>()
  const consume = (node: Tensor, by: Tensor | 'output') => {
    const known = consumers.get(node) ?? new Set()
    known.add(by)
    consumers.set(node, known)
  }
  for (const node of order) for (const input of node.inputs) consume(input, node)
  for (const output of outputs) consume(output, 'output')

  const bodies = new Map<Tensor, Body>()
  const alone = (node: Tensor) => consumers.get(node)?.size === 1
  for (const node of order) {
    const folds = node.primitive.kernel?.kind === 'reduce'
    if (!isMap(node) && !folds) continue
    const shape = folds ? node.inputs[0]?.shape : node.shape
    let inputs: Tensor[] = [...new Set(node.inputs)]
    let steps: Tensor[] = [node]
    for (const operand of [...inputs]) {
      const body = bodies.get(operand)
      if (!body || !isMap(operand) || !alone(operand) || !sameShape(operand.shape, shape as readonly number[])) continue
      const merged = [...new Set([...inputs.filter(input => input !== operand), ...body.inputs])]
      if (merged.length > MOST_INPUTS || steps.length + body.steps.length > MOST_NODES) continue
      inputs = merged
      steps = [...body.steps, ...steps]
      bodies.delete(operand)
    }
    bodies.set(node, { inputs, steps })
  }
  return bodies
}

/** Every node by itself: what a replay that looks for a node runs. */
export const separate = (order: readonly Tensor[]): ReadonlyMap<Tensor, Body> =>
  new Map(order.map(node => [node, { inputs: [...new Set(node.inputs)], steps: [node] }]))

const LETTERS = ['a', 'b', 'c'] as const

/**
 * The WGSL of a body: a function for each kind of step, and `compute`, from the inputs' values to the last step's. Texts are the primitives' own; equal
 * bodies give equal texts, so one pipeline serves them all.
 */
export const computeText = ({ inputs, steps }: Body, dtype: DType): string => {
  const functions = new Map<string, string>()
  const names = new Map<Tensor, string>(inputs.map((input, i) => [input, `x${i}`]))
  const lines = steps.filter(isMap).map((step, i) => {
    const expression = (step.primitive.kernel as MapKernel).expression(step.attributes)
    const parameters = step.inputs.map((input, k) => `${LETTERS[k]}: ${input.dtype}`).join(', ')
    const text = `(${parameters}) -> ${step.dtype} { return ${expression}; }`
    const name = functions.get(text) ?? `f${functions.size}`
    functions.set(text, name)
    const call = `${name}(${step.inputs.map(input => names.get(input)).join(', ')})`
    names.set(step, `y${i}`)
    return `  let y${i} = ${call};`
  })
  return [
    `alias Value = ${dtype};`,
    ...[...functions].map(([text, name]) => `fn ${name}${text}`),
    `fn compute(${inputs.map((input, i) => `x${i}: ${input.dtype}`).join(', ')}) -> Value {`,
    ...lines,
    `  return ${lines.length ? `y${lines.length - 1}` : 'x0'};`,
    '}'
  ].join('\n')
}

/** The op block of the plain maps and folds: bindings of the inputs, and `value`, which loads them at `at[1]`, `at[2]`, ... and computes. */
export const loadText = (compute: string, inputs: readonly DType[]): string =>
  [
    compute,
    `const OPERANDS = ${inputs.length + 1}u;`,
    ...inputs.map((dtype, i) => `@group(0) @binding(${i + 2}) var<storage, read> in${i}: array<${dtype}>;`),
    `fn value(at: array<u32, OPERANDS>) -> Value { return compute(${inputs.map((_, i) => `in${i}[at[${i + 1}]]`).join(', ')}); }`
  ].join('\n')

/** `compute` of a copy, and of a constant. */
export const copyText = (dtype: DType): string => `alias Value = ${dtype};\nfn compute(x0: ${dtype}) -> Value { return x0; }`
export const constantText = (dtype: DType, expression: string): string =>
  `alias Value = ${dtype};\nfn compute() -> Value { return ${expression}; }`
