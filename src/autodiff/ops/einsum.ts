/** Einstein sums: every product of tensors with named axes, by diagonals, sums, transposes and matrix products. */
import { describe, fail, type Shape, show, sizeOf } from '../shape.js'
import { requireDtype, type Tensor } from '../tensor.js'
import { reshape, sum } from './broadcast.js'
import { matmul } from './matmul.js'
import { transpose } from './movement.js'
import { mul } from './pointwise.js'
import { diagonal } from './rearrange.js'

/**
 * A tensor, and a label for each of its axes: a letter, or of the axes of an ellipsis `...k`, the k-th from the last.
 */
interface Labelled {
  readonly labels: readonly string[]
  readonly x: Tensor
}

const FORM = "subscripts like 'bij,bjk->bik'"
const ELLIPSIS = '...'

/** The labels of a term; `count` axes are those of its ellipsis. */
const labelsOf = (term: string, count: number): readonly string[] => {
  const named = (text: string): readonly string[] =>
    [...text].map(letter =>
      /[a-zA-Z]/.test(letter) ? letter : fail('einsum', FORM, `'${letter}' in '${term}'`, 'name each axis by a letter')
    )
  const [before = '', after] = term.split(ELLIPSIS)
  if (after === undefined) return named(before)
  return [...named(before), ...Array.from({ length: count }, (_, i) => `${ELLIPSIS}${count - 1 - i}`), ...named(after)]
}

const labelled = (term: string, x: Tensor): Labelled => {
  const letters = term.replace(ELLIPSIS, '').length
  const rank = x.shape.length
  if (term.includes(ELLIPSIS) ? rank < letters : rank !== letters)
    fail('einsum', `as many letters as axes`, `'${term}' for ${show(x)}`, 'name each axis once, or write ... for some')
  return { labels: labelsOf(term, rank - letters), x }
}

const isLetter = (label: string): boolean => !label.startsWith(ELLIPSIS)

/** The extent of each label; those of an ellipsis broadcast. */
const extentsOf = (operands: readonly Labelled[]): ReadonlyMap<string, number> => {
  const extents = new Map<string, number>()
  for (const { labels, x } of operands)
    labels.forEach((label, axis) => {
      const [known, extent] = [extents.get(label), x.shape[axis] as number]
      if (known === undefined || (known === 1 && !isLetter(label))) extents.set(label, extent)
      else if (known !== extent && (isLetter(label) || extent !== 1))
        fail(
          'einsum',
          `one extent for ${isLetter(label) ? `'${label}'` : 'each axis of ...'}`,
          `${known} and ${extent}`,
          'use another letter, or reshape one of the tensors'
        )
    })
  return extents
}

/**
 * The result's labels, as written, or those of an ellipsis and then the letters that come once, in the order of the
 * alphabet.
 */
const outputOf = (term: string | undefined, operands: readonly Labelled[]): readonly string[] => {
  const all = operands.flatMap(({ labels }) => labels)
  const dots = labelsOf(ELLIPSIS, new Set(all.filter(label => !isLetter(label))).size)
    .toSorted()
    .toReversed()
  if (term === undefined)
    return [
      ...dots,
      ...all.filter(label => isLetter(label) && all.indexOf(label) === all.lastIndexOf(label)).toSorted()
    ]
  const output = labelsOf(term, dots.length)
  const strange = output.find(label => !all.includes(label))
  const twice = output.find((label, i) => output.indexOf(label) !== i)
  if (strange !== undefined || twice !== undefined)
    fail(
      'einsum',
      'a result whose letters are those of operands, each once',
      strange === undefined ? `'${twice}' twice` : `'${strange}', which no operand has`,
      'mend what stands after ->'
    )
  if (dots.length > 0 && !term.includes(ELLIPSIS))
    fail('einsum', "'...' in the result where operands have it", `'${term}'`, "write '...' after -> too")
  return output
}

/** A label that an operand has twice becomes the diagonal of its axes. */
const withoutTwins = ({ labels, x }: Labelled): Labelled => {
  const second = labels.findIndex((label, i) => labels.indexOf(label) !== i)
  if (second < 0) return { labels, x }
  const first = labels.indexOf(labels[second] as string)
  const others = labels.filter((_, i) => i !== first && i !== second)
  return withoutTwins({ labels: [...others, labels[second] as string], x: diagonal(x, { axes: [first, second] }) })
}

