"""Golden values for large and odd shapes: makes large.json, which large.test.ts holds the engine to.

How it is run, from the root of the repository, in ten seconds:

    python3 test/golden/large.py && npx biome format --write test/golden/large.json

What made the file: NumPy 1.24.2 and PyTorch 1.13.1 as Debian 12 packages it (python3-torch, which calls itself
1.13.0a0), on a CPU.

Everything is computed in float64 with torch's own functions. Inputs are not stored: each is drawn from a seed with
threefry2x32, the generator of src/autodiff/ops/random.ts, so that both programs make equal bits, and rounded to
float32, so that the kernels hold them exactly. Results are not stored whole but as a digest (see `digest`). The seed
of a tensor follows from its name and that of its case; the file states it. Where an operation chooses (a maximum, the
sign of a number), a tie is an error: what happens at one is a convention, which other tests hold.

To add a case, add it to `CASES` here and to the table of the same names in large.ts.
"""

import json
import pathlib
import zlib
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F

ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)
PROJECTIONS = (1, 2, 3, 4, 5, 6, 7, 8)  # the seeds of the tensors that every result is multiplied with and summed
PLACES = 9  # the seed of the places whose entries are kept
ENTRIES = 16
NUMBERS = (-1, 1)  # the range of whatever states none


def random_words(seed, count):
    """`count` words of threefry2x32 with 20 rounds: word i is word i mod 2 of the block with the counter (floor(i / 2), 0)."""
    keys = [np.uint32(seed >> 32), np.uint32(seed & 0xFFFFFFFF)]
    keys.append(keys[0] ^ keys[1] ^ np.uint32(0x1BD11BDA))
    x = np.arange((count + 1) // 2, dtype=np.uint32) + keys[0]
    y = np.zeros_like(x) + keys[1]
    for turn in range(20):
        rotation = ROTATIONS[turn % 8]
        x = x + y
        y = ((y << np.uint32(rotation)) | (y >> np.uint32(32 - rotation))) ^ x
        if turn % 4 == 3:
            injection = (turn + 1) // 4
            x = x + keys[injection % 3]
            y = y + (keys[(injection + 1) % 3] + np.uint32(injection))
    return np.stack([x, y], axis=1).reshape(-1)[:count]


def uniform(seed, count, low, high):
    """Numbers from `low` to `high`: the upper 24 bits of each word, scaled in float64, rounded to float32."""
    unit = (random_words(seed, count) >> np.uint32(8)).astype(np.float64) * 2.0**-24
    return (low + (high - low) * unit).astype(np.float32).astype(np.float64)


def size_of(shape):
    return int(np.prod(shape, dtype=np.int64))


def seed_of(*names):
    return zlib.crc32("/".join(names).encode())


def real(*shape):
    """What is drawn for a tensor of numbers from -1 to 1."""
    return {"shape": list(shape)}


def between(low, high, *shape):
    """What is drawn for a tensor of numbers from `low` to `high`."""
    return {"shape": list(shape), "range": [low, high]}


def whole(*shape, below):
    """What is drawn for a tensor of whole numbers from 0 to `below` - 1: each word modulo `below`."""
    return {"shape": list(shape), "below": below}


def drawn(spec):
    shape, count = spec["shape"], size_of(spec["shape"])
    if "below" in spec:
        values = (random_words(spec["seed"], count) % np.uint32(spec["below"])).astype(np.int64)
    else:
        values = uniform(spec["seed"], count, *spec.get("range", NUMBERS))
    return torch.from_numpy(values.reshape(shape))


def rounded(values):
    """12 digits of each number: a rounding far below what the reference is allowed to differ by."""
    return [float(f"{value:.12g}") for value in values]


def digest(tensor):
    """What is kept of a result: its shape; its totals (the sums of its entries, of their sizes and of their squares, the largest
    size); the sums of its products with random tensors; single entries: all of a few, else the first, the last and 14 between."""
    values = tensor.detach().numpy().reshape(-1)
    assert np.isfinite(values).all()
    count, sizes = values.size, np.abs(values)
    some = (random_words(PLACES, ENTRIES - 2) % np.uint32(count)).tolist()
    places = list(range(count)) if count <= ENTRIES else [0, *some, count - 1]
    return {
        "shape": list(tensor.shape),
        "totals": rounded([values.sum(), sizes.sum(), (values**2).sum(), sizes.max()]),
        "projections": rounded((values * uniform(seed, count, *NUMBERS)).sum() for seed in PROJECTIONS),
        "entries": rounded(values[places]),
    }


@dataclass
class Case:
    """A function of inputs, then constants, by name. `along`: the inputs for which the second derivative has a direction."""

    function: object
    inputs: dict
    constants: dict = field(default_factory=dict)
    along: tuple = ()


def twice(function, inputs, constants=None):
    """A case with second derivatives, along a direction for every input."""
    return Case(function, inputs, constants or {}, tuple(inputs))


def apart(x, y=0, distance=0):
    """`x`, no entry of which may be a tie with that of `y`, or nearer than a distance."""
    assert bool(((x - y).abs() > distance).all()), "a tie: choose another name, and with it another seed"
    return x


def conv(**options):
    return lambda x, w: F.conv2d(x, w, **options)


def depthwise(kernel, stride, dilation, batch, channels, height, width):
    """A depthwise convolution whose padding keeps the size at stride 1."""
    function = conv(stride=stride, dilation=dilation, padding=dilation * (kernel - 1) // 2, groups=channels)
    name = f"depthwise {kernel}x{kernel}, stride {stride}, dilation {dilation}, {channels} of {height}x{width}"
    inputs = {"x": real(batch, channels, height, width), "w": real(channels, 1, kernel, kernel)}
    return {name: twice(function, inputs) if stride == dilation == 2 else Case(function, inputs)}


def max_pool(x, kernel, stride, padding):
    size = [extent + 2 * padding for extent in x.shape[2:]]
    image = F.pad(x.detach(), [padding] * 4, value=-np.inf).reshape(-1, *size)
    windows = image.unfold(1, kernel, stride).unfold(2, kernel, stride).reshape(-1, kernel * kernel)
    apart(*windows.topk(2).values.unbind(1))
    return F.max_pool2d(x, kernel, stride, padding)


def largest(x, axes):
    kept = [axis for axis in range(x.dim()) if axis not in axes]
    rows = x.detach().permute([*kept, *axes]).reshape(*(x.shape[axis] for axis in kept), -1)
    apart(*rows.topk(2).values.unbind(-1))
    return x.amax(axes)


def batch_norm(x, scale=None, shift=None):
    return F.batch_norm(x, None, None, scale, shift, training=True, eps=1e-5)


def mean_cosine(rows):
    unit = rows / rows.norm(dim=1, keepdim=True)
    count = rows.shape[0]
    pairs = [unit[i] @ unit[j] for i in range(count) for j in range(i)]
    return torch.stack(pairs).mean()


def padded(x):
    out = torch.zeros(16, 59, 114, dtype=x.dtype)
    out[2:15:2, 0:55:3, 3:114:5] = x
    return out


def scatter_add(x, i):
    return torch.zeros(1009, x.shape[1], dtype=x.dtype).index_add(0, i, x)


def convolved(x, w, scale, shift, stride=1):
    """Convolution, batch norm, ReLU: at numbers that float32 has the sign of."""
    return F.relu(apart(batch_norm(F.conv2d(x, w, padding=1, stride=stride), scale, shift), distance=3e-6))


def network(w1, scale1, shift1, w2, scale2, shift2, w3, scale3, shift3, w, b, x, labels):
    """Three convolutions, each with batch norm and ReLU, a global average, a linear layer: the loss of a batch."""
    y = convolved(convolved(convolved(x, w1, scale1, shift1), w2, scale2, shift2, stride=2), w3, scale3, shift3)
    return F.cross_entropy(F.linear(y.mean((2, 3)), w, b), labels)


def mixture(alpha, one, three, x):
    """An edge of a search network: candidates weighted by a softmax; all but the skip connection end in a batch norm."""
    candidates = [
        x,
        batch_norm(F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)),
        batch_norm(max_pool(x, 3, 1, 1)),
        batch_norm(F.conv2d(F.relu(apart(x)), one)),
        batch_norm(F.conv2d(F.relu(x), three, padding=1)),
    ]
    return sum(p * y for p, y in zip(F.softmax(alpha, 0).unbind(0), candidates))


def layer(n, inputs, outputs):
    return {
        f"w{n}": between(-0.25, 0.25, outputs, inputs, 3, 3),
        f"scale{n}": between(0.5, 1.5, outputs),
        f"shift{n}": real(outputs),
    }


PRODUCTS = {
    "matmul of 257x1031 and 1031x129": twice(torch.matmul, {"x": real(257, 1031), "y": real(1031, 129)}),
    "matmul, batched, broadcast": twice(torch.matmul, {"x": real(3, 1, 65, 67), "y": real(5, 67, 33)}),
    "conv2d 3x3": twice(conv(padding=1), {"x": real(8, 16, 33, 31), "w": real(20, 16, 3, 3)}),
    "conv2d 1x1": twice(conv(), {"x": real(4, 33, 28, 28), "w": real(37, 33, 1, 1)}),
    "conv2d 3x3, stride 2": twice(conv(stride=2, padding=1), {"x": real(4, 11, 35, 37), "w": real(13, 11, 3, 3)}),
    "conv2d 5x3, stride 2 and 1, dilation 2, three groups": twice(
        conv(stride=[2, 1], padding=[4, 2], dilation=2, groups=3), {"x": real(4, 15, 35, 37), "w": real(21, 5, 5, 3)}
    ),
    **depthwise(3, 1, 1, 4, 32, 32, 32),
    **depthwise(3, 2, 1, 3, 17, 29, 31),
    **depthwise(3, 1, 2, 3, 17, 29, 31),
    **depthwise(3, 2, 2, 4, 32, 32, 32),
    **depthwise(5, 1, 1, 3, 17, 29, 31),
    **depthwise(5, 2, 1, 4, 32, 32, 32),
    **depthwise(5, 1, 2, 4, 32, 32, 32),
    **depthwise(5, 2, 2, 3, 17, 29, 31),
}

IMAGES = {"x": real(4, 16, 65, 63)}
LAYERS = {
    "max pool 3x3 of squares, stride 2": twice(lambda x: max_pool(x * x, 3, 2, 1), IMAGES),
    "max pool 2x2 of squares": twice(lambda x: max_pool(x * x, 2, 2, 0), IMAGES),
    "average pool 3x3, stride 1": Case(lambda x: F.avg_pool2d(x, 3, 1, 1, count_include_pad=False), IMAGES),
    "average pool 3x3, stride 2": Case(lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False), IMAGES),
    "batch norm": twice(batch_norm, {"x": real(16, 32, 17, 19), "scale": real(32), "shift": real(32)}),
    "softmax of rows": twice(lambda x: F.softmax(x, -1), {"x": between(-3, 3, 131, 1003)}),
    "softmax over the middle axis": twice(lambda x: F.softmax(x, 1), {"x": between(-3, 3, 31, 101, 23)}),
    "log softmax of rows": twice(lambda x: F.log_softmax(x, -1), {"x": between(-3, 3, 131, 1003)}),
    "log softmax over the middle axis": twice(lambda x: F.log_softmax(x, 1), {"x": between(-3, 3, 31, 101, 23)}),
    "cross entropy": twice(F.cross_entropy, {"x": between(-3, 3, 512, 101)}, {"labels": whole(512, below=101)}),
}

