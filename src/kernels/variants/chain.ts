/**
 * Long sums of products in parts. A kernel that holds its sums in registers adds each of them up in one chain, and a
 * chain of n additions loses up to n / 2 units in the last place. So the terms are cut into parts of bounded length,
 * whose results a fold adds: that keeps their digits, and leaves more to do side by side.
 */

/** Values that the parts of a result may have together, as long as no part gets longer for that. */
const MOST_PARTIAL = 2 ** 24

/** Lengths are multiples of this, so that vec4s and subgroups stay whole. */
const UNIT = 8

/**
 * How `terms` are cut into parts of at most `longest` where the result has `count` values: all of one length, but for
 * the last.
 */
export const chain = (
  terms: number,
  longest: number,
  count: number
): { readonly length: number; readonly parts: number } => {
  const wanted = Math.ceil(terms / longest)
  const most = Math.max(1, Math.min(wanted, Math.floor(MOST_PARTIAL / count)))
  const length = most === 1 ? terms : UNIT * Math.ceil(terms / most / UNIT)
  return { length, parts: Math.ceil(terms / length) }
}
