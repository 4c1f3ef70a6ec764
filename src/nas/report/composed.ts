/** A figure as one SVG by itself, for a file: its title, its keys, and its pictures in rows. */
import { escaped } from '../../pictures/markup.js'
import { colour, FONT } from '../../pictures/theme.js'
import type { Figure } from './figure.js'
import { styleOf } from './lines.js'

const EDGE = 16
const GAP = 14
/** Pictures stand beside each other until they are this wide. */
const MOST_WIDTH = 960
/** About what a letter takes of the size of its font. */
const LETTER = 0.56

interface Sized {
  readonly svg: string
  readonly label: string | null
  readonly width: number
  readonly height: number
}

interface Placed extends Sized {
  readonly x: number
  readonly y: number
}

/** The size that an SVG says of itself. */
const sizeOf = (svg: string): readonly [number, number] => {
  const start = svg.slice(0, svg.indexOf('>'))
  return [Number(/ width="([\d.]+)"/.exec(start)?.[1] ?? 0), Number(/ height="([\d.]+)"/.exec(start)?.[1] ?? 0)]
}

const LABEL = 18

/** Pictures in rows, each row as high as its highest. */
const placed = (pictures: readonly Sized[], top: number): readonly Placed[] =>
  pictures.reduce<readonly Placed[]>((before, picture) => {
    const last = before.at(-1)
    const row = before.filter(({ y }) => y === last?.y)
    const right = last ? last.x + last.width + GAP : EDGE
    if (last && right + picture.width <= MOST_WIDTH - EDGE) return before.concat({ ...picture, x: right, y: last.y })
    const bottom = Math.max(...row.map(({ y, height, label }) => y + height + (label === null ? 0 : LABEL)))
    return before.concat({ ...picture, x: EDGE, y: last ? bottom + GAP : top })
  }, [])

const text = (x: number, y: number, size: number, weight: number, content: string): string =>
  `<text x="${x}" y="${y}" font-size="${size}" font-weight="${weight}" font-family="${escaped(FONT)}" ` +
  `fill="${colour('ink')}">${escaped(content)}</text>`

const keyLine = ({ keys }: Figure, y: number): string => {
  const widths = keys.map(({ label }) => 36 + label.length * LETTER * 12 + 18)
  return keys
    .map(({ label, style }, i) => {
      const x = EDGE + widths.slice(0, i).reduce((sum, width) => sum + width, 0)
      const { colour: stroke, dash } = styleOf(style)
      return (
        `<path d="M${x.toFixed(1)} ${y - 4}h26" fill="none" stroke="${stroke}" stroke-width="2.5" ` +
        `stroke-dasharray="${dash.join(' ')}"/>${text(Number((x + 32).toFixed(1)), y, 12, 400, label)}`
      )
    })
    .join('')
}

/** One SVG of a figure, in colours of the theme: `standalone` fills those in. */
export const composed = (figure: Figure, svgs: readonly string[]): string => {
  const { title, keys, drawings } = figure
  const top = EDGE + 22 + (keys.length > 0 ? 24 : 6)
  const pictures = svgs.map((svg, i): Sized => {
    const [width, height] = sizeOf(svg)
    return { svg, label: drawings[i]?.label ?? null, width, height }
  })
  const at = placed(pictures, top)
  const keyWidth = keys.reduce((sum, { label }) => sum + 54 + label.length * LETTER * 12, 0)
  const right = Math.max(title.length * LETTER * 15, keyWidth, ...at.map(({ x, width }) => x + width))
  const bottom = Math.max(top, ...at.map(({ y, height, label }) => y + height + (label === null ? 0 : LABEL)))
  const [width, height] = [Math.ceil(right + EDGE), Math.ceil(bottom + EDGE)]
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    `<rect width="${width}" height="${height}" fill="${colour('paper')}"/>`,
    text(EDGE, EDGE + 14, 15, 600, title),
    keyLine(figure, EDGE + 38),
    ...at.map(({ svg, label, x, y }) => {
      const name = label === null ? '' : text(x, y + 12, 12, 400, label)
      const inner = svg.replace(/<svg /, `<svg x="${x}" y="${y + (label === null ? 0 : LABEL)}" `)
      return name + inner.replace(/ style="max-width:100%;height:auto"/, '')
    }),
    '</svg>'
  ].join('')
}
