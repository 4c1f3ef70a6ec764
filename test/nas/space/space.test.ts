/**
 * The spaces: their networks counted against published numbers, spaces of a user's own, noise, activations. In float64.
 */

import { describe, expect, it } from 'vitest'
import { countNodes } from '../../../src/autodiff/graph.js'
import { input } from '../../../src/autodiff/leaves.js'
import type { NdArray } from '../../../src/autodiff/ndarray.js'
import * as $ from '../../../src/autodiff/ops/index.js'
import { sizeOf } from '../../../src/autodiff/shape.js'
import { tablesOf } from '../../../src/nas/method/bilevel.js'
import { type Batch, lossOf, mixturesOf, passOf } from '../../../src/nas/method/harmony.js'
import { initialState, stateShapes } from '../../../src/nas/method/initialise.js'
import { ACTIVATIONS, type Activation, type Layer, unpack } from '../../../src/nas/space/layers.js'
import { OPERATIONS, type Operation } from '../../../src/nas/space/operations.js'
import { mapRecord, SPACES, type Space } from '../../../src/nas/space/space.js'
import { parseSpace, spaceProblem } from '../../../src/nas/space/spacefile.js'
import { type NetworkConfig, noiseOf, type Supernet, supernet } from '../../../src/nas/space/supernet.js'
import { left, right } from '../../kernels/results.js'
import { expectNear, numbers } from '../../laws/tensors.js'
import { anything, array, whole } from '../../laws/values.js'

const space = (name: string): Space => SPACES[name] as Space
const network = (name: string, given: Partial<NetworkConfig> = {}): Supernet =>
  supernet(space(name), { channels: 4, layers: 4, imageChannels: 3, size: [32, 32], classes: 10, ...given })
const count = (net: Supernet, prefix = ''): number =>
  net.parameters.filter(({ name }) => name.startsWith(prefix)).reduce((total, { shape }) => total + sizeOf(shape), 0)

