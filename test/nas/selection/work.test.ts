/** What a selection has to do, beside what it does; and what steps cost, beside the arithmetic of the compiled ones. */
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js'
import { describe, expect, it } from 'vitest'
import { PRESETS, type SearchConfig } from '../../../src/nas/configuration/options.js'
import { selectByPerturbation } from '../../../src/nas/selection/selection.js'
import { forwardPasses, selectionWork, TUNING_PASSES } from '../../../src/nas/selection/work.js'
import { nb201, SPACES, type Space } from '../../../src/nas/space/space.js'
import { supernet } from '../../../src/nas/space/supernet.js'
import { compileStep } from '../../../src/nas/steps/steps.js'
import { backends, succeed } from '../../backends.js'
import { CELL, tiny } from '../training/tiny.js'

const options = { key: [1, 2] as const, interval: 3, ignoreDropped: false }

/** Evaluations and epochs of a selection whose network is a count. */
const doneBy = async (space: Space, criterion: 'accuracy' | 'magnitude') => {
  const done = { evaluations: 0, epochs: 0 }
  const places: { readonly rounds: number; readonly left: typeof done; readonly at: typeof done }[] = []
  const equal = Object.fromEntries(
    Object.entries(space.cells).map(([kind, { edges }]) => [kind, edges.map(edge => edge.operations.map(() => 0.1))])
  )
  await succeed(
    backends.reference,
    selectByPerturbation<null>(
      space,
      {
        evaluate: () => RTE.fromIO(() => ({ accuracy: ++done.evaluations, loss: 0 })),
        mixtures: () => RTE.of(equal),
        train: () =>
          RTE.fromIO(() => {
            done.epochs++
            return null
          }),
        tell: () => RTE.of(undefined),
        ended: () => false,
        keep: place =>
          RTE.fromIO(
            () =>
              void places.push({
                rounds: place.rounds,
                left: selectionWork(space, { ...options, criterion }, place),
                at: { ...done }
              })
          )
      },
      { ...options, criterion }
    )(null)
  )
  return { done, places }
}

describe('the work of a selection is known before', () => {
  it.each(Object.keys(SPACES))('in %s, from its beginning and from every place on the way', async name => {
    const space = SPACES[name] as Space
    for (const criterion of ['accuracy', 'magnitude'] as const) {
      const { done, places } = await doneBy(space, criterion)
      expect(selectionWork(space, { ...options, criterion })).toEqual(done)
      expect(places.length).toBe(done.epochs)
      for (const { left, at } of places)
        expect(left).toEqual({ evaluations: done.evaluations - at.evaluations, epochs: done.epochs - at.epochs })
    }
  })

  it('of NAS-Bench-201: five candidates of six edges', () =>
    expect(selectionWork(nb201, { ...options, criterion: 'loss' })).toEqual({ evaluations: 30, epochs: 16 }))
})

describe('steps cost what their arithmetic says, to a fifth', () => {
  const net = supernet(nb201, { channels: 4, layers: 1, imageChannels: 1, size: [8, 8], classes: 10 })
  const { train: part } = tiny(CELL).data
  const data = { train: part, valid: part, test: part }
  const flopsOf = async (config: SearchConfig) =>
    (await succeed(backends.reference, compileStep(net, config, data))).report.flops
  const base: SearchConfig = { ...PRESETS.digits, batch: 8 }
  it('fd and exact', async () => {
    const darts = await flopsOf({ ...base, method: 'darts' })
    for (const derivative of ['fd', 'exact'] as const) {
      const config = { ...base, derivative }
      const ratio = (await flopsOf(config)) / darts
      expect(forwardPasses(config) / TUNING_PASSES / ratio).toBeGreaterThan(0.8)
      expect(forwardPasses(config) / TUNING_PASSES / ratio).toBeLessThan(1.25)
    }
  })
})
