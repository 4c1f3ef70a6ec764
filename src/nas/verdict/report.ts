/** A verdict as text. */
import type { Finding, Tone, Verdict } from '../run/record.js'
import { wrapped } from '../text.js'

const MARKS: Readonly<Record<Tone, string>> = { good: '+', doubt: '?', bad: '!' }

/** A finding, with what to do as a sentence of its own. */
const findingText = ({ tone, sentence, cure }: Finding): string => {
  const advice = cure === null ? '' : ` To do: ${cure}.`
  return wrapped(`${sentence}${advice}`, `  ${MARKS[tone]} `, '    ')
}

/** The headline, and what was found: a line that begins with ! is bad, with ? a reason to doubt, with + good. */
export const verdictText = ({ headline, findings }: Verdict): string =>
  [wrapped(headline, 'Verdict: ', '  '), ...findings.map(findingText)].join('\n')
