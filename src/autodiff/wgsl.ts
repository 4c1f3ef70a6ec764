/** The WGSL of what kernels compute: the texts of pointwise primitives put together. How operands are loaded is not said here. */
import type { DType } from '../kernels/spec.js'
import { type Body, type Fold, OWN, type Source } from './fusion/roots.js'
import type { MapKernel, ReduceKernel } from './kernel.js'
import type { Tensor } from './tensor.js'

const LETTERS = ['a', 'b', 'c'] as const

/** WGSL of a number where it can be written out and few different ones occur; others come with the parameters, so that they make no pipelines. */
const literal = ({ value, dtype }: Body['numbers'][number]): string | undefined => {
  if (dtype !== 'f32') return `${dtype}(${value})`
  const plain = (Number.isInteger(value) && Math.abs(value) <= 2 && !Object.is(value, -0)) || Math.abs(value) === 0.5
  return plain ? `f32(${value})` : undefined
}

/** The numbers that come with the parameters. */
export const parameterNumbers = ({ numbers }: Pick<Body, 'numbers'>): readonly number[] =>
  numbers.filter(one => literal(one) === undefined).map(({ value }) => value)

/** WGSL functions for pointwise primitives, one for each different text. */
class Functions {
  private readonly names = new Map<string, string>()

  constructor(private readonly letter: string) {}

  call(node: Tensor, operands: readonly string[]): string {
    const expression = (node.primitive.kernel as MapKernel).expression(node.attributes)
    const parameters = node.inputs.map((input, k) => `${LETTERS[k]}: ${input.dtype}`).join(', ')
    const text = `(${parameters}) -> ${node.dtype} { return ${expression}; }`
    const name = this.names.get(text) ?? `${this.letter}${this.names.size}`
    this.names.set(text, name)
    return `${name}(${operands.join(', ')})`
  }

  get text(): readonly string[] {
    return [...this.names].map(([text, name]) => `fn ${name}${text}`)
  }
}

/** The WGSL type of `count` values of a fold side by side. */
const valueType = (dtype: DType, count: number): string => (count === 1 ? dtype : `vec${count}<${dtype}>`)

/**
 * The WGSL of a body: a function for each kind of step, and `compute`, from the inputs' values to those of `results`, side by side. Texts are the
 * primitives' own; equal bodies give equal texts, so one pipeline serves them all.
 */
export const computeText = (body: Body, dtype: DType, results: readonly Source[] = [body.result]): string => {
  const functions = new Functions('step')
  const inline = body.numbers.map(literal)
  const name = ({ kind, index }: Source): string =>
    kind === 'input' ? `x${index}` : kind === 'step' ? `y${index}` : (inline[index] ?? parameter(placeOf(inline, index)))
  const lines = body.steps.map(({ node, operands }, i) => `  let y${i} = ${functions.call(node, operands.map(name))};`)
  const type = valueType(dtype, results.length)
  const values = results.map(name).join(', ')
  return [
    `alias Value = ${type};`,
    ...functions.text,
    `fn compute(${body.inputs.map(({ node }, i) => `x${i}: ${node.dtype}`).join(', ')}) -> Value {`,
    ...lines,
    `  return ${results.length === 1 ? values : `${type}(${values})`};`,
    '}'
  ].join('\n')
}

/** Number `index` among those that come with the parameters. */
const placeOf = (inline: readonly (string | undefined)[], index: number): number =>
  inline.slice(0, index).filter(text => text === undefined).length
const parameter = (place: number): string => `P.numbers[${place >> 2}][${place & 3}]`

/** The WGSL of what is done to folds: their start, how two are joined, and how their results are finished and told apart. */
export const foldTexts = (
  { identity, combine }: ReduceKernel,
  folds: readonly Fold[],
  numbersBefore: number
): { readonly fold: string; readonly finish: string; readonly numbers: readonly number[]; readonly tails: readonly number[] } => {
  const functions = new Functions('last')
  const numbers: number[] = []
  const lines: string[] = []
  const dtype = (folds[0] as Fold).fold.dtype
  const several = folds.length > 1
  const values = folds.map(({ finish }, j) => {
    const own = several ? `a[${j}]` : 'a'
    if (!finish) return own
    const { body, tails } = finish
    const inline = body.numbers.map(one => literal(one) ?? parameter(numbersBefore + numbers.push(one.value) - 1))
    const name = ({ kind, index }: Source): string =>
      kind === 'step'
        ? `y${j}_${index}`
        : kind === 'number'
          ? (inline[index] as string)
          : tails[index] === OWN
            ? own
            : `tail${tails[index]}(at)`
    body.steps.forEach(({ node, operands }, i) => {
      lines.push(`  let y${j}_${i} = ${functions.call(node, operands.map(name))};`)
    })
    return name(body.result)
  })
  const fold = [
    `alias Element = ${dtype};`,
    `fn part(a: Value, j: u32) -> Element { return ${several ? 'a[j]' : 'a'}; }`,
    `fn identity() -> Value { return Value(${identity}); }`,
    `fn combine(a: Value, b: Value) -> Value { return ${combine}; }`
  ].join('\n')
  const finish = [
    ...functions.text,
    'fn finish(a: Value, at: array<u32, OPERANDS>) -> Value {',
    ...lines,
    `  return ${several ? `Value(${values.join(', ')})` : values[0]};`,
    '}'
  ].join('\n')
  const tails = [...new Set(folds.flatMap(one => one.finish?.tails ?? []))].filter(tail => tail !== OWN)
  return { fold, finish, numbers, tails }
}

/** `compute` of a copy, and of a constant. */
export const copyText = (dtype: DType): string => `alias Value = ${dtype};\nfn compute(x0: ${dtype}) -> Value { return x0; }`
export const constantText = (dtype: DType, expression: string): string =>
  `alias Value = ${dtype};\nfn compute() -> Value { return ${expression}; }`