describe('networks of S1 to S5', () => {
  // Counted once from the official modules.
  it.each([
    [16, 8, { s1: 405_146, s2: 665_466, s3: 665_466, s4: 624_506, s5: 1_930_618 }],
    [4, 4, { s1: 19_782, s2: 33_846, s3: 33_846, s4: 31_286, s5: 118_742 }],
    [2, 4, { s1: 7_296, s2: 11_488, s3: 11_488, s4: 10_848, s5: 45_648 }]
  ] as const)('have the weights of the official ones at %d channels and %d layers', (channels, layers, wanted) =>
    expect(mapRecord(wanted, (_, name) => count(network(name, { channels, layers })))).toEqual(wanted)
  )

  it('have a classifier of 257 numbers for each class more', () =>
    expect(count(network('s5', { channels: 16, layers: 8, classes: 100 }))).toBe(1_930_618 + 23_130))

  it('have the batch norms of the official ones', () =>
    expect(mapRecord({ s1: 0, s2: 0, s3: 0, s4: 0, s5: 0 }, (_, name) => network(name).norms.length)).toEqual({
      s1: 95,
      s2: 137,
      s3: 137,
      s4: 121,
      s5: 473
    }))

  it('are made of the official parts, in S5', () => {
    const net = network('s5')
    expect(count(net, 'stem.')).toBe(348)
    expect([0, 1, 2, 3].map(i => count(net, `cells.${i}.`))).toEqual([7_152, 17_536, 47_168, 45_888])
    expect([0, 1, 2, 3].map(i => [0, 1].map(n => count(net, `cells.${i}.preprocess${n}`)))).toEqual([
      [48, 48],
      [96, 128],
      [256, 512],
      [512, 1024]
    ])
    expect(count(net, 'cells.0._ops.0.')).toBe(504)
    // Of a reduction cell: an edge from its inputs, which halves the image, and one between its nodes.
    expect([0, 4].map(e => count(net, `cells.1._ops.${e}.`))).toEqual([1_264, 1_200])
    expect(count(net, 'classifier')).toBe(650)
    const names = net.parameters.map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
  })

  it('halve the image at a third and at two thirds', () => {
    const reductions = (layers: number) =>
      network('s2', { layers }).cells.flatMap(({ reduction, type }, i) => (reduction && type === 'reduce' ? [i] : []))
    expect([3, 4, 5, 8, 14, 20].map(reductions)).toEqual([
      [1, 2],
      [1, 2],
      [1, 3],
      [2, 5],
      [4, 9],
      [6, 13]
    ])
  })

  it('have a row of alpha for each of 14 edges of either kind of cell, a column for each operation', () =>
    expect(
      mapRecord({ s1: 2, s2: 2, s3: 3, s4: 2, s5: 7 }, (_, name) =>
        mapRecord(stateShapes(network(name)).alpha, ({ shape }) => shape)
      )
    ).toEqual(
      mapRecord({ s1: 2, s2: 2, s3: 3, s4: 2, s5: 7 }, columns => ({ normal: [14, columns], reduce: [14, columns] }))
    ))

  it.each(Object.keys(SPACES))('%s takes any number of channels, classes, image channels, and oblong images', name => {
    const net = network(name, {
      channels: 3,
      layers: name === 'nb201' ? 1 : 3,
      imageChannels: 1,
      size: [8, 12],
      classes: 4
    })
    const { weights, alpha } = stateShapes(net)
    const inputs = mapRecord(alpha, aval => input(aval))
    const { y, moments } = net.logits(
      { weights: unpack(tablesOf(net).weights, input(weights)), noise: noiseOf(net, $.key(1), 2) },
      mixturesOf(net, inputs),
      input({ shape: [2, 1, 8, 12], dtype: 'f32' })
    )
    expect(y.shape).toEqual([2, 4])
    expect(Object.keys(moments).sort()).toEqual(net.norms.map(norm => norm.name).sort())
  })

  it('refuse images that do not halve, and fewer layers than there are kinds of cells', () => {
    expect(() => network('s2', { size: [30, 32] })).toThrow(
      'supernet requires images whose height and width are multiples of 4 (2 reductions halve them), but got 30x32; crop or pad the images'
    )
    expect(() => network('s2', { layers: 2 })).toThrow(
      'supernet requires at least 3 layers: a normal cell and two reductions, but got 2; use more layers'
    )
  })
})

const constants = (net: Supernet, seed: number) => {
  const state = initialState(net, [seed, 0])
  const constant = ({
    data,
    shape
  }: {
    readonly data: Float32Array | NdArray['data']
    readonly shape: readonly number[]
  }) => $.tensor(data, shape)
  return {
    weights: unpack(tablesOf(net).weights, constant(state.weights)),
    mixtures: mixturesOf(
      net,
      mapRecord(state.alpha, ({ shape }) => constant(array(anything, seed + 2, shape)))
    )
  }
}
const batch = (seed: number): Batch => {
  const { data, shape } = array(anything, seed, [2, 1, 8, 8])
  const labels = array(whole(0, 3), seed + 1, [2], 'i32')
  return { images: $.tensor(data, shape), labels: $.tensor(labels.data, labels.shape, 'i32') }
}
const small = (name: string, activation: Activation = 'relu') =>
  network(name, { channels: 2, imageChannels: 1, size: [8, 8], classes: 3, activation })

