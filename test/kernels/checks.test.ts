/**
 * Programs with checks in them: a verified one holds each kernel to the plain one of its kind, a poisoned one sees what
 * was never stored. They find nothing in sound kernels, whatever the values, and every fault that is planted in one.
 */
import { describe, expect, it } from 'vitest'
import { type DeviceBuffer, release } from '../../src/kernels/buffers.js'
import { finiteChecked } from '../../src/kernels/checks/finite.js'
import { failureOf } from '../../src/kernels/checks/judge.js'
import { type Checked, Checking, comparisonsOf, fillOf, rowCheck } from '../../src/kernels/checks/report.js'
import { verified } from '../../src/kernels/checks/verified.js'
import { writtenChecked } from '../../src/kernels/checks/written.js'
import { disposeExecutable, execute, prepare, readback, upload } from '../../src/kernels/execute.js'
import { plan } from '../../src/kernels/plan.js'
import { select } from '../../src/kernels/select.js'
import { type Loader, loadShader } from '../../src/kernels/shader.js'
import type { Call, Program, Slot } from '../../src/kernels/spec.js'
import { device } from '../device.js'
import { EXAMPLES, type Example, OTHERS, plainOf, shadersOf, TILES } from './examples.js'
import { right } from './results.js'

type Values = (length: number) => Float32Array<ArrayBuffer>
const sizeOf = ({ shape }: Slot): number => shape.reduce((a, b) => a * b, 1)

/** Values of both signs, a little away from 0. */
const ordinary: Values = length =>
  Float32Array.from(
    { length },
    (_, i) => (0.2 + ((Math.imul(i + 1, 2654435761) >>> 8) % 1000) / 600) * (i % 3 ? 1 : -1)
  )
/** Of one sign, so that no sum cancels to less than a fault. */
const positive: Values = length => ordinary(length).map(Math.abs)
/** With NaN and infinities among them. */
const strange: Values = length =>
  ordinary(length).map((value, i) => (i % 97 === 5 ? Number.NaN : i % 89 === 7 ? Number.POSITIVE_INFINITY : value))

/**
 * Runs a program, and looks at its outputs before all is given back; the last values are those of all further
 * arguments.
 */
const running = async <A>(
  program: Program,
  values: readonly Values[],
  look: (outputs: readonly DeviceBuffer[]) => Promise<A>,
  load: Loader = loadShader
): Promise<A> => {
  const executable = right(await prepare(device, right(plan(program, device.limits)), { load })())
  const inputs = await Promise.all(
    program.inputs.map(async (slot, i) => {
      const fill = values[i] ?? (values.at(-1) as Values)
      return right(await upload(device, fill(sizeOf(program.slots[slot] as Slot)))())
    })
  )
  const outputs = right(await execute(device, executable, inputs)())
  const seen = await look(outputs)
  for (const buffer of [...inputs, ...outputs]) release(buffer)
  disposeExecutable(executable)
  return seen
}

/** What the report of a run says. */
const reported = (
  { program, checks }: Checked,
  values: readonly Values[],
  load?: Loader
): Promise<string | undefined> =>
  running(
    program,
    values,
    async outputs => right(await failureOf(device, checks, outputs.at(-1) as DeviceBuffer)())?.error.message,
    load
  )

/** Elements behind each result that nothing may store. */
const GUARD = 300
/**
 * What a slot is filled with before: another number for each, since what is computed from it or copied would look like
 * what was left.
 */
const fillingOf = (slot: number): number => 0x3f800123 + 4097 * slot
/** The program with as much behind each slot that it stores, all of which are results and filled before. */
const guarded = (program: Program): Program => {
  const written = [...new Set(program.calls.map(({ write }) => write))]
  const sizeWith = (slot: number) => sizeOf(program.slots[slot] as Slot) + GUARD
  const slots = program.slots.map((slot, i) =>
    written.includes(i) ? { dtype: slot.dtype, shape: [sizeWith(i)], gaps: true as const } : slot
  )
  const fills = written.map(slot => fillOf(fillingOf(slot), slot, sizeWith(slot), 'filling'))
  return { ...program, slots, calls: [...fills, ...program.calls], outputs: written }
}

