/**
 * `vmap`: axes, trees, levels that must not be confused, derivatives, rules of one's own, randomness, what is refused.
 */
import { describe, expect, it } from 'vitest'
import { checkGrads } from '../../src/autodiff/check.js'
import { grad, hessian, hvp, jacobian, jacobianForward, jvp, vjp } from '../../src/autodiff/grad.js'
import { countNodes, topological } from '../../src/autodiff/graph.js'
import { evaluate } from '../../src/autodiff/interpret.js'
import { ndarray } from '../../src/autodiff/ndarray.js'
import * as nn from '../../src/autodiff/nn.js'
import * as $ from '../../src/autodiff/ops/index.js'
import { bind, primitive, registry } from '../../src/autodiff/primitive.js'
import type { Tensor } from '../../src/autodiff/tensor.js'
import { vmap } from '../../src/autodiff/vmap.js'
import { backends, evaluateTree } from '../backends.js'
import { expectNear, numbers, random } from '../laws/tensors.js'

const matrix = $.tensor([[1, 2, 3], [4, 5, 6]]) // biome-ignore format: a row each
const pair = $.tensor([10, 20])
const row = $.tensor([1, 2, 3])
const sumOfProducts = (x: Tensor, y: Tensor): Tensor => $.sum($.mul(x, y))

describe('axes', () => {
  it('are 0 by default, in arguments and results', () => {
    const result = vmap(x => $.mul($.sum(x), x))(matrix)
    expect(result.shape).toEqual([2, 3])
    expect(numbers(result)).toEqual([6, 12, 18, 60, 75, 90])
  })

  it('are chosen for each argument, negative from the end; null is the same for every example', () => {
    expect(numbers(vmap(sumOfProducts, { inAxes: [0, null] })(matrix, row))).toEqual([14, 32])
    expect(numbers(vmap(sumOfProducts, { inAxes: [-1, null] })(matrix, pair))).toEqual([90, 120, 150])
    expect(numbers(vmap(sumOfProducts, { inAxes: -1 })(matrix, matrix))).toEqual([17, 29, 45])
  })

  it('are chosen for results', () => {
    const f = (x: Tensor) => $.mul(x, 2)
    expect(vmap(f, { outAxes: 1 })(matrix).shape).toEqual([3, 2])
    expect(numbers(vmap(f, { outAxes: -1 })(matrix))).toEqual([2, 8, 4, 10, 6, 12])
  })

  it('are chosen for the branches of trees, in any order of their keys', () => {
    type Layer = { readonly w: Tensor; readonly b: readonly [Tensor, Tensor] }
    const f = ({ w, b }: Layer, x: Tensor) => ({ y: $.add($.sum($.mul(w, x)), b[0]), both: [x, b[1]] as const })
    const layer = { w: row, b: [pair, $.tensor(7)] as const }
    const got = vmap(f, { inAxes: [{ b: [0, null], w: null }, 0], outAxes: { both: [1, 0], y: 0 } })(layer, matrix)
    expect(numbers(got.y)).toEqual([24, 52])
    expect(got.both[0].shape).toEqual([3, 2])
    expect(numbers(got.both[1])).toEqual([7, 7])
  })

  it('of one example are an axis all the same', () => {
    expect(vmap(x => $.exp(x))($.tensor([[1, 2]])).shape).toEqual([1, 2])
    expect(vmap(x => $.sum(x))($.tensor([[1, 2]])).shape).toEqual([1])
  })
})

describe('what is the same for every example', () => {
  it('is computed once', () => {
    const result = vmap((x, y) => $.mul(x, $.exp(y)), { inAxes: [0, null] })(matrix, row)
    expect(countNodes([result])['exp']).toBe(1)
    expect(topological([result]).find(({ primitive: { name } }) => name === 'exp')?.shape).toEqual([3])
  })

  it('is repeated as a result', () => {
    const [twice, scalar] = vmap(x => [row, $.sum(row), x] as const)(pair)
    expect(numbers(twice)).toEqual([1, 2, 3, 1, 2, 3])
    expect(numbers(scalar)).toEqual([6, 6])
  })

  it('is one operand of one product, convolution or look-up', () => {
    const names = (x: Tensor) => Object.keys(countNodes([x])).sort()
    expect(
      names(vmap(x => $.matmul(x, $.transpose(matrix)))(random(0, $.broadcastTo($.tensor(0), [5, 4, 3]))))
    ).not.toContain('broadcast')
    const images = random(1, $.broadcastTo($.tensor(0), [5, 1, 2, 4, 4]))
    const filters = random(2, $.broadcastTo($.tensor(0), [3, 2, 3, 3]))
    expect(names(vmap(x => $.conv2d(x, filters))(images))).toEqual(['constant', 'conv2d', 'reshape'])
    expect(vmap(ids => $.take(matrix, ids, 1))($.tensor([[0, 1], [2, 0]], undefined, 'i32')).shape).toEqual([2, 2, 2]) // biome-ignore format: a row each
  })
})

