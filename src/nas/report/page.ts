/** A report as one HTML file: no network, nothing outside it. Pure: a report and its drawn pictures in, text out. */
import { sha256 } from '../../formats/native.js'
import { escaped } from '../../pictures/markup.js'
import { counted } from '../text.js'
import type { Drawing, Figure, Headline, Key, ReportPage, Section, Table, TitledTable } from './figure.js'
import { styleOf } from './lines.js'
import { SCRIPT } from './script.js'
import { STYLE } from './style.js'

/** The pictures of a report, drawn: for each figure its SVGs in their order. */
export type DrawnFigures = ReadonlyMap<Figure, readonly string[]>

const TONES = {
  good: { mark: '✓', name: 'Looks sound' },
  doubt: { mark: '?', name: 'In doubt' },
  bad: { mark: '✕', name: 'Do not trust it' }
} as const

const swatch = (style: number): string => {
  const { colour, dash } = styleOf(style)
  return (
    '<svg width="28" height="8" viewBox="0 0 28 8" aria-hidden="true">' +
    `<path d="M1 4h26" stroke="${colour}" stroke-width="2.5" stroke-dasharray="${dash.join(' ')}"/></svg>`
  )
}

const keysHtml = (keys: readonly Key[]): string =>
  keys.length === 0
    ? ''
    : `<ul class="keys">${keys.map(({ label, style }) => `<li>${swatch(style)}${escaped(label)}</li>`).join('')}</ul>`

const tableHtml = ({ head, rows, textColumns }: Table): string => {
  const kind = (column: number): string => (textColumns.includes(column) ? ' class="text"' : '')
  const row = (cells: readonly string[], tag: 'th' | 'td'): string =>
    `<tr>${cells
      .map((cell, i) =>
        tag === 'th' && cell === '' ? `<td${kind(i)}></td>` : `<${tag}${kind(i)}>${escaped(cell)}</${tag}>`
      )
      .join('')}</tr>`
  const isHeaded = head.some(cell => cell !== '')
  return `<table>${isHeaded ? `<thead>${row(head, 'th')}</thead>` : ''}<tbody>${rows.map(one => row(one, 'td')).join('')}</tbody></table>`
}

/** What may be wider than a phone scrolls by itself, also by keys. */
const scrolling = (label: string, content: string): string =>
  `<div class="scroll" role="group" tabindex="0" aria-label="${escaped(label)}">${content}</div>`

/** How the pictures of a figure stand beside each other. */
const layoutOf = ({ drawings }: Figure): 'graphs' | 'multiples' | 'single' => {
  if (drawings.some(({ kind }) => kind === 'graph')) return 'graphs'
  return drawings.length > 1 ? 'multiples' : 'single'
}

/** `widest`: of the graphs of a figure, all of which are drawn to one scale. */
const drawingHtml = ({ kind, label }: Drawing, svg: string, title: string, widest: number): string => {
  const name = label === null ? '' : `<p class="label">${escaped(label)}</p>`
  if (kind === 'chart') return `<div class="chart">${name}${svg}</div>`
  const share = `--share:${(widthOf(svg) / Math.max(1, widest)).toFixed(3)}`
  return `<div style="${share}">${name}${scrolling(label === null ? title : `${title}: ${label}`, svg)}</div>`
}

/** The width that an SVG says of itself. */
const widthOf = (svg: string): number => Number(/ width="([\d.]+)"/.exec(svg)?.[1] ?? 0)

const figureHtml = (figure: Figure, svgs: readonly string[]): string => {
  const { id, title, says, drawings, keys, table, isWide } = figure
  const widest = Math.max(0, ...svgs.map(widthOf))
  const pictures = drawings.map((drawing, i) => drawingHtml(drawing, svgs[i] ?? '', title, widest)).join('')
  const buttons = ['svg', 'png'].map(
    kind =>
      `<button type="button" data-save="${kind}" aria-label="${kind.toUpperCase()} of ${escaped(title)}">${kind.toUpperCase()}</button>`
  )
  return [
    `<figure id="figure-${escaped(id)}"${isWide ? ' class="wide"' : ''}>`,
    `<figcaption><h3>${escaped(title)}</h3><p>${escaped(says)}</p></figcaption>`,
    `<div>${keysHtml(keys)}</div>`,
    `<div class="${layoutOf(figure)}">${pictures}</div>`,
    '<div class="foot">',
    table === null
      ? ''
      : `<details data-of="${escaped(id)}"><summary>Numbers</summary>${scrolling(`Numbers: ${title}`, tableHtml(table))}</details>`,
    pictures === '' ? '' : `<div class="saves" hidden>${buttons.join('')}</div>`,
    '</div></figure>'
  ].join('')
}

