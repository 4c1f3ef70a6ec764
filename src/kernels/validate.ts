/** Whether a program keeps the rules of `spec.ts`, and the limits of a device. Pure. */
import * as E from 'fp-ts/lib/Either.js'
import { disagreement } from './agreement.js'
import { invalidProgram, type KernelError } from './errors.js'
import { BYTES, type Data, type DType, type Program, type Slot } from './spec.js'

export interface PlanLimits {
  readonly maxStorageBuffersPerShaderStage: number
  readonly maxStorageBufferBindingSize: number
}

/** Bytes of a slot's buffer: its elements, rounded up to 16, so that a kernel may work on whole vec4s over the tail. */
export const bytesOf = ({ shape }: Slot): number => paddedBytes(shape.reduce((product, extent) => product * extent, 1))

/** Bytes of a buffer of so many elements. */
export const paddedBytes = (elements: number): number => Math.ceil((elements * BYTES) / 16) * 16

export const dtypeOf = (data: Data): DType => (data instanceof Float32Array ? 'f32' : data instanceof Int32Array ? 'i32' : 'u32')

const mebibytes = (bytes: number): string => (bytes < 1 << 20 ? `${bytes} bytes` : `${(bytes / (1 << 20)).toFixed(1)} MiB`)

/** A slot as a person sees it: `slot 3 (f32[2,3])`. */
const show = (program: Program, slot: number): string => {
  const known = program.slots[slot]
  return known ? `slot ${slot} (${known.dtype}[${known.shape.join(',')}])` : `slot ${slot}`
}

const isWord = (word: number): boolean => Number.isInteger(word) && word >= -(2 ** 31) && word < 2 ** 32

/** The program, if it is one that can run. `InvalidProgram` names the first call that breaks a rule by its label. */
export const validate = (program: Program, limits: PlanLimits): E.Either<KernelError, Program> => {
  const { slots, calls, inputs, outputs, constants } = program
  const lower = 'correct the code that lowers the graph to a program'
  const refuse = (wanted: string, got: string, cure = lower) => E.left(invalidProgram(wanted, got, cure))

  const roles = new Map<number, string>()
  const roled: readonly (readonly [string, readonly number[]])[] = [
    ['input', inputs],
    ['constant', constants.map(({ slot }) => slot)],
    ['output', outputs]
  ]
  for (const [role, members] of roled) {
    for (const slot of members) {
      if (!slots[slot]) return refuse(`each ${role} to be a slot`, `there is no slot ${slot} among ${slots.length}`)
      const other = roles.get(slot)
      if (other)
        return refuse('inputs, constants and outputs to be different slots', `${show(program, slot)} is ${other} and ${role}`)
      roles.set(slot, role)
    }
  }
  for (const { slot, data } of constants) {
    const { dtype, shape } = slots[slot] as Slot
    const elements = shape.reduce((product, extent) => product * extent, 1)
    if (dtypeOf(data) !== dtype || data.length !== elements) {
      return refuse(`the constant of ${show(program, slot)} to fill it`, `its data is ${dtypeOf(data)} of length ${data.length}`)
    }
  }

  const written = new Set([...inputs, ...constants.map(({ slot }) => slot)])
  for (const [i, call] of calls.entries()) {
    const named = `call ${i} "${call.label}"`
    for (const slot of [call.write, ...call.reads]) {
      const known = slots[slot]
      if (!known) return refuse(`${named} to use slots of the program`, `there is no slot ${slot} among ${slots.length}`)
      if (!known.shape.every(extent => Number.isInteger(extent) && extent > 0)) {
        return refuse(`${named} to work on at least one element`, `${show(program, slot)} has none`, 'leave empty tensors out')
      }
      if (bytesOf(known) > limits.maxStorageBufferBindingSize) {
        const sizes = [bytesOf(known), limits.maxStorageBufferBindingSize]
        const texts = sizes.map(mebibytes)
        const [takes, binds] = texts[0] === texts[1] ? sizes.map(bytes => `${bytes} bytes`) : texts
        const most = `${takes}, and this adapter binds at most ${binds}`
        return refuse(`${named} to bind ${show(program, slot)}`, `it takes ${most}`, 'lower the batch size or the channels')
      }
    }
    const role = roles.get(call.write)
    if (role === 'input' || role === 'constant')
      return refuse(`${named} to write a slot of its own`, `${show(program, call.write)} is ${role}`)
    if (call.reads.includes(call.write))
      return refuse(`${named} to read other slots than it writes`, `it reads ${show(program, call.write)}`)
    const early = call.reads.find(slot => !written.has(slot))
    if (early !== undefined) return refuse(`${named} to read what was written before`, `${show(program, early)} was not`)
    const most = limits.maxStorageBuffersPerShaderStage - 1
    if (call.reads.length > most) {
      return refuse(
        `${named} to read ${call.reads.length} slots`,
        `this adapter binds at most ${most} besides the one written`,
        'fuse fewer nodes'
      )
    }
    if (!call.workgroups.every(count => Number.isInteger(count) && count > 0)) {
      return refuse(`${named} to launch at least one workgroup`, `it asks for ${call.workgroups.join(' x ')}`)
    }
    const word = call.params.find(one => !isWord(one))
    if (word !== undefined)
      return refuse(`${named} to have 32-bit words as parameters`, `one is ${word}`, 'pass the bits of floats')
    written.add(call.write)
  }
  const missing = outputs.find(slot => !written.has(slot))
  if (missing !== undefined) return refuse('each output to be written', `no call writes ${show(program, missing)}`)
  const hollow = inputs.find(slot => bytesOf(slots[slot] as Slot) === 0)
  if (hollow !== undefined)
    return refuse('each input to have an element', `${show(program, hollow)} has none`, 'leave empty tensors out')
  const wrong = disagreement(program)
  if (wrong) return refuse(wrong.wanted, wrong.got, 'correct the variant or the lowering that made the call')
  return E.right(program)
}
