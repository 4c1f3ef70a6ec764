/** Pictures in a page: built into it, and drawn anew by its blocks. */

/** A text as HTML. */
export const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

/**
 * An SVG as a part of a page, which says what it shows. Its colours are those of the page: a style of its own, which a
 * file has for where it stands by itself, is left out.
 */
export const inlined = (svg: string, alt: string): string =>
  svg
    .slice(svg.indexOf('<svg'))
    .replace(/<svg[^>]*>/, start => start.replaceAll(/ (role|aria-label|aria-hidden)="[^"]*"/g, ''))
    .replace(/<style>[^<]*<\/style>/, '')
    .replace('<svg', `<svg role="img" aria-label="${escaped(alt)}"`)
