/**
 * The op blocks of maps and folds: the parts that a call brings (`Computes`), and around them how operands are loaded, which is a shader's own affair.
 * Programs bring parts only; `plan` makes the blocks of what no variant has given one.
 */
import type { Call, Computes, Slot } from './spec.js'

/** Results are stored as they are. */
const PLAIN_FINISH = 'fn finish(a: Value, at: array<u32, OPERANDS>) -> Value { return a; }'

const dtypesOf = ({ reads }: Call, slots: readonly Slot[]): readonly string[] => reads.map(slot => (slots[slot] as Slot).dtype)

const bindings = (types: readonly string[]): readonly string[] =>
  types.map((type, k) => `@group(0) @binding(${k + 2}) var<storage, read> in${k}: array<${type}>;`)

const counts = ({ reads }: Call, { numbers }: Computes): readonly string[] => [
  `const OPERANDS = ${reads.length + 1}u;`,
  `const NUMBERS = ${numbers}u;`
]

/** What finishes a fold loads an input by a function of its own name, wherever that is bound. */
const foldText = ({ fold, finish, tails = [] }: Computes, types: readonly string[]): readonly string[] =>
  fold === undefined
    ? []
    : [
        ...tails.map(
          ({ k, place }) => `fn tail${k}(at: array<u32, OPERANDS>) -> ${types[place]} { return in${place}[at[${place + 1}]]; }`
        ),
        fold,
        finish ?? PLAIN_FINISH
      ]

/** The block of the plain maps and folds: `value` loads the inputs of `compute` at `at[1]`, `at[2]`, ... */
const plainOp = (call: Call & { readonly computes: Computes }, slots: readonly Slot[]): string => {
  const { computes } = call
  const types = dtypesOf(call, slots)
  const inputs = types.slice(0, computes.inputs).map((_, k) => `in${k}[at[${k + 1}]]`)
  return [
    computes.text,
    ...counts(call, computes),
    ...bindings(types),
    `fn value(at: array<u32, OPERANDS>) -> Value { return compute(${inputs.join(', ')}); }`,
    ...foldText(computes, types)
  ].join('\n')
}

/** The call with the op block of the plain shader, if it has parts and no block. */
export const withOp = (call: Call, slots: readonly Slot[]): Call => {
  const { op, computes } = call
  return computes && op === undefined ? { ...call, op: plainOp({ ...call, computes }, slots) } : call
}

/**
 * The block of maps and folds by vec4: dense inputs are loaded by four, the others once; those that are `fixed` along the shader's loop before it.
 * The four results are of the type `four`.
 */
export const fourOp = (
  call: Call & { readonly computes: Computes },
  slots: readonly Slot[],
  dense: readonly boolean[],
  four: string,
  fixed?: readonly boolean[]
): string => {
  const { computes } = call
  const types = dtypesOf(call, slots)
  const load = (k: number) => `in${k}[at[${k + 1}]]`
  const ahead = types.flatMap((type, k) => (fixed?.[k] ? [{ name: `x${k}`, type, load: load(k) }] : []))
  const values = ['x', 'y', 'z', 'w'].map(
    component => `compute(${types.map((_, k) => (dense[k] ? `x${k}.${component}` : `x${k}`)).join(', ')})`
  )
  return [
    computes.text,
    ...counts(call, computes),
    ...bindings(types.map((type, k) => (dense[k] ? `vec4<${type}>` : type))),
    ...(fixed
      ? [
          `struct Fixed { none: u32, ${ahead.map(({ name, type }) => `${name}: ${type}, `).join('')}}`,
          `fn fixed(at: array<u32, OPERANDS>) -> Fixed { return Fixed(${['0u', ...ahead.map(one => one.load)].join(', ')}); }`
        ]
      : []),
    `fn value4(at: array<u32, OPERANDS>${fixed ? ', before: Fixed' : ''}) -> ${four} {`,
    ...types.map((_, k) => `  let x${k} = ${fixed?.[k] ? `before.x${k}` : load(k)};`),
    `  return ${four}(${values.join(', ')});`,
    '}',
    ...foldText(computes, types)
  ].join('\n')
}
