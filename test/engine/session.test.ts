/** The engine as promises: what may be given, what comes back, and what is refused, on both backends. */
import { pipe } from 'fp-ts/lib/function.js'
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  $,
  compile,
  EngineFailure,
  evaluate,
  grad,
  type HostArray,
  hessian,
  jvp,
  nn,
  openGpu,
  openReference,
  read,
  run,
  type Session,
  type Step,
  store,
  type Tensor,
  vjp
} from '../../src/index.js'
import { bufferCounts } from '../../src/kernels/buffers.js'
import { platform } from '../../src/kernels/platform/node.js'

const numbers = ({ data }: HostArray): readonly number[] => Array.from(data)
const sentenceOf = async (promise: Promise<unknown>): Promise<string> => {
  const error: unknown = await promise.then(
    () => 'no rejection',
    reason => reason
  )
  if (!(error instanceof EngineFailure)) throw new Error(`an EngineFailure was wanted, but there was ${String(error)}`)
  expect(error.message).toBe(error.error.message)
  return error.message
}

describe.each(['reference', 'gpu'])('on the %s', kind => {
  let session: Session
  beforeAll(async () => {
    session = kind === 'gpu' ? await openGpu() : openReference()
  })
  afterAll(() => session.dispose())

  const f = (x: Tensor) => $.mul(x, $.tanh(x))

  it('the first gradient takes three lines', async () => {
    const gradient = await session.read(
      session.run(
        grad(x => $.mul(x, $.tanh(x))),
        0.5
      )
    )
    expect(gradient.shape).toEqual([])
    expect(gradient.data[0]).toBeCloseTo(evaluate(grad(f)($.tensor(0.5))).data[0] as number, 6)
    const second = await session.read(session.run(grad(grad(f)), 0.5))
    expect(second.data[0]).toBeCloseTo(evaluate(grad(grad(f))($.tensor(0.5))).data[0] as number, 6)
  })

  it('a step is compiled once, takes whatever may be given and says what is known of it', async () => {
    const loss = (w: { a: Tensor; b: Tensor }, x: Tensor, y: Tensor) => nn.crossEntropy(nn.linear(x, w.a, w.b), y)
    using step = await session.compile(grad(loss), [
      { a: { dtype: 'f32', shape: [3, 2] }, b: [0, 0, 0] },
      [
        [1, 2],
        [3, 4]
      ],
      Int32Array.of(0, 1)
    ])
    const weights = { a: new Float32Array(6), b: await session.store([0, 0, 0]) }
    // A typed array of six numbers is no matrix: shapes are never guessed.
    expect(await sentenceOf(step(weights, [[1, 2]], [0]))).toContain("f32[3,2] as argument 0 at 'a'")
    const matrix = { dtype: 'f32', shape: [3, 2], data: new Float32Array(6) } as const
    const rows = [
      [1, 2],
      [3, 4]
    ]
    // The labels are numbers, and become what the function was compiled for: i32.
    const gradient = await session.read(step({ a: matrix, b: weights.b }, rows, [0, 2]))
    expect(gradient.a.shape).toEqual([3, 2])
    const thirds = numbers(gradient.b).map(value => value * 6)
    for (const [i, wanted] of [-1, 2, -1].entries()) expect(thirds[i]).toBeCloseTo(wanted, 5)
    expect(step.report.nodes).toBeGreaterThan(5)
    expect(await sentenceOf(step({ a: matrix, b: weights.b }, rows, [0, 0.5]))).toContain("'i32' holds")
  })

  it('all that may stand for tensors is stored, with its dtype and shape', async () => {
    const stored = await session.store({
      number: 2,
      nested: [
        [1, 2, 3],
        [4, 5, 6]
      ],
      bytes: Uint8Array.of(1, 255),
      words: Uint32Array.of(7, 2 ** 32 - 1),
      integers: Int32Array.of(-1),
      doubles: Float64Array.of(0.5),
      host: { dtype: 'i32', shape: [1, 2], data: Int32Array.of(3, 4) },
      constant: $.tensor([1, 2]),
      expression: [$.add($.tensor([1, 2]), 1), $.broadcastTo($.tensor(3), [2])],
      none: []
    })
    const again = await session.store(stored)
    expect(again.number).toBe(stored.number)
    const back = await session.read(stored)
    const told = ({ dtype, shape, data }: HostArray) => [dtype, shape, ...data]
    expect(told(back.number)).toEqual(['f32', [], 2])
    expect(told(back.nested)).toEqual(['f32', [2, 3], 1, 2, 3, 4, 5, 6])
    expect(told(back.bytes)).toEqual(['u32', [2], 1, 255])
    expect(told(back.words)).toEqual(['u32', [2], 7, 2 ** 32 - 1])
    expect(told(back.integers)).toEqual(['i32', [1], -1])
    expect(told(back.doubles)).toEqual(['f32', [1], 0.5])
    expect(told(back.host)).toEqual(['i32', [1, 2], 3, 4])
    expect(told(back.constant)).toEqual(['f32', [2], 1, 2])
    expect(back.expression.map(told)).toEqual([
      ['f32', [2], 2, 3],
      ['f32', [2], 3, 3]
    ])
    expect(back.none).toEqual([])
    session.release(stored)
    expect(await sentenceOf(session.read(stored))).toContain('released or given away before')
    expect(await sentenceOf(session.store(again.number))).toContain('released or given away before')
  })

  it('what is no tensor is refused with a sentence, by a rejection', async () => {
    const refused = (value: unknown): Promise<string> => sentenceOf(session.store(value))
    expect(await refused('x')).toBe(
      "a tree requires tensors, lists and records of them, but got 'x' at the root; wrap numbers with tensor()."
    )
    expect(await refused({ a: [1, true] })).toContain("got true at 'a.1'")
    expect(await refused(Promise.resolve(1))).toContain('a Promise at the root; await it first')
    expect(await refused(new Map([[1, 2]]))).toContain(
      'a Map at the root; copy what it holds to a list or a plain record'
    )
    expect(await refused([[1, 2], [3]])).toContain('nested lists of equal lengths')
    expect(await refused({ a: BigInt64Array.of(1n) })).toMatch(/BigInt64Array/)
    expect(await refused({ dtype: 'f64', shape: [1], data: Float32Array.of(1.7) })).toContain("the dtype 'f64'")
    expect(await refused({ dtype: 'f32', shape: [-1, -2], data: Float32Array.of(1, 2) })).toContain(
      'positive whole extents'
    )
    expect(await refused({ dtype: 'i32', shape: [2], data: Float32Array.of(Number.NaN, 3e9) })).toContain("'i32' holds")
    const inside: Promise<string>[] = []
    evaluate(
      grad(x => {
        inside.push(refused($.mul(x, 2)))
        return x
      })($.tensor(1))
    )
    await session.compile(
      x => {
        inside.push(refused({ a: x }))
        return x
      },
      [1]
    )
    expect(await inside[1]).toContain('it depends on an argument of a function that is being traced')
    // What `grad` gives a function is a constant's alias: that has a value.
    await expect(inside[0]).rejects.toThrow('no rejection')
  })

  it('a function that is async, or gives no tensors, is refused', async () => {
    const late = async (x: Tensor) => x
    // @ts-expect-error a promise is no tensor
    expect(await sentenceOf(session.run(late, 1))).toContain('await it first, and pass functions that are not async')
    // @ts-expect-error a number is no tensor
    expect(await sentenceOf(session.run(() => 3))).toContain('tensors, lists and records of them')
    // @ts-expect-error a number is no function
    expect(await sentenceOf(session.run(3))).toContain('a function')
    expect(await sentenceOf(session.compile((x: Tensor) => x, 3 as never))).toContain('write compile(f, [x])')
  })

  it('errors of the function itself reject as they are, those of shapes and unreached arguments as failures', async () => {
    const own = new TypeError('mine')
    await expect(
      session.run((): Tensor => {
        throw own
      })
    ).rejects.toBe(own)
    expect(await sentenceOf(session.run((x, y) => $.matmul(x, y), [[1, 2]], [[1, 2]]))).toContain('matmul requires')
    expect(
      await sentenceOf(
        session.run(
          grad((_, y) => $.mul(y, 2)),
          1,
          2
        )
      )
    ).toContain('argument 0')
  })

  it('donated arguments are gone from the moment the run begins, and stay where it was refused', async () => {
    const step = await session.compile((x: Tensor) => $.add(x, 1), [0], { donate: [0] })
    const x = await session.store(1)
    const both = await Promise.allSettled([step(x), step(x)])
    expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
    const y = await session.store([1, 2])
    await sentenceOf(step(y as never))
    expect(numbers(await session.read(y))).toEqual([1, 2])
    const wrong = await session.compile((z: Tensor) => $.add(z, 1), [0], { donate: [7, -1] })
    expect(await sentenceOf(wrong(1))).toContain('donate to be places among the 1 arguments')
    step.dispose()
    wrong.dispose()
  })

  it('effects are performed on the same backend, and what is stored there is the same', async () => {
    const x = await session.store([1, 2, 3])
    const program = pipe(
      compile((one: Tensor) => $.mul(one, one))([x]),
      RTE.chain(compiled => run(compiled)(x)),
      RTE.chain(read)
    )
    expect(numbers(await session.perform(program))).toEqual([1, 4, 9])
    expect(await sentenceOf(session.perform(store('x' as never)))).toContain('a tree requires')
  })

  it('a run with too few or unstored arguments says so', async () => {
    const compiled = (await session.compile((x: Tensor, y: Tensor) => $.add(x, y), [1, 2])).compiled
    const x = await session.store(1)
    const given = run(compiled) as (...args: readonly unknown[]) => ReturnType<ReturnType<typeof run>>
    expect(await sentenceOf(session.perform(given(x)))).toBe(
      'run requires 2 arguments, but got 1; pass one for each that the function was compiled for.'
    )
    expect(await sentenceOf(session.perform(given(x, 3)))).toBe(
      'run requires a stored tensor as argument 1, but got 3; put it on the backend with store.'
    )
    expect(await sentenceOf(session.perform(given(x, '')))).toBe(
      "run requires one tensor as argument 1, but got ''; pass a tensor there."
    )
  })
})

