/**
 * Charts: a Vega-Lite specification as the text of an SVG, in the colours of the theme. Pure but for the packages that
 * it fetches when it is first called: they take half a second, which a program that draws nothing should not wait for.
 */
import type { LoggerInterface } from 'vega'
import type { Config, TopLevelSpec } from 'vega-lite'
import { fail, ShapeError } from '../autodiff/shape.js'
import { escaped } from './markup.js'
import { colour, FONT, SERIES } from './theme.js'

/** A chart as Vega-Lite describes it, with its data inside. */
export type ChartSpec = TopLevelSpec

/** How charts look that do not say it themselves. */
const CONFIG: Config = {
  aria: false,
  background: 'transparent',
  font: FONT,
  padding: 2,
  view: { stroke: 'transparent', continuousWidth: 300, continuousHeight: 160 },
  range: { category: [...SERIES] },
  axis: {
    domainColor: colour('muted'),
    tickColor: colour('rule'),
    gridColor: colour('rule'),
    labelColor: colour('muted'),
    titleColor: colour('muted'),
    labelFontSize: 11,
    titleFontSize: 11,
    titleFontWeight: 'normal',
    labelLimit: 0,
    titleLimit: 0,
    tickCount: 5
  },
  axisX: { grid: false },
  axisY: { domain: false, ticks: false },
  legend: {
    labelColor: colour('ink'),
    titleColor: colour('muted'),
    labelFontSize: 11,
    titleFontSize: 11,
    titleFontWeight: 'normal',
    labelLimit: 0,
    orient: 'top',
    symbolStrokeWidth: 2,
    symbolSize: 120
  },
  header: { labelColor: colour('ink'), titleColor: colour('muted'), labelFontSize: 11, labelLimit: 0 },
  title: { color: colour('ink'), anchor: 'start', fontSize: 13, fontWeight: 600, limit: 0, offset: 8 },
  mark: { color: colour('series-1') },
  line: { strokeWidth: 1.75, strokeCap: 'round', strokeJoin: 'round' },
  point: { filled: true, size: 30 },
  area: { opacity: 0.18 },
  rule: { color: colour('muted') },
  text: { color: colour('ink'), fontSize: 11, font: FONT }
}

/** Widths of letters in parts of the font's size: about those of the usual fonts, so that no font has to be there. */
const widthOf = (text: string): number =>
  [...text].reduce((width, letter) => width + (/[ijlftr.,:;'|()[\] ]/.test(letter) ? 0.32 : 0.58), 0)

const loadPackages = async () => {
  const [vega, { compile }] = await Promise.all([import('vega'), import('vega-lite')])
  // Where there is a canvas Vega asks it, and the same chart would be laid out otherwise in a browser than in Node.
  // Its types do not name this.
  const textMetrics: object = Reflect.get(vega, 'textMetrics')
  Object.assign(textMetrics, {
    width: (item: { readonly fontSize?: number }, text: unknown) =>
      widthOf([text ?? ''].flat().join(' ')) * (item.fontSize ?? 11)
  })
  return { vega, compile }
}
type Packages = Awaited<ReturnType<typeof loadPackages>>
const loaded: { packages?: Promise<Packages> } = {}

const refuse = (got: string): never =>
  fail('a chart', 'a Vega-Lite specification that draws something, with its data inside', got, 'correct it')

/** Vega says what it does not understand, and draws on: what it said is kept. */
const listener = (said: string[]): LoggerInterface => {
  const keep = (...args: readonly unknown[]) => {
    said.push(args.join(' '))
    return logger
  }
  const logger: LoggerInterface = {
    level: () => logger,
    error: keep,
    warn: keep,
    info: () => logger,
    debug: () => logger
  }
  return logger
}

/** A number of as many digits as a picture shows. */
const rounded = (text: string): string => String(Math.round(Number(text) * 100) / 100)

/** A short name for what a text says (FNV-1a, 32 bits). */
const shortHash = (text: string): string =>
  [...text]
    .reduce((hash, letter) => Math.imul(hash ^ (letter.codePointAt(0) ?? 0), 0x01000193) >>> 0, 0x811c9dc5)
    .toString(36)

/**
 * What Vega wrote, as a page can hold it among others: names of parts that are this chart's own whenever it is drawn,
 * numbers of two digits behind the point, and a text that stands for it.
 */
const tidied = (svg: string, name: string, label: string): string => {
  const ids = [...new Set([...svg.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id as string))]
  const renamed = ids.reduce(
    (text, id, i) => text.replaceAll(`id="${id}"`, `id="${name}-${i}"`).replaceAll(`#${id}`, `#${name}-${i}`),
    svg
  )
  return (
    renamed
      .replace(/<svg /, `<svg role="img" aria-label="${escaped(label)}" `)
      .replaceAll(/ (d|transform|points)="[^"]*"/g, attribute =>
        attribute.replaceAll(/-?\d+\.\d{3,}(e-?\d+)?/g, rounded)
      )
      // What is said of the whole is said of no part of it again.
      .replaceAll(/ (role="graphics-[a-z]+"|aria-roledescription="[^"]*")/g, '')
      .replaceAll(/ (aria-hidden="true"|pointer-events="none"|opacity="1"|class="(background|foreground)")/g, '')
      .replaceAll(/<path( d="(M0,0h0v0h0Z)?")?( display="none")?\/>/g, '')
  )
}

const drawn = async ({ vega, compile }: Packages, spec: ChartSpec): Promise<string> => {
  const said: string[] = []
  const logger = listener(said)
  const config = vega.mergeConfig(CONFIG, spec.config ?? {}) as Config
  const { spec: compiled } = compile({ ...spec, config }, { logger })
  const loader = { ...vega.loader(), load: (url: string) => Promise.reject(new Error(`data at ${url}`)) }
  const view = new vega.View(vega.parse(compiled), { renderer: 'none', logger, loader })
  try {
    const svg = await view.toSVG()
    if (said.length > 0) return refuse(`'${said[0]}'`)
    const title = typeof spec.title === 'string' ? spec.title : ''
    return tidied(svg, `c${shortHash(JSON.stringify(spec))}`, spec.description ?? title)
  } finally {
    view.finalize()
  }
}

/**
 * A Vega-Lite specification as the text of an SVG whose colours are variables of the theme (`THEME_CSS`, `standalone`).
 * The same in Node and in browsers, whenever it is called. `description`, or else `title`, is what it tells those who
 * do not see it. Rejected, with a `ShapeError`, for what Vega warns of (a scale without data, say): nothing is left
 * out silently. It fetches nothing: data are in the specification.
 *
 * @example
 * await chartToSvg({
 *   description: 'loss over epochs',
 *   data: { values: [{ epoch: 1, loss: 2.3 }, { epoch: 2, loss: 1.1 }] },
 *   mark: 'line',
 *   encoding: { x: { field: 'epoch', type: 'quantitative' }, y: { field: 'loss', type: 'quantitative' } }
 * }) // '<svg role="img" aria-label="loss over epochs" ...'
 */
export const chartToSvg = async (spec: ChartSpec): Promise<string> => {
  loaded.packages ??= loadPackages()
  const packages = await loaded.packages
  try {
    return await drawn(packages, spec)
  } catch (error) {
    throw error instanceof ShapeError ? error : refuse(`'${error instanceof Error ? error.message : error}'`)
  }
}
