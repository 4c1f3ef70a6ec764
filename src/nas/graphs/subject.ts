/** What is drawn: a function and what it is given, and its derivatives as functions of the same. */
import { grad } from '../../autodiff/grad.js'
import * as $ from '../../autodiff/ops/index.js'
import { dot } from '../../autodiff/ops/index.js'
import { type Aval, fail } from '../../autodiff/shape.js'
import type { Tensor } from '../../autodiff/tensor.js'
import { leaves, type Tree } from '../../autodiff/tree.js'
import { derivedCell } from '../genotypes/derive.js'
import type { Genotype } from '../genotypes/genotype.js'
import type { Space } from '../space/space.js'
import { SEARCHED, type SingleCell, singleCell } from '../space/supernet.js'

/** Dtypes and shapes of arguments, as a tree. */
export type Avals = Aval | readonly Avals[] | { readonly [key: string]: Avals }

/** A function of trees by its name, and what its arguments are like. */
export interface Subject {
  readonly name: string
  readonly args: { readonly [name: string]: Avals }
  readonly f: (args: { readonly [name: string]: Tree }) => Tree
}

/** How large a cell is drawn. */
export interface CellSize {
  readonly batch: number
  readonly channels: number
  readonly size: number
}

const f32 = (shape: readonly number[]): Aval => ({ shape, dtype: 'f32' })

const subjectOf = (name: string, cell: SingleCell, mixed: boolean, batch: number): Subject => ({
  name,
  args: {
    x: cell.inputs.length === 1 ? f32(cell.inputs[0] as readonly number[]) : cell.inputs.map(f32),
    weights: Object.fromEntries(cell.parameters.map(parameter => [parameter.name, f32(parameter.shape)])),
    ...(mixed ? { mixture: f32(cell.mixture) } : {}),
    ...(cell.noises.length > 0
      ? { noise: Object.fromEntries(cell.noises.map(site => [site.name, f32([batch, ...site.shape])])) }
      : {})
  },
  f: ({ x, weights, mixture, noise = {} }) =>
    cell.apply(
      { weights: weights as Readonly<Record<string, Tensor>>, noise: noise as Readonly<Record<string, Tensor>> },
      mixture as Tensor | undefined,
      leaves(x as Tree)
    )
})

/** A cell as it is searched: every operation of every edge, weighted by a mixture. */
export const cellOfSpace = (space: Space, kind: string, size: CellSize): Subject =>
  subjectOf(
    `the ${kind} cell of ${space.name}`,
    singleCell(space, kind, SEARCHED[space.skeleton.kind], size),
    true,
    size.batch
  )

/** The cell of a genotype: what was chosen. */
export const cellOfGenotype = (genotype: Genotype, kind: string, size: CellSize): Subject =>
  subjectOf(`the ${kind} cell of the genotype`, derivedCell(genotype, kind, size), false, size.batch)

/** A scalar of what a function gives: the scalar that it is, else the mean square of all its results. */
const scalarOf = (results: Tree): Tensor => {
  const [first, ...others] = leaves(results)
  if (!first) return fail('graph', 'a function that gives tensors', 'none', 'return one')
  if (others.length === 0 && first.shape.length === 0) return first
  return [first, ...others].map(y => $.mean($.square(y))).reduce((a, b) => $.add(a, b))
}

/** Whether a derivative can be taken in all of an argument. */
const isSmooth = (part: Avals): boolean =>
  'dtype' in part && typeof part.dtype === 'string'
    ? part.dtype === 'f32'
    : Object.values(part as { readonly [key: string]: Avals }).every(isSmooth)

/** Results by what they are in each argument: `gradient in x`, and of a tree `gradient in weights.w`. */
const named = (what: string, results: { readonly [key: string]: Tree }): { readonly [key: string]: Tree } =>
  Object.fromEntries(Object.entries(results).map(([key, result]) => [`${what} in ${key}`, result]))

/**
 * The derivative of an order: 0 the function itself; 1 the gradient of its result (of the mean square of what is no
 * scalar) in all arguments; 2 the Hessian of that times a direction, which is one more argument.
 */
export const derivativeOf = ({ name, args, f }: Subject, order: number): Subject => {
  if (order === 0) return { name, args, f }
  const smooth = Object.keys(args).filter(key => isSmooth(args[key] as Avals))
  if (smooth.length === 0)
    return fail('graph', 'an argument of dtype f32 to differentiate in', Object.keys(args).join(', '), 'draw --order 0')
  const partOf = (all: { readonly [key: string]: Tree }) =>
    Object.fromEntries(smooth.map(key => [key, all[key] as Tree]))
  const gradient = (all: { readonly [key: string]: Tree }) =>
    grad((part: { readonly [key: string]: Tree }) => scalarOf(f({ ...all, ...part })), { unreached: 'zero' })(
      partOf(all)
    )
  if (order === 1) return { name: `the gradient of ${name}`, args, f: all => named('gradient', gradient(all)) }
  const direction = Object.fromEntries(smooth.map(key => [key, args[key] as Avals]))
  return {
    name: `the second derivative of ${name}`,
    args: { ...args, direction },
    f: ({ direction: along, ...all }) => {
      const slopeAlong = (part: { readonly [key: string]: Tree }) => {
        const slopes = leaves(gradient({ ...all, ...part }))
        return leaves(along as Tree)
          .map((v, i) => dot($.reshape(slopes[i] as Tensor, [-1]), $.reshape(v, [-1])))
          .reduce((a, b) => $.add(a, b))
      }
      return named('second derivative', grad(slopeAlong, { unreached: 'zero' })(partOf(all)))
    }
  }
}
