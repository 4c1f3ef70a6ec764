/** Pictures in a page: built into it, and drawn anew by its blocks. */

import { escaped } from '../src/pictures/markup.js'

/**
 * An SVG as a part of a page, which says as a whole what it shows. Its colours are those of the page: a style of its
 * own, which a file has for where it stands by itself, is left out.
 */
export const inlined = (svg: string, alt: string): string => {
  const width = / width="(\d+)/.exec(svg)?.[1] ?? '0'
  return svg
    .slice(svg.indexOf('<svg'))
    .replaceAll(/ (role|aria-\w+)="[^"]*"/g, '')
    .replace(/<style>[^<]*<\/style>/, '')
    .replace('<svg', `<svg role="img" aria-label="${escaped(alt)}"`)
    .replace(/<svg([^>]*?)(?: style="([^"]*)")?>/, `<svg$1 style="--natural:${width}px;$2">`)
}