describe('levels', () => {
  it('nest: an outer product', () => {
    const outer = vmap((x: Tensor) => vmap((y: Tensor) => $.mul(x, y))(row))(pair)
    expect(numbers(outer)).toEqual([10, 20, 30, 20, 40, 60])
    const both = vmap((x, y) => vmap((a, b) => $.sub(a, b), { inAxes: [null, 0] })(x, y), {
      inAxes: [0, null],
      outAxes: 1
    })
    expect(numbers(both(pair, row))).toEqual([9, 19, 8, 18, 7, 17])
  })

  it('are not confused where one tensor is mapped and closed over', () => {
    expect(numbers(vmap(x => $.add(x, $.sum(pair)))(pair))).toEqual([40, 50])
    const nested = vmap((x: Tensor) => $.sum(vmap((y: Tensor) => $.mul(y, $.sum(x)))(x)))(matrix)
    expect(numbers(nested)).toEqual([36, 225])
    expect(numbers(vmap((x: Tensor) => vmap((_: Tensor) => x)(row))(pair))).toEqual([10, 10, 10, 20, 20, 20])
  })

  it('of derivatives and of batches are not confused either', () => {
    // d/dx [x d/dy (x y)] is 2 x, for each x.
    const inner = (x: Tensor) => grad((y: Tensor) => $.mul(x, y))($.tensor(3))
    expect(numbers(vmap(grad((x: Tensor) => $.mul(x, inner(x))))(pair))).toEqual([20, 40])
    // f(x) = sum over i of x[i] (sum of x): the mapped argument and what is closed over are the same one.
    const total = (x: Tensor) => $.sum(vmap((y: Tensor) => $.mul(y, $.sum(x)))(x))
    expect(numbers(grad(total)(row))).toEqual([12, 12, 12])
    expect(numbers(hessian(total)(row))).toEqual(Array(9).fill(2))
    expect(numbers(grad((w: Tensor) => $.sum(vmap((x: Tensor) => $.mul(w, $.mul(x, w)))(row)))($.tensor(5)))).toEqual([
      60
    ])
    checkGrads((x: Tensor) => vmap((y: Tensor) => $.mul($.tanh(y), vmap((z: Tensor) => $.mul(z, y))(x)))(x), [row])
  })

  it('let a pull-back be mapped alone', () => {
    const [, pullback] = vjp((x: Tensor) => $.mul(x, $.sum(x)), row)
    const basis = $.tensor([[1, 0, 0], [0, 1, 0], [0, 0, 1]]) // biome-ignore format: a row each
    expect(numbers(vmap((g: Tensor) => pullback(g)[0])(basis))).toEqual([7, 1, 1, 2, 8, 2, 3, 3, 9])
  })
})

describe('with derivatives', () => {
  const loss = (w: Tensor, x: Tensor): Tensor => $.sum($.tanh($.mul($.mul(w, w), x)))
  const w = $.tensor([0.3, -0.2, 0.5])
  const examples = [0, 1].map(i => $.reshape($.sliceAlong(matrix, 0, [i, i + 1]), [3]))
  const looped = (f: (x: Tensor) => Tensor): number[] => examples.flatMap(x => numbers(f(x)))
  const shared = { inAxes: [null, 0] }

  it('a gradient for each example', () =>
    expectNear(
      numbers(vmap(grad(loss), shared)(w, matrix)),
      looped(x => grad(loss)(w, x))
    ))

  it('the gradient of a batch is the sum of its examples', () =>
    expectNear(
      numbers(grad((v: Tensor) => $.sum(vmap(loss, shared)(v, matrix)))(w)),
      numbers($.sum(vmap(grad(loss), shared)(w, matrix), 0))
    ))

  it('a Hessian, a product with one, and a Jacobian for each example', () => {
    expectNear(
      numbers(vmap((v: Tensor, x: Tensor) => hessian((u: Tensor) => loss(u, x))(v), shared)(w, matrix)),
      looped(x => hessian((u: Tensor) => loss(u, x))(w))
    )
    expectNear(
      numbers(vmap((x: Tensor) => hvp((u: Tensor) => loss(u, x), w, row))(matrix)),
      looped(x => hvp((u: Tensor) => loss(u, x), w, row))
    )
    const f = (x: Tensor) => $.mul($.tanh(x), $.sum($.mul(x, w)))
    for (const derivative of [jacobian, jacobianForward])
      expectNear(
        numbers(vmap((x: Tensor) => derivative(f)(x))(matrix)),
        looped(x => jacobian(f)(x))
      )
  })

  it('the push-forward of a batch', () => {
    const [y, dy] = jvp((x: Tensor) => vmap((one: Tensor) => loss(w, one))(x), [matrix], [$.mul(matrix, 0.1)])
    expectNear(
      numbers(y),
      looped(x => loss(w, x))
    )
    expectNear(
      numbers(dy),
      looped(x => jvp((one: Tensor) => loss(w, one), [x], [$.mul(x, 0.1)])[1])
    )
  })
})

