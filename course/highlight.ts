/** Code as HTML, coloured by the parser that the editor has too, so that nothing moves when one becomes the other. */
import { javascriptLanguage, typescriptLanguage } from '@codemirror/lang-javascript'
import { classHighlighter, highlightCode } from '@lezer/highlight'
import { escaped } from '../src/pictures/markup.js'

const LANGUAGES = new Map([
  ['ts', typescriptLanguage],
  ['js', javascriptLanguage],
  ['json', javascriptLanguage]
])

/** Code of a language as HTML; of one that no parser is for, without colours. */
export const highlighted = (code: string, language: string): string => {
  const known = LANGUAGES.get(language)
  if (!known) return escaped(code)
  const parts: string[] = []
  highlightCode(
    code,
    known.parser.parse(code),
    classHighlighter,
    (text, classes) => parts.push(classes ? `<span class="${classes}">${escaped(text)}</span>` : escaped(text)),
    () => parts.push('\n')
  )
  return parts.join('')
}