/** Without the axes of extent 1 that broadcast, and summed over labels of which nothing else knows. */
const reduced = (
  { labels, x }: Labelled,
  extents: ReadonlyMap<string, number>,
  needed: ReadonlySet<string>
): Labelled => {
  const isOne = (label: string, axis: number): boolean => x.shape[axis] === 1 && extents.get(label) !== 1
  const kept = labels.filter((label, axis) => !isOne(label, axis))
  const narrow = reshape(
    x,
    x.shape.filter((_, axis) => !isOne(labels[axis] as string, axis))
  )
  const summed = kept.flatMap((label, axis) => (needed.has(label) ? [] : [axis]))
  return { labels: kept.filter(label => needed.has(label)), x: sum(narrow, summed) }
}

/** The axes in the order of groups of labels. */
const ordered = ({ labels, x }: Labelled, order: readonly string[]): Tensor =>
  transpose(
    x,
    order.map(label => labels.indexOf(label))
  )

/** The product of two, summed over the labels of both that nothing else needs. */
const contracted = (
  a: Labelled,
  b: Labelled,
  extents: ReadonlyMap<string, number>,
  needed: ReadonlySet<string>
): Labelled => {
  const shared = a.labels.filter(label => b.labels.includes(label))
  const batch = shared.filter(label => needed.has(label))
  const summed = shared.filter(label => !needed.has(label))
  const [rows, columns] = [a, b].map(({ labels }) => labels.filter(label => !shared.includes(label))) as [
    string[],
    string[]
  ]
  const labels = [...batch, ...rows, ...columns]
  const shapeOf = (list: readonly string[]): Shape => list.map(label => extents.get(label) as number)
  const [left, right] = [ordered(a, [...batch, ...rows, ...summed]), ordered(b, [...batch, ...summed, ...columns])]
  if (summed.length === 0)
    return {
      labels,
      x: mul(
        reshape(left, [...left.shape, ...columns.map(() => 1)]),
        reshape(right, [...shapeOf(batch), ...rows.map(() => 1), ...shapeOf(columns)])
      )
    }
  const [m, k, n] = [rows, summed, columns].map(list => sizeOf(shapeOf(list))) as [number, number, number]
  const product = matmul(reshape(left, [...shapeOf(batch), m, k]), reshape(right, [...shapeOf(batch), k, n]))
  return { labels, x: reshape(product, shapeOf(labels)) }
}

/**
 * The sum of products that the letters say (`numpy.einsum`): each letter is an axis, those that the result lacks are
 * summed over, a letter twice in one operand is its diagonal, and `...` stands for axes that broadcast. Without `->`
 * the result has the letters that come once. Operands are multiplied from the left to the right.
 * @example $.einsum('ij,jk->ik', x, w) // f32[4,2]
 * @example $.einsum('bi,bj->bij', x, v) // f32[4,3,3]
 * @example $.einsum('ii->', $.tensor([[1, 2], [3, 4]])) // 5
 */
export const einsum = (subscripts: string, ...operands: readonly Tensor[]): Tensor => {
  if (typeof subscripts !== 'string') return fail('einsum', FORM, describe(subscripts), 'name the axes first')
  const [inputs = '', output, ...more] = subscripts.replaceAll(' ', '').split('->')
  const terms = inputs.split(',')
  if (more.length > 0 || [...terms, output ?? ''].some(term => term.split(ELLIPSIS).length > 2))
    return fail('einsum', FORM, `'${subscripts}'`, "write '->' once, and '...' once a term")
  if (terms.length !== operands.length || operands.length === 0)
    return fail(
      'einsum',
      `an operand for each of the terms of '${subscripts}'`,
      `${operands.length}`,
      'separate them by commas'
    )
  const given = operands.map((x, i) => labelled(terms[i] as string, requireDtype('einsum', x, 'f32')))
  const extents = extentsOf(given)
  const result = outputOf(output, given)
  const single = given.map(withoutTwins)
  /** What is still asked for besides the operands of some places. */
  const besides = (...places: readonly number[]): ReadonlySet<string> =>
    new Set([...result, ...single.flatMap(({ labels }, i) => (places.includes(i) ? [] : labels))])
  const parts = single.map((one, i) => reduced(one, extents, besides(i)))
  const product = parts.reduce((all, one, i) => contracted(all, one, extents, besides(...Array(i + 1).keys())))
  return ordered(product, result)
}