describe('rules of the user', () => {
  it('hold for each example, also in what they close over, to order 2', () => {
    // The rule is deliberately not the derivative, and closes over a mapped tensor: d/dx is 3 scale x^2.
    const cube = (x: Tensor, scale: Tensor) =>
      $.customVjp(
        a => $.exp(a as Tensor),
        (g, [a]) => [$.mul(g, $.mul(scale, $.mul(3, $.mul(a as Tensor, a as Tensor))))]
      )(x)
    const [xs, scales] = [$.tensor([1, 2]), $.tensor([10, 100])]
    const first = grad((x: Tensor, scale: Tensor) => cube(x, scale))
    expect(numbers(vmap(first)(xs, scales))).toEqual([30, 1200])
    expect(numbers(vmap(grad((x: Tensor, scale: Tensor) => first(x, scale)))(xs, scales))).toEqual([60, 1200])
    const total = (x: Tensor) => $.sum(vmap((a, b) => cube(a, b))(x, scales))
    expect(numbers(grad(total)(xs))).toEqual([30, 1200])
    expect(numbers(hessian(total)(xs))).toEqual([60, 0, 0, 1200])
  })

  it('give one gradient for an argument that all examples share', () => {
    const straight = $.customVjp(
      (w, x) => $.sign($.mul(w as Tensor, x as Tensor)),
      (g, [w, x]) => [$.mul(g, x as Tensor), $.mul(g, w as Tensor)]
    )
    const total = (w: Tensor) => $.sum(vmap(x => straight(w, x))(row))
    expect(numbers(grad(total)($.tensor(2)))).toEqual([6])
  })
})

describe('randomness', () => {
  const keys = [3, 4, 5].map(seed => $.key(seed))
  const batch = $.concat(keys.map(key => $.reshape(key, [1, 2])))
  const draws = (key: Tensor) => {
    const [first, second] = $.split(key) as readonly [Tensor, Tensor]
    return [$.randomBits(first, [3, 5]), $.randomUniform(second, [7]), $.randomNormal(key, [])] as const
  }

  it('a batch of keys draws what each key draws alone, to the bit', () => {
    const got = evaluate(vmap(draws)(batch))
    keys.forEach((key, i) => {
      evaluate(draws(key)).forEach(({ data }, k) => {
        const size = data.length
        expect([...(got[k]?.data.slice(i * size, (i + 1) * size) ?? [])]).toEqual([...data])
      })
    })
  })

  it('on the device too, in any number of words', async () => {
    const counts = [1, 2, 3, 64, 65, 1001]
    const many = ndarray(
      Array.from({ length: 74 }, (_, i) => (i * 2654435761) % 2 ** 32),
      [37, 2],
      'u32'
    )
    const f = (key: Tensor) => counts.flatMap(count => [$.randomBits(key, [count]), $.randomUniform(key, [count])])
    const got = await evaluateTree(backends.gpu, (all: Tensor) => vmap(f)(all), [many])
    const wanted = await evaluateTree(
      backends.gpu,
      (...each: readonly Tensor[]) => each.map(f),
      Array.from({ length: 37 }, (_, i) => ndarray(many.data.slice(2 * i, 2 * i + 2), [2], 'u32'))
    )
    got.forEach(({ data }, k) => {
      const size = data.length / 37
      wanted.forEach((one, i) => {
        expect([...data.slice(i * size, (i + 1) * size)]).toEqual([...(one[k]?.data ?? [])])
      })
    })
  })
})

