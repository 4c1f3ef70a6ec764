"""PyTorch as a contestant (see contestant.ts): main.py FOLDER WORKLOAD ENGINE. Gradients by torch.autograd.

pytorch        eager, on all cores of the CPU
pytorch-cuda   eager, on the CUDA device
pytorch-graph  on the CUDA device, captured once as a CUDA graph and replayed
"""

import json
import os
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

torch.set_num_threads(os.cpu_count() or 1)
DTYPES = {"f32": np.float32, "i32": np.int32, "u32": np.uint32}
SAMPLE_S, MOST_CALLS = 0.06, 50  # as in contestant.ts
WARM_CALLS = 3  # before a capture, as PyTorch's documentation asks for


def load(folder, name, device):
    with open(f"{folder}/{name}.bin", "rb") as file:
        data = file.read()

    def build(part):
        if isinstance(part, list):
            return [build(one) for one in part]
        if "offset" not in part:
            return {key: build(one) for key, one in part.items()}
        count = int(np.prod(part["shape"], dtype=np.int64))
        array = np.frombuffer(data, DTYPES[part["dtype"]], count, part["offset"]).reshape(part["shape"])
        tensor = torch.from_numpy(array.copy()).to(device)
        return tensor if part["dtype"] == "f32" else tensor.long()

    with open(f"{folder}/{name}.json") as file:
        return build(json.load(file))


def leaves(tree, path=()):
    if isinstance(tree, torch.Tensor):
        return [(".".join(path), tree)]
    items = tree.items() if isinstance(tree, dict) else ((str(i), one) for i, one in enumerate(tree))
    return [leaf for key, part in items for leaf in leaves(part, (*path, key))]


def rebuild(tree, values):
    values = iter(values)

    def build(part):
        if isinstance(part, torch.Tensor):
            return next(values)
        if isinstance(part, dict):
            return {key: build(one) for key, one in part.items()}
        return [build(one) for one in part]

    return build(tree)


def save(folder, name, tree):
    placed, offset = {}, 0
    with open(f"{folder}/{name}.bin", "wb") as file:
        for path, tensor in leaves(tree):
            array = np.ascontiguousarray(tensor.detach().cpu().numpy(), dtype=np.float32)
            placed[path] = {"dtype": "f32", "shape": list(tensor.shape), "offset": offset}
            file.write(array.tobytes())
            offset += array.nbytes
    with open(f"{folder}/{name}.json", "w") as file:
        json.dump(placed, file)


def attached(tree):
    return rebuild(tree, [tensor.detach().requires_grad_() for _, tensor in leaves(tree)])


def tensors(tree):
    return [tensor for _, tensor in leaves(tree)]


def forward_backward(f):
    def both(*args):
        inputs = attached(list(args[:-1]))
        y = f(*inputs)
        return [y, *torch.autograd.grad(y, inputs, args[-1])]

    return both


def batch_norm(x, scale=None, shift=None):
    return F.batch_norm(x, None, None, scale, shift, True)


def max_pool(x):
    return F.max_pool2d(x, 3, 1, 1)


def avg_pool(x):
    return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)


def cnn_loss(w, x, y):
    for weight, scale, shift in zip(w["convolutions"], w["scales"], w["shifts"]):
        x = F.relu(batch_norm(F.conv2d(x, weight, padding=1), scale, shift))
    return F.cross_entropy(F.linear(x.mean((2, 3)), w["head"]), y)


def mlp_loss(layers, x, y):
    for i, layer in enumerate(layers):
        x = F.linear(x, layer["w"], layer["b"])
        x = F.relu(x) if i + 1 < len(layers) else x
    return F.cross_entropy(x, y)


def step(loss, key):
    def stepped(weights, x, y):
        weights = attached(weights)
        value = loss(weights, x, y)
        gradient = torch.autograd.grad(value, tensors(weights))
        with torch.no_grad():
            return {"loss": value, key: rebuild(weights, [w - 0.05 * g for w, g in zip(tensors(weights), gradient)])}

    return stepped


