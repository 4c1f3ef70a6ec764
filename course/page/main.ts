/** A page of the site: what was read is marked, and a chapter gets its editors. */
import { lessons } from 'lambda-darts:lessons'
import { startChapter } from './chapter.js'
import { chaptersRead, setRead } from './storage.js'

/** Marks chapters that were read wherever they are linked to. */
const markRead = (): void => {
  const read = chaptersRead()
  for (const link of document.querySelectorAll<HTMLAnchorElement>('a[href$=".html"]'))
    link.classList.toggle('read', read.includes((link.getAttribute('href') ?? '').replace('.html', '')))
}

/** A chapter is read when its end was seen. */
const watchEnd = (chapter: string): void => {
  const end = document.querySelector('.neighbours')
  if (!end) return
  const observer = new IntersectionObserver(entries => {
    if (!entries.some(entry => entry.isIntersecting)) return
    setRead(chapter)
    markRead()
    observer.disconnect()
  })
  observer.observe(end)
}

const chapter = document.body.dataset['chapter']
const lesson = chapter === undefined ? undefined : lessons[chapter]
markRead()
if (chapter !== undefined && lesson) {
  startChapter(chapter, lesson)
  watchEnd(chapter)
}
