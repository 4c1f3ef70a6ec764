/** Of a program that fails, a smaller one that fails too. */
import { input } from '../../src/autodiff/leaves.js'
import type { Tensor } from '../../src/autodiff/tensor.js'
import { type FuzzProgram, valuesOf } from './program.js'

/** Without steps and arguments that no result needs. */
export const needed = (program: FuzzProgram): FuzzProgram => {
  const { args, steps, results } = program
  const live = new Set(results)
  steps.forEach((_, i) => {
    const at = steps.length - 1 - i
    if (live.has(args.length + at)) for (const value of steps[at]?.of ?? []) live.add(value)
  })
  const kept = [...args, ...steps].map((_, value) => live.has(value))
  const place = (value: number): number => kept.slice(0, value).filter(Boolean).length
  return {
    ...program,
    args: args.filter((_, i) => kept[i]),
    steps: steps.filter((_, i) => kept[args.length + i]).map(step => ({ ...step, of: step.of.map(place) })),
    results: results.map(place)
  }
}

/** The values of a program as abstract tensors; undefined if a shape does not fit. */
const avals = (program: FuzzProgram): readonly Tensor[] | undefined => {
  try {
    return valuesOf(
      program,
      program.args.map(({ shape, fill }, i) => input({ shape, dtype: fill === 'indices' ? 'i32' : 'f32' }, `v${i}`))
    )
  } catch {
    return undefined
  }
}

/** The program with a step's result as an argument of its own. */
const cutAt = (program: FuzzProgram, step: number, tensors: readonly Tensor[]): FuzzProgram | undefined => {
  const { args, steps, results } = program
  const value = args.length + step
  const tensor = tensors[value] as Tensor
  if (tensor.dtype !== 'f32') return undefined
  // The new argument stands after the others, so that all steps move up by one, and the cut one's value is it.
  const moved = (one: number): number =>
    one === value ? args.length : one < args.length ? one : one < value ? one + 1 : one
  return needed({
    ...program,
    args: [...args, { shape: tensor.shape, fill: 'anything', seed: 1000 + step }],
    steps: steps.toSpliced(step, 1).map(one => ({ ...one, of: one.of.map(moved) })),
    results: results.map(moved)
  })
}

const simpler = (program: FuzzProgram): FuzzProgram[] => {
  const { order, results, cotangent, fused, steps, args } = program
  const tensors = avals(program)
  if (!tensors) return []
  return [
    ...(order > 0 ? [{ ...program, order: (order - 1) as 0 | 1 }] : []),
    ...(results.length > 1 ? results.map(one => needed({ ...program, results: [one] })) : []),
    ...steps.flatMap((_, i) => cutAt(program, i, tensors) ?? []),
    ...steps.flatMap((_, i) => {
      const value = args.length + i
      return order === 0 && results.length === 1 && results[0] !== value && (tensors[value] as Tensor).dtype === 'f32'
        ? [needed({ ...program, results: [value] })]
        : []
    }),
    ...(cotangent === 'numbers' ? [{ ...program, cotangent: 'ones' as const }] : []),
    ...(fused ? [{ ...program, fused: false }] : []),
    // Smaller shapes, where the steps let them be.
    ...args.flatMap(({ shape }, i) =>
      shape.flatMap((extent, axis) =>
        [1, Math.ceil(extent / 2), extent - 1]
          .filter(smaller => smaller < extent && smaller > 0)
          .map(smaller => ({
            ...program,
            args: args.map((arg, k) =>
              k === i || arg.shape[axis] === extent
                ? { ...arg, shape: arg.shape.map((old, a) => (a === axis && old === extent ? smaller : old)) }
                : arg
            )
          }))
      )
    )
  ].filter(one => avals(one) !== undefined)
}

/** The smallest program that is found in so many seconds by taking away one thing after another. */
export const shrink = async (
  program: FuzzProgram,
  fails: (program: FuzzProgram) => Promise<boolean>,
  seconds: number
): Promise<FuzzProgram> => {
  const end = performance.now() + 1000 * seconds
  let smallest = needed(program)
  if (!(await fails(smallest))) return program
  for (let found = true; found && performance.now() < end; ) {
    found = false
    for (const one of simpler(smallest)) {
      if (performance.now() > end) break
      if (!(await fails(one))) continue
      smallest = one
      found = true
      break
    }
  }
  return smallest
}
