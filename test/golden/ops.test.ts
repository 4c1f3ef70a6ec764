/**
 * Every golden operation: value, vjp, second derivative and forward mode, in float64 on the reference and in float32 on
 * the adapter.
 */
import { describe, expect, it } from 'vitest'
import { jvp, vjp } from '../../src/autodiff/grad.js'
import { batchNorm, updateRunning } from '../../src/autodiff/nn.js'
import * as $ from '../../src/autodiff/ops/index.js'
import { dot } from '../../src/autodiff/ops/index.js'
import type { Tensor } from '../../src/autodiff/tensor.js'
import type { HostArray } from '../../src/engine/index.js'
import type { FileTensor, Safetensors } from '../../src/formats/safetensors.js'
import { backends, evaluateOn } from '../backends.js'
import { builders, type Case } from './cases.js'
import { expectClose } from './close.js'
import { goldenFiles } from './files.js'
import { host } from './supernets.js'

/** Relative to the largest entry. */
const tolerance = { reference: 1e-10, gpu: 2e-5 }
const EPSILON = 2 ** -24

/**
 * A softmax that is nearly 0 and 1 has a derivative y (g - sum of g y) whose terms are much larger than it: each comes
 * with the roundings of an exponential, a sum, a quotient and a product. Relative to the largest entry, as the
 * tolerance.
 */
const cancellation = (golden: Case, name: string, key: string, { tensors }: Safetensors): number => {
  if (golden.op !== 'softmax' || !key.startsWith('vjp.')) return 0
  const [y, g, derivative] = ['out', 'ct', key].map(one =>
    Array.from((tensors.get(`${name}/${one}`) as FileTensor).data)
  )
  const largest = (values: readonly number[] = []) => Math.max(...values.map(Math.abs))
  return (4 * EPSILON * largest(y?.map((value, i) => value * (g?.[i] as number)))) / largest(derivative)
}

/** What a case must reproduce, by its name in the file, computed from all its tensors. */
const claimsOf = (golden: Case, arrays: number, x: readonly Tensor[]): Readonly<Record<string, Tensor>> => {
  const { op, attrs, inputs } = golden
  const build = builders[op]
  if (!build) throw new Error(`a builder for the golden operation '${op}' is missing in cases.ts; add one`)
  const [values, directions, constants] = [x.slice(0, arrays), x.slice(arrays, 2 * arrays), x.slice(2 * arrays + 1)]
  const cotangent = x[2 * arrays] as Tensor
  const f = (...y: readonly Tensor[]) => build(y, golden, constants)
  const out = f(...values)
  const pulled = (...y: readonly Tensor[]) => vjp(f, ...y)[1](cotangent, { unreached: 'zero' })
  const alongDirections = (...y: readonly Tensor[]) =>
    pulled(...y)
      .map((g, k) => dot(g, directions[k] as Tensor))
      .reduce((a, b) => $.add(a, b))
  const second = vjp(alongDirections, ...values)[1]($.tensor(1), { unreached: 'zero' })
  return {
    out,
    jvp: jvp(f, values, directions)[1],
    ...Object.fromEntries(pulled(...values).map((g, k) => [`vjp.${inputs[k]}`, g])),
    ...Object.fromEntries(second.map((g, k) => [`hvp.${inputs[k]}`, g])),
    ...(attrs?.['eps'] !== undefined && op === 'batch_norm_train'
      ? running(values[0] as Tensor, attrs['eps'] as number)
      : {})
  }
}

/** Running statistics after one call, from 0 and 1. */
const running = (x: Tensor, epsilon: number) => {
  const { moments } = batchNorm(x, undefined, epsilon)
  const channels = moments.mean.shape
  return {
    running_mean: updateRunning($.broadcastTo($.tensor(0), channels), moments.mean),
    running_var: updateRunning($.broadcastTo($.tensor(1), channels), moments.variance)
  }
}

const files = goldenFiles('ops')
it('finds golden operations', () => expect(files.length).toBeGreaterThan(0))

describe.each(files)('$name', ({ read }) => {
  const file = read()
  const cases = Object.entries(file.metadata).filter(([, text]) => text.startsWith('{"op"'))
  describe.each(['reference', 'gpu'] as const)('%s', kind => {
    it.each(cases)('%s', async (name, text) => {
      const golden: Case = JSON.parse(text)
      const args = argumentsOf(name, golden, file)
      const names: string[] = []
      const f = (...x: readonly Tensor[]) => {
        const claims = claimsOf(golden, golden.inputs.length, x)
        names.push(...Object.keys(claims))
        return Object.values(claims)
      }
      const values = await evaluateOn(backends[kind], f, args)
      const expected = [...file.tensors.keys()].filter(
        key => key.startsWith(`${name}/`) && !/\/(in|u|const)\.|\/ct$/.test(key)
      )
      expect(names.map(key => `${name}/${key}`).sort()).toEqual(expected.sort())
      names.forEach((key, i) => {
        const label = `${name}/${key}`
        const allowed = tolerance[kind] + (kind === 'gpu' ? cancellation(golden, name, key, file) : 0)
        expectClose(label, (values[i] as HostArray).data, (file.tensors.get(label) as FileTensor).data, allowed)
      })
    })
  })
})

const argumentsOf = (name: string, { inputs, constants }: Case, { tensors }: Safetensors): HostArray[] => {
  const keys = [
    ...inputs.map(key => `in.${key}`),
    ...inputs.map(key => `u.${key}`),
    'ct',
    ...(constants ?? []).map(key => `const.${key}`)
  ]
  return keys.map(key => host(tensors.get(`${name}/${key}`) as FileTensor))
}
