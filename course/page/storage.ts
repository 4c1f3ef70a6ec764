/** What the browser keeps of a reader: chapters that were read, and texts that were changed. Without a store, nothing. */
const READ = 'lambda-darts: read'
const text = (chapter: string, editor: string): string => `lambda-darts: ${chapter} ${editor}`

/** A page of `file:` and private windows may have no store. */
const kept = (key: string): string | null => {
  try {
    return localStorage.getItem(key)
  } catch {
    return null
  }
}
const keep = (key: string, value: string | null): void => {
  try {
    if (value === null) localStorage.removeItem(key)
    else localStorage.setItem(key, value)
  } catch {
    // The page works without.
  }
}

export const chaptersRead = (): readonly string[] => (kept(READ) ?? '').split(' ').filter(name => name !== '')

export const setRead = (chapter: string): void => keep(READ, [...new Set([...chaptersRead(), chapter])].join(' '))

/** A changed text, with what it was changed from: that of another edition of the course is not kept. */
export const keptText = (chapter: string, editor: string, original: string): string => {
  const [from, now] = (kept(text(chapter, editor)) ?? '').split('\u0000')
  return from === original && now !== undefined ? now : original
}

export const keepText = (chapter: string, editor: string, original: string, now: string): void =>
  keep(text(chapter, editor), now === original ? null : `${original}\u0000${now}`)
