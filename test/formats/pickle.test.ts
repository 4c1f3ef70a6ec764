/** Pickles that Python and numpy wrote, in every protocol, and programs that must not be run. */
import { describe, expect, it } from 'vitest'
import { decodePickle, type PickleArray, type PickleDict, type PickleValue } from '../../src/formats/pickle.js'
import { byteRows, latin1Texts, wholeNumbers } from '../../src/formats/pickled.js'
import { left, right } from '../kernels/results.js'
import { bytesOf, example, exampleJson, sayOf, truthOf } from './files.js'

const { pixels } = exampleJson('made.json') as { readonly pixels: readonly number[] }

const read = (name: string): PickleDict => right(decodePickle(example(name))) as PickleDict
const plain = (value: PickleValue | undefined): unknown => (value instanceof Uint8Array ? [...value] : value)
const run = (...parts: readonly (string | readonly number[] | Uint8Array)[]): PickleValue =>
  right(decodePickle(bytesOf(...parts)))
const refusal = (...parts: readonly (string | readonly number[] | Uint8Array)[]): string =>
  left(decodePickle(bytesOf(...parts))).message

describe('decodePickle', () => {
  it.each([0, 1, 2, 3, 4, 5])('reads all values of protocol %d', protocol => {
    const dict = read(`values_protocol${protocol}.pkl`)
    expect(dict.get('labels')).toEqual([3, 255, 65535, -1, 2 ** 31 - 1, 2 ** 40, -(2n ** 63n), 2n ** 80n])
    expect(dict.get('truth')).toEqual([true, false, null])
    expect(dict.get('floats')).toEqual([0.5, -1e300, Infinity])
    expect(dict.get('texts')).toEqual(['plain', 'é€😀', 'line\nfeed', ''])
    expect(dict.get('pairs')).toEqual([[], [1], [1, 2], [1, 2, 3], [1, 2, 3, 4]])
    expect((dict.get('bytes') as PickleValue[]).map(plain)).toEqual([
      [...Buffer.from('plain')],
      [0, 255, 10, 39, 34, 92]
    ])
    for (const name of ['data', 'fortran']) {
      const { rows, width, data } = byteRows(dict.get(name)) ?? { rows: 0, width: 0, data: [] }
      expect([rows, width, [...data]]).toEqual([2, 12, pixels])
    }
    expect((dict.get('fortran') as PickleArray).fortran).toBe(true)
    expect(dict.get('numbers')).toMatchObject({ shape: [3], dtype: '>i2' })
    expect(wholeNumbers(dict.get('numbers'))).toEqual([1, -2, 300])
    expect(dict.get('doubles')).toMatchObject({ shape: [1, 2], dtype: '<f8', fortran: false })
    expect(wholeNumbers(dict.get('doubles'))).toBeUndefined()
    expect(dict.get('flags')).toMatchObject({ shape: [2], dtype: '|b1', data: Uint8Array.of(1, 0) })
  })

  it.each([0, 1, 2])('reads texts of Python 2 as bytes, protocol %d', protocol => {
    const dict = read(`python2_protocol${protocol}.pkl`)
    const repeated = pixels.flatMap(pixel => Array.from({ length: 20 }, () => pixel))
    expect([...(byteRows(dict.get('data'))?.data ?? [])]).toEqual(repeated)
    expect(dict.get('labels')).toEqual([7, 9])
    expect(latin1Texts(dict.get('names'))).toEqual(["a\n'b", 'c'])
  })

  it.each([
    ['cifar10_batch_protocol2.pkl', 'labels', 0],
    ['cifar10_batch_protocol4.pkl', 'labels', 0],
    ['cifar100_train.pkl', 'fine_labels', 0]
  ])('reads %s', (name, labels) => {
    const { shape, ...truth } = truthOf(name)
    const dict = read(name)
    const rows = byteRows(dict.get('data'))
    expect([rows?.rows, rows?.width]).toEqual([shape[0], 3072])
    expect(sayOf(rows?.data ?? [], wholeNumbers(dict.get(labels)) ?? [])).toEqual(truth)
  })

  it('shares what is mentioned twice, also with itself', () => {
    const value = run(']q\0h\0ah\0a.') as readonly PickleValue[]
    expect(value[0]).toBe(value)
  })
  it.each<[string, readonly (string | readonly number[])[], unknown]>([
    [
      'numbers of lines',
      ['(I-5\nI01\nI00\nL12345678901234567890L\nF-2.5e3\nFnan\nt.'],
      [-5, true, false, 12345678901234567890n, -2500, Number.NaN]
    ],
    ['lists and dicts of a mark', ['((I1\nI2\nl(V\\u20ac\nI3\ndt.'], [[1, 2], new Map([['€', 3]])]],
    ['what is dropped again', ['K\x01K\x020(K\x03K\x0412\x86.'], [1, 1]],
    ['a value of its own', ['N.'], null],
    ['long numbers of no bytes', [[0x8a, 0], '.'], 0],
    ['negative long numbers', [[0x8b, 2, 0, 0, 0, 0, 0x80], '.'], -32768],
    ['long texts', [[0x8d, 1, 0, 0, 0, 0, 0, 0, 0], 'a.'], 'a'],
    ['memory by lines', ['(K\x07p5\ng5\nr\x09\0\0\0j\x09\0\0\0t.'], [7, 7, 7]]
  ])('reads %s', (_, parts, value) => {
    expect(run(...parts)).toEqual(value)
  })
})

