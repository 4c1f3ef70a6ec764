/** Every name that a user can import says what it is, and so does every operation of the namespaces. */
import { expect, it } from 'vitest'
import { docOf, publicNames } from './program.js'

const names = publicNames()

it('every public name has a docstring', () => {
  expect(names.length).toBeGreaterThan(200)
  expect(names.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['grad', 'Tensor', '$.add', 'nn.softmax', 'compile', 'search'])
  )
  expect(names.filter(({ symbol }) => docOf(symbol) === '').map(({ name }) => name)).toEqual([])
})
