/** Whether a program keeps the rules of `spec.ts`, and the limits of a device. Pure. */
import * as E from 'fp-ts/lib/Either.js'
import { disagreement } from './agreement.js'
import { invalidProgram, type KernelError } from './errors.js'
import { BYTES, type Call, type Data, type DType, type Program, type Slot } from './spec.js'

export interface PlanLimits {
  readonly maxStorageBuffersPerShaderStage: number
  readonly maxStorageBufferBindingSize: number
}

/** Bytes of a slot's buffer: its elements, rounded up to 16, so that a kernel may work on whole vec4s over the tail. */
export const bytesOf = ({ shape }: Slot): number => paddedBytes(shape.reduce((product, extent) => product * extent, 1))

/** Bytes of a buffer of so many elements. */
export const paddedBytes = (elements: number): number => Math.ceil((elements * BYTES) / 16) * 16

export const dtypeOf = (data: Data): DType =>
  data instanceof Float32Array ? 'f32' : data instanceof Int32Array ? 'i32' : 'u32'

const mebibytes = (bytes: number): string =>
  bytes < 1 << 20 ? `${bytes} bytes` : `${(bytes / (1 << 20)).toFixed(1)} MiB`

/** A slot as a person sees it: `slot 3 (f32[2,3])`. */
const show = (program: Program, slot: number): string => {
  const known = program.slots[slot]
  return known ? `slot ${slot} (${known.dtype}[${known.shape.join(',')}])` : `slot ${slot}`
}

const isWord = (word: number): boolean => Number.isInteger(word) && word >= -(2 ** 31) && word < 2 ** 32

/** A rule that a program breaks: what was wanted, what was got and, where it is not the lowering, what to change. */
type Breach = readonly [wanted: string, got: string, cure?: string]

/** A call, and how messages name it. */
interface NamedCall {
  readonly call: Call
  readonly named: string
}

/** Inputs, constants and outputs are slots, each of one role. */
const breachOfRoles = (program: Program): Breach | undefined => {
  const { slots, inputs, outputs, constants } = program
  const roles = new Map<number, string>()
  const roled: readonly (readonly [string, readonly number[]])[] = [
    ['input', inputs],
    ['constant', constants.map(({ slot }) => slot)],
    ['output', outputs]
  ]
  for (const [role, members] of roled) {
    for (const slot of members) {
      if (!slots[slot]) return [`each ${role} to be a slot`, `there is no slot ${slot} among ${slots.length}`]
      const other = roles.get(slot)
      if (other)
        return ['inputs, constants and outputs to be different slots', `${show(program, slot)} is ${other} and ${role}`]
      roles.set(slot, role)
    }
  }
  return undefined
}

/** Constants have the dtype and the length of their slots. */
const breachOfConstants = (program: Program): Breach | undefined => {
  const wrong = program.constants.find(({ slot, data }) => {
    const { dtype, shape } = program.slots[slot] as Slot
    return dtypeOf(data) !== dtype || data.length !== shape.reduce((product, extent) => product * extent, 1)
  })
  if (!wrong) return undefined
  const { slot, data } = wrong
  return [`the constant of ${show(program, slot)} to fill it`, `its data is ${dtypeOf(data)} of length ${data.length}`]
}

/** A call uses slots that exist, have elements, and that the device can bind. */
const breachOfSlots = (program: Program, limits: PlanLimits, { call, named }: NamedCall): Breach | undefined => {
  const { slots } = program
  for (const slot of [call.write, ...call.reads]) {
    const known = slots[slot]
    if (!known) return [`${named} to use slots of the program`, `there is no slot ${slot} among ${slots.length}`]
    if (!known.shape.every(extent => Number.isInteger(extent) && extent > 0)) {
      return [`${named} to work on at least one element`, `${show(program, slot)} has none`, 'leave empty tensors out']
    }
    if (bytesOf(known) > limits.maxStorageBufferBindingSize) {
      const sizes = [bytesOf(known), limits.maxStorageBufferBindingSize]
      const texts = sizes.map(mebibytes)
      const [takes, binds] = texts[0] === texts[1] ? sizes.map(bytes => `${bytes} bytes`) : texts
      const most = `${takes}, and this adapter binds at most ${binds}`
      return [`${named} to bind ${show(program, slot)}`, `it takes ${most}`, 'lower the batch size or the channels']
    }
  }
  return undefined
}

