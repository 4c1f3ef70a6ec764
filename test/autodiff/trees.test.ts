/**
 * Trees are matched by key: in whatever order records have their keys, every function that takes trees gives the same.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hvp, jvp, mixedHvp, vjp } from '../../src/autodiff/grad.js'
import * as $ from '../../src/autodiff/ops/index.js'
import { adam } from '../../src/autodiff/optim.js'
import { isTensor, type Tensor } from '../../src/autodiff/tensor.js'
import { leaves, leavesOf, mapTree, type Tree, zipTrees } from '../../src/autodiff/tree.js'
import { compile, read, run, store } from '../../src/engine/index.js'
import { backends, succeed } from '../backends.js'
import { numbers } from '../laws/tensors.js'

const n = $.tensor
type Pair = { readonly a: Tensor; readonly b: Tensor }
const f = ({ a, b }: Pair): Tensor => $.mul($.mul(a, a), b)
const at: Pair = { a: n(1), b: n(10) }

describe('of f = a^2 b at (1, 10)', () => {
  it('jvp takes its tangents by key', () => {
    expect(numbers(jvp(f, [at], [{ b: n(0), a: n(1) }])[1])).toEqual([20])
  })

  it.each(['reverse-over-reverse', 'forward-over-reverse'] as const)('hvp takes its vector by key, %s', order => {
    const { a, b } = hvp(f, at, { b: n(0), a: n(1) }, { order })
    expect(numbers([a, b])).toEqual([20, 2])
  })

  it.each(['reverse-over-reverse', 'forward-over-reverse'] as const)('mixedHvp takes its vector by key, %s', order => {
    const of = (x: Tensor, y: Pair) => $.mul(x, f(y))
    expect(numbers(mixedHvp(of, n(1), at, { b: n(0), a: n(1) }, { order }))).toEqual([20])
  })

  it('a pull-back takes its cotangent by key', () => {
    const [, pull] = vjp(({ a, b }: Pair) => ({ p: $.mul(a, b), q: a }), at)
    const [{ a, b }] = pull({ q: n(0), p: n(1) })
    expect(numbers([a, b])).toEqual([10, 1])
  })
})

describe('trees that do not match are refused with the path', () => {
  const like = { a: [n(1), n(2)], b: { c: n(3) } }
  const zipped = (other: unknown) => () => zipTrees(like, [other as Tree], x => x)
  it.each<[string, unknown, string]>([
    [
      'a key is missing',
      { a: [n(1), n(2)], b: {} },
      "zipTrees requires a leaf or branch at 'b.c', but got none; pass a tree with the same keys"
    ],
    ['another is there', { ...like, d: n(1) }, "nothing at 'd', but got a leaf or branch there"],
    ['a list is shorter', { ...like, a: [n(1)] }, "a leaf or branch at 'a.1', but got none"],
    ['a list is longer', { ...like, a: [n(1), n(2), n(3)] }, "nothing at 'a.2'"],
    ['a leaf is a branch', { ...like, b: { c: [n(3)] } }, "one tensor at 'b.c', but got"],
    ['a branch is a leaf', { ...like, b: n(3) }, "a record at 'b', but got one tensor"],
    ['a list is a record', { ...like, a: { 0: n(1), 1: n(2) } }, "a list at 'a', but got a record"],
    ['a leaf is a number', { ...like, b: { c: 3 } }, "one tensor at 'b.c', but got 3"],
    ['all is nothing', null, 'a record at the root, but got null']
  ])('%s', (_, other, wanted) => expect(zipped(other)).toThrow(wanted))

  it('names of any length and letters are told within bounds, and steer no terminal', () => {
    const told = (name: string): string => {
      try {
        leaves({ [name]: 'text' } as never)
        return ''
      } catch (error) {
        return (error as Error).message
      }
    }
    expect(told('x'.repeat(100_000))).toContain(`at '${'x'.repeat(200)}...'; `)
    expect(told('a\u001b[31m\rb\u2028')).toContain("got 'text' at 'a?[31m?b?'; ")
  })

  it('a tangent of another name is refused', () => {
    expect(() => jvp(f, [at], [{ a: n(1), c: n(1) } as never])).toThrow(
      /a pull-back requires a leaf or branch at '0\.b'/
    )
  })
})

/** A tree, the same with its keys in another order, and values for both. */
const trees = fc.letrec<{ tree: Tree }>(tie => ({
  tree: fc.oneof(
    { maxDepth: 3 },
    fc.double({ min: -2, max: 2, noNaN: true }).map(x => n(x)),
    fc.array(tie('tree'), { minLength: 1, maxLength: 3 }),
    fc.dictionary(fc.constantFrom('a', 'b', 'c', 'z', '10', '9'), tie('tree'), { minKeys: 1, maxKeys: 4 })
  )
})).tree