PRIMES = {"x": real(5, 7, 11, 13, 17)}
VECTOR = {"x": real(2**20 + 3)}
REDUCTIONS = {
    "sum over axes 1 and 3 of five": Case(lambda x: x.sum((1, 3)), PRIMES),
    "mean over axes 0, 2 and 4 of five": Case(lambda x: x.mean((0, 2, 4)), PRIMES),
    "maximum over axes 1 and 4 of five": Case(lambda x: largest(x, (1, 4)), PRIMES),
    "maximum over axis 2 of five": Case(lambda x: largest(x, (2,)), PRIMES),
    "sum of 2^20 + 3": Case(torch.sum, VECTOR),
    "mean of 2^20 + 3 squares": twice(lambda x: (x * x).mean(), VECTOR),
    "maximum of 2^20 + 3": Case(lambda x: largest(x, (0,)), VECTOR),
    "log of the sum of powers": twice(lambda x: x.exp().sum(0).log(), {"x": between(-4, 4, 1021, 129)}),
    "norm": twice(torch.norm, {"x": real(131_075)}),
    "norm of columns": twice(lambda x: x.norm(dim=0), {"x": real(1021, 129)}),
    "mean pairwise cosine": twice(mean_cosine, {"rows": real(6, 10_007)}),
}

MOVEMENT = {
    "take": Case(lambda x, i: x[i], {"x": real(1009, 67)}, {"i": whole(4099, below=1009)}),
    "scatter-add": Case(scatter_add, {"x": real(4099, 67)}, {"i": whole(4099, below=1009)}),
    "one-hot": Case(lambda x, i: F.one_hot(i, 67).double() @ x, {"x": real(67, 31)}, {"i": whole(4099, below=67)}),
    "slices with steps": Case(lambda x: x[1::2, ::3, 5:39:7, -20:], {"x": real(9, 37, 41, 23)}),
    "padding, zeros between too": Case(padded, {"x": real(7, 19, 23)}),
    "concat along the middle axis": Case(
        lambda *x: torch.cat(x, 1), {"x": real(29, 31, 17), "y": real(29, 1, 17), "z": real(29, 203, 17)}
    ),
    "transposes of five axes": twice(
        lambda x, y: x.permute(3, 0, 4, 2, 1) * y.permute(1, 4, 0, 3, 2),
        {"x": real(5, 7, 11, 13, 17), "y": real(17, 13, 7, 11, 5)},
    ),
    "additions along six axes": Case(
        lambda x, y, z: x + y + z, {"x": real(1, 7, 1, 11, 1, 13), "y": real(5, 1, 9, 1, 3, 1), "z": real(11, 1, 1)}
    ),
}


