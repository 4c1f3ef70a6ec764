/** Links between files: what they name is there, headings included. (Nothing outside the repository is asked.) */
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { anchorOf, beside, pages, ROOT, read } from './blocks.js'

/** Without code: what looks like a link there is none. */
const prose = (text: string): string => text.replaceAll(/^( *)```[\s\S]*?^\1```$/gm, '').replaceAll(/`[^`\n]*`/g, '')

const anchorsOf = (text: string): Set<string> =>
  new Set(
    [...text.replaceAll(/^( *)```[\s\S]*?^\1```$/gm, '').matchAll(/^#+ +(.*)$/gm)].map(([, heading]) =>
      anchorOf(heading as string)
    )
  )

/** Why a link of a page leads nowhere, if it does. */
const complaintOf = (page: string, link: string): string | undefined => {
  const [path = '', anchor] = link.split('#')
  const file = path === '' ? page : beside(page, decodeURI(path))
  if (!existsSync(join(ROOT, file))) return `${page}: there is no ${file}`
  const target = statSync(join(ROOT, file)).isDirectory() ? join(file, 'README.md') : file
  if (anchor === undefined) return undefined
  return anchorsOf(read(target)).has(anchor) ? undefined : `${page}: ${target} has no heading #${anchor}`
}

const linksOf = (page: string): string[] =>
  [...prose(read(page)).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, link]) => link as string)
    .filter(link => !/^[a-z]+:/.test(link))

it.each(pages())('%s links to what there is', page => {
  expect(linksOf(page).flatMap(link => complaintOf(page, link) ?? [])).toEqual([])
})

it('sees a file and a heading that are not there', () => {
  expect(complaintOf('README.md', 'docs/nothing.md')).toBe('README.md: there is no docs/nothing.md')
  expect(complaintOf('docs/search.md', '#a-space-of-your-own')).toBeUndefined()
  expect(complaintOf('docs/search.md', '#a-space-of-yours')).toBe(
    'docs/search.md: docs/search.md has no heading #a-space-of-yours'
  )
  expect(pages().flatMap(linksOf).length).toBeGreaterThan(40)
})

/** Names of files in code, as pages mention them: they go stale when a file moves. */
const mentionedBy = (page: string): string[] =>
  [
    ...read(page)
      .replaceAll(/^( *)```[\s\S]*?^\1```$/gm, '')
      .matchAll(/`((?:src|test|docs|bench|shaders|scripts|examples)\/[\w./-]*\.\w+)`/g)
  ].map(([, path]) => path as string)

it('pages mention files that there are', () => {
  const gone = pages().flatMap(page =>
    mentionedBy(page).flatMap(path =>
      path.includes('NAME') || existsSync(join(ROOT, path)) || existsSync(join(ROOT, beside(page, path)))
        ? []
        : `${page}: ${path}`
    )
  )
  expect(gone).toEqual([])
})
