/** Pictures in a page: built into it, and drawn anew by its blocks. */

/** A text as HTML. */
export const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

/** An SVG whose ids no other of the page has. */
export const withOwnIds = (svg: string, prefix: string): string =>
  svg
    .replaceAll(/\bid="([^"]+)"/g, `id="${prefix}-$1"`)
    .replaceAll(/url\(#([^)]+)\)/g, `url(#${prefix}-$1)`)
    .replaceAll(/href="#([^"]+)"/g, `href="#${prefix}-$1"`)

/** An SVG in the page: colours are those of the page, which a style of its own would overrule. */
export const inlined = (svg: string, prefix: string, alt: string): string => {
  const bare = svg
    .slice(svg.indexOf('<svg'))
    .replaceAll(/<style\b[^>]*>[\s\S]*?<\/style>/g, '')
    .replaceAll(/<title\b[^>]*>[\s\S]*?<\/title>/g, '')
  return withOwnIds(bare, prefix).replace('<svg', `<svg role="img" aria-label="${escaped(alt)}"`)
}