def pointwise(function, low, high):
    return twice(function, {"x": between(low, high, 131_075)})


ONE = {"x": real(131_075)}
PAIR = {**ONE, "y": real(131_075)}
POINTWISE = {
    "tanh": pointwise(torch.tanh, -4, 4),
    "sigmoid": pointwise(torch.sigmoid, -8, 8),
    "sqrt": pointwise(torch.sqrt, 0.25, 4),
    "rsqrt": pointwise(torch.rsqrt, 0.25, 4),
    "third power": pointwise(lambda x: x**3, -2, 2),
    "power of 2.5": pointwise(lambda x: x**2.5, 0.25, 4),
    "quotient": twice(torch.div, {**ONE, "y": between(0.5, 2, 131_075)}),
    "relu": Case(lambda x: F.relu(apart(x)), ONE),
    "abs": Case(lambda x: apart(x).abs(), ONE),
    "maximum of pairs": Case(lambda x, y: torch.maximum(apart(x, y), y), PAIR),
    "minimum of pairs": Case(lambda x, y: torch.minimum(apart(x, y), y), PAIR),
    "where": Case(lambda x, y, c: torch.where(c > 0.25, x, y), PAIR, {"c": real(131_075)}),
}

NETWORKS = {
    "a small network": twice(
        network,
        {**layer(1, 3, 11), **layer(2, 11, 14), **layer(3, 14, 17), "w": real(10, 17), "b": real(10)},
        {"x": real(32, 3, 16, 16), "labels": whole(32, below=10)},
    ),
    "a mixture of five candidates": Case(
        mixture,
        {"alpha": real(5), "one": real(16, 16, 1, 1), "three": real(16, 16, 3, 3), "x": real(32, 16, 16, 16)},
        along=("alpha",),
    ),
}

