"""Golden values of operations that move, sort, scan and resample: makes structure.json, for structure.test.ts.

How it is run, from the root of the repository, in some seconds:

    python3 test/golden/structure.py && npx biome format --write test/golden/structure.json

What made the file: NumPy 1.24.2 and PyTorch 1.13.1 as Debian 12 packages it (python3-torch), on a CPU, in float64. Inputs
are multiples of 1/64, so that float32 holds them exactly. Each case has a cotangent and what torch pulls it back to; those of
NumPy have none, since there is no derivative to compare.

To add a case, add it here and, if its operation is new, to the table of the same names in structure.test.ts.
"""

import json
import pathlib

import numpy as np
import torch
import torch.nn.functional as F

random = np.random.default_rng(7)


def numbers(*shape):
    return random.integers(-128, 128, shape) / 64


def distinct(*shape):
    """No two equal: what chooses has no ties."""
    return random.permutation(int(np.prod(shape))).reshape(shape) / 8 - 3


def array(x):
    x = np.asarray(x)
    dtype = "f32" if x.dtype.kind == "f" else "i32"
    show = lambda v: str(v) if isinstance(v, float) and not np.isfinite(v) else v
    return {"dtype": dtype, "shape": list(x.shape), "data": [show(v) for v in x.reshape(-1).tolist()]}


CASES = []


def of_numpy(op, out, *inputs, args=()):
    CASES.append({"op": op, "args": list(args), "inputs": [array(x) for x in inputs], "out": array(out)})


def of_torch(op, f, *inputs, args=()):
    tensors = [torch.tensor(x, requires_grad=np.asarray(x).dtype.kind == "f") for x in inputs]
    out = f(*tensors)
    cotangent = numbers(*out.shape)
    out.backward(torch.tensor(cotangent))
    CASES.append(
        {
            "op": op,
            "args": list(args),
            "inputs": [array(x) for x in inputs],
            "out": array(out.detach().numpy()),
            "cotangent": array(cotangent),
            "pulled": [array(x.grad.numpy()) for x in tensors if x.grad is not None],
        }
    )


# What torch calls its options, by our names.
NAMES = {"outputPadding": "output_padding"}


def torch_options(options):
    return {NAMES.get(k, k): tuple(v) if isinstance(v, list) else v for k, v in options.items()}


CONV2D_TRANSPOSED = [
    ((2, 3, 4, 5), (3, 2, 3, 3), {}),
    ((1, 4, 3, 3), (4, 3, 4, 4), {"stride": 2, "padding": 1}),
    ((2, 4, 3, 2), (4, 2, 3, 2), {"stride": [2, 3], "padding": [1, 0], "outputPadding": [1, 2], "groups": 2}),
    ((1, 2, 4, 3), (2, 5, 2, 3), {"dilation": [2, 1], "stride": 2, "outputPadding": 1}),
]
for x, w, options in CONV2D_TRANSPOSED:
    f = lambda a, b, o=options: F.conv_transpose2d(a, b, **torch_options(o))
    of_torch("convTranspose2d", f, numbers(*x), numbers(*w), args=[options])
for x, w, options in [
    ((2, 4, 9), (6, 2, 3), {"stride": 2, "padding": 1, "groups": 2}),
    ((1, 3, 11), (2, 3, 4), {"dilation": 2, "padding": 3}),
]:
    f = lambda a, b, o=options: F.conv1d(a, b, **torch_options(o))
    of_torch("conv1d", f, numbers(*x), numbers(*w), args=[options])
for x, w, options in [((2, 4, 5), (4, 3, 4), {"stride": 3, "padding": 1, "outputPadding": 2, "groups": 2}), ((1, 2, 6), (2, 2, 3), {})]:
    f = lambda a, b, o=options: F.conv_transpose1d(a, b, **torch_options(o))
    of_torch("convTranspose1d", f, numbers(*x), numbers(*w), args=[options])

for shape, size in [((2, 3, 6, 8), [3, 4]), ((1, 2, 7, 5), [3, 4]), ((2, 1, 3, 4), [5, 6]), ((2, 2, 5, 7), [1, 1])]:
    of_torch("adaptiveAvgPool2d", lambda x, s=size: F.adaptive_avg_pool2d(x, s), numbers(*shape), args=[size])
for kernel, stride, padding in [(2, 2, 0), (3, 2, 1), (3, 1, 1), (4, 3, 2)]:
    options = {"kernel": kernel, "stride": stride, "padding": padding}
    of_torch("maxPool1d", lambda x: F.max_pool1d(x, kernel, stride, padding), distinct(2, 3, 11), args=[options])
    mean = lambda x: F.avg_pool1d(x, kernel, stride, padding, count_include_pad=False)
    of_torch("avgPool1d", mean, numbers(2, 3, 11), args=[options])

LINEAR = {1: "linear", 2: "bilinear", 3: "trilinear"}
for shape, size in [((1, 2, 4, 5), [8, 10]), ((2, 1, 7, 6), [3, 4]), ((1, 1, 5, 3), [1, 7]), ((1, 2, 9), [4]), ((1, 1, 2, 3, 4), [4, 2, 5])]:
    for corners in (False, True):
        f = lambda x: F.interpolate(x, size, mode=LINEAR[len(size)], align_corners=corners)
        of_torch("resize", f, numbers(*shape), args=[size, {"alignCorners": corners}])
        if len(size) == 2:
            f = lambda x: F.interpolate(x, size, mode="bicubic", align_corners=corners)
            of_torch("resize", f, numbers(*shape), args=[size, {"mode": "cubic", "alignCorners": corners}])
    f = lambda x: F.interpolate(x, size, mode="nearest")
    of_torch("resize", f, numbers(*shape), args=[size, {"mode": "nearest"}])

