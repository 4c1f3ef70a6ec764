/** Small programs, the shaders they call, and what they give when plain arrays run them. */
import fc from 'fast-check'
import type { Plan } from '../../src/kernels/plan.js'
import type { Loader } from '../../src/kernels/shader.js'
import type { Call, Data, Program, Slot } from '../../src/kernels/spec.js'

const head = `
@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;`
const main =
  '@compute @workgroup_size(16) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u)'
const strided = (body: string) => `${main} {
  for (var i = id.x; i < p.count; i += groups.x * 16u) { ${body} }
}`

/**
 * Writes `y[offset + i] = seed + i + sum over reads of (2k + 3) read[(i + seed) % length]`, on words that wrap around.
 */
const mix = (reads: number): string => {
  const all = Array.from({ length: reads }, (_, k) => k)
  return `struct P { offset: u32, count: u32, seed: u32, ${all.map(k => `length${k}: u32`).join(', ')} }${head}
${all.map(k => `@group(0) @binding(${k + 2}) var<storage, read> x${k}: array<u32>;`).join('\n')}
${strided(`y[p.offset + i] = p.seed + i${all.map(k => ` + ${2 * k + 3}u * x${k}[(i + p.seed) % p.length${k}]`).join('')};`)}`
}

export const files: Readonly<Record<string, string>> = {
  'mix0.wgsl': mix(0).replace('seed: u32, ', 'seed: u32'),
  'mix1.wgsl': mix(1),
  'mix2.wgsl': mix(2),
  'mix3.wgsl': mix(3),
  // The three dtypes: each written as a function of the one element read.
  ...Object.fromEntries(
    (['f32', 'i32', 'u32'] as const).map(dtype => [
      `map-${dtype}.wgsl`,
      `override factor = 2;
struct P { count: u32 }
@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read_write> y: array<${dtype}>;
@group(0) @binding(2) var<storage, read> x: array<${dtype}>;
fn apply(a: ${dtype}) -> ${dtype} {
  //! op
  return a * ${dtype}(factor);
  //! end
}
${strided('y[i] = apply(x[i]);')}`
    ])
  )
}

/** Reads from these files instead of the package's. */
export const loader =
  (own: Readonly<Record<string, string>> = {}): Loader =>
  file => {
    const text = own[file] ?? files[file]
    if (text === undefined) throw new Error('no such file')
    return text
  }

export const u32 = (length: number): Slot => ({ dtype: 'u32', shape: [length] })

export const call = (given: Partial<Call> & Pick<Call, 'shader' | 'write'>): Call => ({
  params: [],
  reads: [],
  workgroups: [1, 1, 1],
  label: given.shader,
  flops: 0,
  ...given
})

/** One `map` over a whole slot. */
export const mapCall = (slots: readonly Slot[], from: number, to: number, given: Partial<Call> = {}): Call => {
  const { dtype, shape } = slots[to] as Slot
  const count = shape.reduce((a, b) => a * b, 1)
  return call({
    shader: `map-${dtype}`,
    params: [count],
    reads: [from],
    write: to,
    workgroups: [Math.ceil(count / 16), 1, 1],
    ...given
  })
}

/** `x -> y = factor x` for `n` elements. */
export const mapProgram = (n: number, dtype: Slot['dtype'] = 'f32', given: Partial<Call> = {}): Program => {
  const slots: Slot[] = [
    { dtype, shape: [n] },
    { dtype, shape: [n] }
  ]
  return { slots, calls: [mapCall(slots, 0, 1, given)], inputs: [0], outputs: [1], constants: [] }
}

const lengthOf = ({ slots }: Program, slot: number): number => (slots[slot] as Slot).shape[0] as number