it('a session that was disposed of says so', async () => {
  const session = openReference()
  const step: Step<[Tensor], Tensor> = await session.compile((x: Tensor) => x, [1])
  session.dispose()
  session[Symbol.dispose]()
  expect(await sentenceOf(session.store(1))).toBe(
    'Wanted a session that is open, but this one was disposed of: open another.'
  )
  expect(await sentenceOf(step(1))).toContain('open another')
})

it('programs do not run where they were not compiled', async () => {
  const [first, second, reference] = [await openGpu(), await openGpu(), openReference()]
  const f = (x: Tensor) => $.add(x, 1)
  const [here, there, onReference] = await Promise.all([first, second, reference].map(one => one.compile(f, [1])))
  const x = await second.store(1)
  expect(await sentenceOf(second.perform(run((here as Step<[Tensor], Tensor>).compiled)(x)))).toContain(
    'a program compiled for this device, but it was compiled for another'
  )
  expect(await sentenceOf(second.perform(run((onReference as Step<[Tensor], Tensor>).compiled)(x)))).toContain(
    'a function compiled for the device, but it was compiled for the reference'
  )
  const elsewhere = await reference.store({ a: 1 })
  expect(await sentenceOf(second.run((given: { a: Tensor }) => given.a, elsewhere as never))).toBe(
    "Wanted a tensor stored on the device as argument 0 at 'a', but it is on the reference: store it with the backend that runs."
  )
  expect(numbers(await second.read((there as Step<[Tensor], Tensor>)(x)))).toEqual([2])
  first.dispose()
  second.dispose()
})