EINSUMS = [
    ("ij,jk->ik", (3, 4), (4, 5)),
    ("bij,bjk->bik", (2, 3, 4), (2, 4, 5)),
    ("ij,kj", (3, 4), (5, 4)),
    ("ii->i", (4, 4)),
    ("ii", (4, 4)),
    ("ijij->ji", (2, 3, 2, 3)),
    ("ij->ji", (2, 3)),
    ("ijk->j", (2, 3, 4)),
    ("i,j->ij", (3,), (4,)),
    ("i,i->", (5,), (5,)),
    ("i,i->i", (5,), (5,)),
    ("ab,bc,cd,de->ae", (2, 3), (3, 4), (4, 2), (2, 3)),
    ("bi,bj,ijk->bk", (2, 3), (2, 4), (3, 4, 5)),
    ("bhqd,bhkd->bhqk", (2, 3, 4, 5), (2, 3, 6, 5)),
    ("...ij,...jk->...ik", (2, 1, 3, 4), (5, 4, 2)),
    ("...i,i...->...", (3, 4), (4, 3)),
    ("i...,...", (2, 3), (3,)),
    ("abc,cd,ade->be", (2, 3, 4), (4, 5), (2, 5, 3)),
    ("bA,Ab->bA", (2, 3), (3, 2)),
    ("ij,ij,ij->", (3, 4), (3, 4), (3, 4)),
]
for subscripts, *shapes in EINSUMS:
    of_torch("einsum", lambda *x: torch.einsum(subscripts, *x), *[numbers(*s) for s in shapes], args=[subscripts])

for shape, axis in [((7,), 0), ((3, 5), 0), ((2, 5, 3), 1), ((2, 70), -1)]:
    of_torch("sort", lambda x: torch.sort(x, dim=axis).values, distinct(*shape), args=[axis])
    of_torch("sort", lambda x: torch.sort(x, dim=axis, descending=True).values, distinct(*shape), args=[axis, {"descending": True}])
    of_torch("topKValues", lambda x: torch.topk(x, 3 if shape != (3, 5) else 2, dim=axis).values, distinct(*shape), args=[3 if shape != (3, 5) else 2, axis])
    of_torch("cumsum", lambda x: torch.cumsum(x, axis), numbers(*shape), args=[axis])
    if len(shape) == 2 and shape[1] == 70:
        continue
    of_torch("cumprod", lambda x: torch.cumprod(x, axis), np.where(numbers(*shape) < -1.2, 0, numbers(*shape)), args=[axis])
    of_torch("cummax", lambda x: torch.cummax(x, axis).values, distinct(*shape), args=[axis])
    of_torch("cummin", lambda x: torch.cummin(x, axis).values, distinct(*shape), args=[axis])
    of_torch("roll", lambda x: torch.roll(x, 4, axis), numbers(*shape), args=[4, axis])
    of_torch("roll", lambda x: torch.roll(x, -1, axis), numbers(*shape), args=[-1, axis])
    of_torch("flip", lambda x: torch.flip(x, [axis]), numbers(*shape), args=[axis])
    of_torch("diff", lambda x: torch.diff(x, n=2, dim=axis), numbers(*shape), args=[axis, 2])
    for q in (0, 0.25, 0.4, 0.9, 1):
        of_torch("quantile", lambda x: torch.quantile(x, q, dim=axis), distinct(*shape), args=[q, axis])
of_torch("flip", lambda x: torch.flip(x, [0, 1, 2]), numbers(2, 3, 4))

for offset in (0, 1, -2):
    of_torch("diagonal", lambda x: torch.diagonal(x, offset, -2, -1), numbers(2, 4, 5), args=[{"offset": offset}])
    of_torch("diagonal", lambda x: torch.diagonal(x, offset, 2, 0), numbers(4, 3, 5), args=[{"offset": offset, "axes": [2, 0]}])

for axis, shape, count in [(0, (4, 3), 6), (1, (2, 5, 3), 4), (2, (2, 3, 5), 1)]:
    at = list(shape)
    at[axis] = count
    indices = random.integers(0, shape[axis], at)
    of_torch("takeAlong", lambda x, i: torch.gather(x, axis, i), numbers(*shape), indices, args=[axis])
    f = lambda x, i: torch.zeros(shape, dtype=torch.float64).scatter_add(axis, i, x)
    of_torch("scatterAddAlong", f, numbers(*at), indices, args=[axis, shape[axis]])

# NaN, infinities, zeros of both signs and ties, of NumPy.
special = np.array([[1, np.nan, -np.inf, 0, -0.0, np.inf, np.nan, 1], [2, 1, 2, 1, -np.inf, 2, 0.5, -np.inf]])
of_numpy("argsort", np.argsort(special, axis=-1, kind="stable"), special, args=[-1])
of_numpy("argsort", np.argsort(special, axis=0, kind="stable"), special, args=[0])
of_numpy("sort", np.sort(special, axis=-1), special, args=[-1])
of_numpy("median", np.median(special, axis=-1), special, args=[-1])
of_numpy("median", np.median(special[:, 2:3], axis=0), special[:, 2:3], args=[0])
of_numpy("takeAlong", np.take_along_axis(special, np.array([[3], [0]]), 1), special, np.array([[3], [0]]), args=[1])
# Other axes broadcast.
of_numpy("takeAlong", np.take_along_axis(special, np.array([[7, 1]]), 1), special, np.array([[7, 1]]), args=[1])

path = pathlib.Path(__file__).with_name("structure.json")
path.write_text(json.dumps(CASES))