/** Programs of `mix` calls. The first call that writes a slot fills it, later ones write a part. */
export const anyProgram = (mostCalls: number): fc.Arbitrary<Program> =>
  fc
    .record({
      lengths: fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 2, maxLength: 30 }),
      inputs: fc.integer({ min: 1, max: 2 }),
      constants: fc.integer({ min: 0, max: 2 }),
      picks: fc.array(
        fc.record({
          again: fc.boolean(),
          seed: fc.nat(1000),
          at: fc.nat(),
          reads: fc.array(fc.nat(), { maxLength: 3 })
        }),
        {
          minLength: 1,
          maxLength: mostCalls
        }
      ),
      outputs: fc.array(fc.nat(), { minLength: 1, maxLength: 3 })
    })
    .map(({ lengths, inputs, constants, picks, outputs }) => {
      const slots: Slot[] = []
      const give = () => slots.push(u32(lengths[slots.length % lengths.length] as number)) - 1
      const inputSlots = Array.from({ length: inputs }, give)
      const constantSlots = Array.from({ length: constants }, give).map(slot => ({
        slot,
        data: Uint32Array.from({ length: (slots[slot] as Slot).shape[0] as number }, (_, i) => 1000 * slot + i)
      }))
      const readable = slots.map((_, slot) => slot)
      const written: number[] = []
      const calls = picks.map(({ again, seed, at, reads }, time): Call => {
        const old = again && written.length > 0 ? (written[at % written.length] as number) : undefined
        const write = old ?? give()
        const size = (slots[write] as Slot).shape[0] as number
        const offset = old === undefined ? 0 : at % size
        const sources = reads.map(pick => readable[pick % readable.length] as number).filter(slot => slot !== write)
        if (old === undefined) {
          written.push(write)
          readable.push(write)
        }
        return call({
          shader: `mix${sources.length}`,
          params: [offset, size - offset, seed, ...sources.map(slot => (slots[slot] as Slot).shape[0] as number)],
          reads: sources,
          write,
          label: `mix ${time}`
        })
      })
      const results = [...new Set(outputs.map(pick => written[pick % written.length] as number))]
      return { slots, calls, inputs: inputSlots, outputs: results, constants: constantSlots }
    })

/** Does what the `mix` shader does. `at` gives the words behind a slot. */
const runMix = ({ calls }: Program, at: (slot: number) => Uint32Array): void => {
  for (const { params, reads, write } of calls) {
    const [offset = 0, count = 0, seed = 0, ...lengths] = params
    for (let i = 0; i < count; i++) {
      let value = seed + i
      reads.forEach((slot, k) => {
        value = (value + Math.imul(2 * k + 3, at(slot)[(i + seed) % (lengths[k] as number)] as number)) >>> 0
      })
      at(write)[offset + i] = value
    }
  }
}

export const inputsOf = (program: Program): Uint32Array<ArrayBuffer>[] =>
  program.inputs.map((slot, k) => Uint32Array.from({ length: lengthOf(program, slot) }, (_, i) => 7 * i + 100 * k + 1))

const preset = (program: Program, at: (slot: number) => Uint32Array): void => {
  inputsOf(program).forEach((data, k) => {
    at(program.inputs[k] as number).set(data)
  })
  for (const { slot, data } of program.constants) at(slot).set(data)
}

const results = (program: Program, at: (slot: number) => Uint32Array): number[][] =>
  program.outputs.map(slot => [...at(slot).subarray(0, lengthOf(program, slot))])

/** The outputs, where every slot has an array of its own. */
export const runApart = (program: Program): number[][] => {
  const arrays = program.slots.map(({ shape }) => new Uint32Array(shape[0] as number))
  const at = (slot: number) => arrays[slot] as Uint32Array
  preset(program, at)
  runMix(program, at)
  return results(program, at)
}

/**
 * The outputs, where slots live as the plan says, in arrays that hold rubbish at first. Calls of a dispatch are run
 * from the last one backwards.
 */
export const runPlanned = ({ program, dispatches, places, shared, bytes }: Plan): number[][] => {
  const rubbish = (size: number) => new Uint32Array(size / 4).fill(0xdeadbeef)
  const buffers = shared.map(rubbish)
  const own = places.map((_, slot) => rubbish(bytes[slot] as number))
  const at = (slot: number) => {
    const place = places[slot]
    if (!place) throw new Error(`slot ${slot} is used but has no place`)
    return (place.kind === 'shared' ? buffers[place.index] : own[slot]) as Uint32Array
  }
  preset(program, at)
  runMix({ ...program, calls: dispatches.flatMap(calls => calls.toReversed()) }, at)
  return results(program, at)
}

export const floats = (n: number): Float32Array<ArrayBuffer> => Float32Array.from({ length: n }, (_, i) => i + 1)

export const numbers = (data: Data | undefined): number[] => [...(data ?? [])]
