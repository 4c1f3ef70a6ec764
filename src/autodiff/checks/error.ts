/** What a check found, in the quantities of whoever wrote the function: entries of its result and of its arguments. */
import type { NdArray } from '../ndarray.js'
import { inTree } from '../tree.js'

/** An element of a tree of tensors. */
export interface Place {
  /** As in `layers.1.w`; empty where the tree is one tensor. */
  readonly path: string
  readonly entry: readonly number[]
}
/** An entry of an argument. */
export interface ArgumentPlace extends Place {
  /** Counted from 0. */
  readonly argument: number
}

/** A tensor among the arguments. */
export interface CheckedArgument {
  readonly argument: number
  readonly path: string
  readonly value: NdArray
}

/** What a check of derivatives found. */
export interface Finding {
  /** What the derivative was held to: central differences, or on a device the float64 reference. */
  readonly against: 'differences' | 'reference'
  /** 1 for a first derivative; 0 for the value itself, on a device. */
  readonly order: number
  /** The entry of the result that is differentiated. */
  readonly output: Place
  /** The entries that it is differentiated in, one for each order. */
  readonly inputs: readonly ArgumentPlace[]
  readonly wanted: number
  readonly got: number
  /**
   * The primitive that changes its choice (which side of zero, which of two) within the step of the difference, if one
   * does.
   */
  readonly kink?: string
  /** The arguments, tensor by tensor. */
  readonly given: readonly CheckedArgument[]
}

const ORDERS = ['value', 'derivative', 'second derivative', 'third derivative']
const nameOf = (order: number): string => ORDERS[order] ?? `derivative of order ${order}`
const withPath = (what: string, path: string): string => `${what}${inTree(path)}`
const entryOf = (entry: readonly number[], of: string): string =>
  entry.length ? `entry [${entry.join(',')}] of ${of}` : of
const inputText = ({ argument, path, entry }: ArgumentPlace): string =>
  entryOf(entry, withPath(`argument ${argument}`, path))

/** A number as people read it. */
const DIGITS = 9
const short = (value: number): string => String(Number(value.toPrecision(DIGITS)))

/** `the second derivative of entry [1] of the result in argument 0 and in entry [2] of argument 1` */
const quantityOf = ({ order, output, inputs }: Finding): string =>
  [
    `the ${nameOf(order)} of ${entryOf(output.entry, withPath('the result', output.path))}`,
    ...inputs.map((place, i) => `${i === 0 ? 'in' : 'and in'} ${inputText(place)}`)
  ].join(' ')

/** Arguments with more elements than this are not printed in a message. */
const MOST_PRINTED = 24
const nested = (data: NdArray['data'], [extent, ...rest]: readonly number[], from = 0): string => {
  if (extent === undefined) return short(data[from] as number)
  const step = rest.reduce((product, one) => product * one, 1)
  return `[${Array.from({ length: extent }, (_, i) => nested(data, rest, from + i * step)).join(', ')}]`
}

/** `argument 0 = [1, 2], argument 1 at 'w' = 3` */
export const argumentsText = (given: readonly CheckedArgument[]): string =>
  given
    .map(
      ({ argument, path, value }) => `${withPath(`argument ${argument}`, path)} = ${nested(value.data, value.shape)}`
    )
    .join(', ')

const relative = (wanted: number, got: number): number =>
  Object.is(wanted, got) ? 0 : Math.abs(wanted - got) / Math.max(Math.abs(wanted), Math.abs(got))

const sentence = (finding: Finding): string => {
  const { against, inputs, kink, given } = finding
  const [quantity, wanted, got] = [quantityOf(finding), short(finding.wanted), short(finding.got)]
  const printed = given.reduce((total, { value }) => total + value.data.length, 0) <= MOST_PRINTED
  const where = printed ? ` where ${argumentsText(given)}` : ''
  const apart = `at which differences give ${wanted} for ${quantity}, and the rules ${got}`
  const error = `(relative error ${Number(relative(finding.wanted, finding.got).toPrecision(2))})`
  if (kink !== undefined) {
    const near = `${kink} changes its choice close to ${inputText(inputs.at(-1) as ArgumentPlace)}${where}`
    const cure = 'move the argument away from the kink, or take a smaller eps'
    return `checkGrads wanted a point where the function is smooth, but ${near}, ${apart}; ${cure}.`
  }
  if (against === 'reference') {
    const cure = 'mend the kernel that it comes from, or its reference'
    return (
      `checkGrads wanted ${quantity} to be ${wanted} on the device as on the float64 reference, but got ${got} ` +
      `${error}${where}; ${cure}.`
    )
  }
  if (Number.isFinite(finding.wanted)) {
    const cure = 'mend the vjp that it comes from'
    return (
      `checkGrads wanted ${quantity} to be ${wanted} as central differences say, but got ${got} ${error}${where}; ` +
      `${cure}.`
    )
  }
  const cure = 'move the arguments to where it is'
  return `checkGrads wanted a point around which the function is finite, but got one${where} ${apart}; ${cure}.`
}

/**
 * A derivative that is wrong, or cannot be checked since the function has a kink: which it is, where, what was wanted
 * and what was got.
 */
export class CheckError extends Error {
  override readonly name = 'CheckError'
  readonly against: Finding['against']
  readonly order: number
  readonly output: Place
  readonly inputs: readonly ArgumentPlace[]
  readonly wanted: number
  readonly got: number
  /** How far apart they are, relative to the larger one. */
  readonly relativeError: number
  /** The primitive whose kink the point lies at: then nothing is said of the rules. */
  readonly kink: string | undefined
  /** The arguments where it failed, tensor by tensor. */
  readonly given: readonly CheckedArgument[]
  constructor(finding: Finding) {
    super(sentence(finding))
    this.against = finding.against
    this.order = finding.order
    this.output = finding.output
    this.inputs = finding.inputs
    this.wanted = finding.wanted
    this.got = finding.got
    this.relativeError = relative(finding.wanted, finding.got)
    this.kink = finding.kink
    this.given = finding.given
  }
}