describe('noise', () => {
  const net = small('s4')

  it('has a site on each edge of each cell, of the shape that the other operation gives', () => {
    expect(net.noises.length).toBe(4 * 14)
    const shapes = Object.fromEntries(net.noises.map(({ name, shape }) => [name, shape]))
    expect(shapes['cells.0._ops.3._ops.0']).toEqual([2, 8, 8])
    // Cell 1 halves the image: edge 0 comes from its input, edge 4 from its first node.
    expect([shapes['cells.1._ops.0._ops.0'], shapes['cells.1._ops.4._ops.0']]).toEqual([
      [4, 4, 4],
      [4, 4, 4]
    ])
  })

  it('is decided by its key, and differs from site to site', () => {
    const drawn = (seed: number) => Object.values(noiseOf(net, $.key(seed), 2)).map(numbers)
    expect(drawn(5)).toEqual(drawn(5))
    expect(drawn(6)).not.toEqual(drawn(5))
    expect(new Set(drawn(5).map(values => values[0])).size).toBe(net.noises.length)
  })

  it('does not look at its input, and sends it no gradient', () => {
    const operation = (OPERATIONS['noise'] as Operation)({
      name: 'here',
      channels: 2,
      stride: 2,
      size: [4, 6],
      affine: false,
      normAfterPool: true
    }) as Layer
    const drawn = $.tensor(
      Array.from({ length: 12 }, (_, i) => i),
      [1, 2, 2, 3]
    )
    const x = input({ shape: [1, 2, 4, 6], dtype: 'f32' })
    const { y } = operation.apply({ weights: {}, noise: { here: drawn } }, x)
    expect(y).toBe(drawn)
    expect(() => operation.apply({ weights: {} }, x)).toThrow(
      'here requires noise f32[1,2,2,3] in the context, but got none of that name; draw it from a key with noiseOf'
    )
  })

  it('is the same in two passes of one draw, and another with another', () => {
    const { weights, mixtures } = constants(net, 3)
    const loss = (seed: number) => numbers(lossOf(net, noiseOf(net, $.key(seed), 2))(weights, mixtures, batch(7))[0])
    expect(loss(1)).toEqual(loss(1))
    expect(loss(2)).not.toEqual(loss(1))
  })
})

describe('activations', () => {
  const at = [-90, -3, -0.5, 0, 0.5, 3, 90]
  it('softplus is log(1 + e^x), from one end of the numbers to the other, with the sigmoid as its derivative', () => {
    const x = $.tensor(at)
    expectNear(
      numbers(ACTIVATIONS.softplus(x)),
      at.map(value => (value > 0 ? value + Math.log1p(Math.exp(-value)) : Math.log1p(Math.exp(value)))),
      1e-14
    )
  })

  it('gelu is x Phi(x) to the error of its tanh form', () => {
    // Phi at 0.5, 1 and 2, from a table.
    const phi = { 0.5: 0.691462, 1: 0.841345, 2: 0.97725 }
    for (const [value, share] of Object.entries(phi)) {
      expect(numbers(ACTIVATIONS.gelu($.tensor(Number(value))))[0]).toBeCloseTo(Number(value) * share, 3)
      expect(numbers(ACTIVATIONS.gelu($.tensor(-Number(value))))[0]).toBeCloseTo(-Number(value) * (1 - share), 3)
    }
  })

  it.each(['softplus', 'gelu'] as const)('%s takes the place of every ReLU of a network', activation => {
    const count = (net: Supernet) => {
      const { weights, mixtures } = constants(net, 1)
      return countNodes([lossOf(net)(weights, mixtures, batch(1))[0]])
    }
    const [plain, smooth] = [count(small('s2')), count(small('s2', activation))]
    expect(plain['relu']).toBeGreaterThan(50)
    // softplus is made of one relu itself.
    expect(smooth[activation === 'gelu' ? 'tanh' : 'sigmoid']).toBe(plain['relu'])
  })

  it('names a network by its own: relu, unless another is given', () => {
    const { weights, mixtures } = constants(small('s2'), 1)
    const loss = (net: Supernet) => numbers(passOf(lossOf(net))(weights, mixtures, batch(1)).loss)[0]
    expect(loss(supernet(space('s2'), { ...small('s2').config, activation: 'relu' }))).toBe(loss(small('s2')))
    expect(loss(small('s2', 'softplus'))).not.toBe(loss(small('s2')))
  })
})

