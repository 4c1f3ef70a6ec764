/**
 * Pictures as the text of SVGs, in Node and in browsers: graphs of tensors, charts, and whatever the dot language says.
 *
 * @example
 * import { $ } from 'lambda-darts'
 * import { draw } from 'lambda-darts/pictures'
 * const svg = await draw($.mul($.tensor(2), $.tensor(3)), { values: true })
 * svg.includes('= 6') // true
 */
export { type ChartSpec, chartToSvg, chartToSvg as plot } from './chart.js'
export { type Caption, dotToSvg } from './dot.js'
export { draw } from './draw.js'
export { type GraphGroup, type GraphOptions, graphDot } from './graph.js'
export { type ColourName, colour, DASHES, FONT, type Scheme, SERIES, standalone, THEME, THEME_CSS } from './theme.js'