describe('what is refused', () => {
  const asks = (name: string) =>
    `pickle: a pickle of numbers, texts, lists, dicts and numpy arrays is required, but it asks for '${name}', which is not run`
  it('is any other function, by its name', () => {
    expect(left(decodePickle(example('evil.pkl'))).message).toBe(asks('os.system'))
    expect(refusal('c__builtin__\neval\n(V1\ntR.')).toBe(asks('__builtin__.eval'))
    expect(refusal([0x80, 4, 0x8c, 5], 'posix', [0x8c, 6], 'system', [0x93], '.')).toBe(asks('posix.system'))
    expect(refusal('cnumpy.core.multiarray\nscalar\n.')).toBe(asks('numpy.core.multiarray.scalar'))
    expect(refusal('c__proto__\nconstructor\n.')).toBe(asks('__proto__.constructor'))
    expect(refusal(`c${'a'.repeat(1e5)}\nb\n.`).length).toBeLessThan(300)
    expect(refusal('c\x1b[31m\nb\n.')).toBe(asks('?[31m.b'))
  })

  const array = (shape: string, dtype: string, data: string) =>
    `cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n${shape}cnumpy\ndtype\n(S'${dtype}'\nI0\nI1\ntR${data}tb.`
  it('is not this array', () =>
    expect(run(array('(I2\nt', 'u1', "I00\nS'ab'\n"))).toMatchObject({ shape: [2], dtype: '|u1' }))
  const order = '(I3\n'
  it.each<[string, readonly (string | readonly number[])[], string]>([
    ['nothing', [], 'the whole of 1 bytes at byte 0 is required, but 0 are left'],
    ['a pickle without its end', ['K\x01'], 'the whole of 1 bytes at byte 2 is required'],
    ['an end without a value', ['.'], 'one value at the end is required'],
    ['two values', ['NN.'], 'one value at the end is required'],
    ['a mark at the end', ['(N.'], 'one value at the end is required'],
    ['bytes after the end', ['N.N'], 'nothing after the end is required, but 1 bytes follow'],
    ['a later protocol', [[0x80, 6], 'N.'], 'a protocol of 0 to 5 is required, but it is 6'],
    ['sets', [[0x8f], '.'], 'an opcode of numbers, texts, lists, dicts or arrays is required, but byte 0 is 0x8f'],
    ['objects', ['(i__main__\nA\n.'], 'is required, but byte 1 is 0x69'],
    ['persistent objects', ['Pid\n.'], 'is required, but byte 0 is 0x50'],
    ['extensions', [[0x82, 1], '.'], 'is required, but byte 0 is 0x82'],
    ['buffers from elsewhere', [[0x97], '.'], 'is required, but byte 0 is 0x97'],
    [
      'bytes of 4 GiB',
      ['B\xff\xff\xff\xffabc.'],
      'the whole of 4294967295 bytes at byte 5 is required, but 4 are left'
    ],
    [
      'bytes beyond all numbers',
      [[0x8e, 255, 255, 255, 255, 255, 255, 255, 255], 'abc.'],
      'bytes at byte 9 is required'
    ],
    ['a long number of a kilobyte', [[0x8b, 0, 4, 0, 0], 'a'.repeat(1024), '.'], 'a whole number of at most 16 bytes'],
    ['a number of a hundred digits', [`I${'9'.repeat(100)}\n.`], 'a whole number is required, but there is'],
    ['letters as a number', ['Ione\n.'], "a whole number is required, but there is 'one' before byte 5"],
    ['letters as a float', ['F0x10\n.'], "a number is required, but there is '0x10' before byte 6"],
    ['a line without end', ['I12'], 'a line feed after byte 1 is required'],
    ['a text without quotes', ['Sabc\n.'], 'a text in quotes is required'],
    ['a text that is no UTF-8', ['X\x01\0\0\0\xff.'], 'text in UTF-8 is required'],
    ['an empty stack', ['0.'], 'a value on the stack is required'],
    ['a missing mark', ['t.'], 'a mark on the stack is required'],
    ['a tuple of too few', [[0x4e, 0x86], '.'], 'a tuple of 2 values is required, but the stack has 1'],
    ['an item of no list', ['NNa.'], 'a list to append to is required'],
    ['an item of no dict', ['NNNs.'], 'a dict to set items of is required'],
    ['a key without a value', ['}(Nu.'], 'a value for each key is required'],
    ['a list as key', ['}]Ns.'], 'a text of at most 1024 letters, or a whole number, as key'],
    ['a long key', [`}V${'k'.repeat(1025)}\nNs.`], 'a text of at most 1024 letters'],
    ['a key twice', ["}(Va\nNS'a'\nNu."], "one value for each key is required, but there are two for 'a'"],
    ['a place without a note', ['h\x05.'], 'a value noted as 5 is required'],
    ['a place below 0', ['Np-1\n.'], 'a place of the memo is required'],
    ['a call of a number', ['K\x01)R.'], 'a known function and its arguments is required'],
    ['a call of a class', ['cnumpy\nndarray\n)R.'], "a function is required, but 'ndarray' is none here"],
    [
      'an array of another class',
      ['cnumpy.core.multiarray\n_reconstruct\n(cnumpy\ndtype\ntR.'],
      'an array of numpy is required'
    ],
    ['other codings', ['c_codecs\nencode\n(Va\nVutf8\ntR.'], 'latin1 as the coding of bytes is required'],
    [
      'letters beyond latin1',
      ['c_codecs\nencode\n(V\\u20ac\nVlatin1\ntR.'],
      'a text of latin1 letters for bytes is required'
    ],
    ['a state of nothing', ['N)b.'], 'an array to give its state to is required'],
    ['a state that is none', ['cnumpy\ndtype\n(Vu1\ntRNb.'], 'the state of an array is required'],
    [
      'records',
      [`cnumpy\ndtype\n(Vu1\ntR${order}V|\nN(Va\nttb.`],
      'an array of plain numbers is required, but one has records'
    ],
    [
      'objects in arrays',
      ["cnumpy\ndtype\n(S'O8'\ntR."],
      "an array of numbers is required, but one has the dtype 'O8'"
    ],
    [
      'too few bytes for an array',
      [array('(I3\nt', 'u1', "I00\nS'ab'\n")],
      'room of 3 bytes for an array of [3] is required, but there are 2'
    ],
    [
      'a gigantic array',
      [array('(I99999999999\nI99999999999\nt', 'f8', "I00\nS'ab'\n")],
      'is required, but there are 2'
    ],
    ['a negative extent', [array('(I-1\nt', 'u1', "I00\nS'ab'\n")], 'a shape of at most 32 whole numbers is required'],
    [
      'a list as data',
      [array('(I1\nt', 'u1', 'I00\n]')],
      'an array of numbers is required, but one holds something else'
    ],
    ['an array without order', [array('(I2\nt', 'u1', "NS'ab'\n")], 'the order of an array is required'],
    ['an order of neither kind', ['cnumpy.core.numeric\n_frombuffer\n(NNNVK\ntR.'], 'the order C or F is required']
  ])('%s', (_, parts, message) => expect(refusal(...parts)).toContain(message))

  it('is each beginning of a pickle', () => {
    for (const name of ['values_protocol0.pkl', 'values_protocol5.pkl']) {
      const bytes = example(name)
      for (let length = 0; length < bytes.length; length += 3)
        expect(refusal(bytes.subarray(0, length))).toMatch(/^pickle: /)
    }
  })
})