describe('a space of a user', () => {
  it.each(Object.keys(SPACES))('%s reads back from its JSON', name =>
    expect(right(parseSpace(JSON.stringify(space(name))))).toEqual(space(name))
  )

  it('may have other numbers of nodes, edges that differ, and part of the nodes as its output', () => {
    const edge = (from: number, to: number, ...operations: readonly string[]) => ({ from, to, operations })
    const tiny: Space = {
      name: 'tiny',
      skeleton: { kind: 'layers', stemMultiplier: 2 },
      normAfterPool: false,
      cells: {
        normal: {
          inputs: 2,
          nodes: 2,
          concat: [3],
          edges: [
            edge(0, 2, 'sep_conv_7x7', 'none'),
            edge(1, 2, 'conv_7x1_1x7', 'skip_connect'),
            edge(0, 3, 'nor_conv_1x1', 'dil_conv_5x5'),
            edge(1, 3, 'none', 'nor_conv_3x3'),
            edge(2, 3, 'max_pool_3x3', 'avg_pool_3x3')
          ]
        },
        reduce: {
          inputs: 2,
          nodes: 1,
          concat: [2],
          edges: [edge(0, 2, 'noise', 'skip_connect'), edge(1, 2, 'noise', 'max_pool_3x3')]
        }
      }
    }
    expect(right(parseSpace(JSON.stringify(tiny)))).toEqual(tiny)
    const net = supernet(tiny, { channels: 2, layers: 4, imageChannels: 1, size: [8, 8], classes: 3 })
    const { weights, mixtures } = constants(net, 1)
    const pass = passOf(lossOf(net, noiseOf(net, $.key(1), 2)))(weights, mixtures, batch(1))
    expect(Number.isFinite(numbers(pass.loss)[0])).toBe(true)
    expect(pass.cellGradients.map(({ shape }) => shape)).toEqual([
      [5, 2],
      [2, 2],
      [2, 2],
      [5, 2]
    ])
  })

  const s2 = JSON.parse(JSON.stringify(space('s2')))
  const bench = JSON.parse(JSON.stringify(space('nb201')))
  /** S2 with one thing changed. */
  const changed = (change: (copy: typeof s2) => void, of = s2): string => {
    const copy = structuredClone(of)
    change(copy)
    return JSON.stringify(copy)
  }
  it.each([
    [
      'an unknown operation',
      changed(s => {
        s.cells.normal.edges[3].operations[1] = 'sep_conv_9x9'
      }),
      "on the edge 1 -> 3 of the cell 'normal', but got 'sep_conv_9x9': correct its name."
    ],
    [
      'an operation that objects have anyway',
      changed(s => {
        s.cells.normal.edges[3].operations[1] = 'toString'
      }),
      "on the edge 1 -> 3 of the cell 'normal', but got 'toString': correct its name."
    ],
    [
      'an operation twice',
      changed(s => {
        s.cells.reduce.edges[0].operations[1] = 'skip_connect'
      }),
      "Wanted each operation once on the edge 0 -> 2 of the cell 'reduce', but got 'skip_connect' twice: leave one out."
    ],
    [
      'an edge with fewer operations',
      changed(s => {
        s.cells.normal.edges[13].operations.pop()
      }),
      "Wanted 2 operations on the edge 4 -> 5 of the cell 'normal', as on the first edge of its cell, but got 1 (skip_connect): give all edges of a cell the same number."
    ],
    [
      'an edge with none but none',
      changed(s => {
        for (const edge of s.cells.normal.edges) edge.operations = ['none']
      }),
      "Wanted an operation besides none on the edge 0 -> 2 of the cell 'normal', but got none: add one."
    ],
    [
      'a missing edge',
      changed(s => {
        s.cells.reduce.edges.splice(6, 1)
      }),
      "Wanted the edge 1 -> 4 of the cell 'reduce', but got none: add it, if only with the operation none."
    ],
    [
      'an edge twice',
      changed(s => {
        s.cells.reduce.edges.push(s.cells.reduce.edges[0])
      }),
      "Wanted one edge from each state to each later node of the cell 'reduce', but got a second edge 0 -> 2: leave it out."
    ],
    [
      'an edge that leads back',
      changed(s => {
        s.cells.reduce.edges.push({ from: 5, to: 2, operations: ['skip_connect', 'sep_conv_3x3'] })
      }),
      'but got an edge 5 -> 2: leave it out.'
    ],
    [
      'edges in another order',
      changed(s => {
        s.cells.normal.edges.reverse()
      }),
      "Wanted the edge 0 -> 2 as number 0 of the cell 'normal', but got the edge 4 -> 5: order edges by to, then by from."
    ],
    [
      'an output that is no node',
      changed(s => {
        s.cells.normal.concat = [1, 2]
      }),
      "Wanted one or more distinct nodes among 2 to 5 in concat of the cell 'normal', but got [1, 2]: name the nodes that are the output."
    ],
    [
      'a last node that nothing reads',
      changed(s => {
        s.cells.normal.concat = [2]
      }),
      "Wanted every node of the cell 'normal' to lead to its output, but got node 5, which nothing reads: add it to concat."
    ],
    [
      'a missing kind of cell',
      changed(s => {
        delete s.cells.reduce
      }),
      "Wanted the cells 'normal' and 'reduce' in a network of layers, but got 'normal': name the cells so."
    ],
    [
      'one input where there are two',
      changed(s => {
        s.cells.normal.inputs = 1
      }),
      "Wanted 2 inputs of the cell 'normal' in a network of layers, but got 1: correct inputs."
    ],
    [
      'two outputs in a network of stages',
      changed(s => {
        s.cells.alpha.concat = [2, 3]
      }, bench),
      "Wanted one node as the output of the cell 'alpha' in a network of stages, but got [2, 3]: name one, or use layers."
    ],
    [
      'no stage',
      changed(s => {
        s.skeleton.stages = 0
      }, bench),
      'Wanted stages of 1 to 16, but got 0: correct it.'
    ],
    [
      'a billion nodes',
      changed(s => {
        s.cells.normal.nodes = 1e9
      }),
      "Wanted 1 to 32 nodes of the cell 'normal', but got 1000000000: correct nodes."
    ],
    [
      'a number where there are operations',
      changed(s => {
        s.cells.normal.edges[2].operations = 5
      }),
      'Wanted a list of texts at cells.normal.edges.2.operations of the space, but got 5: write it as docs/search.md shows.'
    ],
    [
      'another skeleton',
      changed(s => {
        s.skeleton = { kind: 'tree' }
      }),
      'skeleton'
    ],
    [
      'a cell of stages by another name',
      JSON.stringify({ ...space('nb201'), cells: { cell: space('nb201').cells['alpha'] } }),
      "Wanted one kind of cell, 'alpha', in a network of stages, but got 'cell': name the cells so."
    ],
    ['a list', '[]', 'at the top of the space, but got []: write it as docs/search.md shows.'],
    ['no JSON', '{', /^Wanted a space as JSON, but got '.*': correct the file\.$/]
  ])('with %s is refused in a sentence that says where', (_, text, message) => {
    const refusal = left(parseSpace(text)).message
    if (typeof message === 'string') expect(refusal).toContain(message)
    else expect(refusal).toMatch(message)
    expect(refusal).toMatch(/^Wanted .*, but got .*: .*\.$/)
  })

  it('that is a value is checked by the network too', () => {
    const broken = JSON.parse(
      changed(s => {
        s.cells.normal.edges[3].operations[1] = 'conv'
      })
    ) as Space
    expect(spaceProblem(broken)?.got).toBe("'conv'")
    expect(() => supernet(broken, { channels: 2, layers: 4, imageChannels: 1, size: [8, 8], classes: 3 })).toThrow(
      "the space 's2' requires operations among"
    )
  })
})