def hvp(weights, x, y):
    weights = attached(weights)
    flat = tensors(weights)
    gradient = torch.autograd.grad(cnn_loss(weights, x, y), flat, create_graph=True)
    return rebuild(weights, torch.autograd.grad(gradient, flat, [0.5 * w.detach() for w in flat]))


def mixed(w, alpha, x):
    p = F.softmax(alpha, 0)
    one, three = F.conv2d(F.relu(x), w["one"]), F.conv2d(F.relu(x), w["three"], padding=1)
    outputs = [x, batch_norm(one), batch_norm(three), avg_pool(x), max_pool(x)]
    return sum(p[o] * y for o, y in enumerate(outputs))


def mixed_derivative(w, alpha, x, g, v):
    w, alpha = attached(w), alpha.detach().requires_grad_()
    (inner,) = torch.autograd.grad((mixed(w, alpha, x) * g).sum(), alpha, create_graph=True)
    return rebuild(w, torch.autograd.grad((inner * v).sum(), tensors(w)))


def chain(x, y):
    z = x
    for _ in range(100):
        z = z * 0.99 + y
    return z


WORKLOADS = {
    "conv 3x3 B32 C16 32x32 forward": lambda x, w: F.conv2d(x, w, padding=1),
    "conv 3x3 B32 C16 32x32 forward+dx+dw": forward_backward(lambda x, w: F.conv2d(x, w, padding=1)),
    "depthwise 3x3 forward+backward": forward_backward(lambda x, w: F.conv2d(x, w, padding=1, groups=16)),
    "depthwise 5x5 dilation 2 forward+backward": forward_backward(
        lambda x, w: F.conv2d(x, w, padding=4, dilation=2, groups=16)
    ),
    "batch norm forward+backward": forward_backward(batch_norm),
    "max-pool 3x3 forward+backward": forward_backward(max_pool),
    "average-pool 3x3 forward+backward": forward_backward(avg_pool),
    "sum of 1M": torch.sum,
    "elementwise chain on 1M": lambda x, y: torch.tanh(F.relu(x * 1.5 - y) * y + 0.25),
    "100 chained multiply-adds on 16": chain,
    "MLP 784-256-128-10 B128 SGD step": step(mlp_loss, "layers"),
    "CNN SGD step (4 x conv-BN-ReLU C16, B32 32x32)": step(cnn_loss, "weights"),
    "HVP of that CNN": hvp,
    "mixed derivative of a mixed operation of five": mixed_derivative,
}


def captured(f, args):
    """A function that replays what f does to args; its results are always the same tensors."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(WARM_CALLS):
            f(*args)
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = f(*args)

    def replay(*_):
        graph.replay()
        return result

    return replay


def main(folder, workload, engine):
    f = torch.matmul if workload.startswith("matmul") else WORKLOADS.get(workload)
    if f is None:
        raise ValueError("there is no such workload in PyTorch")
    device = torch.device("cpu" if engine == "pytorch" else "cuda")
    wait = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    known = f"CPU, {torch.get_num_threads()} threads" if device.type == "cpu" else torch.cuda.get_device_name()
    adapter = f"{known}, PyTorch {torch.__version__}"
    args = load(folder, "args", device)
    call, count = f, None

    def timed(n):
        start = time.perf_counter()
        for _ in range(n):
            call(*args)
        wait()
        return (time.perf_counter() - start) / n

    for command in sys.stdin:
        if command.strip() == "start":
            wait()
            start = time.perf_counter()
            if engine == "pytorch-graph":
                call = captured(f, args)
            result = call(*args)
            wait()
            first_ms = 1000 * (time.perf_counter() - start)
            save(folder, f"results-{engine}", result)
            unknown = ("flops", "dispatches", "pipelines", "peakBytes", "lowerBoundBytes", "readBytes", "writtenBytes")
            reply = {"first": {**dict.fromkeys(unknown), "firstMs": first_ms, "adapter": adapter}}
        else:
            count = count or max(1, min(MOST_CALLS, round(SAMPLE_S / timed(1))))
            reply = {"ms": 1000 * timed(count)}
        print(f"@{json.dumps(reply)}", flush=True)


try:
    main(*sys.argv[1:])
except (ValueError, RuntimeError) as error:
    print(f"@{json.dumps({'error': str(error)})}", flush=True)
