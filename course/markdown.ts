/** The Markdown of a chapter as HTML: blocks that run, pictures in the page, links to pages and to the sources. */
import { posix } from 'node:path'
import Markdown, { type MarkdownIt, type StateCore, type Token } from 'markdown-it'
import { escaped } from '../src/pictures/markup.js'
import { highlighted } from './highlight.js'
import { inlined } from './svg.js'

/** Where the sources of the project are read. */
const SOURCES = 'https://github.com/lambda-darts/lambda-darts/blob/main'
const HERE = 'docs/course'

export interface Rendering {
  /** The text of a file of docs/course. */
  readonly pictureOf: (file: string) => string | undefined
}

/** The anchor of a heading, as GitHub makes it. */
export const anchorOf = (heading: string): string =>
  heading
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(/\s/g, '-')

/** A link of a page of docs/course, as the site has it: chapters are pages of it, all else stands in the sources. */
export const linkOf = (href: string): string => {
  if (/^(\w+:|#)/.test(href)) return href
  const [path = '', anchor] = href.split('#')
  const page = /^(?:\.\/)?(README|\d\d-[\w-]+)\.md$/.exec(path)?.[1]
  const target = page ? `${page === 'README' ? 'index' : page}.html` : `${SOURCES}/${posix.join(HERE, path)}`
  return anchor === undefined ? target : `${target}#${anchor}`
}

const blockOf = (code: string, index: number): string => {
  const name = `Block ${index + 1}`
  return `<section class="block" aria-label="${name}" data-block="${index}">
<div class="code"><pre tabindex="0"><code>${highlighted(code, 'ts')}</code></pre></div>
<ol class="output" aria-label="Output of block ${index + 1}" hidden></ol>
</section>
`
}

/** Code that is not run. */
const listingOf = (code: string, language: string, file: string): string => {
  const caption = file === '' ? '' : `<figcaption>${escaped(file)}</figcaption>`
  const pre = `<pre tabindex="0"><code>${highlighted(code, language)}</code></pre>`
  return `<figure class="listing">${caption}${pre}</figure>\n`
}

/** A picture, which the block before it (`after`) draws. */
const figureOf = (svg: string, alt: string, after: number): string =>
  `<figure class="picture" data-after="${after}" data-alt="${escaped(alt)}">
<div class="drawing" tabindex="0">${inlined(svg, alt)}</div>
<figcaption>${escaped(alt)}</figcaption>
</figure>
`

/** Paragraphs that hold an image alone become figures. */
const figures = ({ tokens, Token }: StateCore): void => {
  for (let i = 0; i + 2 < tokens.length; i++) {
    const [open, inline, close] = tokens.slice(i, i + 3)
    const [image, ...more] = inline?.children ?? []
    if (open?.type !== 'paragraph_open' || close?.type !== 'paragraph_close') continue
    if (image?.type !== 'image' || more.length > 0) continue
    const figure = new Token('figure', '', 0)
    figure.attrs = image.attrs
    figure.content = image.content
    tokens.splice(i, 3, figure)
  }
}

/** The text of an attribute. */
const attribute = (token: Token | undefined, name: string): string => String(token?.attrGet(name) ?? '')

/** Adds the rules for code and pictures, which are numbered as they come. */
const addParts = (markdown: MarkdownIt, { pictureOf }: Rendering): void => {
  let blocks = 0
  markdown.core.ruler.push('figures', figures)
  markdown.renderer.rules.fence = (tokens, i) => {
    const { content = '', info = '' } = tokens[i] ?? {}
    const [language = '', ...file] = info.trim().split(' ')
    const code = content.trimEnd()
    return language === 'ts' && file.length === 0 ? blockOf(code, blocks++) : listingOf(code, language, file.join(' '))
  }
  markdown.renderer.rules['figure'] = (tokens, i) => {
    const file = attribute(tokens[i], 'src')
    const svg = file.endsWith('.svg') ? pictureOf(file) : undefined
    if (svg === undefined)
      throw new Error(`${HERE}/${file} is no SVG that is there: write the pictures, npm run course -- --pictures`)
    return figureOf(svg, tokens[i]?.content ?? '', blocks - 1)
  }
}

/** Adds the rules for links, anchors and tables. */
const addLinks = (markdown: MarkdownIt): void => {
  const times = new Map<string, number>()
  const { rules } = markdown.renderer
  rules['link_open'] = (tokens, i, options, _, self) => {
    tokens[i]?.attrSet('href', linkOf(attribute(tokens[i], 'href')))
    return self.renderToken(tokens, i, options)
  }
  rules['heading_open'] = (tokens, i, options, _, self) => {
    const anchor = anchorOf(tokens[i + 1]?.content ?? '')
    const before = times.get(anchor) ?? 0
    times.set(anchor, before + 1)
    tokens[i]?.attrSet('id', before === 0 ? anchor : `${anchor}-${before}`)
    return self.renderToken(tokens, i, options)
  }
  rules['table_open'] = () => '<div class="table" tabindex="0" role="group" aria-label="Table"><table>\n'
  rules['table_close'] = () => '</table></div>\n'
}

/** A page of docs/course as HTML. */
export const rendered = (text: string, rendering: Rendering): string => {
  const markdown = new Markdown({ html: true })
  addParts(markdown, rendering)
  addLinks(markdown)
  return markdown.render(text)
}
