/** `search --baseline`: random cells trained beside the found one, one after another, each kept as soon as it is done. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import * as t from 'io-ts/lib/index.js'
import type { Backend, EngineError } from '../../engine/index.js'
import { formatGenotype, type Genotype, parseGenotype } from '../genotypes/genotype.js'
import type { SearchResult } from '../run/events.js'
import { type Baseline, Trained } from '../run/record.js'
import { clock, counted, percent } from '../text.js'
import { type BaselinePlan, baselineNetwork, baselinePlan } from '../training/baseline.js'
import { trainingSteps } from '../training/data.js'
import type { TrainingEvent } from '../training/events.js'
import { train } from '../training/train.js'
import type { RunFolder } from './files.js'
import type { Problem } from './problem.js'
import { workWriter } from './progress.js'
import { orRefuse } from './refusal.js'
import { readJson } from './resume.js'

const FILE = 'baseline.json'

/** Where cells are trained, and how that is told. */
interface Place extends Problem {
  readonly backend: Backend
  readonly folder: RunFolder
  readonly given: { readonly quiet?: boolean; readonly json?: boolean }
}

/** What the trainings came to; why they ended before the last, if they did. */
export interface Trainings {
  readonly baseline: Baseline
  readonly ended: { readonly reason: 'interrupted' } | { readonly reason: 'failed'; readonly error: EngineError } | null
}

/** Cells that an earlier process of this run has trained. */
const keptIn = ({ path }: RunFolder): readonly Trained[] => {
  const kept = existsSync(join(path, FILE)) ? readJson(join(path, FILE)) : []
  return t.readonlyArray(Trained).is(kept) ? kept : []
}

const nameOf = (n: number, count: number): string => (n === 0 ? 'the found cell' : `random cell ${n} of ${count - 1}`)

/** Tells of trainings: lines, and steps between them. */
const tellerOf = (
  { given, config: { baseline: wanted } }: Place,
  { config, data, cells }: BaselinePlan,
  before: number
) => {
  const { underWay, line, stop } = workWriter(given)
  const [started, steps] = [performance.now(), config.epochs * trainingSteps(config, data)]
  const total = cells.length * steps
  const state = { done: before * steps }
  const left = (): string => {
    const perStep = (performance.now() - started) / Math.max(1, state.done - before * steps) / 1000
    return clock(perStep * (total - state.done))
  }
  return {
    stop,
    underWay,
    begun: (): void => {
      if (!given.quiet && !given.json)
        line(
          `\nBaseline: the found cell and ${counted(cells.length - 1, 'random cell')}` +
            `${cells.length - 1 < wanted ? ' (the space has no more)' : ''} are trained from scratch, ` +
            `${counted(config.epochs, 'epoch')} each.`
        )
    },
    told: (n: number) => (event: TrainingEvent) => {
      if (event.type !== 'step') return
      state.done = n * steps + (event.epoch - 1) * event.steps + event.step
      underWay('steps of the baseline', state.done, total)
    },
    trained: (n: number, cell: Trained): void => {
      state.done = (n + 1) * steps
      if (given.quiet) return
      const accuracy = `${percent(cell.testAccuracy)} of ${data.test.count} test images`
      line(
        given.json
          ? JSON.stringify({ type: 'baseline', cell: n, of: cells.length, ...cell })
          : `baseline  ${nameOf(n, cells.length).padEnd(22)}  ${accuracy}  left ${left()}`
      )
    }
  }
}

/** Trains what is not kept yet. An interruption loses the training under way; what was trained before it stays. */
export const trainBaseline = async (
  place: Place,
  { genotype }: Pick<SearchResult, 'genotype'>,
  interrupted: () => boolean
): Promise<Trainings> => {
  const { config, space, net, data, backend, folder } = place
  const plan = baselinePlan(config, space, data, orRefuse(parseGenotype(genotype, space)))
  const texts = plan.cells.map(formatGenotype)
  const kept = keptIn(folder).filter(cell => texts.includes(cell.genotype))
  const done = new Map(kept.map(cell => [cell.genotype, cell]))
  const teller = tellerOf(place, plan, done.size)
  const reached = (ended: Trainings['ended']): Trainings => {
    const [found, ...random] = texts.map(text => done.get(text))
    const [epochs, channels] = [plan.config.epochs, plan.config.channels]
    const trained = random.filter(cell => cell !== undefined)
    return { baseline: { wanted: config.baseline, epochs, channels, found: found ?? null, random: trained }, ended }
  }
  const trainOne = async (n: number, cell: Genotype): Promise<Trainings['ended']> => {
    const observer = {
      tell: (event: TrainingEvent) => () => teller.told(n)(event),
      interrupted,
      now: () => performance.now() / 1000,
      underWay: teller.underWay
    }
    const result = await train(baselineNetwork(net, cell), plan.config, plan.data, observer)({ backend })()
    if (E.isLeft(result)) return { reason: 'failed', error: result.left }
    const { last, stopped } = result.right
    if (stopped?.reason === 'interrupted') return { reason: 'interrupted' }
    const trained = { genotype: texts[n] as string, testAccuracy: last.top1, stopped: stopped !== null }
    done.set(trained.genotype, trained)
    folder.write(FILE, `${JSON.stringify([...done.values()], null, 2)}\n`)
    teller.trained(n, trained)
    return null
  }
  try {
    teller.begun()
    for (const [n, cell] of plan.cells.entries()) {
      if (done.has(texts[n] as string)) continue
      const ended = interrupted() ? ({ reason: 'interrupted' } as const) : await trainOne(n, cell)
      if (ended) return reached(ended)
    }
    return reached(null)
  } finally {
    teller.stop()
  }
}
