/** Selection by perturbation on supernets made by hand, whose best cell is known. */

import { fc, it } from '@fast-check/vitest'
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js'
import { describe, expect } from 'vitest'
import { keyOf } from '../../../src/autodiff/threefry.js'
import {
  type Masks,
  maskedMixtures,
  masksOf,
  openProjection,
  outcomeOf,
  planOf,
  removalsFor,
  type Score
} from '../../../src/nas/selection/perturbation.js'
import {
  type DecisionEvent,
  type Mixtures,
  type SelectionOptions,
  selectByPerturbation
} from '../../../src/nas/selection/selection.js'
import { nb201, SPACES, type Space } from '../../../src/nas/space/space.js'
import { backends, succeed } from '../../backends.js'

const spaceArbitrary = fc.constantFrom(...Object.values(SPACES))

/** Equal mixtures everywhere. */
const evenMixtures = ({ cells }: Space): Mixtures =>
  Object.fromEntries(
    Object.entries(cells).map(([type, { edges }]) => [
      type,
      edges.map(({ operations }) => operations.map(() => 1 / operations.length))
    ])
  )

/** A supernet made by hand: its accuracy is a sum of what each operation of each edge is worth, times its weight. */
const handMade = (
  space: Space,
  worth: (type: string, edge: number, column: number) => number,
  mixtures = evenMixtures(space)
) => {
  const events: DecisionEvent[] = []
  const trained: Masks[] = []
  const evaluate = (masks: Masks): Score => {
    const accuracy = Object.entries(maskedMixtures(mixtures, masks)).reduce(
      (total, [type, rows]) =>
        total + rows.reduce((sum, row, edge) => sum + row.reduce((s, p, o) => s + p * worth(type, edge, o), 0), 0),
      0
    )
    return { accuracy, loss: -accuracy }
  }
  return {
    events,
    trained,
    network: {
      evaluate: (_: number, masks: Masks) => RTE.of(evaluate(masks)) as never,
      mixtures: () => RTE.of(mixtures) as never,
      train: (state: number, masks: Masks) => {
        trained.push(masks)
        return RTE.of(state + 1) as never
      },
      tell: (event: DecisionEvent) => {
        events.push(event)
        return RTE.of(undefined) as never
      },
      ended: () => false
    }
  }
}

const options: SelectionOptions = { key: keyOf(3), criterion: 'accuracy', interval: 2, ignoreDropped: false }

describe('a plan', () => {
  it.prop([spaceArbitrary, fc.nat()])(
    'decides every edge once, then every node with more than two inputs',
    (space, seed) => {
      const plan = planOf(space, keyOf(seed))
      for (const [type, { edges }] of Object.entries(space.cells)) {
        const mine = plan.flat().filter(decision => decision.type === type)
        const decided = mine.flatMap(decision => (decision.kind === 'operation' ? [decision.edge] : []))
        expect(decided.toSorted((a, b) => a - b)).toEqual([...edges.keys()])
        const nodes = mine.flatMap(decision => (decision.kind === 'inputs' ? [decision.node] : []))
        expect(nodes.toSorted()).toEqual(space.skeleton.kind === 'layers' ? [3, 4, 5] : [])
        const kinds = mine.map(({ kind }) => kind)
        expect(kinds.lastIndexOf('operation')).toBeLessThan(
          kinds.includes('inputs') ? kinds.indexOf('inputs') : kinds.length
        )
      }
      expect(plan.length).toBe(space.skeleton.kind === 'layers' ? 17 : 6)
      expect(planOf(space, keyOf(seed))).toEqual(plan)
    }
  )

  it('is in an order that the key decides', () => {
    const orders = new Set(Array.from({ length: 20 }, (_, seed) => JSON.stringify(planOf(nb201, keyOf(seed)))))
    expect(orders.size).toBeGreaterThan(15)
  })
})

describe('an outcome', () => {
  const removals = [0, 1, 2].map(column => ({ type: 'alpha', edge: 0, column }))
  const score = (accuracy: number, loss: number): Score => ({ accuracy, loss })
  const scores = [score(0.5, 2), score(0.4, 3), score(0.4, 3)]
  const operation = { kind: 'operation', type: 'alpha', edge: 0 } as const
  const inputs = { kind: 'inputs', type: 'alpha', node: 3 } as const

  it('keeps the operation that is missed most, the first of a tie', () => {
    expect(outcomeOf(operation, removals, 'accuracy', { scores, magnitudes: [] })).toBe(removals[1])
    expect(outcomeOf(operation, removals, 'loss', { scores, magnitudes: [] })).toBe(removals[1])
    expect(outcomeOf(operation, removals, 'magnitude', { scores: [], magnitudes: [0.2, 0.4, 0.4] })).toBe(removals[1])
  })

  it('drops the input that is missed least, the last of a tie', () => {
    const best = [score(0.4, 3), score(0.5, 2), score(0.5, 2)]
    expect(outcomeOf(inputs, removals, 'accuracy', { scores: best, magnitudes: [] })).toBe(removals[2])
    expect(outcomeOf(inputs, removals, 'loss', { scores: best, magnitudes: [] })).toBe(removals[2])
    expect(outcomeOf(inputs, removals, 'magnitude', { scores: [], magnitudes: [0.4, 0.2, 0.2] })).toBe(removals[2])
  })
})

