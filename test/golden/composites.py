"""Golden values of composites: makes composites.json, which test/autodiff/values.test.ts holds losses, activations and reductions to.

How it is run, from the root of the repository, in seconds:

    python3 test/golden/composites.py && npx biome format --write test/golden/composites.json

What made the file: PyTorch 2.13.0 in float64 on the CPU: the value, the gradient of a weighted sum of it in x, and the gradient of the squares of that.
"""

import json
import pathlib

import torch
from torch.nn import functional as F

torch.manual_seed(3)
x = (torch.randn(4, 6, dtype=torch.float64) * 2).float().double()
y = (torch.randn(4, 6, dtype=torch.float64)).float().double()
p = torch.softmax(y, -1).float().double()
half = torch.rand(4, 6, dtype=torch.float64).float().double()
labels = torch.tensor([0, 5, 2, 2])
scale = torch.linspace(0.5, 2, 6, dtype=torch.float64)
shift = torch.linspace(-1, 1, 6, dtype=torch.float64)

CASES = {
    "mse": lambda x: F.mse_loss(x, y),
    "l1": lambda x: F.l1_loss(x, y),
    "huber": lambda x: F.huber_loss(x, y, delta=0.7),
    "binaryCrossEntropy": lambda x: F.binary_cross_entropy_with_logits(x, half),
    "klDivergence": lambda x: F.kl_div(torch.log_softmax(x, -1), p, reduction="batchmean"),
    "crossEntropy": lambda x: F.cross_entropy(x, labels),
    "crossEntropySoft": lambda x: F.cross_entropy(x, p),
    "softplus": F.softplus,
    "logSigmoid": F.logsigmoid,
    "silu": F.silu,
    "gelu": F.gelu,
    "elu": lambda x: F.elu(x, 0.8),
    "leakyRelu": lambda x: F.leaky_relu(x, 0.2),
    "layerNorm": lambda x: F.layer_norm(x, [6], scale, shift),
    "groupNorm": lambda x: F.group_norm(x.reshape(2, 6, 2), 3, scale, shift),
    "variance": lambda x: x.var(0, correction=1),
    "std": lambda x: x.std(correction=0),
    "logSumExp": lambda x: torch.logsumexp(x, [0, 1]),
    "prod": lambda x: x.prod(1),
    "min": lambda x: x.min(1).values,
    "triu": lambda x: torch.triu(x, 1),
    "tril": lambda x: torch.tril(x, -1),
    "repeat": lambda x: torch.repeat_interleave(x, 2, 0),
    "tile": lambda x: torch.tile(x, (2, 1, 3)),
    "stack": lambda x: torch.stack([x, x * x], 1),
    "outer": lambda x: torch.outer(x[0], x[1]),
    "trace": lambda x: torch.trace(x),
    "diag": lambda x: torch.diag(x[0]),
    "clamp": lambda x: torch.clamp(x, -1, 1.5),
}


def derivatives(f):
    at = x.clone().requires_grad_()
    value = f(at)
    weights = torch.linspace(1, 2, value.numel(), dtype=torch.float64).reshape(value.shape)
    (first,) = torch.autograd.grad((value * weights).sum(), at, create_graph=True)
    second = torch.zeros_like(x)
    if first.requires_grad:
        (found,) = torch.autograd.grad((first * first).sum(), at, allow_unused=True)
        second = second if found is None else second + found
    return {
        "shape": list(value.shape),
        "value": value.detach().flatten().tolist(),
        "first": first.detach().flatten().tolist(),
        "second": second.flatten().tolist(),
    }


pathlib.Path(__file__).with_suffix(".json").write_text(
    json.dumps(
        {
            "inputs": {"x": x.tolist(), "y": y.tolist(), "p": p.tolist(), "half": half.tolist()},
            "cases": {name: derivatives(f) for name, f in CASES.items()},
        }
    )
)