describe('what is refused, in one sentence', () => {
  const add = (x: Tensor, y: Tensor) => $.add(x, y)

  it('numbers of examples that differ, by argument and path', () => {
    expect(() => vmap(add)(matrix, row)).toThrow(
      'vmap requires as many examples in each argument, but got 2 (axis 0 of argument 0) and 3 (axis 0 of argument 1); ' +
        'give null for what is not mapped.'
    )
    expect(() =>
      vmap((t: { a: Tensor; b: readonly [Tensor] }) => add(t.a, t.b[0]), { inAxes: 1 })({
        a: matrix,
        b: [$.tensor([[1]])]
      })
    ).toThrow("3 (axis 1 of argument 0 at 'a') and 1 (axis 1 of argument 0 at 'b.0')")
  })

  it('no argument that is mapped', () =>
    expect(() => vmap(add, { inAxes: [null, null] })(row, row)).toThrow(
      'vmap requires an argument that is mapped, but got none; give an axis among inAxes, or call the function itself.'
    ))

  it('axes that do not exist', () => {
    expect(() => vmap(add, { inAxes: [0, 1] })(matrix, row)).toThrow(
      'vmap requires an axis from -1 to 0 for argument 1, f32[3], but got 1; name an axis that exists.'
    )
    expect(() => vmap(add)(matrix, $.tensor(1))).toThrow('for argument 1, f32[]')
    expect(() => vmap(x => [x], { outAxes: [3] })(matrix)).toThrow(
      "vmap requires an axis from -2 to 1 for the result at '0', but got 3; name an axis that exists."
    )
    expect(() => vmap(x => x, { inAxes: 0.5 })(matrix)).toThrow('but got 0.5')
  })

  it('axes that do not fit the arguments or the result', () => {
    expect(() => vmap(add, { inAxes: [0] })(matrix, row)).toThrow(
      'vmap requires inAxes as a number, null or a list for 2 arguments, but got [0]; write { inAxes: [null, 0] }.'
    )
    expect(() => vmap((t: { a: Tensor }) => t.a, { inAxes: [{ b: 0 }] })({ a: row })).toThrow(
      'vmap requires inAxes that fits argument 0, { a }, but got { b }; give an axis, or a tree of axes like it.'
    )
    expect(() => vmap(x => x, { outAxes: [0] })(matrix)).toThrow('vmap requires outAxes that fits the result')
    expect(() => vmap(x => x, { outAxes: null as never })(matrix)).toThrow('null')
  })

  it('options that are misspelt, and what is no function', () => {
    expect(() => vmap(x => x, { inAxis: 0 } as never)(row)).toThrow('options among inAxes, outAxes')
    expect(() => vmap(row as never)(row)).toThrow('a function')
  })

  it('a primitive without a batching rule, by name, and one whose rule gives something else', () => {
    const bare = primitive({
      name: 'bare_for_vmap',
      shape: ([x]) => ({ _tag: 'Right', right: { shape: x?.shape ?? [], dtype: 'f32' } }),
      reference: ([x]) => x?.data ?? new Float64Array()
    })
    expect(() => vmap(x => bind(bare, [x], {}))(row)).toThrow(
      "vmap requires a batching rule for every primitive on the way, but got 'bare_for_vmap' without one; " +
        'give it a `batch`, or apply it outside of the function that is mapped.'
    )
    expect(numbers(vmap(x => $.mul(x, bind(bare, [pair], {})))(row))).toEqual([10, 20, 20, 40, 30, 60])
    const wrong = { ...bare, batch: ([x]: readonly Tensor[]) => $.sum(x as Tensor, 0) }
    expect(() => vmap(x => bind(wrong, [x], {}))(matrix)).toThrow(
      "vmap requires f32[2,3] from the batching rule of 'bare_for_vmap', but got f32[3]; mend its `batch`."
    )
    registry.delete('bare_for_vmap')
  })
})

