/** The table of operations is that of the code, and nothing is listed as left out that is there. */
import { expect, it } from 'vitest'
import { pages, read } from './blocks.js'
import { operations, operationsPage } from './operations.js'

const all = operations()

it('docs/operations.md is up to date', () => {
  expect(
    read('docs/operations.md') === operationsPage(),
    'docs/operations.md is stale: run `npm run docs:operations`'
  ).toBe(true)
})

it('tells a rule, a zero, and what is made of others', () => {
  const [add, argmax, mean, softplus] = ['$.add', '$.argmax', '$.mean', 'nn.softplus'].map(name =>
    all.find(one => one.name === name)
  )
  expect(add).toMatchObject({ derivative: 'rule', kernel: 'map', line: 'x + y, elementwise.' })
  expect(argmax).toMatchObject({ derivative: 'zero', kernel: 'shader `argmax`' })
  expect(mean).toMatchObject({ derivative: 'of its parts', kernel: '`$.sum`, `$.div`' })
  expect(softplus?.derivative).toBe('rule of its own')
  expect(all.filter(({ line, signature }) => line === '' || signature === '')).toEqual([])
})

it('what is left out is not there', () => {
  expect(pages()).toContain('docs/operations-left-out.md')
  const listed = [...read('docs/operations-left-out.md').matchAll(/^\* (.*?):/gm)].flatMap(([, names]) =>
    [...(names as string).matchAll(/`([\w.]+)`/g)].map(([, name]) =>
      (name as string).replace(/^(jax|lax|jnp|torch|F|np)\./, '')
    )
  )
  expect(listed.length).toBeGreaterThan(30)
  const known = new Set(all.map(({ name }) => name.split('.')[1]?.toLowerCase()))
  expect(listed.filter(name => known.has(name.replaceAll('_', '').toLowerCase()))).toEqual([])
})