it('what is asked of a device that is lost is refused, and says so', async () => {
  const gpu = await openGpu()
  if (gpu.backend.kind !== 'gpu') throw new Error('openGpu gave no device')
  const f = (x: Tensor) => $.add(x, 1)
  const x = await gpu.store([1, 2])
  const step = await gpu.compile(f, [[1, 2]])
  gpu.backend.device.device.destroy()
  for (const asked of [
    () => gpu.compile(f, [[1, 2]]),
    () => gpu.compile((x: Tensor) => $.tanh($.mul(x, x)), [[1, 2, 3]]),
    () => gpu.store([1, 2]),
    () => gpu.run(f, [1, 2]),
    () => step(x),
    () => gpu.read(x)
  ])
    expect(await sentenceOf(asked())).toMatch(/it was lost \(destroyed/)
  gpu.dispose()
})

it('values that no buffer of the device holds are refused before they are put there', async () => {
  const gpu = await openGpu()
  if (gpu.backend.kind !== 'gpu') throw new Error('openGpu gave no device')
  const { device } = gpu.backend
  const most = Math.min(device.limits.maxBufferSize, device.limits.maxStorageBufferBindingSize)
  // Nothing is written to the array, so that it takes no memory.
  const large = new Float32Array(most / 4 + 4)
  expect(await sentenceOf(gpu.store(large))).toContain(`${large.byteLength} bytes`)
  expect(bufferCounts(device).liveBuffers).toBe(0)
  gpu.dispose()
})

it('the memory of results that nobody has any more comes back', async () => {
  const gpu = await openGpu()
  if (gpu.backend.kind !== 'gpu') throw new Error('openGpu gave no device')
  const { device } = gpu.backend
  const step = await gpu.compile((x: Tensor) => $.add(x, 1), [new Float32Array(1 << 20)])
  const x = await gpu.store(new Float32Array(1 << 20))
  const most: number[] = []
  // 400 results of 4 MiB, none released: 1.6 GiB.
  for (let i = 0; i < 400; i++) {
    await step(x)
    most.push(bufferCounts(device).liveBytes)
  }
  expect(Math.max(...most)).toBeLessThan(600 * (1 << 20))
  await platform.collectGarbage()
  expect(bufferCounts(device).liveBuffers).toBeLessThan(8)
  gpu.dispose()
})

it('lambdas need no types where arguments are tensors', () => {
  const second: Tensor = hessian(x => $.sum($.mul(x, x)))($.tensor([1, 2]))
  const [y, pullback] = vjp((x, z) => $.mul(x, z), $.tensor(1), $.tensor(2))
  const [, tangent] = jvp(x => $.mul(x, x), [$.tensor(3)], [$.tensor(1)])
  expect(second.shape).toEqual([2, 2])
  expect(numbers(evaluate(pullback(y)[0]))).toEqual([4])
  expect(numbers(evaluate(tangent))).toEqual([6])
})

it('types refuse what is no tree', () => {
  const session = openReference()
  // @ts-expect-error a text is no tensor
  session.store('x').catch(() => undefined)
  // @ts-expect-error a function is no tensor
  session.store({ f: () => 1 }).catch(() => undefined)
  // @ts-expect-error a promise is no tensor
  session.store([Promise.resolve(1)]).catch(() => undefined)
  // @ts-expect-error in a list of tensors numbers are one tensor
  session.run((list: readonly [Tensor, Tensor]) => $.add(...list), [1, 2]).catch(() => undefined)
  expect(session.name).toBe('reference')
})
