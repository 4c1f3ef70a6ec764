"""Writes npy/ and arrays.json: arrays by numpy, and what numpy and scipy read in these and in matlab/ (values row by row)."""
import json
import pathlib
import warnings

import numpy as np
from numpy.lib import format as npy
from scipy.io import loadmat

warnings.simplefilter('ignore')
here = pathlib.Path(__file__).parent
truth = {}


def save(name, array, version=None):
    with open(here / 'npy' / name, 'wb') as file:
        npy.write_array(file, array, version=version, allow_pickle=False)


def remember(name, array):
    truth[name] = {'shape': list(array.shape), 'values': [float(value) for value in np.asarray(array).ravel(order='C')]}


steps = np.arange(24).reshape(2, 3, 4)
GOOD = {
    'half.npy': np.array([0, -0.5, 1, 65504, 6e-8, 0.333], 'f2'),
    'half_big.npy': np.array([[1.5, -2], [3, 4]], '>f2'),
    'double_big_fortran.npy': np.asfortranarray(steps / 7).astype('>f8', order='F'),
    'int8.npy': np.array([-128, 0, 127], 'i1'),
    'uint16_big.npy': np.array([0, 1, 256, 65535], '>u2'),
    'int16.npy': np.array([[-32768], [32767]], 'i2'),
    'uint32.npy': np.array([4294967295, 7], 'u4'),
    'int64.npy': np.array([-(2**53) + 1, -1, 0, 2**53 - 1], 'i8'),
    'int64_big.npy': np.array([-5, 2**40], '>i8'),
    'uint64.npy': np.array([0, 2**53 - 1], 'u8'),
    'scalar.npy': np.array(3.5, 'f4'),
    'empty.npy': np.zeros((0, 3), 'u1'),
    'bool_fortran.npy': np.asfortranarray(steps % 5 == 0),
}
for name, array in GOOD.items():
    save(name, array)
    remember(f'npy/{name}', np.load(here / 'npy' / name))
for version in [(2, 0), (3, 0)]:
    save(f'version{version[0]}.npy', steps.astype('u1'), version)
    remember(f'npy/version{version[0]}.npy', steps)
BAD = {
    'int64_inexact.npy': np.array([1, 2**53 + 2], 'i8'),
    'structured.npy': np.zeros(2, [('a', 'u1'), ('b', 'f4')]),
    'text.npy': np.array(['cat', 'dog']),
    'bytes.npy': np.array([b'cat']),
    'dates.npy': np.array(['2020-01-01'], 'M8[D]'),
    'complex.npy': np.array([1j]),
}
for name, array in BAD.items():
    save(name, array)
for name in ['test3dmatrix_6.1_SOL2', 'test3dmatrix_7.4_GLNX86', 'testbool_8_WIN64', 'testmulti_7.4_GLNX86', 'testminus_6.1_SOL2',
             'miuint32_for_miint32', 'miutf8_array_name']:
    for variable, array in loadmat(here / 'matlab' / f'{name}.mat').items():
        if not variable.startswith('__'):
            remember(f'matlab/{name}.mat:{variable}', array)
(here / 'arrays.json').write_text(json.dumps(truth, indent=1) + '\n')
