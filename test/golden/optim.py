"""Golden values of optimisers: makes optim.json, which test/autodiff/optim.test.ts holds src/autodiff/optim.ts to.

How it is run, from the root of the repository, in seconds:

    python3 test/golden/optim.py && npx biome format --write test/golden/optim.json

What made the file: PyTorch 2.13.0 in float64 on the CPU. Five steps of each optimiser on one tree of weights, with gradients that
are of both signs, large, tiny and zero; a clip of the global norm; a cosine schedule.
"""

import json
import pathlib

import torch

START = {"bias": [3.0, -1e-3], "layer": [[1.0, -0.25, 0.5], [2.0, 0.0, -1.5]]}
GRADIENTS = [
    {"bias": [0.5, 1e-4], "layer": [[0.5, -2, 1e-4], [0, 0.1, -0.3]]},
    {"bias": [0.4, 3], "layer": [[0, 3, -1e-4], [0, -0.1, 0.2]]},
    {"bias": [0, -1], "layer": [[-0.7, -1, 2e-4], [0, 0.5, -100]]},
    {"bias": [-0.7, 0], "layer": [[1, 0, 0], [0, 1e-8, 1]]},
    {"bias": [1, 100], "layer": [[1e-3, 100, 1e-8], [0, -1, 2]]},
]
RATE = 0.05

CASES = {
    "sgd": (torch.optim.SGD, {}, {}),
    "sgd with decay": (torch.optim.SGD, {"weight_decay": 0.01}, {"weightDecay": 0.01}),
    "sgd with momentum": (torch.optim.SGD, {"momentum": 0.9}, {"momentum": 0.9}),
    "sgd with Nesterov's momentum and decay": (
        torch.optim.SGD,
        {"momentum": 0.9, "nesterov": True, "weight_decay": 0.01},
        {"momentum": 0.9, "nesterov": True, "weightDecay": 0.01},
    ),
    "adam": (torch.optim.Adam, {}, {}),
    "adam with decay and other betas": (
        torch.optim.Adam,
        {"betas": (0.5, 0.99), "eps": 1e-6, "weight_decay": 0.1},
        {"betas": [0.5, 0.99], "epsilon": 1e-6, "weightDecay": 0.1},
    ),
    "adamW": (torch.optim.AdamW, {}, {}),
    "adamW without decay": (torch.optim.AdamW, {"weight_decay": 0}, {"weightDecay": 0}),
}


def tensors(tree):
    return {name: torch.tensor(values, dtype=torch.float64) for name, values in tree.items()}


def steps(optimiser, options):
    weights = tensors(START)
    for weight in weights.values():
        weight.requires_grad_()
    own = optimiser(list(weights.values()), lr=RATE, **options)
    after = []
    for gradient in GRADIENTS:
        for name, values in tensors(gradient).items():
            weights[name].grad = values
        own.step()
        after.append({name: weight.tolist() for name, weight in weights.items()})
    return after


def clipped(limit):
    weights = [torch.zeros_like(values).requires_grad_() for values in tensors(GRADIENTS[0]).values()]
    for weight, values in zip(weights, tensors(GRADIENTS[0]).values()):
        weight.grad = values
    norm = torch.nn.utils.clip_grad_norm_(weights, limit)
    return {"limit": limit, "norm": norm.item(), "gradient": {name: weight.grad.tolist() for name, weight in zip(START, weights)}}


def cosine(count):
    weight = torch.zeros(1, requires_grad=True)
    own = torch.optim.SGD([weight], lr=RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(own, count, eta_min=0.001)
    rates = []
    for _ in range(count):
        rates.append(schedule.get_last_lr()[0])
        own.step()
        schedule.step()
    return rates + [schedule.get_last_lr()[0]]


pathlib.Path(__file__).with_suffix(".json").write_text(
    json.dumps(
        {
            "rate": RATE,
            "start": START,
            "gradients": GRADIENTS,
            "cases": [
                {"name": name, "optimiser": name.split()[0], "options": own, "weights": steps(optimiser, options)}
                for name, (optimiser, options, own) in CASES.items()
            ],
            "clips": [clipped(1), clipped(100)],
            "cosine": {"least": 0.001, "rates": cosine(7)},
        }
    )
)