describe('indices of each example on the device', () => {
  const table = evaluate(random(7, $.broadcastTo($.tensor(0), [2, 9, 3])))
  const weight = random(8, $.broadcastTo($.tensor(0), [2, 2, 65, 3]))
  /** Of 130 places among 9, so that each comes many times, for 5 examples. */
  const ids = ndarray(
    Array.from({ length: 650 }, (_, i) => (i * i + 3 * i) % 9),
    [5, 2, 65],
    'i32'
  )
  const loss = (x: Tensor, at: Tensor): Tensor => $.sum($.mul(weight, $.pow($.take(x, at, 1), 2)))

  it.each(['gpu', 'tiles'] as const)('take rows, and add cotangents where they were taken, on %s', async kind => {
    const f = (x: Tensor, at: Tensor) => [
      vmap(loss, { inAxes: [null, 0] })(x, at),
      vmap(grad(loss), { inAxes: [null, 0] })(x, at),
      // The table is mapped too: its first axis is that of examples.
      vmap((one: Tensor, places: Tensor) => $.take(one, places))(x, $.sliceAlong($.reshape(at, [5, 130]), 0, [0, 2])),
      grad((y: Tensor) =>
        $.sum(
          vmap((one: Tensor, places: Tensor) => $.pow($.take(one, places), 3))(
            y,
            $.sliceAlong($.reshape(at, [5, 130]), 0, [0, 2])
          )
        )
      )(x)
    ]
    const [device, reference] = [
      await evaluateTree(backends[kind], f, [table, ids]),
      await evaluateTree(backends.reference, f, [table, ids])
    ]
    // float32, sums of up to 390 terms near 1.
    device.forEach(({ data }, k) => {
      expectNear([...data], [...(reference[k]?.data ?? [])], 1e-5)
    })
  })

  it('that are out of range spoil their own example only', async () => {
    const wrong = { ...ids, data: ids.data.map((id, i) => (i === 200 ? 9 : id)) }
    const got = await evaluateTree(backends.gpu, vmap(grad(loss), { inAxes: [null, 0] }), [table, wrong])
    const spoilt = Array.from({ length: 5 }, (_, i) => got.data.slice(54 * i, 54 * (i + 1)).some(Number.isNaN))
    expect(spoilt).toEqual([false, true, false, false, false])
  })
})

describe('a network on the device', () => {
  /** Convolutions, batch norm, pooling and softmax, for one example that is a batch of two images of its own. */
  const network = (
    w: Readonly<Record<'a' | 'b' | 'scale' | 'shift' | 'out', Tensor>>,
    x: Tensor,
    labels: Tensor
  ): Tensor => {
    const first = $.relu(nn.batchNorm($.conv2d(x, w.a, { padding: 1 }), { scale: w.scale, shift: w.shift }).y)
    const second = $.tanh($.conv2d($.maxPool2d(first, { kernel: 2 }), w.b, { padding: 1, groups: 2 }))
    return nn.crossEntropy(
      nn.linear(nn.globalAvgPool($.add(second, $.avgPool2d(second, { kernel: 3, stride: 1, padding: 1 }))), w.out),
      labels
    )
  }
  const zeros = (shape: readonly number[]) => $.broadcastTo($.tensor(0), shape)
  const filled = (seed: number, shape: readonly number[]) => evaluate($.mul(random(seed, zeros(shape)), 0.4))
  const weights = {
    a: filled(1, [4, 3, 3, 3]),
    b: filled(2, [6, 2, 3, 3]),
    scale: filled(3, [4]),
    shift: filled(4, [4]),
    out: filled(5, [5, 6])
  }
  const EXAMPLES = 7
  const images = filled(6, [EXAMPLES, 2, 3, 8, 8])
  const labels = ndarray(
    Array.from({ length: EXAMPLES * 2 }, (_, i) => (3 * i) % 5),
    [EXAMPLES, 2],
    'i32'
  )
  /** float32, sums of some hundred terms on the way: relative to the largest derivative of the same tensor. */
  const FLOAT32 = 1e-5

  it.each(['reference', 'gpu', 'tiles'] as const)(
    'gives per-example gradients that are those one by one, on %s',
    async kind => {
      const gradient = grad(network)
      const mapped = await evaluateTree(backends[kind], vmap(gradient, { inAxes: [null, 0, 0] }), [
        weights,
        images,
        labels
      ])
      const part = (x: typeof images, i: number) => {
        const size = x.data.length / EXAMPLES
        return ndarray(x.data.slice(i * size, (i + 1) * size), x.shape.slice(1), x.dtype)
      }
      for (let i = 0; i < EXAMPLES; i++) {
        const one = await evaluateTree(backends[kind], gradient, [weights, part(images, i), part(labels, i)])
        for (const name of ['a', 'b', 'scale', 'shift', 'out'] as const) {
          const wanted = [...one[name].data]
          const got = [...mapped[name].data.slice(i * wanted.length, (i + 1) * wanted.length)]
          const scale = Math.max(...wanted.map(Math.abs))
          expect(scale, name).toBeGreaterThan(1e-4)
          expectNear(
            got.map(value => value / scale),
            wanted.map(value => value / scale),
            FLOAT32
          )
        }
      }
    }
  )
})
