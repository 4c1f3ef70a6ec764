/** The picture of an expression. */
import { topological } from '../autodiff/graph.js'
import { fail } from '../autodiff/shape.js'
import { leaves, type Tree } from '../autodiff/tree.js'
import { dotToSvg } from './dot.js'
import { type GraphOptions, graphDot } from './graph.js'

/** Boxes that Graphviz lays out in some seconds (1,152 of a second derivative take 8); and nobody reads more. */
export const MOST_BOXES = 2000

/** How many boxes a graph in the dot language has. */
const boxesIn = (dot: string): number => dot.match(/^ {2}n\d+ \[/gm)?.length ?? 0

/** Refuses what would be too large a picture, and says how it becomes smaller. */
const drawable = (outputs: Tree, options: GraphOptions): string => {
  const dot = graphDot(outputs, options)
  const boxes = boxesIn(dot)
  if (boxes <= MOST_BOXES) return dot
  return fail(
    'draw',
    `a graph of at most ${MOST_BOXES} boxes`,
    `${boxes} for ${topological(leaves(outputs)).length} nodes`,
    options.collapse ? 'draw a part of it, or take its text for Graphviz' : 'collapse it, or draw a part of it'
  )
}

/**
 * The graph of a tensor, or of a tree of them, as an SVG: what is computed, from what, and of which shape; with
 * `values: true` also the numbers, by the reference. One SVG serves light and dark, by the colours of the page that
 * holds it (`THEME_CSS`); `standalone` makes a file of it. Rejects for graphs of more than 2,000 boxes.
 *
 * @example
 * import { $, grad } from 'lambda-darts'
 * import { draw } from 'lambda-darts/pictures'
 * const x = $.tensor(0.5)
 * const slope = grad(a => $.mul(a, $.tanh(a)))(x)
 * ;(await draw(slope, { values: true, names: { x } })).includes('= 0.8553') // true
 */
export const draw = async (outputs: Tree, options: GraphOptions = {}): Promise<string> =>
  dotToSvg(drawable(outputs, options), options)
