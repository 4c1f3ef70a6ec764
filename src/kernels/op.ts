/**
 * The op blocks of maps, folds and hooks: the parts that a call brings (`Computes`, `hook`), and around them how
 * operands are loaded, which is a shader's own affair. Programs bring parts only; `plan` makes the blocks of what no
 * variant has given one.
 */
import type { Call, Computes, Slot } from './spec.js'

/** Results are stored as they are. */
const PLAIN_FINISH = 'fn finish(a: Value, at: array<u32, OPERANDS>) -> Value { return a; }'

const dtypesOf = ({ reads }: Call, slots: readonly Slot[]): readonly string[] =>
  reads.map(slot => (slots[slot] as Slot).dtype)

const bindings = (types: readonly string[]): readonly string[] =>
  types.map((type, k) => `@group(0) @binding(${k + 2}) var<storage, read> in${k}: array<${type}>;`)

/** What finishes a fold loads an input by a function of its own name, wherever that is bound. */
const foldText = (
  { fold, finish, tails = [] }: Computes,
  types: readonly string[],
  load: (k: number) => string
): readonly string[] =>
  fold === undefined
    ? []
    : [
        ...tails.map(
          ({ k, place }) => `fn tail${k}(at: array<u32, OPERANDS>) -> ${types[place]} { return ${load(place)}; }`
        ),
        fold,
        finish ?? PLAIN_FINISH
      ]

/**
 * How a kernel takes its turns: `width` elements each, along the innermost axis. Of the operands, those that are dense
 * along it are then loaded by vec4, the others repeat one value. Both the text of a kernel and its parameters are made
 * from one of these, so that they cannot disagree.
 */
export interface Turns {
  readonly width: 1 | 4
  /** By input. */
  readonly dense: readonly boolean[]
}

/** One element a turn. */
const SINGLE: Turns = { width: 1, dense: [] }

/** How a shader loads the inputs. */
interface Loads {
  readonly turns?: Turns
  /** Before the shader's loop, along which they stay the same. */
  readonly fixed?: readonly boolean[]
  /**
   * Which of the shader's walks each input takes; absent: each its own. The fewer there are, the less is computed, and
   * compiled.
   */
  readonly walks?: readonly number[]
}

/**
 * The block of maps and folds. `value` loads the inputs of `compute` where their walks are, at `at[1]`, `at[2]`, ...;
 * in turns of four it gives the four results of a map, and joins those of a fold.
 */
export const opOf = (
  call: Call & { readonly computes: Computes },
  slots: readonly Slot[],
  { turns: { width, dense } = SINGLE, fixed, walks = call.reads.map((_, k) => k + 1) }: Loads = {}
): string => {
  const { computes } = call
  const types = dtypesOf(call, slots)
  const inputs = types.slice(0, computes.inputs)
  const isFold = computes.fold !== undefined
  const load = (k: number) => `in${k}[at[${walks[k]}]]`
  const ahead = inputs.flatMap((type, k) => (fixed?.[k] ? [{ name: `x${k}`, type, load: load(k) }] : []))
  const result = (component: string) =>
    `compute(${inputs.map((_, k) => `x${k}${dense[k] ? component : ''}`).join(', ')})`
  const four = ['.x', '.y', '.z', '.w'].map(result) as [string, string, string, string]
  const byFour = width === 4
  const all = !byFour
    ? result('')
    : isFold
      ? `combine(combine(${four[0]}, ${four[1]}), combine(${four[2]}, ${four[3]}))`
      : `Result(${four.join(', ')})`
  return [
    computes.text,
    `const OPERANDS = ${Math.max(0, ...walks) + 1}u;`,
    `const NUMBERS = ${computes.numbers}u;`,
    ...bindings(types.map((one, k) => (dense[k] ? `vec4<${one}>` : one))),
    ...(fixed || isFold
      ? [
          `struct Fixed { none: u32, ${ahead.map(one => `${one.name}: ${one.type}, `).join('')}}`,
          'fn fixed(at: array<u32, OPERANDS>) -> Fixed { return ' +
            `Fixed(${['0u', ...ahead.map(one => one.load)].join(', ')}); }`
        ]
      : []),
    `alias Result = ${byFour && !isFold ? 'vec4<Value>' : 'Value'};`,
    `fn value(at: array<u32, OPERANDS>${fixed || isFold ? ', before: Fixed' : ''}) -> Result {`,
    ...inputs.map((_, k) => `  let x${k} = ${fixed?.[k] ? `before.x${k}` : load(k)};`),
    `  return ${all};`,
    '}',
    ...foldText(computes, types, load)
  ].join('\n')
}

/** The block of a shader with a function `load`. Those whose names end in `row4` load vec4s. */
const hookOf = (shader: string, hook: string): string =>
  shader.endsWith('row4')
    ? `${hook}\nfn load(x: vec4f) -> vec4f { return vec4f(compute(x.x), compute(x.y), compute(x.z), compute(x.w)); }`
    : `${hook}\nfn load(x: f32) -> f32 { return compute(x); }`

/**
 * The call with its op block, if it has parts of one and none of its own: that of a plain map or fold, or of a hook.
 */
export const withOp = (call: Call, slots: readonly Slot[]): Call => {
  const { shader, op, computes, hook } = call
  if (op !== undefined) return call
  return computes
    ? { ...call, op: opOf({ ...call, computes }, slots) }
    : hook === undefined
      ? call
      : { ...call, op: hookOf(shader, hook) }
}
