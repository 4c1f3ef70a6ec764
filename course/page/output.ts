/** What code gives, as elements of a list. */
import type { Shown } from '../protocol.js'

/** An element with a class and what stands in it. */
export const element = (tag: string, name: string, ...inside: readonly (Node | string)[]): HTMLElement => {
  const made = document.createElement(tag)
  if (name !== '') made.className = name
  made.append(...inside)
  return made
}

/** Longer texts are cut, and say so. */
const MOST = 3000
const cut = (text: string): string =>
  text.length > MOST ? `${text.slice(0, MOST)} ... and ${text.length - MOST} characters more` : text

/** The first line of the code that has a value. */
const brief = (code: string): string => (code.includes('\n') ? `${code.slice(0, code.indexOf('\n'))} ...` : code)

const saidOf = ({ text, holds }: { readonly text: string; readonly holds: boolean }): HTMLElement =>
  holds
    ? element('span', 'said holds', element('span', 'sign', '✓'), ' as the comment says')
    : element('span', 'said differs', element('span', 'sign', '≠'), ' the comment says ', element('code', '', text))

/** An item of the output; a picture is drawn elsewhere. */
export const itemOf = (shown: Exclude<Shown, { readonly kind: 'picture' }>): HTMLElement => {
  switch (shown.kind) {
    case 'value':
      return element(
        'li',
        'value',
        element('code', 'of', brief(shown.code)),
        element('samp', '', cut(shown.text)),
        ...(shown.said ? [saidOf(shown.said)] : [])
      )
    case 'line':
      return element('li', 'line', element('samp', '', cut(shown.text)))
    case 'check':
      return shown.failure === null
        ? element('li', 'check holds', element('span', 'sign', '✓'), ` ${shown.name}`)
        : element(
            'li',
            'check fails',
            element('span', 'sign', '✗'),
            ` ${shown.name}: `,
            element('span', 'why', shown.failure)
          )
    case 'error': {
      const place = shown.line === null ? '' : `Line ${shown.line}: `
      return element('li', 'error', element('strong', '', `${place}${shown.name}`), ` ${shown.message}`)
    }
  }
}