describe('masks', () => {
  it('has a one-hot row where an edge is decided, nothing where something was taken away, the mixture elsewhere', () => {
    const open = openProjection(nb201)['alpha'] ?? []
    const projection = {
      alpha: open.map((edge, e) =>
        e === 0 ? { chosen: 3, dropped: false } : e === 5 ? { chosen: 1, dropped: true } : edge
      )
    }
    const rows = maskedMixtures(evenMixtures(nb201), masksOf(nb201, projection, { type: 'alpha', edge: 2, column: 4 }))[
      'alpha'
    ]
    expect(rows).toEqual([
      [0, 0, 0, 1, 0],
      [0.2, 0.2, 0.2, 0.2, 0.2],
      [0.2, 0.2, 0.2, 0.2, 0],
      [0.2, 0.2, 0.2, 0.2, 0.2],
      [0.2, 0.2, 0.2, 0.2, 0.2],
      [0, 0, 0, 0, 0]
    ])
    expect(removalsFor(nb201, projection, { kind: 'operation', type: 'alpha', edge: 0 })).toEqual([])
  })

  it('with dropped inputs ignored shows those of the node that is judged, and no others', () => {
    const space = SPACES['s2'] as Space
    const projection = Object.fromEntries(
      Object.entries(openProjection(space)).map(([type, edges]) => [
        type,
        edges.map(() => ({ chosen: 1, dropped: true }))
      ])
    )
    const { keep } = masksOf(space, projection, undefined, { type: 'reduce', node: 5 })
    const shown = (type: string) => (keep[type] ?? []).flatMap((row, edge) => (row[0] === 1 ? [edge] : []))
    expect(shown('normal')).toEqual([])
    expect(shown('reduce')).toEqual([9, 10, 11, 12, 13])
  })
})

describe('a selection', () => {
  it.prop([fc.nat(), fc.constantFrom('accuracy', 'loss')], { numRuns: 10 })(
    'of NAS-Bench-201 keeps the operation that is worth most on each edge, whatever alpha says',
    async (seed, criterion) => {
      const best = [3, 0, 4, 1, 2, 3]
      // Alpha's own favourite is column 1 everywhere.
      const mixtures = { alpha: best.map(() => [0.15, 0.4, 0.15, 0.15, 0.15]) }
      const hand = handMade(
        nb201,
        (_, edge, column) => (column === best[edge] ? 1 : column === 1 ? 0.1 : 0.05),
        mixtures
      )
      const { projection, rounds, epochs, state } = await succeed(
        backends.reference,
        selectByPerturbation(nb201, hand.network, {
          ...options,
          criterion: criterion as 'accuracy' | 'loss',
          key: keyOf(seed)
        })(0)
      )
      expect((projection['alpha'] ?? []).map(({ chosen }) => chosen)).toEqual(best)
      // Two epochs after each decision but the last, and one after that.
      expect([rounds, epochs, state]).toEqual([6, 11, 11])
      expect(hand.events.length).toBe(6)
      expect(hand.events.every(({ candidates }) => candidates.length === 5)).toBe(true)
      expect(hand.events.map(({ epoch }) => epoch)).toEqual([0, 2, 4, 6, 8, 10])
    }
  )

  it('by magnitude (PT-Mag) keeps what alpha prefers, and asks the network nothing', async () => {
    const mixtures = {
      alpha: [0, 1, 2, 3, 4, 0].map(best => Array.from({ length: 5 }, (_, o) => (o === best ? 0.4 : 0.15)))
    }
    const hand = handMade(nb201, () => 1, mixtures)
    const network = { ...hand.network, evaluate: () => RTE.left({ _tag: 'ShapeError', message: 'asked' }) as never }
    const { projection } = await succeed(
      backends.reference,
      selectByPerturbation(nb201, network, { ...options, criterion: 'magnitude' })(0)
    )
    expect((projection['alpha'] ?? []).map(({ chosen }) => chosen)).toEqual([0, 1, 2, 3, 4, 0])
  })

  it.prop([fc.nat(), fc.boolean()], { numRuns: 10 })(
    'of DARTS cells keeps the best operation of each edge, and of each node the two inputs that are worth most; never `none`',
    async (seed, ignoreDropped) => {
      const space = SPACES['s3'] as Space
      // `none` (column 0) would be worth most, but no genotype can hold it; then column 1 on even edges and column 2 on
      // odd ones.
      const worth = (_: string, edge: number, column: number) =>
        (edge + 1) * (column === 0 ? 3 : column === 1 + (edge % 2) ? 2 : 1)
      const hand = handMade(space, worth)
      const { projection, rounds } = await succeed(
        backends.reference,
        selectByPerturbation(space, hand.network, { ...options, ignoreDropped, key: keyOf(seed) })(0)
      )
      expect(rounds).toBe(17)
      for (const type of ['normal', 'reduce']) {
        const edges = projection[type] ?? []
        expect(edges.map(({ chosen }) => chosen)).toEqual(edges.map((_, edge) => 1 + (edge % 2)))
        // Later edges are worth more: each node keeps its last two.
        expect(edges.flatMap(({ dropped }, edge) => (dropped ? [] : [edge]))).toEqual([0, 1, 3, 4, 7, 8, 12, 13])
      }
      // 28 operations; 1 + 2 + 3 inputs dropped in each cell.
      expect(hand.events.length).toBe(28 + 12)
    }
  )

  it('ends where it is interrupted, with what was decided', async () => {
    const hand = handMade(nb201, (_, edge, column) => edge + column)
    const network = { ...hand.network, ended: () => hand.events.length >= 2 }
    const { projection, rounds } = await succeed(backends.reference, selectByPerturbation(nb201, network, options)(0))
    expect((projection['alpha'] ?? []).filter(({ chosen }) => chosen !== null).length).toBe(2)
    expect(rounds).toBeLessThan(6)
  })
})