/** The first element behind a result that was stored all the same, in words. */
const trespass = (program: Program): Promise<string | undefined> =>
  running(guarded(program), [ordinary], async buffers => {
    const results = guarded(program).outputs
    const wanted = results.map((slot, i) => {
      const length = sizeOf(program.slots[slot] as Slot) + GUARD
      return { buffer: buffers[i] as DeviceBuffer, dtype: 'u32' as const, length }
    })
    const found = right(await readback(device, wanted)()).flatMap((data, i) => {
      const end = (wanted[i]?.length as number) - GUARD
      const slot = results[i] as number
      const at = data.subarray(end).findIndex(word => word !== fillingOf(slot))
      const call = program.calls.findLast(({ write }) => write === slot)
      return at < 0 ? [] : [`${call?.shader} stores element ${end + at} of ${end}`]
    })
    return found[0]
  })

/**
 * The text in which the last workgroup has the place of the first, and so on: what depends on their order comes out
 * otherwise.
 */
const backwards: Loader = file =>
  loadShader(file).replace(
    /@workgroup_size\(([^,)]*)(?:, ([^)]*))?\)\nfn main\(@builtin\((\w+)\) (\w+): vec3u, (.*)\) \{/,
    (_, width, height = '1', builtin, name, others) => {
      const parameters = [
        `@builtin(${builtin}) forward: vec3u`,
        ...(builtin === 'workgroup_id' ? [] : ['@builtin(workgroup_id) workgroup: vec3u']),
        ...(others.includes('num_workgroups') ? [] : ['@builtin(num_workgroups) groups: vec3u']),
        others
      ]
      const size = builtin === 'workgroup_id' ? 'vec3u(1)' : `vec3u(${width}, ${height}, 1)`
      const from = builtin === 'workgroup_id' ? 'forward' : 'workgroup'
      return [
        `@workgroup_size(${width}, ${height})`,
        `fn main(${parameters.join(', ')}) {`,
        `  let ${name} = forward + (groups - 1u - 2u * ${from}) * ${size};`
      ].join('\n')
    }
  )

/** The bits of the first output. */
const outputOf = (program: Program, load: Loader): Promise<Uint32Array> => {
  const length = sizeOf(program.slots[program.outputs[0] as number] as Slot)
  return running(
    program,
    [ordinary],
    async ([buffer]) =>
      right(await readback(device, [{ buffer: buffer as DeviceBuffer, dtype: 'u32', length }])())[0] as Uint32Array,
    load
  )
}

/** The facts of an example; on this adapter, those of shuffles are its own. */
const factsOf = ({ facts }: Example) => (facts === TILES ? TILES : device.info)

describe.each(Object.entries({ ...EXAMPLES, ...OTHERS }))('in the program of %s', (_, example) => {
  const program = plainOf(example)
  it('a verified run finds nothing, of ordinary values', async () => {
    expect(await reported(writtenChecked(verified(program, factsOf(example))), [ordinary])).toBeUndefined()
  })
  it('a verified run finds nothing, of values that are not finite', async () => {
    // What meets the zeros of a border stays finite: filters, and in a filter's gradient all (docs/autodiff.md).
    const { shader } = program.calls[0] as (typeof program.calls)[0]
    const values =
      shader === 'conv2d_filter_grad' ? [ordinary] : shader.startsWith('conv2d') ? [strange, ordinary] : [strange]
    expect(await reported(verified(program, factsOf(example)), values)).toBeUndefined()
  })
  it('nothing is stored behind a result', async () => {
    expect(await trespass(select(program, factsOf(example)))).toBeUndefined()
    expect(await trespass(program)).toBeUndefined()
  })
  it('workgroups may run in any order', async () => {
    for (const one of [select(program, factsOf(example)), program])
      expect(await outputOf(one, backwards)).toEqual(await outputOf(one, loadShader))
  })
  it('a poisoned run finds nothing', async () => {
    expect(
      await reported(writtenChecked({ program: select(program, factsOf(example)), checks: [] }), [ordinary])
    ).toBeUndefined()
  })
})