const reordered = (tree: Tree, turn: number): Tree => {
  if (isTensor(tree)) return tree
  if (Array.isArray(tree)) return tree.map((part, i) => reordered(part, turn + i))
  const entries = Object.entries(tree).map(([key, part], i) => [key, reordered(part as Tree, turn + i)] as const)
  const by = turn % entries.length
  return Object.fromEntries([...entries.slice(by), ...entries.slice(0, by)].toReversed())
}

/** By path, so that the order of keys does not count. */
const byPath = (tree: Tree): readonly (readonly [string, number])[] =>
  leavesOf(tree, isTensor)
    .map(({ path, value }) => [path, numbers(value)[0] as number] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1))

/** Different for each path, and for each of its values. */
const mixed = (tree: Tree): Tensor =>
  leavesOf(tree, isTensor).reduce<Tensor>((sum, { path, value }) => {
    const weight = [...path].reduce((hash, letter) => (31 * hash + letter.charCodeAt(0)) % 97, 7) / 50
    return $.add(sum, $.mul($.mul($.mul(value, value), $.add(value, sum)), weight))
  }, n(1))

describe('the order of keys does not matter', () => {
  const property = (check: (tree: Tree, other: Tree) => void) =>
    fc.assert(
      fc.property(trees, fc.nat(5), (tree, turn) => check(tree, reordered(tree, turn))),
      { numRuns: 60 }
    )
  const shifted = (tree: Tree) => mapTree(tree, x => $.add($.mul(x, 0.5), 0.25))

  it('to zipTrees', () =>
    property((tree, other) => {
      const sum = (second: Tree) => byPath(zipTrees(tree, [second], (x, y) => $.sub(x, $.mul(y as Tensor, 3))))
      expect(sum(shifted(other))).toEqual(sum(shifted(tree)))
    }))

  it('to jvp, pull-backs, hvp and mixedHvp', () =>
    property((tree, other) => {
      const g = (x: Tree) => mixed(zipTrees(tree, [x], (_, y) => y as Tensor))
      const along = (v: Tree) => numbers(jvp(g, [tree], [v])[1])
      expect(along(shifted(other))).toEqual(along(shifted(tree)))
      const squares = (x: Tree): Tree => mapTree(x, leaf => $.mul(leaf, leaf))
      const pulled = (v: Tree) => byPath(vjp(squares, tree)[1](v)[0])
      expect(pulled(shifted(other))).toEqual(pulled(shifted(tree)))
      const second = (v: Tree) => byPath(hvp(g, tree, v))
      expect(second(shifted(other))).toEqual(second(shifted(tree)))
      const across = (v: Tree) => numbers(mixedHvp((x: Tensor, y: Tree) => $.mul($.mul(x, x), g(y)), n(0.5), tree, v))
      expect(across(shifted(other))).toEqual(across(shifted(tree)))
    }))

  it('to adam', () =>
    property((tree, other) => {
      const options = { rate: 0.1, betas: [0.9, 0.99], epsilon: 1e-8, weightDecay: 0.01 } as const
      const zeros = (like: Tree) => mapTree(like, () => n(0))
      const stepped = (gradient: Tree, moments: Tree) => {
        const state = { first: zeros(moments), second: zeros(moments), corrections: $.tensor([0, 0]) }
        const next = adam(options).update(gradient, state, tree)
        const after = adam(options).update(shifted(gradient), next.state, next.weights)
        return [byPath(after.weights), byPath(after.state.first)]
      }
      expect(stepped(shifted(other), tree)).toEqual(stepped(shifted(tree), tree))
      expect(stepped(shifted(tree), other)).toEqual(stepped(shifted(tree), tree))
    }))

  it.each(['reference', 'gpu'] as const)('to a compiled function on the %s, which refuses other names', async kind => {
    const backend = backends[kind]
    const host = (x: number) => ({ data: Float32Array.of(x), shape: [], dtype: 'f32' as const })
    const difference = ({ a, b }: Pair) => $.sub(a, b)
    const given = await succeed(backend, store({ a: host(1), b: host(10) }))
    const compiled = await succeed(backend, compile(difference)([given]))
    const turned = await succeed(backend, store({ b: host(10), a: host(1) }))
    const { data } = await succeed(backend, read(await succeed(backend, run(compiled)(turned))))
    expect(Array.from(data)).toEqual([-9])
    const named = await succeed(backend, store({ x: host(1), y: host(10) }))
    await expect(succeed(backend, run(compiled)(named as never))).rejects.toThrow(
      /run requires a leaf or branch as argument 0 at 'a', but got none/
    )
  })
})