/**
 * A call reads what was `written` before, and writes what nobody gave (`given`, by slot the role) and it does not read.
 */
const breachOfOrder = (
  program: Program,
  given: ReadonlyMap<number, string>,
  written: ReadonlySet<number>,
  { call, named }: NamedCall
): Breach | undefined => {
  const role = given.get(call.write)
  if (role) return [`${named} to write a slot of its own`, `${show(program, call.write)} is ${role}`]
  if (call.reads.includes(call.write))
    return [`${named} to read other slots than it writes`, `it reads ${show(program, call.write)}`]
  const early = call.reads.find(slot => !written.has(slot))
  return early === undefined
    ? undefined
    : [`${named} to read what was written before`, `${show(program, early)} was not`]
}

/** A call reads as few slots as the device binds, launches a workgroup, and has words as parameters. */
const breachOfLaunch = (limits: PlanLimits, { call, named }: NamedCall): Breach | undefined => {
  const most = limits.maxStorageBuffersPerShaderStage - 1
  if (call.reads.length > most) {
    const got = `this adapter binds at most ${most} besides the one written`
    return [`${named} to read ${call.reads.length} slots`, got, 'fuse fewer nodes']
  }
  if (!call.workgroups.every(count => Number.isInteger(count) && count > 0)) {
    return [`${named} to launch at least one workgroup`, `it asks for ${call.workgroups.join(' x ')}`]
  }
  const word = call.params.find(one => !isWord(one))
  if (word === undefined) return undefined
  return [`${named} to have 32-bit words as parameters`, `one is ${word}`, 'pass the bits of floats']
}

/** The first call that breaks a rule; then outputs that no call writes. */
const breachOfCalls = (program: Program, limits: PlanLimits): Breach | undefined => {
  const { calls, inputs, outputs, constants } = program
  const given = new Map([
    ...inputs.map(slot => [slot, 'input'] as const),
    ...constants.map(({ slot }) => [slot, 'constant'] as const)
  ])
  const written = new Set(given.keys())
  for (const [i, call] of calls.entries()) {
    const one = { call, named: `call ${i} "${call.label}"` }
    const breach =
      breachOfSlots(program, limits, one) ?? breachOfOrder(program, given, written, one) ?? breachOfLaunch(limits, one)
    if (breach) return breach
    written.add(call.write)
  }
  const missing = outputs.find(slot => !written.has(slot))
  return missing === undefined ? undefined : ['each output to be written', `no call writes ${show(program, missing)}`]
}

/** Inputs that no call uses have elements too. */
const breachOfInputs = (program: Program): Breach | undefined => {
  const hollow = program.inputs.find(slot => bytesOf(program.slots[slot] as Slot) === 0)
  if (hollow === undefined) return undefined
  return ['each input to have an element', `${show(program, hollow)} has none`, 'leave empty tensors out']
}

/** The uniforms, regions and shaders of calls agree with their slots. */
const breachOfAgreement = (program: Program): Breach | undefined => {
  const wrong = disagreement(program)
  return wrong && [wrong.wanted, wrong.got, 'correct the variant or the lowering that made the call']
}

/** The program, if it is one that can run. `InvalidProgram` names the first call that breaks a rule by its label. */
export const validate = (program: Program, limits: PlanLimits): E.Either<KernelError, Program> => {
  const breach =
    breachOfRoles(program) ??
    breachOfConstants(program) ??
    breachOfCalls(program, limits) ??
    breachOfInputs(program) ??
    breachOfAgreement(program)
  if (!breach) return E.right(program)
  const [wanted, got, cure = 'correct the code that lowers the graph to a program'] = breach
  return E.left(invalidProgram(wanted, got, cure))
}