describe('bombs', () => {
  const text = 'x'.repeat(30_000)
  const bomb = (...parts: readonly string[]) => Buffer.from(parts.join(''), 'latin1')

  it.each<[string, Buffer, string]>([
    // Without a bound 5,000 copies of the text, 150 MB out of 65 kB.
    [
      'bytes of one text again and again',
      bomb(`c_codecs\nencode\nq\x02Vlatin1\nq\x000V${text}\nq\x010`, 'h\x02h\x01h\x00\x86R0'.repeat(5000), 'N.'),
      'a place in the file for each byte is required, but it repeats some'
    ],
    ['millions of dicts', bomb('}'.repeat(2 ** 21 + 1), '.'), 'a pickle of at most 2097152 steps is required'],
    ['millions of marks', bomb('('.repeat(2 ** 21 + 1), '.'), 'a pickle of at most 2097152 steps is required']
  ])('of %s take no more memory than follows from their length', (_, bytes, message) => {
    const before = process.memoryUsage()
    expect(left(decodePickle(bytes)).message).toContain(message)
    const after = process.memoryUsage()
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(10e6)
    expect(after.rss - before.rss).toBeLessThan(bytes.length * 400 + 50e6)
  })
  it('of lists that double, or that lie in one another, stay as small as they are written', () => {
    expect(right(decodePickle(bomb('N', '22\x87'.repeat(1000), '.')))).toHaveLength(3)
    expect(right(decodePickle(bomb(']'.repeat(1e5), 'a'.repeat(1e5 - 1), '.')))).toHaveLength(1)
  })
})
