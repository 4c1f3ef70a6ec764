/**
 * What `lambda-darts diagnose` measures, against the reports of the golden networks: the error of the regulariser's
 * difference quotient for a list of epsilon0, and that of the unrolled hypergradient. In float64.
 */
import { describe, expect, it } from 'vitest'
import * as $ from '../../src/autodiff/ops/index.js'
import type { Tensor } from '../../src/autodiff/tensor.js'
import type { HostArray } from '../../src/engine/index.js'
import {
  HYPERGRADIENT_ROW,
  hypergradientQuotient,
  hypergradientReference,
  type Point,
  REGULARISER_FACTS,
  REGULARISER_ROW,
  regulariserQuotient,
  regulariserReference
} from '../../src/nas/diagnosis/probe.js'
import { tablesOf } from '../../src/nas/method/bilevel.js'
import { type Batch, directionOf, harmonyOf, lossOf, type RegulariserName } from '../../src/nas/method/harmony.js'
import { backends, evaluateTree } from '../backends.js'
import { goldenFiles, onAdapter } from './files.js'
import { golden, goldenNetwork, host, noiseOfFile, reorder, weightVector } from './supernets.js'

interface KindReport {
  readonly value: number
  /** The largest error relative to the largest entry, and the error in the Euclidean norm. */
  readonly sweep: Readonly<Record<string, readonly [number, number]>>
}
type Report = Readonly<Record<RegulariserName, KindReport>> & {
  readonly unrolled: { readonly fd_vs_exact: readonly [number, number]; readonly R: number }
}

/** Reported errors are reproducible to 1e-6 where they are above 1e-6; below, they are rounding divided by epsilon. */
const REPRODUCIBLE = 1e-6

const expectReported = (label: string, got: number, want: number): void => {
  if (want > REPRODUCIBLE)
    expect(Math.abs(got / want - 1), `${label}: ${got}, reported ${want}`).toBeLessThan(REPRODUCIBLE)
  else expect(got, label).toBeLessThan(REPRODUCIBLE)
}

// In `npm test`, for its time, the smallest network of each family.
const files = onAdapter(goldenFiles('nets'), ({ metadata }) =>
  JSON.parse(metadata['config'] as string).space === 'nb201' ? 'stages' : 'layers'
)
it('finds golden networks', () => expect(files.length).toBeGreaterThan(0))

describe.each(files)('$name', ({ read }) => {
  const file = read()
  const report: Report = JSON.parse(file.metadata['report'] as string)
  const { hyper, net, table } = goldenNetwork(file, 'in/train.x')
  const own = tablesOf(net).weights
  const reordered = (vector: HostArray): HostArray => ({ ...vector, data: reorder(vector.data, table, own) })
  const inputs = {
    point: {
      weights: weightVector(file, own),
      momentum: reordered(host(golden(file, 'in/momentum'))),
      alpha: Object.fromEntries(
        Object.keys(net.space.cells).map(kind => [kind, host(golden(file, `in/alpha.${kind}`))])
      )
    },
    train: { images: host(golden(file, 'in/train.x')), labels: host(golden(file, 'in/train.y')) },
    valid: { images: host(golden(file, 'in/val.x')), labels: host(golden(file, 'in/val.y')) },
    noise: noiseOfFile(file, net)
  }
  interface Inputs {
    readonly point: Point
    readonly train: Batch
    readonly valid: Batch
    readonly noise: Readonly<Record<string, Tensor>>
  }
  const kinds = Object.keys(report).filter((kind): kind is RegulariserName => kind === 'corr' || kind === 'signcorr')

  it.each(kinds)('%s: every error of the sweep', async kind => {
    const { sweep, value } = report[kind]
    const epsilons = Object.keys(sweep)
    const harmony = harmonyOf(net, { regulariser: kind, regulariseReduce: false })
    const f = ({ point, train, noise }: Inputs) => {
      const loss = lossOf(net, noise)
      const reference = regulariserReference(net, loss, harmony)(point, train)
      const quotient = regulariserQuotient(net, loss, gs => directionOf(harmony, gs), hyper.grad_clip)
      const rows = epsilons.map(epsilon => quotient(point, train, reference, $.tensor(Number(epsilon)), $.tensor(0.25)))
      return { facts: reference.facts, rows }
    }
    const { facts, rows } = (await evaluateTree(backends.reference, f as never, [inputs])) as {
      facts: HostArray
      rows: HostArray[]
    }
    expect(Math.abs((facts.data[REGULARISER_FACTS.indexOf('harmony')] as number) - value)).toBeLessThan(1e-10)
    epsilons.forEach((epsilon, i) => {
      const column = (name: (typeof REGULARISER_ROW)[number]) => rows[i]?.data[REGULARISER_ROW.indexOf(name)] as number
      const [largest, norm] = sweep[epsilon] as readonly [number, number]
      expectReported(`largest error at ${epsilon}`, column('largestError'), largest)
      expectReported(`error at ${epsilon}`, column('error'), norm)
      // Without a kink between the passes there is no error but rounding; with an error there were kinks.
      const flips = column('reluFlips') + column('poolFlips')
      if (norm > 0.1) expect(flips, `flips at ${epsilon}`).toBeGreaterThan(0)
      if (flips === 0) expect(norm, `error at ${epsilon} without flips`).toBeLessThan(1e-2)
    })
  })

  // The file's quotient of a network with noise is of passes that it does not hold: see nets.test.ts.
  it.runIf(net.noises.length === 0)('the error of the unrolled hypergradient', async () => {
    const f = ({ point, train, valid }: Inputs) => {
      const losses = { train: lossOf(net), valid: lossOf(net) }
      const options = { momentum: hyper.momentum, weightDecay: hyper.weight_decay }
      const rate = $.tensor(hyper.lr)
      const reference = hypergradientReference(net, losses, options)(point, { train, valid }, rate)
      return hypergradientQuotient(net, losses, options)(point, { train, valid }, reference, $.tensor(0.01), rate)
    }
    const { data } = (await evaluateTree(backends.reference, f as never, [inputs])) as HostArray
    const column = (name: (typeof HYPERGRADIENT_ROW)[number]) => data[HYPERGRADIENT_ROW.indexOf(name)] as number
    const [largest, norm] = report.unrolled.fd_vs_exact
    expectReported('largest error', column('largestError'), largest)
    expectReported('error', column('error'), norm)
    expect(column('epsilon')).toBeCloseTo(report.unrolled.R, 12)
    expect(column('reluFlips') + column('poolFlips')).toBeGreaterThan(0)
  })
})
