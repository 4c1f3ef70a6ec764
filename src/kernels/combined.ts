/**
 * The text of a kernel for several calls at once: its functions once more for each call, with that call's buffers, and
 * an entry point that asks the workgroup whose it is. What all calls have alike, memory of the workgroup too, is there
 * once.
 */
import type { Source } from './shader.js'

/** Lines of a text that declare something at its outer level. */
interface Declaration {
  readonly name: string
  readonly from: number
  readonly to: number
}

const BINDING = /^@group\(0\) @binding\((\d+)\)\s+var<[^>]*>\s+(\w+)/
const FUNCTION = /^(?:@\w+(?:\([^)]*\))?\s+)*fn\s+(\w+)/
const isAttributes = (line: string): boolean => /^(?:@\w+(?:\([^)]*\))?\s*)+$/.test(line)
const withoutComment = (line: string): string => line.replace(/\/\/.*/, '')
const count = (text: string, mark: string): number => text.split(mark).length - 1

/** The functions of a text, attributes on lines before them included. */
const functionsOf = (lines: readonly string[]): readonly Declaration[] => {
  const found: Declaration[] = []
  for (let i = 0; i < lines.length; i++) {
    const name = FUNCTION.exec(lines[i] as string)?.[1]
    if (name === undefined) continue
    const from = isAttributes(lines[i - 1] ?? '') ? i - 1 : i
    let depth = 0
    let opened = false
    for (; i < lines.length; i++) {
      const text = withoutComment(lines[i] as string)
      depth += count(text, '{') - count(text, '}')
      opened ||= text.includes('{')
      if (opened && depth === 0) break
    }
    found.push({ name, from, to: i + 1 })
  }
  return found
}

const mentions = (text: string, names: ReadonlySet<string>): boolean =>
  text.match(/(?<![.\w])[A-Za-z_]\w*/g)?.some(word => names.has(word)) ?? false

/** Functions that touch a buffer, themselves or by those they call. */
const bound = (
  lines: readonly string[],
  functions: readonly Declaration[],
  buffers: readonly string[]
): ReadonlySet<string> => {
  const names = new Set(buffers)
  const bodies = functions.map(({ name, from, to }) => ({
    name,
    text: lines.slice(from, to).map(withoutComment).join('\n')
  }))
  for (let before = -1; before !== names.size; ) {
    before = names.size
    for (const { name, text } of bodies) if (mentions(text, names)) names.add(name)
  }
  return names
}

const renamed = (line: string, names: ReadonlyMap<string, string>): string =>
  line.replace(/(?<![.\w])[A-Za-z_]\w*/g, word => names.get(word) ?? word)

/** What the device tells an entry point. */
const PARAMETER = /@builtin\((\w+)\)\s*(\w+)\s*:\s*(\w+)/g

/** The entry point of `calls` calls: whose a workgroup is, told as if the call were alone. */
const entryPoint = (main: string, calls: number): string => {
  const attributes = /@compute\s+@workgroup_size\([^)]*\)/.exec(main)?.[0] as string
  const told = [...main.matchAll(PARAMETER)].map(([, builtin, name, type]) => ({ builtin, name, type }))
  const named = (builtin: string, otherwise: string): string =>
    told.find(one => one.builtin === builtin)?.name ?? otherwise
  const [group, groups] = [named('workgroup_id', 'group_of_all'), named('num_workgroups', 'groups_of_all')]
  const parameters = [
    ...told.map(({ builtin, name, type }) => `@builtin(${builtin}) ${name}: ${type}`),
    ...(group === 'group_of_all' ? [`@builtin(workgroup_id) ${group}: vec3u`] : []),
    ...(groups === 'groups_of_all' ? [`@builtin(num_workgroups) ${groups}: vec3u`] : [])
  ]
  const depth = `(${groups}.z / ${calls}u)`
  const values = told.map(({ builtin, name }) =>
    builtin === 'workgroup_id' || builtin === 'global_invocation_id'
      ? `vec3u(${name}.xy, ${name}.z % ${depth})`
      : builtin === 'num_workgroups'
        ? `vec3u(${name}.xy, ${depth})`
        : name
  )
  return [
    `${attributes} fn main(${parameters.join(', ')}) {`,
    `  switch ${group}.z / ${depth} {`,
    ...Array.from(
      { length: calls },
      (_, k) => `    ${k === calls - 1 ? 'default' : `case ${k}u`}: { main_${k}(${values.join(', ')}); }`
    ),
    '  }',
    '}'
  ].join('\n')
}

/** `places[k][b]`: the number in the dispatch of what call k binds at b. */
export const combined = ({ code, origins }: Source, places: readonly (readonly number[])[]): Source => {
  const lines = code.split('\n')
  const functions = functionsOf(lines)
  const buffers = lines.flatMap((line, at) => {
    const [, binding, name] = BINDING.exec(line) ?? []
    return name === undefined ? [] : [{ at, name, binding: Number(binding) }]
  })
  const names = bound(
    lines,
    functions,
    buffers.map(({ name }) => name)
  )
  const main = functions.find(({ name }) => name === 'main') as Declaration
  const text: string[] = []
  const from: Source['origins'][number][] = []
  const put = (line: string, at: number): void => {
    for (const one of line.split('\n')) {
      text.push(one)
      from.push(origins[at] as Source['origins'][number])
    }
  }
  /** What a name is in the text of call k. A buffer that an earlier call binds at the same place is that call's. */
  const namesOf = (k: number): ReadonlyMap<string, string> =>
    new Map(
      [...names].map(name => {
        const buffer = buffers.find(one => one.name === name)
        const first = buffer ? places.findIndex(own => own[buffer.binding] === places[k]?.[buffer.binding]) : k
        return [name, first === 0 && name !== 'main' ? name : `${name}_${first}`]
      })
    )
  const asFunction = (own: readonly string[]): string =>
    own
      .join('\n')
      .replace(/@compute\s+@workgroup_size\([^)]*\)\s*/, '')
      .replace(/@builtin\(\w+\)\s*/g, '')
  lines.forEach((line, i) => {
    if (i < main.from || i >= main.to) put(line, i)
  })
  places.forEach((own, k) => {
    const mine = namesOf(k)
    for (const { at, name, binding } of k === 0 ? [] : buffers) {
      if (mine.get(name) === `${name}_${k}`)
        put(renamed(lines[at] as string, mine).replace(/@binding\(\d+\)/, `@binding(${own[binding]})`), at)
    }
    for (const { name, from: start, to } of functions) {
      if (name === 'main') put(renamed(asFunction(lines.slice(start, to)), mine), start)
      else if (k > 0 && names.has(name))
        put(
          lines
            .slice(start, to)
            .map(one => renamed(one, mine))
            .join('\n'),
          start
        )
    }
  })
  put(entryPoint(lines.slice(main.from, main.to).join('\n'), places.length), main.from)
  return { code: text.join('\n'), origins: from }
}
