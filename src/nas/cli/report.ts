/** `lambda-darts report` */
import { existsSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { type Scheme, standalone } from '../../pictures/theme.js'
import { composed } from '../report/composed.js'
import type { ReportPage } from '../report/figure.js'
import { type DrawnFigures, pageOf } from '../report/page.js'
import { makeFolder, readText, writeWhole } from './files.js'
import { say } from './outputs.js'
import { DONE, orRefuse, refuse } from './refusal.js'
import { drawFigures, REPORT, readRun, reportOfAny, runsIn } from './reports.js'
import { type Subcommand, withManual } from './subcommand.js'
import { watch } from './watch.js'

interface GivenReport {
  readonly out?: string
  readonly png?: string
  readonly dark?: boolean
  readonly watch?: boolean
  readonly port?: string
  readonly json?: boolean
}

/** How a report begins: a file that does not is another's. */
const BEGINNING = '<!doctype html>\n<html lang="en"'

/** Where the report goes: beside the runs of one folder, else where the command is given. */
const pathOf = (given: readonly string[], out: string | undefined): string => {
  const path = out ?? (given.length === 1 ? join(given[0] as string, REPORT) : REPORT)
  const foreign = (): boolean => {
    const text = readText('--out', path, 2 ** 28)
    return E.isLeft(text) || !text.right.startsWith(BEGINNING)
  }
  if (existsSync(path) && foreign())
    refuse('--out to be a new file or the report that was there', `'${path}', which is another file`, 'name another')
  return path
}

/** A PNG of each figure; gives their paths. */
const writePictures = async (
  folder: string,
  { sections }: ReportPage,
  drawn: DrawnFigures,
  scheme: Scheme
): Promise<readonly string[]> => {
  const { default: sharp } = await import('sharp')
  makeFolder(folder)
  const paths: string[] = []
  for (const figure of sections.flatMap(({ figures }) => figures)) {
    const svgs = drawn.get(figure) ?? []
    if (svgs.length === 0) continue
    const path = join(folder, `${figure.id}.png`)
    const svg = standalone(composed(figure, svgs), scheme)
    writeWhole(path, await sharp(Buffer.from(svg), { density: 144, unlimited: true }).png().toBuffer())
    paths.push(path)
  }
  return paths
}

/** One folder has a name; several are called by what they hold. */
const titleOf = ([first, ...others]: readonly string[]): string | null =>
  first !== undefined && others.length === 0 ? basename(resolve(first)) : null

const run = async (given: readonly string[], options: GivenReport): Promise<number> => {
  const { out, png, dark, json } = options
  if (options.watch) {
    if (out !== undefined || png !== undefined) refuse('--watch alone', '--out or --png', 'leave one of them out')
    return watch(given, titleOf(given), options.port)
  }
  if (options.port !== undefined) refuse('--port with --watch', 'without it', 'add --watch')
  const folders = given.flatMap(path => orRefuse(runsIn(path)))
  const path = pathOf(given, out)
  const report = orRefuse(
    reportOfAny(
      folders.map(folder => orRefuse(readRun(folder))),
      titleOf(given)
    )
  )
  const drawn = await drawFigures(report)
  const html = pageOf(report, drawn)
  writeWhole(path, html)
  const pictures = png === undefined ? [] : await writePictures(png, report, drawn, dark ? 'dark' : 'light')
  if (json) say(JSON.stringify({ report: path, bytes: Buffer.byteLength(html), runs: folders, pictures }))
  else {
    say(`Report: ${path}`)
    if (png !== undefined) say(`Pictures: ${pictures.length} in ${png}/`)
  }
  return DONE
}

/** Draws what runs tell. */
export const reportCommand: Subcommand = (root, finish) => {
  const command = root
    .command('report')
    .description(
      'draws what a run tells, or several side by side, as one HTML file: verdict, cells, mixtures, harmony, losses'
    )
    .argument('<runs...>', 'folders of searches or of trainings, or of a sweep, which means all its runs')
    .option('--out <file>', 'the file (default: report.html in the folder; of several here)')
    .option('--png <folder>', 'writes each figure as a PNG too')
    .option('--dark', 'PNGs in dark colours')
    .option('--watch', 'serves the report to this machine alone, and updates it while a run goes on; Ctrl-C ends it')
    .option('--port <n>', 'where --watch serves it (default: a free port)')
    .option('--json', 'what was written, as JSON')
    .action((runs, options) => finish(run(runs, options)))
  withManual(command, {
    examples: [
      ['lambda-darts report runs/first', 'draws a run again, into report.html of its folder'],
      ['lambda-darts report runs/darts runs/fd runs/exact --out three.html', 'three runs side by side'],
      ['lambda-darts report sweeps/first --png pictures', 'all runs of a sweep, and each figure as a PNG'],
      ['lambda-darts report runs/first --watch', 'follows a run that goes on, in a browser']
    ],
    writes: 'report.html, one file that needs no network, and PNGs where asked; nothing with --watch',
    interrupted: 'the end of --watch, by Ctrl-C, SIGTERM or SIGHUP'
  })
}
