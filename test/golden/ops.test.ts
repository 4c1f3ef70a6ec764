/** Every golden operation: value, vjp, second derivative and forward mode, in float64 on the reference. */
import { describe, expect, it } from 'vitest'
import { jvp, vjp } from '../../src/autodiff/grad.js'
import { interpret } from '../../src/autodiff/interpret.js'
import { dot } from '../../src/autodiff/nn.js'
import * as $ from '../../src/autodiff/ops/index.js'
import type { Tensor } from '../../src/autodiff/tensor.js'
import { builders, type Case } from './cases.js'
import { expectClose } from './close.js'
import { goldenFiles } from './files.js'
import type { GoldenTensor, Safetensors } from './safetensors.js'

const FLOAT64 = 1e-10

const asConstant = ({ data, shape, dtype }: GoldenTensor): Tensor => $.tensor(data, shape, dtype === 'I32' ? 'i32' : 'f32')

/** What a case must reproduce: the name in the file, and the tensor that claims to be it. */
const claims = (name: string, { op, attrs, inputs, constants }: Case, { tensors }: Safetensors): [string, Tensor][] => {
  const build = builders[op]
  if (!build) throw new Error(`a builder for the golden operation '${op}' is missing in cases.ts; add one`)
  const named = (suffix: string) => asConstant(tensors.get(`${name}/${suffix}`) as GoldenTensor)
  const list = (prefix: string) => inputs.map((_, k) => named(`${prefix}.${inputs[k]}`))
  const f = (...x: readonly Tensor[]) => build(x, attrs, constants.map(key => named(`const.${key}`)))
  const [x, u, cotangent] = [list('in'), list('u'), named('ct')]
  const pulled = (...y: readonly Tensor[]) => vjp(f, ...y)[1](cotangent, { unreached: 'zero' })
  const [, second] = vjp((...y: readonly Tensor[]) => pulled(...y).map((g, k) => dot(g, u[k] as Tensor)).reduce((a, b) => $.add(a, b)), ...x)
  return [
    ['out', f(...x)],
    ['jvp', jvp(f, x, u)[1]],
    ...pulled(...x).map((g, k): [string, Tensor] => [`vjp.${inputs[k]}`, g]),
    ...second($.tensor(1), { unreached: 'zero' }).map((g, k): [string, Tensor] => [`hvp.${inputs[k]}`, g])
  ]
}

const files = goldenFiles('ops')
it('finds golden operations', () => expect(files.length).toBeGreaterThan(0))

describe.each(files)('$name', ({ read }) => {
  const file = read()
  const cases = Object.entries(file.metadata).filter(([, text]) => text.startsWith('{"op"'))
  it.each(cases)('%s', (name, text) => {
    const golden: Case = JSON.parse(text)
    if (golden.op === 'block') return
    const checked = claims(name, golden, file)
    const values = interpret(checked.map(([, claim]) => claim))
    checked.forEach(([what], i) => {
      expectClose(`${name}/${what}`, (values[i] as { data: Float64Array }).data, (file.tensors.get(`${name}/${what}`) as GoldenTensor).data, FLOAT64)
    })
  })
})
