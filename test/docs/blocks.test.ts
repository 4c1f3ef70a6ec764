/**
 * Every block of TypeScript and JavaScript that a reader meets, in pages and docstrings, compiles in strict mode, runs,
 * and gives what its comments say: see `modules.ts` for what a block may use and `course/expected.ts` for which comments are
 * held to. What is not meant to run is a fence of `text`.
 */
import { describe, expect, it } from 'vitest'
import { allBlocks, examplesOf, fencesOf } from './blocks.js'
import { countClaims, moduleOf, runModule, typeErrors } from './modules.js'

const isCode = ({ language, info }: { language: string; info: string }) =>
  /^(ts|typescript|js|javascript)$/.test(language) && info === ''
const modules = allBlocks().filter(isCode).map(moduleOf)
const complaints = typeErrors(modules)

describe.each(modules.map(module => [`${module.block.file}:${module.block.line}`, module] as const))(
  '%s',
  (_, module) => {
    it('compiles', () => {
      expect(complaints.get(module)).toEqual([])
    })
    it('runs, and gives what it says', async () => {
      expect(await runModule(module)).toEqual([])
    })
  }
)

describe('what holds blocks to their word', () => {
  const page = (code: string, name = 'README.md') => moduleOf(fencesOf(name, `\`\`\`ts\n${code}\n\`\`\`\n`)[0] as never)
  const told = (code: string) => runModule(page(code))

  it('finds the languages that are in use', () => {
    const known = ['ts', 'js', 'sh', 'json', 'text', 'wgsl', 'html']
    const strange = allBlocks().filter(({ language }) => !known.includes(language))
    expect(strange.map(({ file, line, language }) => `${file}:${line} '${language}'`)).toEqual([])
  })

  it('sees a wrong type, a name that is not imported, and the line', () => {
    const wrong = page("import { $ } from 'lambda-darts'\nconst n: number = $.tensor(1)\nnn.softmax(n)")
    const found = typeErrors([wrong]).get(wrong) as readonly string[]
    expect(found).toHaveLength(2)
    expect(found[0]).toMatch(/^README.md:3 Type 'Tensor' is not assignable to type 'number'/)
    expect(found[1]).toMatch(/^README.md:4 Cannot find name 'nn'/)
  })

  it.each([
    ["'a text' // 'a long ...'", "README.md:2 its comment says 'a long ...', it is a text"],
    ['1 + 1 // 3', 'README.md:2 its comment says 3, it is 2'],
    ['const a = 0.128 // 0.12', 'README.md:2 its comment says 0.12, it is 0.128'],
    ['console.log([1, 2]) // [1, 3]', 'README.md:2 its comment says [1, 3], it is [1, 2]'],
    [
      "import { $ } from 'lambda-darts'\n$.tensor([1, 2]) // f32[3]",
      'README.md:3 its comment says f32[3], it is f32[2] [1, 2]'
    ],
    ['({ a: 1, b: 2 }) // { a: 1 }', 'README.md:2 its comment says { a: 1 }, it is { a: 1, b: 2 }'],
    ['1 + 1 // TypeError: no', "README.md:2 its comment says 'TypeError: no', it gives 2"],
    [
      'JSON.parse("") // SyntaxError: Something else',
      "README.md:2 its comment says 'SyntaxError: Something else', it throws SyntaxError: Unexpected end of JSON input"
    ]
  ])('sees that `%s` is wrong', async (code, complaint) => {
    expect(await told(code)).toEqual([complaint])
  })

  it.each([
    '1 + 1 // 2',
    '2 / 3 // 0.667',
    'console.log(2 / 3) // 0.66...',
    '1e-7 + 1e-12 // 1.00e-7',
    'const a = -1 // -1',
    "await Promise.resolve('a') // 'a'",
    "'a long text' // 'a long ...'",
    'JSON.parse("") // SyntaxError: Unexpected end ... input',
    '1 + 1 // two, in words',
    "import { $ } from 'lambda-darts'\nconst [a, b] = [$.tensor([1, 2]), $.tensor(3)] // [f32[2], f32[]]",
    "import { $, evaluate } from 'lambda-darts'\nevaluate($.tensor([[1, 2]])) // [[1, 2]]",
    'new Float32Array([1, 2]) // Float32Array(2) [1, 2]'
  ])('takes `%s`', async code => {
    expect(await told(code)).toEqual([])
  })

  it('refuses a value that nothing is held to', () => {
    expect(() => countClaims(page('if (1 > 0) {\n  1 + 1 // 3\n}'))).toThrow("'// 3' looks like a value")
  })

  it('gives an example the names of its own file, of the package and of the prelude, and no page any', () => {
    const text =
      '/** @example reshape(x, [2, -1]) // f32[2,6]\n * @example\n * $.sum(grad(f)(x)) // f32[]\n */\nconst a = 1'
    const found = examplesOf('src/autodiff/ops/broadcast.ts', text).map(moduleOf)
    expect(found.map(({ code }) => code)).toEqual([
      "import { reshape } from './broadcast.js'; import { x } from '../../../docs/prelude.js'; reshape(x, [2, -1]) // f32[2,6]",
      "import { f, x } from '../../../docs/prelude.js'; import { $, grad } from 'lambda-darts'; $.sum(grad(f)(x)) // f32[]"
    ])
    expect([...typeErrors(found).values()].flat()).toEqual([])
    expect(page('grad(f)').code).toBe('grad(f)')
  })
})
