/** The pages of the site as texts. */

import { escaped } from '../src/pictures/markup.js'
import type { Chapter } from './chapter.js'
import { highlighted } from './highlight.js'
import { type Rendering, rendered } from './markdown.js'

/** What a reader writes, the test that fails until it is right, and one that is right. */
export interface Exercise {
  readonly stub: string
  readonly test: string
  readonly solution: string
}

export interface Lesson extends Chapter {
  /** Its file without the ending: `01-a-value-and-its-derivative`. */
  readonly name: string
  readonly markdown: string
  readonly exercise?: Exercise
}

export interface Course extends Rendering {
  /** README.md. */
  readonly index: string
  readonly chapters: readonly Lesson[]
  /** Files that exercises import, by their paths without the ending. */
  readonly helpers: Readonly<Record<string, string>>
}

/**
 * What a page may load: its own files, nothing else. Blocks are run by `eval`; the editor writes styles; the worker is a
 * blob, since none is loaded from `file:`.
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'unsafe-eval'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  'worker-src blob:',
  "base-uri 'none'",
  "form-action 'none'"
].join('; ')

const PLAY = '<svg class="icon" viewBox="0 0 10 10" aria-hidden="true"><path d="M2 1v8l7-4z"/></svg>'
const SQUARE = '<svg class="icon" viewBox="0 0 10 10" aria-hidden="true"><path d="M1.5 1.5h7v7h-7z"/></svg>'

const listOf = ({ chapters }: Course, current?: string): string =>
  chapters
    .map(({ name, title }) => {
      const here = name === current ? ' aria-current="page"' : ''
      return `<li><a href="${name}.html" data-chapter="${name}"${here}>${escaped(title)}</a></li>`
    })
    .join('\n')

const CONTROLS = `<div class="controls" role="group" aria-label="All blocks">
<span class="state" role="status"></span>
<button type="button" class="primary" data-do="run-all" hidden>${PLAY}Run all</button>
<button type="button" data-do="stop" hidden>${SQUARE}Stop</button>
<button type="button" data-do="reset-all" hidden>Reset</button>
</div>`

const headerOf = (course: Course, current?: string): string => `<a class="skip" href="#main">Skip to the text</a>
<header>
<a class="brand" href="index.html"><strong>Λ</strong> the course</a>
<details class="chapters"><summary>Chapters</summary><nav aria-label="Chapters"><ol>
${listOf(course, current)}
</ol></nav></details>
${current === undefined ? '' : CONTROLS}
</header>`

const documentOf = (title: string, name: string | undefined, header: string, main: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="color-scheme" content="light dark">
<title>${escaped(title)}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="course.css">
</head>
<body${name === undefined ? '' : ` data-chapter="${name}"`}>
${header}
<main id="main" tabindex="-1">
${main}</main>
<script src="course.js"></script>
</body>
</html>
`

const exerciseOf = ({ exercise }: Lesson): string =>
  exercise
    ? `<section class="block exercise" aria-label="Exercise" data-exercise>
<h2 id="the-exercise">The exercise</h2>
<p>Change the code until every check passes: the same checks that <code>npm run exercise</code> runs in a checkout.</p>
<div class="code"><pre tabindex="0"><code>${highlighted(exercise.stub.trimEnd(), 'ts')}</code></pre></div>
<ol class="output" aria-label="Checks of the exercise" hidden></ol>
<details><summary>What is checked</summary>
<pre tabindex="0"><code>${highlighted(exercise.test.trimEnd(), 'ts')}</code></pre></details>
<details><summary>A solution</summary>
<pre tabindex="0"><code>${highlighted(exercise.solution.trimEnd(), 'ts')}</code></pre></details>
</section>
`
    : ''

/** The chapters before and behind. */
const neighboursOf = ({ chapters }: Course, lesson: Lesson): string => {
  const place = chapters.indexOf(lesson)
  const link = (to: Lesson | undefined, rel: 'prev' | 'next', word: string) =>
    to ? `<a rel="${rel}" href="${to.name}.html"><span>${word}</span> ${escaped(to.title)}</a>` : '<span></span>'
  return `<nav class="neighbours" aria-label="Before and next">
${link(chapters[place - 1], 'prev', 'Before')}
${link(chapters[place + 1], 'next', 'Next')}
</nav>
`
}

/** The page of a chapter. */
export const pageOf = (course: Course, lesson: Lesson): string =>
  documentOf(
    `${lesson.title} · lambda-darts`,
    lesson.name,
    headerOf(course, lesson.name),
    `<article>
${rendered(lesson.markdown, course).replace('</h1>', '</h1>\n<p class="device" role="status" hidden></p>')}${exerciseOf(lesson)}</article>
${neighboursOf(course, lesson)}`
  )

/** The first page. */
export const indexOf = (course: Course): string =>
  documentOf(
    'The course · lambda-darts',
    undefined,
    headerOf(course),
    `<article class="index">\n${rendered(course.index, course)}</article>\n`
  )
