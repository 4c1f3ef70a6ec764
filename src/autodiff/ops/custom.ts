/** Functions with a derivative of the user's own. */

import * as E from 'fp-ts/lib/Either.js'
import { topological } from '../graph.js'
import { alias } from '../leaves.js'
import type { NdArray } from '../ndarray.js'
import { bind, primitive } from '../primitive.js'
import { pullBack } from '../pullback.js'
import { type Aval, checkFunction, describe, fail, sameShape } from '../shape.js'
import { type Primitive, requireTensor, type Tensor } from '../tensor.js'

/** A user's pull-back: the cotangent, the arguments and the result give one cotangent for each argument. */
export type Backward = (g: Tensor, args: readonly Tensor[], out: Tensor) => readonly Tensor[]

/**
 * Its first input is the value. That carries no cotangent: the other inputs, which are all that the value depends on,
 * get theirs from `pull`.
 */
const customVjpPrimitive: Primitive<{
  readonly pull: (g: Tensor, inputs: readonly Tensor[], out: Tensor) => readonly (Tensor | null)[]
}> = primitive({
  name: 'custom_vjp',
  shape: ([y]) => E.right({ shape: (y as Aval).shape, dtype: (y as Aval).dtype }),
  reference: ([y]) => (y as NdArray).data,
  kernel: { kind: 'view', view: y => y },
  vjp: (g, [, ...inputs], { pull }, out) => [null, ...pull(g, inputs, out)],
  batch: (inputs, { pull }, out, { map }) =>
    bind(out.primitive, inputs, {
      pull: (g: Tensor, args: readonly Tensor[], y: Tensor) =>
        map((one, value, ...rest) => pull(one as Tensor, rest, value as Tensor), [g, y, ...args])
    })
})

/** What `value` depends on besides `args`: the nodes where another graph enters the one between them. */
const closedOver = (value: Tensor, args: readonly Tensor[]): Tensor[] => {
  const inside = new Set<Tensor>(args)
  const entries = new Set<Tensor>()
  for (const node of topological([value], node => inside.has(node))) {
    if (!node.inputs.some(input => inside.has(input))) continue
    inside.add(node)
    for (const input of node.inputs) if (!inside.has(input)) entries.add(input)
  }
  return (inside.has(value) ? [...entries] : [value]).filter(
    ({ dtype, primitive: { name } }) => dtype === 'f32' && name !== 'constant'
  )
}

const checked = (args: readonly Tensor[], pulled: readonly Tensor[]): readonly Tensor[] => {
  if (!Array.isArray(pulled) || pulled.length !== args.length)
    fail(
      'customVjp',
      `one cotangent for each of the ${args.length} arguments`,
      Array.isArray(pulled) ? `${pulled.length}` : describe(pulled),
      'return a list as long as the arguments'
    )
  pulled.forEach((cotangent, i) => {
    const { shape } = args[i] as Tensor
    if (!sameShape(requireTensor('customVjp', cotangent).shape, shape))
      fail(
        'customVjp',
        `a cotangent of the argument's shape [${shape.join(',')}]`,
        `[${cotangent.shape.join(',')}]`,
        `check what the rule returns for argument ${i}`
      )
  })
  return pulled
}

/**
 * `f` with a derivative of the user's own. The rule is written in tensors, so it can be differentiated again; it must
 * be linear in `g`. Tensors that `f` closes over keep the derivative that `f` has in them, to every order.
 * @example
 * // The straight-through estimator: sign forward, identity backward.
 * const binarise = $.customVjp(x => $.sign(x), g => [g])
 * grad(binarise)($.tensor(-0.5)) // 1
 */
export const customVjp =
  (f: (...args: readonly Tensor[]) => Tensor, backward: Backward) =>
  (...args: readonly Tensor[]): Tensor => {
    checkFunction('customVjp', f)
    checkFunction('customVjp', backward)
    // Aliases, so that no path from the value to what is closed over goes through an argument.
    const own = args.map(alias)
    const value = requireTensor('customVjp', f(...own))
    const others = closedOver(value, own)
    const pull = (g: Tensor, inputs: readonly Tensor[], out: Tensor) => [
      ...checked(args, backward(g, inputs.slice(0, args.length), out)),
      ...pullBack([value], [g], others, own).map(cotangent => cotangent ?? null)
    ]
    return bind(customVjpPrimitive, [value, ...args, ...others], { pull })
  }
