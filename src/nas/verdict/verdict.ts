/** Whether one can trust the cell of a search, and why: pure, from what the search told. */
import type { Finding, Tone, Verdict } from '../run/record.js'
import { marginsOf } from '../selection/margins.js'
import { baseline, collapse, score, unjudged } from './cell.js'
import { curvature, ended, fit, harmony, margins, quotient, saturation, travel, unchanged } from './course.js'
import { type Clause, type Evidence, findingOf } from './evidence.js'

/** What is looked for, what matters most first. */
const LOOKS: readonly ((evidence: Evidence) => readonly Clause[])[] = [
  ...[score, baseline, ended, collapse, margins, saturation, unchanged, travel],
  ...[harmony, curvature, fit, quotient, unjudged]
]

const worst = (tones: readonly Tone[]): Tone => (['bad', 'doubt'] as const).find(tone => tones.includes(tone)) ?? 'good'

/** What is known of the cell beats all that is known of the search. */
const KNOWN: readonly Finding['kind'][] = ['score', 'baseline']

/** In one sentence: the first reason of the tone; of a bad one the first two. */
const headlineOf = (clauses: readonly Clause[], known: Clause | undefined, tone: Tone): string => {
  const reasons = (of: Tone, most: number): string =>
    [...(known ? [known] : []), ...clauses.filter(one => !KNOWN.includes(one.kind))]
      .filter(one => one.tone === of && one.kind !== 'unjudged')
      .slice(0, most)
      .map(({ because }) => because)
      .join('; ')
  if (tone === 'bad') return `Do not trust this cell: ${reasons('bad', 2)}.`
  if (tone === 'doubt') return `Doubt this cell: ${reasons('doubt', 1)}.`
  if (!known)
    return 'Nothing speaks against this cell, but how good it is, only a table, --baseline or its training tells.'
  const against = reasons('bad', 1) || reasons('doubt', 1)
  return against === ''
    ? `Trust this cell: ${known.because}.`
    : `The cell is good, though the search itself gives reason to doubt it: ${known.because}; yet ${against}.`
}

/**
 * The verdict on a search. A table or a baseline decides where there is one; else the worst of what is found does, and
 * that nobody knows how good the cell is counts for nothing.
 */
export const verdictOf = (evidence: Evidence): Verdict => {
  const clauses = LOOKS.flatMap(look => look(evidence))
  const known = clauses.find(({ kind }) => KNOWN.includes(kind))
  const tone = known?.tone ?? worst(clauses.filter(({ kind }) => kind !== 'unjudged').map(one => one.tone))
  return {
    tone,
    headline: headlineOf(clauses, known, tone),
    findings: clauses.map(findingOf),
    margins: marginsOf(evidence.space, evidence.genotype, evidence.mixtures)
  }
}
