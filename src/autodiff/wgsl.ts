/**
 * The WGSL of what kernels compute: the texts of pointwise primitives put together. How operands are loaded is not said
 * here.
 */
import type { DType } from '../kernels/spec.js'
import { type Body, type Fold, OWN, type Source } from './fusion/roots.js'
import type { MapKernel, ReduceKernel } from './kernel.js'
import { sizeOf } from './shape.js'
import type { Tensor } from './tensor.js'

const LETTERS = ['a', 'b', 'c'] as const

/*
 * What compilers may not know. A driver's compiler takes floats for real numbers: it makes (x + y) - y to x, x - x and
 * 0 x to 0, a product with a mask to a select, whatever is infinite, NaN or rounded there (NIR's rules marked as
 * inexact, https://gitlab.freedesktop.org/mesa/mesa, nir_opt_algebraic.py). All of these need an operand that comes
 * twice, or a number that is known. So a value is shown to the compiler once: where it comes again it is `opaque`
 * (shaders/common.wgsl), the same bits behind an integer operation; and numbers that it could calculate with come from
 * the uniform. Most kernels use each value once, and pay nothing.
 */

type Numbered = Pick<Body, 'numbers' | 'steps'>

const PRODUCTS = new Set(['mul', 'div'])
const isArithmetic = ({ primitive: { name } }: Tensor): boolean =>
  PRODUCTS.has(name) || name === 'add' || name === 'sub'

/**
 * WGSL of number `index` where it can be written out and few different ones occur; others come with the parameters, so
 * that they make no pipelines. So do all that go into sums and products: a compiler would join them with others, or
 * move them inwards, where 2 x may be infinite.
 */
const literal = ({ numbers, steps }: Numbered, index: number): string | undefined => {
  const { value, dtype } = numbers[index] as Body['numbers'][number]
  if (dtype !== 'f32') return `${dtype}(${value})`
  const takes = ({ operands }: Body['steps'][number]) =>
    operands.some(one => one.kind === 'number' && one.index === index)
  const plain = (Number.isInteger(value) && Math.abs(value) <= 2 && !Object.is(value, -0)) || Math.abs(value) === 0.5
  return plain && !steps.some(step => isArithmetic(step.node) && takes(step)) ? `f32(${value})` : undefined
}

/** The numbers that come with the parameters. */
export const parameterNumbers = (body: Numbered): readonly number[] =>
  body.numbers.filter((_, index) => literal(body, index) === undefined).map(({ value }) => value)

/**
 * Words of a kernel's uniform that are 0. A value that is hidden behind one of them is another to the compiler than
 * behind the next.
 */
const HIDING = ['nothing.x', 'nothing.y', 'nothing.z'] as const

/** Results of which a compiler knows that they are one of two numbers, or 0 where something holds. */
const isMask = ({ node, operands }: Body['steps'][number]): boolean =>
  ['convert', 'sign'].includes(node.primitive.name) ||
  (node.primitive.name === 'where' && operands.some(({ kind }) => kind === 'number'))

/** x x is what it is, unless x is a root. */
const isSquare = (node: Tensor, operand: Body['steps'][number] | undefined): boolean =>
  node.primitive.name === 'mul' && !/sqrt|div|pow/.test(operand?.node.primitive.name ?? '')

/**
 * Steps that a fold may take four at a time as they are added up, while one of their factors is the same in all four: a
 * compiler would add first and multiply then, and infinity may come of that.
 */
const distributable = ({ shape, inputs, steps }: Body, results: readonly Source[]): readonly number[] =>
  results.flatMap(({ kind, index }) => {
    const { node, operands } = steps[index] ?? { operands: [] }
    const repeats = (one: Source) =>
      one.kind === 'number' || (one.kind === 'input' && sizeOf(inputs[one.index]?.node.shape ?? []) < sizeOf(shape))
    return kind === 'step' && node && PRODUCTS.has(node.primitive.name) && operands.some(repeats) ? [index] : []
  })

/** The call of each step, in order, as WGSL. Those that are named are hidden from what comes after. */
const stepTexts = (
  { steps }: Numbered,
  functions: Functions,
  name: (source: Source) => string,
  hidden: readonly number[] = []
): string[] => {
  /** How often each source was shown so far. */
  const shown = new Map<string, number>()
  const opaque = (text: string, times: number): string => `opaque(${text}, ${HIDING[times % HIDING.length]})`
  const isolated = new Set(hidden)
  return steps.map(({ node, operands }, i) => {
    const counts: number[] = []
    for (const [k, operand] of operands.entries()) {
      const step = operand.kind === 'step' ? steps[operand.index] : undefined
      const twin = operands.slice(0, k).findIndex(other => other.kind === operand.kind && other.index === operand.index)
      const key = `${operand.kind} ${operand.index}`
      const isFloat = node.inputs[k]?.dtype === 'f32'
      if (isFloat && twin >= 0 && isSquare(node, step)) counts.push(counts[twin] as number)
      else if (!isFloat) counts.push(0)
      else {
        const times = shown.get(key) ?? (step && isArithmetic(node) && isMask(step) ? 1 : 0)
        shown.set(key, times + 1)
        counts.push(times)
      }
    }
    // A value that comes more often than it can be hidden in different ways: its step is cut off from those before and
    // after it.
    if (node.dtype === 'f32' && counts.some(times => times > HIDING.length)) isolated.add(i)
    const texts = operands.map((operand, k) => {
      const times = counts[k] as number
      const cut =
        isolated.has(i) && operand.kind === 'step' && !isolated.has(operand.index) && node.inputs[k]?.dtype === 'f32'
      return times > 0 || cut ? opaque(name(operand), times + HIDING.length - 1) : name(operand)
    })
    const text = functions.call(node, texts)
    return isolated.has(i) && node.dtype === 'f32' ? opaque(text, i) : text
  })
}