CASES = {**PRODUCTS, **LAYERS, **REDUCTIONS, **MOVEMENT, **POINTWISE, **NETWORKS}


def results_of(function, drawings, constants, cotangent, directions):
    """The result, its pull-back in every input and, where there are directions, the derivative of their product with it."""
    inputs = {name: drawn(drawing).requires_grad_() for name, drawing in drawings.items()}
    out = function(*inputs.values(), *map(drawn, constants.values()))
    scalar = (out * drawn({"seed": cotangent, "shape": out.shape})).sum()
    gradients = dict(zip(inputs, torch.autograd.grad(scalar, list(inputs.values()), create_graph=True)))
    results = {"out": out, **{f"vjp.{name}": gradient for name, gradient in gradients.items()}}
    if directions:
        products = [gradients[name] * drawn({"seed": seed, "shape": inputs[name].shape}) for name, seed in directions.items()]
        along = sum(product.sum() for product in products)
        second = torch.autograd.grad(along, list(inputs.values()), allow_unused=True)
        for (name, value), derivative in zip(inputs.items(), second):
            results[f"hvp.{name}"] = torch.zeros_like(value) if derivative is None else derivative
    return results


def entry(name, case):
    """All that the file says of a case."""
    inputs, constants = (
        {key: {"seed": seed_of(name, key), **drawing} for key, drawing in drawings.items()}
        for drawings in (case.inputs, case.constants)
    )
    cotangent = seed_of(name, "cotangent")
    directions = {key: seed_of(name, "direction", key) for key in case.along}
    results = results_of(case.function, inputs, constants, cotangent, directions)
    return {
        "inputs": inputs,
        **({"constants": constants} if constants else {}),
        "cotangent": cotangent,
        **({"directions": directions} if directions else {}),
        "results": {key: digest(value) for key, value in results.items()},
    }


def main():
    torch.set_num_threads(1)
    assert random_words(0, 2).tolist() == [0x6B200159, 0x99BA4EFE], "this is not threefry2x32"
    entries = {name: entry(name, case) for name, case in CASES.items()}
    file = {"seeds": {"projections": PROJECTIONS, "places": PLACES}, "cases": entries}
    pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(file) + "\n")


if __name__ == "__main__":
    main()
