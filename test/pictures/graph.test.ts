/** Graphs as pictures: every node is there once, with every edge, and the picture is an SVG that stands by itself. */
import { test } from '@fast-check/vitest'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { topological } from '../../src/autodiff/graph.js'
import { $, grad, type Tensor } from '../../src/index.js'
import { dotToSvg, draw, graphDot, standalone, THEME } from '../../src/pictures/index.js'
import { elementsOf } from './svg.js'

/** What a text in dot says: boxes by their identifiers, and edges, in its order. */
const readDot = (dot: string) => ({
  boxes: [...dot.matchAll(/^ {2}(n\d+) \[label=<(.*)> style/gm)].map(([, id, label]) => ({
    id,
    words: (label ?? '').replaceAll(/<[^>]*>/g, ' ').trim()
  })),
  edges: [...dot.matchAll(/^ {2}(n\d+) -> (n\d+)$/gm)].map(([, from, to]) => `${from} ${to}`)
})

const edgesOf = (outputs: readonly Tensor[]): string[] => {
  const order = topological(outputs)
  const number = new Map(order.map((node, i) => [node, i]))
  return order.flatMap(node => node.inputs.map(input => `n${number.get(input)} n${number.get(node)}`))
}

const x = $.tensor(0.5)
const slope = grad(a => $.mul(a, $.tanh(a)))(x)

/** Expressions of vectors: each step reads two of those before it. */
const expressions = fc
  .array(fc.tuple(fc.constantFrom('tanh', 'mul', 'add', 'sum', 'neg'), fc.nat(), fc.nat()), {
    minLength: 1,
    maxLength: 25
  })
  .map(steps => {
    const made: Tensor[] = [$.tensor([1, 2, 3]), $.tensor(2)]
    for (const [name, i, k] of steps) {
      const [a, b] = [made[i % made.length] as Tensor, made[k % made.length] as Tensor]
      made.push({ tanh: $.tanh(a), neg: $.neg(a), sum: $.sum(a), mul: $.mul(a, b), add: $.add(a, b) }[name])
    }
    return made
  })

describe('a graph in dot', () => {
  it('of one product is these lines', () => {
    const [a, b] = [$.tensor(2), $.tensor([1, 2])]
    const lines = graphDot($.mul(a, b), { values: true }).split('\n')
    expect(readDot(lines.join('\n')).boxes.map(({ id, words }) => [id, ...words.split(/ {2,}/)])).toEqual([
      ['n0', '2', 'f32[]'],
      ['n1', 'broadcast', 'shape [2]', 'f32[2]', '= [2, 2]'],
      ['n2', '[1, 2]', 'f32[2]'],
      ['n3', 'mul', 'f32[2]', '= [2, 4]']
    ])
    expect(lines.filter(line => line.includes('->'))).toEqual(['  n0 -> n1', '  n1 -> n3', '  n2 -> n3'])
    expect(lines.filter(line => line.includes('peripheries=2'))).toHaveLength(1)
  })

  test.prop([expressions], { numRuns: 60 })('has every node once and every edge, and is the same each time', made => {
    const outputs = made.slice(-2)
    const { boxes, edges } = readDot(graphDot(outputs))
    expect(boxes.map(({ id }) => id)).toEqual(topological(outputs).map((_, i) => `n${i}`))
    expect(edges).toEqual(edgesOf(outputs))
    expect(graphDot(outputs)).toBe(graphDot(outputs))
  })

  test.prop([expressions], { numRuns: 60 })('collapsed has every operation once, in fewer boxes', made => {
    const outputs = made.slice(-2)
    const order = topological(outputs)
    const { boxes } = readDot(graphDot(outputs, { collapse: true }))
    const count = (words: readonly string[], name: string) => words.filter(word => word === name).length
    const words = boxes.flatMap(box => box.words.split(/\s+/))
    for (const name of ['tanh', 'mul', 'add', 'neg', 'sum'])
      expect([name, count(words, name)]).toEqual([
        name,
        order.filter(({ primitive }) => primitive.name === name).length
      ])
    expect(boxes.length).toBeLessThanOrEqual(order.length)
  })

  it('collapsed has chains in one box, and single numbers where they are used', () => {
    const y = $.mul(2, $.exp($.neg($.tensor([1, 2]))))
    const { boxes, edges } = readDot(graphDot(y, { collapse: true }))
    expect(boxes.map(({ words }) => words)).toEqual([
      expect.stringMatching(/^\[1, 2\]/),
      expect.stringMatching(/^neg +exp +mul 2 +f32\[2\]$/)
    ])
    expect(edges).toHaveLength(1)
  })

  it('has the names that tensors are given, and those of a tree of results', () => {
    const words = readDot(graphDot({ loss: $.mul(x, 2) }, { names: { x } })).boxes.map(box => box.words.split(' ')[0])
    expect(words).toEqual(expect.arrayContaining(['x', 'loss']))
  })

  it('of inputs has their names, and values where they are bound', async () => {
    const { input } = await import('../../src/autodiff/leaves.js')
    const w = input({ shape: [2], dtype: 'f32' }, 'weights.w')
    const y = $.sum(w)
    const renamed = readDot(graphDot(y, { names: { 'my weights': w } })).boxes.map(({ words }) => words)
    expect(renamed[0]).toMatch(/^my weights +f32\[2\]$/)
    const bound = new Map([[w, { shape: [2], dtype: 'f32' as const, data: Float64Array.of(1, 2) }]])
    expect(readDot(graphDot(y, { values: bound })).boxes.map(({ words }) => words)).toEqual([
      expect.stringMatching(/'weights\.w'.*= \[1, 2\]/),
      expect.stringMatching(/sum.*= 3/)
    ])
    expect(() => graphDot(y, { values: true })).toThrow(/values of all inputs, but got none of 'weights\.w'/)
  })

  it('refuses an option that there is none of', () => {
    expect(() => graphDot(x, { collapsed: true } as object)).toThrow(/'collapsed'; write collapse/)
  })
})

describe('a picture', () => {
  it('is one SVG that has each value, is named, and refers to nothing outside', async () => {
    const svg = await draw(slope, {
      values: true,
      names: { x },
      title: 'The slope of x tanh x',
      description: 'At 0.5.'
    })
    const elements = elementsOf(svg)
    expect(elements[0]?.attributes).toMatchObject({ role: 'img', 'aria-label': 'The slope of x tanh x' })
    expect(elements.filter(({ attributes }) => attributes['class'] === 'node')).toHaveLength(
      topological([slope]).length
    )
    expect(elements.filter(({ attributes }) => attributes['class'] === 'edge')).toHaveLength(edgesOf([slope]).length)
    expect(svg).toContain('= 0.8553')
    expect(svg.replace('xmlns="http://www.w3.org/2000/svg"', '')).not.toMatch(/https?:|href|url\(| id="/)
    expect(await draw(slope, { values: true, names: { x } })).toBe(await draw(slope, { values: true, names: { x } }))
  })

  it('has its colours by name until it stands alone', async () => {
    const svg = await draw(slope, { highlight: [x] })
    expect(svg).not.toMatch(/"#[\da-f]{3,8}"/)
    expect(standalone(svg, 'dark')).toContain(`stroke="${THEME.dark['series-2']}"`)
  })

  it('has frames around groups', async () => {
    const [a, b] = [$.neg(x), $.exp(x)]
    const svg = await draw([a, b], { groups: [{ label: 'kernel "1"', nodes: [a, b] }] })
    expect(elementsOf(svg).filter(({ attributes }) => attributes['class'] === 'cluster')).toHaveLength(1)
    expect(svg).toContain('kernel &quot;1&quot;')
  })

  it('that nobody could read is refused, with what to do', async () => {
    const long = Array.from({ length: 2000 }).reduce<Tensor>(y => $.tanh(y), x)
    await expect(draw(long)).rejects.toThrow(/at most 2000 boxes, but got 2001 for 2001 nodes; collapse it/)
    expect(await draw($.mul(x, x), { collapse: true })).toMatch(/^<svg/)
  })

  it('of a text that is no dot is refused with what Graphviz says', async () => {
    await expect(dotToSvg('digraph { a -> ')).rejects.toThrow(/the dot language, but got .*syntax error.*; correct it/)
    await expect(dotToSvg(3 as never)).rejects.toThrow(/in the dot language, but got 3/)
    expect(await dotToSvg('digraph { a -> b }')).toMatch(/^<svg/)
  })
})