/** WGSL functions for pointwise primitives, one for each different text. */
class Functions {
  private readonly names = new Map<string, string>()
  private readonly files = new Set<string>()

  constructor(private readonly letter: string) {}

  call(node: Tensor, operands: readonly string[]): string {
    const { include, ...kernel } = node.primitive.kernel as MapKernel
    if (include !== undefined) this.files.add(include)
    const expression = kernel.expression(node.attributes)
    const parameters = node.inputs.map((input, k) => `${LETTERS[k]}: ${input.dtype}`).join(', ')
    const text = `(${parameters}) -> ${node.dtype} { return ${expression}; }`
    const name = this.names.get(text) ?? `${this.letter}${this.names.size}`
    this.names.set(text, name)
    return `${name}(${operands.join(', ')})`
  }

  get text(): readonly string[] {
    const includes = Array.from(this.files, file => `//! include "${file}"`)
    return [...includes, ...Array.from(this.names, ([text, name]) => `fn ${name}${text}`)]
  }
}

/** The WGSL type of `count` values of a fold side by side. */
const valueType = (dtype: DType, count: number): string => (count === 1 ? dtype : `vec${count}<${dtype}>`)

/**
 * The WGSL of a body: a function for each kind of step, and `compute`, from the inputs' values to those of `results`,
 * side by side. Texts are the primitives' own; equal bodies give equal texts, so one pipeline serves them all.
 * `isFold`: the results go into a fold.
 */
export const computeText = (
  body: Body,
  dtype: DType,
  results: readonly Source[] = [body.result],
  isFold = false
): string => {
  const functions = new Functions('step')
  const inline = body.numbers.map((_, index) => literal(body, index))
  const name = ({ kind, index }: Source): string =>
    kind === 'input'
      ? `x${index}`
      : kind === 'step'
        ? `y${index}`
        : (inline[index] ?? parameter(placeOf(inline, index)))
  const lines = stepTexts(body, functions, name, isFold ? distributable(body, results) : []).map(
    (text, i) => `  let y${i} = ${text};`
  )
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

/** Whether the text of a body hides anything from the compiler: then it needs a kernel that has `opaque`. */
export const isOpaque = (body: Body): boolean => computeText(body, 'f32').includes('opaque(')

/** Number `index` among those that come with the parameters. */
const placeOf = (inline: readonly (string | undefined)[], index: number): number =>
  inline.slice(0, index).filter(text => text === undefined).length
const parameter = (place: number): string => `P.numbers[${place >> 2}][${place & 3}]`

/**
 * The WGSL of what is done to folds: their start, how two are joined, and how their results are finished and told
 * apart.
 */
export const foldTexts = (
  { identity, combine }: ReduceKernel,
  folds: readonly Fold[],
  numbersBefore: number
): {
  readonly fold: string
  readonly finish: string
  readonly numbers: readonly number[]
  readonly tails: readonly number[]
} => {
  const functions = new Functions('last')
  const numbers: number[] = []
  const lines: string[] = []
  const dtype = (folds[0] as Fold).fold.dtype
  const several = folds.length > 1
  const values = folds.map(({ finish }, j) => {
    const own = several ? `a[${j}]` : 'a'
    if (!finish) return own
    const { body, tails } = finish
    const inline = body.numbers.map(
      (one, index) => literal(body, index) ?? parameter(numbersBefore + numbers.push(one.value) - 1)
    )
    const name = ({ kind, index }: Source): string =>
      kind === 'step'
        ? `y${j}_${index}`
        : kind === 'number'
          ? (inline[index] as string)
          : tails[index] === OWN
            ? own
            : `tail${tails[index]}(at)`
    lines.push(...stepTexts(body, functions, name).map((text, i) => `  let y${j}_${i} = ${text};`))
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
export const copyText = (dtype: DType): string =>
  `alias Value = ${dtype};\nfn compute(x0: ${dtype}) -> Value { return x0; }`
export const constantText = (dtype: DType, expression: string): string =>
  `alias Value = ${dtype};\nfn compute() -> Value { return ${expression}; }`