/**
 * Variants with an example; what the plain kernel of a map or a fold is would be spoilt with its form by vec4, whose
 * file it shares.
 */
const variants = Object.entries(EXAMPLES).flatMap(([name, example]) => {
  const { program, checks } = verified(plainOf(example), factsOf(example))
  const shader = name.replace(' by vec4', '')
  const isHeld = checks.some(({ call, against }) => call.shader === shader && against !== shader)
  return isHeld && shadersOf(program).includes(name) ? [[name, example, shader] as const] : []
})

/** A text in which every value that is stored is a little off. */
const spoilt = (shader: string): Loader => {
  const integers = /array<(vec4)?i/.test(
    /var<storage, read_write> result: (.*);/.exec(loadShader(`${shader}.wgsl`))?.[1] ?? ''
  )
  const stored = shader === 'reduce_shuffle' ? /(store\(o, at, )(sum)(\))/g : /(^ .*result\[.*\] = )(.*?)(;)/gm
  return file =>
    file === `${shader}.wgsl`
      ? loadShader(file).replace(
          stored,
          (_, before, value, after) => `${before}(${value})${integers ? ' + 1' : ' * 1.001'}${after}`
        )
      : loadShader(file)
}

it('every kernel can be run backwards', () => {
  for (const [name] of Object.entries(EXAMPLES)) {
    const file = `${name.replace(' by vec4', '')}.wgsl`
    expect(backwards(file)).toMatch(/ = forward \+ \(groups - 1u - 2u \* /)
  }
})

describe('a planted fault', () => {
  it('is planted in every variant', () => {
    const named = Object.keys(EXAMPLES).filter(name => /row4|tile|direct|tree|_any|shuffle|gather4|map_rows/.test(name))
    expect(variants.map(([name]) => name).sort()).toEqual(named.sort())
  })
  it.each(variants)('in %s is seen, and named', async (_, example, shader) => {
    const message = await reported(verified(plainOf(example), factsOf(example)), [positive], spoilt(shader))
    expect(message).toMatch(
      new RegExp(
        `^Wanted call ".*" to give by ${shader} what \\w+ gives, but element \\d+ is .* where .* is right: use another adapter`
      )
    )
  })
  it('in a turn that is left out is seen by a poisoned run', async () => {
    const short = (text: string) => text.replace('i < P.size.x; i += groups.x', 'i + 1u < P.size.x; i += groups.x')
    const load: Loader = file => (file === 'map_strided.wgsl' ? short(loadShader(file)) : loadShader(file))
    const program = plainOf(EXAMPLES['map_strided'] as Example)
    expect(await reported(writtenChecked({ program, checks: [] }), [ordinary], load)).toMatch(
      /^Wanted call ".*" \(map_strided\) to store every element, but element 104 was left as it was: report this with the adapter's name/
    )
  })
})

it('what has no faster form is not compared with itself', () => {
  const example = EXAMPLES['conv2d'] as Example
  const { program, checks } = verified(plainOf(example), factsOf(example))
  expect([program.calls.length, checks]).toEqual([1, []])
})

it('the first call with a result that is not finite is found', async () => {
  const program = plainOf(EXAMPLES['conv2d'] as Example)
  expect(await reported(finiteChecked(program), [ordinary])).toBeUndefined()
  expect(await reported(finiteChecked(program), [strange])).toMatch(/conv2d/)
})

it('finiteness is looked for once a result is complete, and in floats alone', () => {
  for (const example of Object.values({ ...EXAMPLES, ...OTHERS })) {
    const { slots, calls } = plainOf(example)
    const floats = new Set(calls.map(({ write }) => write).filter(slot => slots[slot]?.dtype === 'f32'))
    const { program } = finiteChecked(plainOf(example))
    const looks = [...program.calls.entries()].filter(([, { shader }]) => shader === 'check_finite')
    expect(looks.map(([, { reads }]) => reads[0]).sort()).toEqual([...floats].sort())
    for (const [i, { reads }] of looks)
      expect(program.calls.slice(i).some(({ write }) => write === reads[0])).toBe(false)
  }
})

/** What `calls` report of inputs of f32, as the second of two checks. */
const saidOf = (
  inputs: readonly (readonly number[])[],
  calls: (number: number, report: number) => readonly Call[],
  against?: string
): Promise<string | undefined> => {
  const slots = inputs.map((values): Slot => ({ dtype: 'f32', shape: [values.length] }))
  const checking = new Checking(slots)
  const call = plainOf(EXAMPLES['matmul'] as Example).calls[0] as Call
  const check = { call, dtype: 'f32' as const, ...(against === undefined ? {} : { against }) }
  checking.add({ call, dtype: 'f32' }, () => []) // so that the one that is looked at is not the first
  checking.add(check, number => calls(number, checking.report))
  const program: Program = { slots, inputs: inputs.map((_, i) => i), constants: [], calls: [], outputs: [] }
  return reported(
    checking.finish(program, []),
    inputs.map(values => () => Float32Array.from(values))
  )
}

describe('what a check looks at', () => {
  const ones = Array<number>(300).fill(1)
  const compared = (
    got: readonly number[],
    wanted: readonly number[],
    allowed: readonly number[] = ones.map(() => 0)
  ) =>
    saidOf(
      [got, wanted, allowed],
      (number, report) =>
        // Every third element from 5 on, 97 of them: up to 293.
        comparisonsOf(
          { got: 0, wanted: 1, allowed: 2, factor: 1, isFloat: true },
          { offset: 5, extents: [97], strides: [3] },
          number,
          report
        ),
      'matmul'
    )
  it.each([5, 146, 293])('a comparison sees element %i alone, and says what is there', async at => {
    expect(await compared(ones.with(at, 3), ones.with(at, 2))).toMatch(`element ${at} is 3 where 2 is right`)
  })
  it.each([2, 6, 296])('a comparison leaves element %i alone, which is not of its region', async at => {
    expect(await compared(ones.with(at, 3), ones)).toBeUndefined()
  })
  it('a comparison allows no more than what it is given', async () => {
    expect(await compared(ones.with(5, 3), ones, ones.with(5, 2))).toBeUndefined()
    expect(await compared(ones.with(5, 3), ones, ones.with(5, -2))).toBeUndefined()
    expect(await compared(ones.with(5, 3), ones, ones.with(5, 1.99))).toMatch('element 5 is 3 where 1 is right')
  })
  it.each([
    [Number.NaN, 1],
    [1, Number.NaN],
    [Number.POSITIVE_INFINITY, 1],
    [1, Number.POSITIVE_INFINITY],
    [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
    [Number.POSITIVE_INFINITY, Number.NaN]
  ])('no allowance makes %d of %d', async (got, wanted) => {
    expect(await compared(ones.with(5, got), ones.with(5, wanted), ones.with(5, Number.POSITIVE_INFINITY))).toMatch(
      `element 5 is ${got} where ${wanted} is right`
    )
  })
  it('NaN may stand for what is not finite, and where the allowance has no bound, any number for any', async () => {
    expect(await compared(ones.with(5, Number.NaN), ones.with(5, Number.POSITIVE_INFINITY))).toBeUndefined()
    expect(await compared(ones.with(5, 3), ones, ones.with(5, Number.POSITIVE_INFINITY))).toBeUndefined()
  })

  const finite = (values: readonly number[]) =>
    saidOf([values], (number, report) => [rowCheck('check_finite', 0, { start: 7, count: 200 }, number, report)])
  it.each([7, 100, 206])('one that is not finite is seen at %i', async at => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
      expect(await finite(ones.with(at, value))).toMatch(`element ${at} was left`)
  })
  it.each([6, 207])('one that is not finite is not looked for at %i', async at => {
    expect(await finite(ones.with(at, Number.NaN))).toBeUndefined()
  })
})
