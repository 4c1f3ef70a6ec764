/** The two directives of shader files, and where lines of the expanded text came from. Pure. */
import { describe, expect, it } from 'vitest'
import { expand, type Source } from '../../src/kernels/shader.js'
import { loader } from './programs.js'
import { left, right } from './results.js'

const expanded = (own: Record<string, string>, op?: string): Source => right(expand('a', op, loader(own)))
const places = ({ code, origins }: Source): string[] =>
  code.split('\n').map((text, i) => `${origins[i]?.file}:${origins[i]?.line} ${text}`)
const refused = (own: Record<string, string>, op?: string) => left(expand('a', op, loader(own)))

describe('include', () => {
  it('puts the file in place, and knows where each line came from', () => {
    const own = { 'a.wgsl': 'one\n//! include "b.wgsl"\nthree', 'b.wgsl': 'b1\nb2' }
    expect(places(expanded(own))).toEqual(['a.wgsl:1 one', 'b.wgsl:1 b1', 'b.wgsl:2 b2', 'a.wgsl:3 three'])
  })

  it('is nested, and takes each file once', () => {
    const own = {
      'a.wgsl': '//! include "b.wgsl"\n//! include "c.wgsl"\n//! include "b.wgsl"\na4',
      'b.wgsl': 'b1\n  //!include "c.wgsl"  \r\nb3',
      'c.wgsl': 'c1'
    }
    expect(places(expanded(own))).toEqual(['b.wgsl:1 b1', 'c.wgsl:1 c1', 'b.wgsl:3 b3', 'a.wgsl:4 a4'])
  })

  it.each([
    ['itself', { 'a.wgsl': 'x\n//! include "a.wgsl"' }, 'a.wgsl', 2],
    ['a circle', { 'a.wgsl': '//! include "b.wgsl"', 'b.wgsl': '\n\n//! include "a.wgsl"' }, 'b.wgsl', 3]
  ])('refuses %s', (_, own, file, line) => {
    expect(refused(own)).toMatchObject({
      _tag: 'ShaderError',
      file,
      line,
      message: expect.stringContaining('a.wgsl includes itself')
    })
  })

  it('names the place that asks for a missing file', () => {
    expect(refused({ 'a.wgsl': '\n//! include "gone.wgsl"' })).toMatchObject({
      _tag: 'ShaderError',
      file: 'a.wgsl',
      line: 2,
      message: expect.stringContaining('gone.wgsl cannot be read (no such file)')
    })
    expect(refused({})).toMatchObject({ file: 'a.wgsl', line: 1 })
  })
})

describe('op', () => {
  const own = { 'a.wgsl': 'one\n//! op\nthe default\n//! end\nfive' }

  it('keeps the block that stands in the file', () => {
    expect(places(expanded(own))).toEqual(['a.wgsl:1 one', 'a.wgsl:3 the default', 'a.wgsl:5 five'])
  })

  it("includes what a call's own text asks for, once", () => {
    const both = { ...own, 'b.wgsl': 'b1' }
    const include = '//! include "b.wgsl"'
    expect(places(expanded(both, `${include}\n${include}\nx`))).toEqual([
      'a.wgsl:1 one',
      'b.wgsl:1 b1',
      'a.wgsl:2 x',
      'a.wgsl:5 five'
    ])
    expect(refused(own, '//! include "gone.wgsl"')).toMatchObject({ file: 'a.wgsl', line: 2 })
  })

  it("puts a call's own text in its place, at the block's line", () => {
    expect(places(expanded(own, 'x\ny'))).toEqual(['a.wgsl:1 one', 'a.wgsl:2 x', 'a.wgsl:2 y', 'a.wgsl:5 five'])
  })

  it('may stand in an included file', () => {
    expect(places(expanded({ 'a.wgsl': '//! include "b.wgsl"', 'b.wgsl': '//! op\n//! end' }, 'x'))).toEqual([
      'b.wgsl:1 x'
    ])
  })

  it('may be empty', () => {
    expect(expanded(own, '').code).toBe('one\n\nfive')
  })
})

it.each([
  ['an op for a file without a block', 'one', 'x', 1, 'there is no op block'],
  ['two blocks', '//! op\n//! end\n//! op\n//! end', undefined, 3, 'a second op block'],
  ['a block without an end', 'one\n//! op\ntwo', undefined, 3, 'the op block has no end'],
  ['an end without a block', 'one\n//! end', undefined, 2, 'no directive, or not at this place'],
  ['a block in a block', '//! op\n//! op\n//! end', undefined, 2, 'not at this place'],
  ['an include in a block', '//! op\n//! include "b.wgsl"\n//! end', undefined, 2, 'not at this place'],
  ['an unknown word', '//! inlcude "b.wgsl"', undefined, 1, '"//! inlcude "b.wgsl"" is no directive'],
  ['no word', '//!', undefined, 1, 'is no directive'],
  ['an include without quotes', '\n//! include b.wgsl', undefined, 2, 'in double quotes']
])('refuses %s', (_, text, op, line, message) => {
  expect(refused({ 'a.wgsl': text, 'b.wgsl': '' }, op)).toMatchObject({
    _tag: 'ShaderError',
    file: 'a.wgsl',
    line,
    message: expect.stringContaining(message)
  })
})
