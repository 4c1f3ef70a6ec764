/**
 * `compile`, `store`, `run`, `read`, `scope`, `fold` on both backends: what they give, and what they refuse in one
 * sentence.
 */
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js'
import { beforeEach, describe, expect, it } from 'vitest'
import { grad } from '../../src/autodiff/grad.js'
import * as $ from '../../src/autodiff/ops/index.js'
import type { Tensor } from '../../src/autodiff/tensor.js'
import {
  type Compiled,
  compile,
  dispose,
  type Engine,
  type EngineError,
  firstNonFinite,
  fold,
  type HostArray,
  lowered,
  read,
  release,
  run,
  type StoredTensor,
  scope,
  store
} from '../../src/engine/index.js'
import { bufferCounts } from '../../src/kernels/buffers.js'
import { backends, evaluateOn, succeed } from '../backends.js'
import { device } from '../device.js'

const f32 = (values: readonly number[], shape: readonly number[] = [values.length]): HostArray => ({
  data: Float32Array.from(values),
  shape,
  dtype: 'f32'
})
const vector = { shape: [3], dtype: 'f32' } as const

describe.each(['reference', 'gpu'] as const)('on the %s', kind => {
  const backend = backends[kind]
  const done = <A>(engine: Engine<A>): Promise<A> => succeed(backend, engine)
  const refused = async <A>(engine: Engine<A>): Promise<EngineError> => {
    const result = await engine({ backend })()
    if (E.isRight(result)) throw new Error('an error was wanted, but there was none')
    return result.left
  }
  /** Buffers that are held; none on the reference. */
  const held = (): number => (kind === 'gpu' ? bufferCounts(device).liveBuffers : 0)
  const stored = (...values: readonly number[]): Promise<StoredTensor> => done(store(f32(values)))
  const live = ({ stored: one }: StoredTensor): boolean => one.live
  const values = async (tensor: StoredTensor): Promise<readonly number[]> => Array.from((await done(read(tensor))).data)
  const doubled = () => done(compile((x: Tensor) => $.mul(x, 2))([vector]))
  type Doubled = Compiled<[Tensor], Tensor>

  describe('values', () => {
    const { MAX_VALUE, MIN_VALUE, NaN: nan, POSITIVE_INFINITY: inf } = Number
    const cases: Readonly<Record<string, HostArray>> = {
      f32: f32([0, -0, 1.5, nan, inf, -inf, 2 ** -149, 3.4028234663852886e38]),
      i32: { data: Int32Array.of(0, -1, 2 ** 31 - 1, -(2 ** 31)), shape: [2, 2], dtype: 'i32' },
      u32: { data: Uint32Array.of(0, 1, 2 ** 32 - 1), shape: [3, 1], dtype: 'u32' },
      'a scalar': { data: Float32Array.of(-2.5), shape: [], dtype: 'f32' },
      'one of each shape': f32([1, 2, 3, 4, 5, 6], [1, 2, 3]),
      'odd sizes': f32(Array.from({ length: 1021 }, (_, i) => i / 7))
    }

    it.each(Object.entries(cases))('%s come back as they were stored', async (_, array) => {
      const back = await done(
        pipe(
          store(array),
          RTE.chainFirst(one => RTE.fromIO(() => expect([one.shape, one.dtype]).toEqual([array.shape, array.dtype]))),
          RTE.chain(read)
        )
      )
      expect([back.shape, back.dtype, back.data.length]).toEqual([array.shape, array.dtype, array.data.length])
      array.data.forEach((value, i) => expect(back.data[i]).toBe(value))
    })

    it('and through a compiled function, unchanged', async () => {
      const arrays = Object.values(cases)
      const back = await evaluateOn(backend, (...x) => x.map(one => $.reshape(one, [-1])), arrays)
      for (const [i, array] of arrays.entries()) expect(Array.from(back[i]?.data ?? [])).toEqual(Array.from(array.data))
    })

    it('of float64 are rounded to float32 on the device, and kept on the reference', async () => {
      const data = Float64Array.of(0.1, 1e38, MIN_VALUE)
      const back = await done(pipe(store({ data, shape: [3], dtype: 'f32' } as HostArray), RTE.chain(read)))
      expect(Array.from(back.data)).toEqual(Array.from(kind === 'gpu' ? Float32Array.from(data) : data))
      expect(back.data).toBeInstanceOf(kind === 'gpu' ? Float32Array : Float64Array)
      const beyond = store({ data: Float64Array.of(1, MAX_VALUE), shape: [2], dtype: 'f32' } as HostArray)
      if (kind === 'reference')
        expect(Array.from((await done(pipe(beyond, RTE.chain(read)))).data)).toEqual([1, MAX_VALUE])
      else
        expect((await refused(beyond)).message).toBe(
          "Wanted numbers that 'f32' holds, but there is 1.7976931348623157e+308: choose another dtype, or round it."
        )
    })

    it.each([
      ['half a number', { data: Float64Array.of(1, 0.5), dtype: 'i32' }, "numbers that 'i32' holds, but there is 0.5"],
      ['a NaN', { data: Float32Array.of(Number.NaN, 1), dtype: 'u32' }, "numbers that 'u32' holds, but there is NaN"],
      ['a number below 0', { data: Int32Array.of(0, -1), dtype: 'u32' }, "numbers that 'u32' holds, but there is -1"],
      [
        'a dtype that there is not',
        { data: Float64Array.of(1.7, 2), dtype: 'f64' },
        "the dtype 'f64', not f32, i32 or u32"
      ]
    ])('are refused with %s, where the dtype does not hold it', async (_, array, part) =>
      expect((await refused(store({ shape: [2], ...array } as HostArray))).message).toContain(part)
    )

    it('are trees of any form, in and out', async () => {
      const tree = { a: f32([1, 2, 3]), list: [f32([4, 5, 6]), { b: f32([7, 8, 9]) }] }
      const compiled = await done(
        compile((x: { a: Tensor; list: [Tensor, { b: Tensor }] }) => ({ sums: x.list, a: [$.add(x.a, x.list[1].b)] }))([
          tree
        ] as never)
      )
      const result = await done(
        pipe(
          store(tree),
          RTE.chain(args => run(compiled)(args as never)),
          RTE.chain(read)
        )
      )
      expect(
        JSON.parse(JSON.stringify(result, (_, part) => (ArrayBuffer.isView(part) ? Array.from(part as never) : part)))
      ).toEqual({
        sums: [{ ...vector, data: [4, 5, 6] }, { b: { ...vector, data: [7, 8, 9] } }],
        a: [{ ...vector, data: [8, 10, 12] }]
      })
    })

    it('fifteen aliases of one node have fifteen gradients, after all passes', async () => {
      const gradients = await evaluateOn(
        backend,
        x =>
          grad((copies: readonly Tensor[]) =>
            copies.map((copy, i) => $.sum($.mul($.mul(copy, copy), i + 1))).reduce((a, b) => $.add(a, b))
          )(Array.from({ length: 15 }, () => x as Tensor)),
        [f32([0.5, -2])]
      )
      expect(gradients.map(({ data }) => Array.from(data))).toEqual(
        Array.from({ length: 15 }, (_, i) => [i + 1, -4 * (i + 1)])
      )
    })
  })

  describe('a donated argument', () => {
    it('is given away: used again it is an error, and so is reading it', async () => {
      const compiled = await doubled()
      const x = await stored(1, 2, 3)
      const y = await done(run(compiled, { donate: [0] })(x))
      expect(await values(y)).toEqual([2, 4, 6])
      expect(live(x)).toBe(false)
      const sentence =
        'Wanted a stored tensor as argument 0, but it was released or given away before: use what the last run returned.'
      expect(await refused(run(compiled)(x))).toEqual({ _tag: 'InvalidArgument', message: sentence })
      expect(await refused(firstNonFinite(compiled)(x))).toEqual({ _tag: 'InvalidArgument', message: sentence })
      expect((await refused(read({ x }))).message).toBe(
        "Wanted a stored tensor at 'x', but it was released or given away before: read it before."
      )
      expect(await values(await done(run(compiled)(y)))).toEqual([4, 8, 12])
    })

    it('is kept where the run was refused', async () => {
      const compiled = await doubled()
      const x = await stored(1, 2)
      await refused(run(compiled, { donate: [0] })(x))
      expect(await values(x)).toEqual([1, 2])
    })

    it('is the only one that goes', async () => {
      const compiled = await done(compile((a: Tensor, b: Tensor) => $.add(a, b))([vector, vector]))
      const [a, b] = [await stored(1, 2, 3), await stored(1, 1, 1)]
      expect(await values(await done(run(compiled, { donate: [1] })(a, b)))).toEqual([2, 3, 4])
      expect([live(a), live(b)]).toEqual([true, false])
    })

    it('that is also returned comes back as a value of its own', async () => {
      const compiled = await done(compile((a: Tensor) => [a, $.neg(a)] as const)([vector]))
      const [same, negated] = await done(run(compiled, { donate: [0] })(await stored(1, 2, 3)))
      expect([await values(same), await values(negated)]).toEqual([
        [1, 2, 3],
        [-1, -2, -3]
      ])
    })
  })

  describe('a scope', () => {
    let before = 0
    let compiled: Doubled
    beforeEach(async () => {
      compiled = await doubled()
      before = held()
    })
    const seen: StoredTensor[] = []
    /** Two stored tensors and a result, of which the result goes on. */
    const body: Engine<{ readonly kept: StoredTensor }> = pipe(
      store([f32([1, 2, 3]), f32([4, 5, 6])]),
      RTE.chain(([x, y]) => {
        seen.splice(0, 2, x as StoredTensor, y as StoredTensor)
        return run(compiled)(x as StoredTensor)
      }),
      RTE.map(kept => ({ kept }))
    )

    it('releases all but what its result mentions', async () => {
      const { kept } = await done(scope(body))
      expect(seen.map(live)).toEqual([false, false])
      expect(await values(kept)).toEqual([2, 4, 6])
      if (kind === 'gpu') expect(held()).toBe(before + 1)
      release({ kept })
      expect(live(kept)).toBe(false)
      expect(held()).toBe(before)
    })

    it('inside another leaves its result to that one', async () => {
      const { first } = await done(
        scope(
          pipe(
            scope(body),
            RTE.chain(({ kept }) =>
              pipe(
                read(kept),
                RTE.map(({ data }) => ({ first: data[0], inner: kept }))
              )
            ),
            RTE.map(({ first: value, inner }) => {
              expect(live(inner)).toBe(true)
              return { first: value }
            })
          )
        )
      )
      expect(first).toBe(2)
      expect(held()).toBe(before)
    })

    it('releases everything when it fails', async () => {
      await refused(
        scope(
          pipe(
            body,
            RTE.chain(() => store({ ...f32([1]), shape: [2] }))
          )
        )
      )
      expect(seen.map(live)).toEqual([false, false])
      expect(held()).toBe(before)
    })
  })

  describe('is refused', () => {
    const shapes = { left: { shape: [2, 3], dtype: 'f32' }, right: { shape: [2, 3], dtype: 'f32' } } as const

    it('a wrong shape inside a function, as a value', async () => {
      const error = await refused(
        compile(({ left, right }: { left: Tensor; right: Tensor }) => $.matmul(left, right))([shapes] as never)
      )
      expect(error).toMatchObject({
        _tag: 'ShapeError',
        message: expect.stringMatching(/^matmul requires .*but got f32\[2,3\].*;/)
      })
      const found = lowered(({ left, right }: { left: Tensor; right: Tensor }) => $.matmul(left, right))([
        shapes
      ] as never)
      expect(found).toEqual(E.left(error))
    })

    it('a derivative that does not exist, as a value', async () => {
      const error = await refused(
        compile((x: Tensor, y: Tensor) => grad((a: Tensor) => $.sum($.mul(a, 2)), { argnums: 0 })($.mul(x, y)))([
          vector,
          { shape: [4], dtype: 'f32' }
        ])
      )
      expect(error._tag).toBe('ShapeError')
    })

    it('a result that does not depend on an argument, as a value', async () => {
      const error = await refused(compile(grad((_: Tensor, y: Tensor) => $.sum(y)) as never)([vector, vector] as never))
      expect(error).toMatchObject({
        _tag: 'UnreachedError',
        message: expect.stringContaining('no path from argument 0')
      })
    })

    it('what is no mistake of shapes is thrown', () => {
      const broken = () => {
        throw new RangeError('mine')
      }
      expect(() => compile(broken as () => Tensor)([])({ backend })).toThrow('mine')
    })

    it('arguments of another shape, dtype or number', async () => {
      const compiled = await done(
        compile((x: Tensor, tree: { y: Tensor }) => $.add(x, tree.y))([vector, { y: vector }])
      )
      const [x, short, whole] = [
        await stored(1, 2, 3),
        await stored(1, 2),
        await done(store<HostArray>({ shape: [3], data: Int32Array.of(1, 2, 3), dtype: 'i32' }))
      ]
      expect((await refused(run(compiled)(x, { y: short }))).message).toBe(
        "Wanted f32[3] as argument 1 at 'y', but it is f32[2]: pass that shape, or compile again."
      )
      expect((await refused(run(compiled)(whole, { y: x }))).message).toBe(
        'Wanted f32[3] as argument 0, but it is i32[3]: pass that shape, or compile again.'
      )
      expect((await refused(run(compiled)(x, {} as never))).message).toBe(
        "run requires a leaf or branch as argument 1 at 'y', but got none; pass a tree with the same keys, whatever their order."
      )
    })

    it('an array of too few or too many values', async () => {
      for (const shape of [[4], [2], []])
        expect((await refused(store(f32([1, 2, 3], shape)))).message).toMatch(
          /^Wanted \d+ values? for f32\[\d?\], but there are 3: give a shape that holds them all\.$/
        )
    })

    it('a tensor that lives on the other backend', async () => {
      const other = kind === 'gpu' ? backends.reference : backends.gpu
      const foreign = await succeed(other, store(f32([1, 2, 3])))
      const compiled = await doubled()
      const sentence =
        /^Wanted a tensor stored on the (device|reference)( as argument 0)?, but it is on the (device|reference): store it with the backend that runs\.$/
      expect((await refused(run(compiled)(foreign))).message).toMatch(sentence)
      expect((await refused(read(foreign))).message).toMatch(sentence)
      expect((await refused(firstNonFinite(compiled)(foreign))).message).toMatch(sentence)
    })
  })

  describe('the first value that is not finite', () => {
    const of = (f: (x: Tensor) => Tensor | readonly Tensor[], ...x: readonly number[]): Promise<string | undefined> =>
      done(
        scope(
          pipe(
            compile(f)([{ shape: [x.length], dtype: 'f32' }]),
            RTE.chain(compiled =>
              pipe(
                store(f32(x)),
                RTE.chain(one => firstNonFinite(compiled)(one)),
                RTE.map(found => {
                  dispose(compiled)
                  return found
                })
              )
            )
          )
        )
      )

    it('is named by its operation and shape', async () => {
      expect(await of(x => $.sum($.exp($.mul($.log(x), 2))), 1, -1)).toMatch(/^log f32\[2\]/)
      expect(await of(x => $.sum($.div(1, $.sub(x, 1))), 2, 1)).toMatch(/^div f32\[2\]/)
    })

    it('is the first of many, also where what follows is finite again', async () => {
      const f = (x: Tensor) => {
        const broken = $.sqrt(x)
        return $.sum($.where($.isFinite(broken), $.exp(broken), $.tanh($.mul(x, x))))
      }
      expect(await of(f, -4)).toMatch(/^sqrt f32\[1\]/)
    })

    it('may be an argument', async () =>
      expect(await of(x => $.add(x, 1), Number.NaN)).toMatch(/^(input|add) f32\[1\]/))

    it('is none where all are', async () => expect(await of(x => [$.exp(x), $.argmax(x)], 1, 2)).toBeUndefined())
  })

  describe('a fold', () => {
    it('takes items in order until it is told to stop', async () => {
      const taken: number[] = []
      const step = (state: number, item: number): Engine<number> => {
        taken.push(item)
        return RTE.of(state + item)
      }
      expect(await done(fold<number, number>([1, 2, 3, 4, 5], state => state >= 6, step)(0))).toBe(6)
      expect(taken).toEqual([1, 2, 3])
    })

    it('ends with the first error', async () => {
      const taken: number[] = []
      const step = (state: number, item: number): Engine<number> => {
        taken.push(item)
        return item === 2 ? pipe(store({ ...f32([1]), shape: [2] }), RTE.as(state)) : RTE.of(state)
      }
      expect((await refused(fold<number, number>([1, 2, 3], () => false, step)(0)))._tag).toBe('InvalidArgument')
      expect(taken).toEqual([1, 2])
    })
  })
})
