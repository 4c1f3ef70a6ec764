/** The files in `shaders/`: plain WGSL that any tool can read. */
import { readdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { expand } from '../../src/kernels/shader.js'
import { device } from '../device.js'
import { right } from './results.js'

const names = readdirSync(new URL('../../shaders/', import.meta.url))
  .filter(file => file.endsWith('.wgsl'))
  .map(file => file.replace('.wgsl', ''))

describe('every shader', () => {
  it.each(names)('%s compiles as it stands', async name => {
    const module = device.device.createShaderModule({ code: right(expand(name)).code })
    const { messages } = await module.getCompilationInfo()
    expect(messages.map(({ lineNum, message }) => `line ${lineNum}: ${message}`)).toEqual([])
  })

  it.each(names)('%s begins with what it is', name => {
    const [first] = right(expand(name)).code.split('\n')
    expect(first).toMatch(/^\/\/ [A-Z]|^\/\/ \w+\.wgsl /)
  })
})
