/**
 * Single faults, planted in a line of a kernel or of the code that chooses, calls and fuses kernels and that derives:
 * what a person gets wrong. Each kind changes one place of a line. Text in, text out.
 */

export interface Fault {
  readonly kind: string
  /** Counting from 1. */
  readonly line: number
  readonly before: string
  readonly after: string
}

interface Kind {
  readonly name: string
  readonly from: RegExp
  readonly to: (match: string, ...groups: readonly string[]) => string
  /** Names that must both be there: another would not compile, and anyone sees that. */
  readonly names?: readonly [string, string]
  /** Where it means something: shaders, or the code around them. */
  readonly in?: 'wgsl' | 'ts'
}

const flipped: Readonly<Record<string, string>> = { '<': '<=', '<=': '<', '>': '>=', '>=': '>' }
const other = (pairs: Readonly<Record<string, string>>) => (match: string) => pairs[match] as string
const swap = (a: string, b: string): Pick<Kind, 'from' | 'to' | 'names'> => ({
  names: [a, b],
  from: new RegExp(`\\b(${a}|${b})\\b`, 'g'),
  to: match => (match === a ? b : a)
})

const KINDS: readonly Kind[] = [
  // Loops end one early or one late; a tie goes to the wrong side; a bound is missed by one.
  { name: 'wrong tie or edge', from: /(?<= )(<=?|>=?)(?= )/g, to: other(flipped) },
  { name: 'off by one', from: / ([+-]) 1(u?)\b(?![.\d])/g, to: (_, sign, suffix) => ` ${sign} 2${suffix}` },
  { name: 'other sign', from: /(?<=[\w)\]]) ([+-]) (?=[\w(])/g, to: (_, sign) => ` ${sign === '+' ? '-' : '+'} ` },
  { name: 'swapped axis', ...swap('height', 'width') },
  { name: 'swapped axis', ...swap('rows', 'columns') },
  { name: 'swapped stride', ...swap('STRIDE_Y', 'STRIDE_X') },
  {
    name: 'swapped component',
    from: /(?<=[\w)\]])\.(x|y)\b(?!\()/g,
    to: match => (match === '.x' ? '.y' : '.x'),
    in: 'wgsl'
  },
  { name: 'swapped entry', from: /(?<=\w)\[(0|1)\]/g, to: match => (match === '[0]' ? '[1]' : '[0]'), in: 'ts' },
  { name: 'missing tail', from: /Math\.ceil\(/g, to: () => 'Math.floor(', in: 'ts' },
  {
    name: 'halved dispatch',
    from: /workgroups: \[(?!1,)((?:[^,()[\]]|\((?:[^()]|\([^()]*\))*\))+),/g,
    to: (_, count) => `workgroups: [Math.ceil((${count}) / 2),`,
    in: 'ts'
  },
  { name: 'wrong alignment', from: /% 4 (=|!)== 0/g, to: (_, sign) => `% 2 ${sign}== 0`, in: 'ts' },
  { name: 'wrong condition', from: / (&&|\|\|) /g, to: (_, sign) => (sign === '&&' ? ' || ' : ' && ') },
  { name: 'wrong condition', from: / ([=!])== /g, to: (_, sign) => ` ${sign === '=' ? '!' : '='}== `, in: 'ts' },
  { name: 'the other extreme', from: /\b(min|max)\(/g, to: (_, name) => (name === 'min' ? 'max(' : 'min(') },
  { name: 'lost sign', from: /\bneg\(/g, to: () => '(', in: 'ts' },
  {
    name: 'exchanged operands',
    from: /\b(div|sub|where|matmul)\((\w+), (\w+)\)/g,
    to: (_, f, a, b) => `${f}(${b}, ${a})`,
    in: 'ts'
  },
  {
    name: 'exchanged cotangents',
    from: /=> \[(\w+\([^[\]]*?\)), (\w+\([^[\]]*\))\]/g,
    to: (_, a, b) => `=> [${b}, ${a}]`,
    in: 'ts'
  },
  { name: 'other operation', from: /(?<=[\w)\]]) \* (?=[\w(])/g, to: () => ' + ' }
]

const isCode = (line: string): boolean => {
  const text = line.trim()
  return (
    text !== '' &&
    !/^(\/\/|\/\*|\*|import\b|export \{|export \* from|@group|override\b.*: bool)/.test(text) &&
    !/^['"`]/.test(text)
  )
}

/** A line without its comment and its texts, which hold no code. */
const codeOf = (line: string): string =>
  line.replace(/\/\/.*$/, '').replace(/'[^']*'|`[^`]*`/g, text => '_'.repeat(text.length))

/** All faults of a file, in the order of its lines. */
export const faultsOf = (file: string, text: string): readonly Fault[] => {
  const language = file.endsWith('.wgsl') ? 'wgsl' : 'ts'
  let inComment = false
  return text.split('\n').flatMap((line, i) => {
    if (line.includes('/*')) inComment = true
    const skip = inComment || !isCode(line)
    if (line.includes('*/')) inComment = false
    if (skip) return []
    return KINDS.filter(
      kind =>
        (kind.in ?? language) === language && (kind.names ?? []).every(name => new RegExp(`\\b${name}\\b`).test(text))
    ).flatMap(({ name, from, to }) =>
      [...codeOf(line).matchAll(from)].map((match): Fault => {
        const at = match.index
        const [whole] = match
        const after =
          line.slice(0, at) + to(...(match as unknown as [string, ...string[]])) + line.slice(at + whole.length)
        return { kind: name, line: i + 1, before: line, after }
      })
    )
  })
}
