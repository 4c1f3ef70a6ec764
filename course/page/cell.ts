/** A block of code in the page, or an exercise: its editor, its buttons, and what it gives. */
import type { Shown } from '../protocol.js'
import { inlined } from '../svg.js'
import { type Editor, editorIn } from './editor.js'
import { element, itemOf } from './output.js'
import { keepText, keptText } from './storage.js'

export interface Cell {
  readonly text: () => string
  readonly began: () => void
  readonly show: (shown: Shown) => void
  readonly ended: (milliseconds: number) => void
  /** It was ended before it was done. */
  readonly stopped: () => void
  /** What it has given is of another text than what stands before it. */
  readonly outdated: () => void
  readonly reset: () => void
}

export interface CellOptions {
  readonly chapter: string
  /** What it is called in the page: `Block 2`. */
  readonly name: string
  /** The word of its button. */
  readonly word: 'Run' | 'Check'
  readonly original: string
  /** Where its pictures are drawn, in order; further ones stand among what it gives. */
  readonly figures: readonly HTMLElement[]
  readonly changed: () => void
  readonly run: () => void
}

const PLAY = '<svg class="icon" viewBox="0 0 10 10" aria-hidden="true"><path d="M2 1v8l7-4z"/></svg>'

const button = (word: string, label: string, act: () => void): HTMLButtonElement => {
  const made = document.createElement('button')
  made.type = 'button'
  made.append(word)
  made.setAttribute('aria-label', label)
  made.addEventListener('click', act)
  return made
}

const timeOf = (milliseconds: number): string =>
  milliseconds < 1000 ? `${Math.max(1, Math.round(milliseconds))} ms` : `${(milliseconds / 1000).toFixed(1)} s`

/** Draws into a figure, or a new one. */
const draw = (svg: string, figure: HTMLElement, alt: string): void => {
  const drawing = figure.querySelector('.drawing')
  if (drawing) drawing.innerHTML = inlined(svg, alt)
  figure.classList.add('drawn')
}

/** Makes a cell of a section of the page. */
export const cellIn = (section: HTMLElement, options: CellOptions): Cell => {
  const { chapter, name, word, original, figures, run } = options
  const output = section.querySelector('.output') as HTMLElement
  const time = element('span', 'time')
  const runs = button(word, `${word} ${name.toLowerCase()}`, run)
  runs.insertAdjacentHTML('afterbegin', PLAY)
  const resets = button('Reset', `Reset ${name.toLowerCase()} to what the course says`, () => reset())
  output.before(element('div', 'buttons', runs, resets, time))

  const changed = (): void => {
    const text = editor.text()
    resets.hidden = text === original
    keepText(chapter, name, original, text)
    options.changed()
  }
  const kept = keptText(chapter, name, original)
  const editor: Editor = editorIn(section.querySelector('.code') as HTMLElement, {
    label: `Code of ${name.toLowerCase()}`,
    text: kept,
    changed,
    run
  })
  resets.hidden = kept === original
  let pictures = 0
  const reset = (): void => {
    if (editor.text() !== original) editor.setText(original)
  }
  const picture = (svg: string): void => {
    const figure = figures[pictures++]
    if (figure) return draw(svg, figure, figure.dataset['alt'] ?? 'A picture')
    const made = element('figure', 'picture', element('div', 'drawing'))
    output.append(element('li', 'drawn', made))
    draw(svg, made, `A picture of ${name.toLowerCase()}`)
  }
  const set = (state: string): void => {
    section.dataset['state'] = state
  }
  return {
    text: editor.text,
    began: () => {
      output.replaceChildren()
      output.hidden = true
      pictures = 0
      time.textContent = 'running'
      editor.mark(null)
      set('running')
    },
    show: shown => {
      if (shown.kind === 'picture') picture(shown.svg)
      else output.append(itemOf(shown))
      output.hidden = output.childElementCount === 0
      if (shown.kind === 'error') {
        editor.mark(shown.line)
        set('failed')
      }
      if (shown.kind === 'check' && shown.failure !== null) set('failed')
    },
    ended: milliseconds => {
      time.textContent = timeOf(milliseconds)
      if (section.dataset['state'] === 'running') set('done')
    },
    stopped: () => {
      if (section.dataset['state'] !== 'running') return
      time.textContent = 'stopped'
      set('stopped')
    },
    outdated: () => {
      if (/^(done|failed)$/.test(section.dataset['state'] ?? '')) set('outdated')
    },
    reset
  }
}
