/** MAT files by scipy and by MATLAB itself on machines of both byte orders, and those that must be refused. */
import { describe, expect, it } from 'vitest'
import { decodeMat } from '../../src/formats/mat.js'
import { left, right } from '../kernels/results.js'
import { MOST, plain, truth } from './arrays.js'
import { example } from './files.js'
import { matOf } from './writers.js'

const all = (bytes: Uint8Array) => decodeMat(bytes, () => true, MOST)

describe('decodeMat', () => {
  const variables = Object.keys(truth).filter(name => name.startsWith('matlab/'))
  it.each(variables)('reads %s as scipy does', variable => {
    const [file = '', name = ''] = variable.split(':')
    const array = right(all(example(file))).get(name)
    expect(array && plain(array)).toEqual(truth[variable])
  })
  it('has files of all kinds to read', () => expect(variables).toHaveLength(8))

  it.each(['svhn_plain.mat', 'svhn_compressed.mat', 'svhn_double_labels.mat'])(
    'reads images and labels of %s',
    name => {
      const arrays = right(all(example(name)))
      expect(arrays.get('X')).toMatchObject({ shape: [32, 32, 3, 6], strides: [1, 32, 1024, 3072] })
      expect(plain(arrays.get('y') as NonNullable<ReturnType<typeof arrays.get>>)).toEqual({
        shape: [6, 1],
        values: [1, 9, 10, 2, 10, 5]
      })
    }
  )

  it('passes over what is not wanted, whatever it is', () => {
    const files = ['teststruct_7.4_GLNX86', 'testcell_7.4_GLNX86', 'testsparse_7.4_GLNX86', 'teststring_7.4_GLNX86']
    for (const name of files) expect(right(decodeMat(example(`matlab/${name}.mat`), () => false, MOST)).size).toBe(0)
  })

  const cure = "save it with save(..., '-v7'), or scipy.io.savemat"
  const x = { name: 'x', shape: [2, 2], values: new Uint8Array(4) }
  const zeros = { name: 'x', shape: [1, 8 * MOST], values: new Uint8Array(8 * MOST) }
  it.each<[string, Uint8Array, string]>([
    ['version 7.3', example('matlab/testhdf5_7.4_GLNX86.mat'), `it is one of version 7.3, which is HDF5; ${cure}`],
    ['level 4', example('matlab/testvec_4_GLNX86.mat'), `it is of level 4 or no MAT file; ${cure}`],
    ['level 4, big-endian', example('matlab/testmatrix_4.2c_SOL2.mat'), 'it is of level 4 or no MAT file'],
    ['complex numbers', example('matlab/testcomplex_7.4_GLNX86.mat'), "'testcomplex': real numbers is required"],
    [
      'a struct',
      example('matlab/teststruct_7.4_GLNX86.mat'),
      "'teststruct': an array of numbers is required, but it is a struct"
    ],
    ['cells', example('matlab/testcell_7.4_GLNX86.mat'), 'it is a cell array'],
    ['a sparse matrix', example('matlab/testsparse_7.4_GLNX86.mat'), 'it is a sparse matrix'],
    ['text', example('matlab/teststring_7.4_GLNX86.mat'), 'it is text'],
    ['damaged data', example('matlab/corrupted_zlib_data.mat'), 'mat: '],
    ['a damaged checksum', example('matlab/corrupted_zlib_checksum.mat'), "zlib says 'incorrect data check'"],
    ['a malformed variable', example('matlab/malformed1.mat'), 'mat: '],
    ['dimensions that are no numbers of the format', example('matlab/bad_miuint32.mat'), 'numbers for'],
    ['nothing', new Uint8Array(0), 'a header of 128 bytes is required, but there are 0'],
    ['another file', example('nhwc.npz'), 'it is no MAT file'],
    [
      'text as a file',
      new TextEncoder().encode('not a MAT file '.repeat(20)),
      'IM or MI at the end of the header is required'
    ],
    ['a cut file', example('svhn_plain.mat').subarray(0, -100), 'bytes of a data element is required'],
    ['a cut packed file', example('svhn_compressed.mat').subarray(0, -1), 'bytes of a data element is required'],
    ['a variable twice', matOf([x, x]), "each variable once is required, but 'x' occurs twice"],
    [
      'a gigantic shape',
      matOf([{ ...x, shape: [2 ** 30, 2 ** 30] }]),
      "numbers for '1073741824 x 1073741824' is required, but there are 4"
    ],
    ['a negative dimension', matOf([{ ...x, shape: [-2, -2] }]), '2 to 64 dimensions is required'],
    ['a bomb', matOf([zeros]), `at most ${MOST} unpacked bytes is required`],
    [
      'a bomb that says less',
      matOf([{ ...zeros, size: 100 }]),
      'unpacks to at most 108 bytes is required, but they have more'
    ],
    ['a size beyond what deflate makes', matOf([{ ...x, size: MOST - 8 }]), 'packed ones is required, but it says']
  ])('refuses %s', (_, bytes, message) => expect(left(all(bytes)).message).toContain(message))
})
