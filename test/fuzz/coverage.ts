/**
 * Which kernels the programs of a run have reached, and which branches of the code that chooses them: V8 counts every
 * block of it as it runs. What no program has reached is named, by file and line.
 */

import { readFileSync } from 'node:fs'
import { Session } from 'node:inspector/promises'
import { SourceMap } from 'node:module'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CONTRACTS } from '../../src/kernels/contracts/index.js'
import type { Plan } from '../../src/kernels/plan.js'

/** The code whose branches depend on size, alignment, adapter and limits. */
const WATCHED = [
  /src\/autodiff\/(fusion|lowering)\/\w+\.ts$/,
  /src\/autodiff\/(passes|wgsl)\.ts$/,
  /src\/kernels\/(op|select|plan|prepare)\.ts$/,
  /src\/kernels\/variants\/\w+\.ts$/
]
const root = fileURLToPath(new URL('../../', import.meta.url))

/** Of a file: the text that ran, its map to the source, and of each character whether it ran. */
export interface Covered {
  readonly file: string
  readonly text: string
  readonly ran: string
}

export class Coverage {
  private readonly session = new Session()
  private readonly scripts = new Map<string, string>()

  /** To be called before the watched code is loaded. */
  async start(): Promise<void> {
    this.session.connect()
    this.session.on('Debugger.scriptParsed', ({ params: { url, scriptId } }) => {
      if (WATCHED.some(pattern => pattern.test(url))) this.scripts.set(scriptId, url)
    })
    await this.session.post('Debugger.enable')
    await this.session.post('Profiler.enable')
    await this.session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  }

  async take(): Promise<readonly Covered[]> {
    const { result } = await this.session.post('Profiler.takePreciseCoverage')
    const watched = result.filter(({ scriptId }) => this.scripts.has(scriptId))
    return Promise.all(
      watched.map(async ({ scriptId, url, functions }) => {
        const { scriptSource: text } = await this.session.post('Debugger.getScriptSource', { scriptId })
        const ran = new Uint8Array(text.length).fill(1)
        // Outer ranges come before those within them.
        for (const { ranges } of functions)
          for (const { startOffset, endOffset, count } of ranges) ran.fill(count > 0 ? 1 : 0, startOffset, endOffset)
        return { file: relative(root, fileURLToPath(url)), text, ran: Array.from(ran).join('') }
      })
    )
  }
}

/** What ran in any of several processes. */
export const together = (parts: readonly (readonly Covered[])[]): readonly Covered[] => {
  const files = new Map<string, Covered>()
  for (const one of parts.flat()) {
    const before = files.get(one.file)
    const ran = before
      ? Array.from(one.ran, (bit, i) => (bit === '1' || before.ran[i] === '1' ? '1' : '0')).join('')
      : one.ran
    files.set(one.file, { ...one, ran })
  }
  return [...files.values()].sort((a, b) => (a.file < b.file ? -1 : 1))
}

/** What is there for programs that are refused is no branch that a valid program could reach. */
const REFUSAL = /throw |refuse|fail\(|E\.left|: never|E\.isLeft/

/** The lines at which code begins that never ran, as `file:line  text`. */
export const unreached = (covered: readonly Covered[]): readonly string[] =>
  covered.flatMap(({ file, text, ran }) => {
    const encoded = /sourceMappingURL=data:application\/json;base64,(\S+)/.exec(text)?.[1]
    const map = encoded ? new SourceMap(JSON.parse(Buffer.from(encoded, 'base64').toString())) : undefined
    const sources = readFileSync(join(root, file), 'utf8').split('\n')
    const lines = new Set<number>()
    let [line, column] = [0, 0]
    for (let i = 0; i < text.length; i++) {
      const starts = ran[i] === '0' && (i === 0 || ran[i - 1] === '1')
      if (starts && !text.startsWith('//#', i)) {
        // A block begins with white space or a brace; what stands in it is what is missing.
        const shift = /^[\s{?:]*/.exec(text.slice(i))?.[0] ?? ''
        const [down, rest] = [shift.split('\n').length - 1, shift.split('\n').at(-1)?.length ?? 0]
        const found = map?.findEntry(line + down, down ? rest : column + rest) as { originalLine?: number } | undefined
        lines.add(found?.originalLine ?? line)
      }
      if (text[i] === '\n') [line, column] = [line + 1, 0]
      else column++
    }
    return [...lines]
      .sort((a, b) => a - b)
      .filter(at => !REFUSAL.test(sources[at] ?? ''))
      .map(at => `${file}:${at + 1}  ${(sources[at] ?? '').trim().slice(0, 100)}`)
  })

/** Of the constants of a call, those that decide how its text runs. */
const DECIDING = ['FLIP', 'TRANSPOSED', 'EDGES', 'OUTS', 'ROWS', 'K', 'KERNEL', 'STRIDE', 'DILATION', 'RESULTS']

/** The kernels of a plan, with what tells their forms apart. */
export const kernelsOf = ({ dispatches }: Plan): readonly string[] =>
  dispatches.flat().map(({ shader, op, hook, constants = {} }) => {
    const vec4 =
      /alias Result = vec4<Value>|array<vec4</.test(op ?? '') && /^(map|reduce)/.test(shader) ? ' by vec4' : ''
    const said = /row4|tile|shuffle$/.test(shader)
      ? DECIDING.filter(name => constants[name] !== undefined).map(name => `${name} ${constants[name]}`)
      : []
    return [`${shader}${vec4}`, ...(hook === undefined ? [] : ['with a function on load']), ...said].join(', ')
  })

/** Kernels that programs of a user call; checks are the engine's own. */
export const KERNELS = Object.keys(CONTRACTS).filter(name => !name.startsWith('check_'))