const titledTableHtml = ({ title, says, table, isOpen }: TitledTable): string => {
  const content = `${says === null ? '' : `<p class="subtitle">${escaped(says)}</p>`}${scrolling(title, tableHtml(table))}`
  return isOpen
    ? `<div class="table"><h3>${escaped(title)}</h3>${content}</div>`
    : `<details class="table" data-of="${escaped(title)}"><summary>${escaped(title)}</summary>${content}</details>`
}

const sectionHtml = ({ id, title, says, figures, tables, missing }: Section, drawn: DrawnFigures): string =>
  [
    `<section class="part" id="${escaped(id)}"><h2>${escaped(title)}</h2>`,
    says === null ? '' : `<p>${escaped(says)}</p>`,
    ...tables.map(titledTableHtml),
    figures.length === 0
      ? ''
      : `<div class="figures">${figures.map(figure => figureHtml(figure, drawn.get(figure) ?? [])).join('\n')}</div>`,
    missing.length === 0 ? '' : `<ul class="missing">${missing.map(one => `<li>${escaped(one)}</li>`).join('')}</ul>`,
    '</section>'
  ].join('\n')

const headlineHtml = ({ run, tone, headline, findings }: Headline): string => {
  const name = tone === null ? 'No verdict yet' : `${TONES[tone].mark} ${TONES[tone].name}`
  const items = findings.map(({ tone: of, sentence, cure }) =>
    [
      `<li class="${of}"><span class="mark" aria-hidden="true">${TONES[of].mark}</span><span>${escaped(sentence)}</span>`,
      cure === null ? '' : `<span class="cure">To do: ${escaped(cure)}.</span>`,
      '</li>'
    ].join('')
  )
  const list = items.length === 0 ? '' : `<ul class="findings">${items.join('')}</ul>`
  const summary = `<summary>${counted(items.length, 'finding')}</summary>`
  return [
    `<div class="verdict ${tone ?? 'open'}">`,
    `<p class="tone">${run === null ? '' : `<span class="run">${escaped(run)}</span> · `}${escaped(name)}</p>`,
    `<h2>${escaped(headline)}</h2>`,
    items.length === 0 || run === null
      ? list
      : `<details data-of="verdict ${escaped(run)}">${summary}${list}</details>`,
    '</div>'
  ].join('')
}

const factsHtml = (facts: ReportPage['facts']): string =>
  facts.length === 0
    ? ''
    : `<dl class="facts">${facts
        .map(([name, value]) => `<div><dt>${escaped(name)}</dt><dd>${escaped(value)}</dd></div>`)
        .join('')}</dl>`

const base64 = (hex: string): string =>
  btoa(String.fromCharCode(...(hex.match(/../g) ?? []).map(byte => Number.parseInt(byte, 16))))

/** What the page may do: its own style and script, pictures that it makes itself, and, served, its own server. */
const policy = (isLive: boolean): string =>
  [
    "default-src 'none'",
    "style-src 'unsafe-inline'",
    `script-src 'sha256-${base64(sha256([SCRIPT]))}'`,
    'img-src blob: data:',
    ...(isLive ? ["connect-src 'self'"] : []),
    "base-uri 'none'",
    "form-action 'none'"
  ].join('; ')

/** The text of the page. `live`: it is served, as the drawing of this number, and asks its server for later ones. */
export const pageOf = (report: ReportPage, drawn: DrawnFigures, live?: number): string => {
  const { title, subtitle, headlines, facts, sections } = report
  const links = sections.map(({ id, title: name }) => `<li><a href="#${escaped(id)}">${escaped(name)}</a></li>`)
  return [
    `<!doctype html>\n<html lang="en"${live === undefined ? '' : ` data-live="${live}"`}>\n<head>\n<meta charset="utf-8">`,
    `<meta http-equiv="Content-Security-Policy" content="${escaped(policy(live !== undefined))}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="color-scheme" content="light dark">',
    `<title>${escaped(title)} - lambda-darts</title>\n<style>${STYLE}</style>\n</head>\n<body>\n<div class="page">`,
    '<a class="skip" href="#report">To the report</a>',
    `<header class="top"><p>lambda-darts, report of a search <span id="state" role="status"></span></p>`,
    '<button type="button" id="theme" hidden>Dark</button></header>',
    `<main id="report">\n<h1>${escaped(title)}</h1>`,
    subtitle === '' ? '' : `<p class="subtitle"><code>${escaped(subtitle)}</code></p>`,
    `<div class="verdicts">${headlines.map(headlineHtml).join('\n')}</div>`,
    factsHtml(facts),
    links.length > 1 ? `<nav aria-label="Parts of the report"><ul>${links.join('')}</ul></nav>` : '',
    ...sections.map(section => sectionHtml(section, drawn)),
    '</main>',
    '<footer><p>The numbers are in events.jsonl and summary.json of the run folder; docs/report.md tells what each ',
    'picture shows.</p></footer>',
    `</div>\n<script>${SCRIPT}</script>\n</body>\n</html>\n`
  ].join('\n')
}
