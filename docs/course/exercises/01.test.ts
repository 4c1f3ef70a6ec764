import { describe, expect, it } from 'vitest'
import { grad } from '../01-a-value-and-its-derivative.js'
import { cube } from './01.js'

describe('1.1 a cube', () => {
  it('has the derivative 3 x^2', () => {
    expect(grad(cube)(2)).toEqual([12])
  })
})
