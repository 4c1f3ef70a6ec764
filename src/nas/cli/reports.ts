/** Reports of runs: their folders read, their figures drawn, their page written. */
import { existsSync, readdirSync, statSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { chartToSvg } from '../../pictures/chart.js'
import { dotToSvg } from '../../pictures/dot.js'
import { type InputError, inputError } from '../errors.js'
import type { Drawing, Figure, ReportPage } from '../report/figure.js'
import { type DrawnFigures, pageOf } from '../report/page.js'
import { reportOf } from '../report/report.js'
import { decodeTraining, reportOfTrainings, type TrainingRecord } from '../report/training.js'
import { decodeRun, type RunRecord } from '../run/record.js'
import { EVENTS, MOST_EVENTS_BYTES } from './eventlog.js'
import { readText } from './files.js'
import { complain } from './outputs.js'

const MOST_FILE_BYTES = 2 ** 24

/** What a run folder is of. */
export type AnyRun =
  | { readonly kind: 'search'; readonly run: RunRecord }
  | { readonly kind: 'training'; readonly run: TrainingRecord }

const textAt = (folder: string, name: string, most = MOST_FILE_BYTES): E.Either<InputError, string | undefined> =>
  existsSync(join(folder, name)) ? readText('a run', join(folder, name), most) : E.right(undefined)

/** Sentences of a file's decoder say which run they are of. */
const ofFolder = (folder: string) =>
  E.mapLeft((error: InputError) => ({ ...error, message: `${folder}: ${error.message}` }))

/** The events of a run folder, as they are. */
export const eventsOf = (folder: string): E.Either<InputError, string> =>
  pipe(
    textAt(folder, EVENTS, MOST_EVENTS_BYTES),
    E.map(text => text ?? '')
  )

/** A run from its folder; `events`: where they were read already. */
export const readRun = (folder: string, events = eventsOf(folder)): E.Either<InputError, AnyRun> => {
  const name = basename(resolve(folder))
  return pipe(
    E.Do,
    E.bind('config', () => textAt(folder, 'config.json')),
    E.bind('events', () => events),
    E.bind('summary', () => textAt(folder, 'summary.json')),
    E.bind('space', () => textAt(folder, 'space.json')),
    E.bind('profile', () => textAt(folder, 'profile.json')),
    E.bind('genotype', () => textAt(folder, 'genotype.txt')),
    E.chain(({ config = '', genotype = '', ...files }): E.Either<InputError, AnyRun> => {
      const isTraining = !/"method"\s*:/.test(config)
      return isTraining
        ? pipe(
            decodeTraining(name, { config, events: files.events, genotype }),
            E.map(run => ({ kind: 'training', run }) as const)
          )
        : pipe(
            decodeRun(name, { config, ...files }),
            E.map(run => ({ kind: 'search', run }) as const)
          )
    }),
    ofFolder(folder)
  )
}

const isFolder = (path: string): boolean => existsSync(path) && statSync(path).isDirectory()
const isRun = (path: string): boolean => existsSync(join(path, 'config.json')) && existsSync(join(path, EVENTS))

/** The run folders that a folder names: itself, the runs of a sweep, or the seeds of a training. */
export const runsIn = (path: string): E.Either<InputError, readonly string[]> => {
  const refuse = (got: string) =>
    E.left(
      inputError(
        'the folder of a run (with config.json and events.jsonl), or of a sweep',
        got,
        'name one that search, sweep or train has written'
      )
    )
  if (!isFolder(path)) return refuse(`'${path}', which is none`)
  if (isRun(path)) return E.right([path])
  const inside = isFolder(join(path, 'runs')) ? join(path, 'runs') : path
  const found = readdirSync(inside)
    .toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }))
    .map(name => join(inside, name))
    .filter(isRun)
  return found.length > 0 ? E.right(found) : refuse(`'${path}', which has none`)
}

/** The report of runs of one kind, of which there is at least one. */
export const reportOfAny = (runs: readonly AnyRun[], title: string | null): E.Either<InputError, ReportPage> => {
  const [searches, trainings] = [
    runs.flatMap(one => (one.kind === 'search' ? [one.run] : [])),
    runs.flatMap(one => (one.kind === 'training' ? [one.run] : []))
  ]
  const [search, ...searchesLeft] = searches
  const [training, ...trainingsLeft] = trainings
  if (search && training)
    return E.left(
      inputError(
        'searches, or trainings, side by side',
        `${searches.length} of the one and ${trainings.length} of the other`,
        'make a report of each'
      )
    )
  if (search) return E.right(reportOf([search, ...searchesLeft], title))
  return training
    ? E.right(reportOfTrainings([training, ...trainingsLeft], title))
    : E.left(inputError('one or more runs', 'none', 'name a run folder'))
}

const draw = (drawing: Drawing): Promise<string> =>
  drawing.kind === 'chart' ? chartToSvg(drawing.spec) : dotToSvg(drawing.dot, drawing)

/** All pictures of a report, one after another. */
export const drawFigures = async ({ sections }: ReportPage): Promise<DrawnFigures> => {
  const drawn = new Map<Figure, readonly string[]>()
  for (const { figures } of sections)
    for (const figure of figures) {
      const svgs: string[] = []
      for (const drawing of figure.drawings) svgs.push(await draw(drawing))
      drawn.set(figure, svgs)
    }
  return drawn
}

/** The page of a report. */
export const htmlOf = async (report: ReportPage, live?: number): Promise<string> =>
  pageOf(report, await drawFigures(report), live)

/** What a report is called in the folder that it is of. */
export const REPORT = 'report.html'

/**
 * Draws the runs of a folder into a file there, and gives its path. What goes wrong is said and changes nothing of the
 * runs: they are whole without it.
 */
export const writeReport = async (
  folder: string,
  write: (name: string, content: string) => void
): Promise<string | undefined> => {
  const path = join(folder, REPORT)
  const failed = (reason: string): undefined => {
    const cure = `lambda-darts report ${folder} tries again`
    complain(inputError(`'${path}' to be drawn`, `'${reason.replace(/\.$/, '')}'`, cure).message)
  }
  try {
    const read = pipe(runsIn(folder), E.chain(E.traverseArray(one => readRun(one))))
    const report = pipe(
      read,
      E.chain(runs => reportOfAny(runs, basename(resolve(folder))))
    )
    if (E.isLeft(report)) return failed(report.left.message)
    write(REPORT, await htmlOf(report.right))
    return path
  } catch (error) {
    return failed(error instanceof Error ? error.message : String(error))
  }
}
