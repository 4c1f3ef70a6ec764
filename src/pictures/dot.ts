/**
 * Graphviz: a graph in the dot language as the text of an SVG. The package is fetched when it is first needed: it takes
 * a fifth of a second, which a program that draws nothing should not wait for.
 */
import type { Graphviz } from '@hpcc-js/wasm-graphviz'
import { describe, fail } from '../autodiff/shape.js'
import { escaped } from './markup.js'
import { type ColourName, colour, FONT, THEME } from './theme.js'

/** What a picture is called: read to people who do not see it, and shown where the pointer rests on it. */
export interface Caption {
  readonly title?: string
  /** What is to be seen, in a sentence or two. */
  readonly description?: string
}

const loaded: { graphviz?: Promise<Graphviz> } = {}
const load = (): Promise<Graphviz> => {
  loaded.graphviz ??= import('@hpcc-js/wasm-graphviz').then(({ Graphviz }) => Graphviz.load())
  return loaded.graphviz
}

/** A colour of the theme as dot has it: its light value, so that the text looks as it should elsewhere too. */
export const dotColour = (name: ColourName): string => THEME.light[name]

/** The font whose widths Graphviz knows; the picture itself takes the reader's own. */
export const DOT_FONT = 'Helvetica,Arial,sans-serif'

/** By the light value of a colour, the variable that stands for it. */
const VARIABLES: ReadonlyMap<string, string> = new Map(
  (Object.keys(THEME.light) as ColourName[]).map(name => [THEME.light[name], colour(name)])
)

/** The start of an SVG: how large it is at most, and what it is called. */
const opening = (width: string, height: string, { title, description }: Caption): string => {
  const [w, h] = [width, height].map(points => Math.ceil((Number(points) * 4) / 3))
  const named = title === undefined ? 'aria-hidden="true"' : `role="img" aria-label="${escaped(title)}"`
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${w}" height="${h}" viewBox="0 0 ${width} ${height}" ${named} `,
    'style="max-width:100%;height:auto">',
    ...(title === undefined ? [] : [`<title>${escaped(title)}</title>`]),
    ...(description === undefined ? [] : [`<desc>${escaped(description)}</desc>`])
  ].join('')
}

/** What Graphviz gives as one element that may stand in a page beside others: no identifiers, colours by their names. */
const tidied = (svg: string, caption: Caption): string => {
  const [start = '', width = '', height = ''] = /<svg width="([\d.]+)pt" height="([\d.]+)pt"[^>]*>/.exec(svg) ?? []
  return svg
    .slice(svg.indexOf(start))
    .replace(start, opening(width, height, caption))
    .replaceAll(/<!--[\s\S]*?-->\n?|<title>[^<]*<\/title>\n(?=<)| id="[^"]*"| xml:space="preserve"/g, '')
    .replaceAll(/"(#[\da-f]{6})"/g, (all, value: string) => {
      const variable = VARIABLES.get(value)
      return variable === undefined ? all : `"${variable}"`
    })
    .replaceAll(`font-family="${DOT_FONT}"`, `font-family="${escaped(FONT)}"`)
    .trimEnd()
}

/**
 * A graph in the dot language as an SVG, laid out by Graphviz. Colours of the theme become its variables; the picture
 * refers to nothing outside. Rejects with what Graphviz says of a text that it does not understand.
 *
 * @example
 * import { dotToSvg } from 'lambda-darts/pictures'
 * (await dotToSvg('digraph { a -> b }')).slice(0, 4) // '<svg'
 */
export const dotToSvg = async (dot: string, caption: Caption = {}): Promise<string> => {
  if (typeof dot !== 'string') return fail('dotToSvg', 'a graph in the dot language', describe(dot), 'pass its text')
  const graphviz = await load()
  return tidied(rendered(graphviz, dot), caption)
}

const rendered = (graphviz: Graphviz, dot: string): string => {
  try {
    return graphviz.layout(dot, 'svg', 'dot')
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error)
    return fail('dotToSvg', 'a graph in the dot language', said.trim().replaceAll(/\s+/g, ' '), 'correct it')
  }
}
