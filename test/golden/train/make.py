"""What PyTorch makes of the trained networks of this folder, in float64: logits in evaluation and in training mode, the auxiliary head's, a loss, and two whole
steps of two micro-batches each. The networks are written down here again, from the papers, and share nothing with the package but the files that it wrote.

    python3 test/golden/train/make.py      (PyTorch 1.13; it reads NAME.safetensors and writes NAME.json beside them)
"""
import json
import os
import re
import struct

import numpy as np
import torch
import torch.nn.functional as F

HERE = os.path.dirname(os.path.abspath(__file__))
COUNT, SIDE, CLASSES = 4, 32, 7
torch.set_default_dtype(torch.float64)


def uniform(seed, count):
    """Word i of a seed, from 0 to 1 in steps of 2^-24."""
    mask = np.uint64(0xFFFFFFFF)
    i = np.arange(count, dtype=np.uint64)
    mixed = ((i + np.uint64(seed * 0x9E3779B9 & 0xFFFFFFFF)) & mask) * np.uint64(0x85EBCA6B) & mask
    again = (mixed ^ (mixed >> np.uint64(13))) * np.uint64(0xC2B2AE35) & mask
    return ((again ^ (again >> np.uint64(16))) >> np.uint64(8)).astype(np.float64) * 2.0**-24


def hashed(seed, count):
    return 2 * uniform(seed, count) - 1


def read(path):
    """A safetensors file by hand: the length of the header, the header, the values."""
    data = open(path, "rb").read()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + length])
    metadata = header.pop("__metadata__")
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        values = np.frombuffer(data[8 + length + begin : 8 + length + end], dtype={"F32": "<f4"}[entry["dtype"]])
        tensors[name] = torch.tensor(values.reshape(entry["shape"]).astype(np.float64))
    return metadata, tensors


class Net:
    """Weights by name, and the layers that read them."""

    def __init__(self, metadata, tensors):
        self.config = json.loads(metadata["network"])
        self.genotype = metadata["genotype"]
        if self.config.get("auxiliary"):
            shape = (768, 128, 2, 2)
            tensors["auxiliary_head.features.5.weight"] = torch.tensor(hashed(99, int(np.prod(shape))) / 16).reshape(shape)
        running = lambda name: name.endswith("running_mean") or name.endswith("running_var")
        self.buffers = {name: value.clone() for name, value in tensors.items() if running(name)}
        self.weights = {name: value.clone().requires_grad_() for name, value in tensors.items() if not running(name)}
        self.training, self.paths = False, None

    def conv(self, x, name, **options):
        return F.conv2d(x, self.weights[name + ".weight"], **options)

    def norm(self, x, name):
        own = [self.buffers[name + ".running_mean"], self.buffers[name + ".running_var"]]
        affine = [self.weights[name + ".weight"], self.weights[name + ".bias"]]
        return F.batch_norm(x, *own, *affine, training=self.training, momentum=0.1, eps=1e-5)

    def linear(self, x, name):
        return F.linear(x, self.weights[name + ".weight"], self.weights[name + ".bias"])

    def relu_conv_norm(self, x, name, kernel, stride):
        x = self.conv(F.relu(x), name + ".op.1", stride=stride, padding=kernel // 2)
        return self.norm(x, name + ".op.2")

    def factorized_reduce(self, x, name):
        x = F.relu(x)
        halves = [self.conv(x, name + ".conv_1", stride=2), self.conv(x[:, :, 1:, 1:], name + ".conv_2", stride=2)]
        return self.norm(torch.cat(halves, 1), name + ".bn")

    def separable(self, x, name, n, kernel, stride, dilation):
        channels = x.shape[1]
        padding = dilation * (kernel - 1) // 2
        depthwise = {"stride": stride, "padding": padding, "dilation": dilation, "groups": channels}
        x = self.conv(F.relu(x), f"{name}.op.{n}", **depthwise)
        return self.norm(self.conv(x, f"{name}.op.{n + 1}"), f"{name}.op.{n + 2}")

    def operation(self, x, kind, name, stride):
        if kind == "none":
            return None
        if kind == "skip_connect":
            return x if stride == 1 else self.factorized_reduce(x, name)
        if kind == "max_pool_3x3":
            return F.max_pool2d(x, 3, stride=stride, padding=1)
        if kind == "avg_pool_3x3":
            return F.avg_pool2d(x, 3, stride=stride, padding=1, count_include_pad=False)
        family, size = kind.rsplit("_", 1)
        kernel = int(size[0])
        if family == "nor_conv":
            return self.relu_conv_norm(x, name, kernel, stride)
        if family == "sep_conv":
            return self.separable(self.separable(x, name, 1, kernel, stride, 1), name, 5, kernel, 1, 1)
        return self.separable(x, name, 1, kernel, stride, 2)

    def branch(self, x, kind, name, stride):
        """An operation, dropped for some images if paths are; the identity never is."""
        y = self.operation(x, kind, name, stride)
        if y is None or self.paths is None or not self.training or y is x:
            return y
        return y * self.paths(name)

    def head(self, x):
        x = F.avg_pool2d(F.relu(x), 5, stride=3, padding=0, count_include_pad=False)
        x = F.relu(self.norm(self.conv(x, "auxiliary_head.features.2"), "auxiliary_head.features.3"))
        x = F.relu(self.norm(self.conv(x, "auxiliary_head.features.5"), "auxiliary_head.features.6"))
        return self.linear(x.view(x.shape[0], -1), "auxiliary_head.classifier")

    def __call__(self, images):
        x = self.norm(self.conv(images, "stem.0", padding=1), "stem.1")
        return self.darts(x) if self.genotype.startswith("Genotype") else self.nb201(x)

    def nb201(self, x):
        groups = [re.findall(r"(\w+)~(\d+)", group) for group in self.genotype.split("+")]
        n, block = self.config["layers"], 0
        for stage in range(3):
            if stage > 0:
                name = f"cells.{block}"
                main = self.relu_conv_norm(self.relu_conv_norm(x, name + ".conv_a", 3, 2), name + ".conv_b", 3, 1)
                x, block = main + self.conv(F.avg_pool2d(x, 2, 2), name + ".downsample.1"), block + 1
            for _ in range(n):
                states, edge = [x], 0
                for group in groups:
                    terms = []
                    for kind, source in group:
                        terms.append(self.branch(states[int(source)], kind, f"cells.{block}.layers.{edge}", 1))
                        edge += 1
                    states.append(sum(term for term in terms if term is not None))
                x, block = states[-1], block + 1
        x = F.relu(self.norm(x, "lastact.0"))
        return self.linear(x.mean((2, 3)), "classifier"), None

    def darts(self, x):
        parsed = eval(self.genotype, {"Genotype": dict, "range": range})
        layers = self.config["layers"]
        reductions = [layers // 3, 2 * layers // 3]
        before, last, auxiliary = x, x, None
        for i in range(layers):
            kind = "reduce" if i in reductions else "normal"
            name = f"cells.{i}"
            if i - 1 in reductions:
                first = self.factorized_reduce(before, name + ".preprocess0")
            else:
                first = self.relu_conv_norm(before, name + ".preprocess0", 1, 1)
            states = [first, self.relu_conv_norm(last, name + ".preprocess1", 1, 1)]
            pairs = parsed[kind]
            for node in range(len(pairs) // 2):
                terms = []
                for e in (2 * node, 2 * node + 1):
                    operation, source = pairs[e]
                    stride = 2 if kind == "reduce" and source < 2 else 1
                    terms.append(self.branch(states[source], operation, f"{name}._ops.{e}", stride))
                states.append(terms[0] + terms[1])
            before, last = last, torch.cat([states[s] for s in parsed[kind + "_concat"]], 1)
            if i == reductions[1] and self.training and self.config.get("auxiliary"):
                auxiliary = self.head(last)
        return self.linear(last.mean((2, 3)), "classifier"), auxiliary


def batch(seed):
    images = torch.tensor(hashed(seed, COUNT * 3 * SIDE * SIDE)).reshape(COUNT, 3, SIDE, SIDE)
    return images, torch.tensor(np.floor(uniform(seed + 1, COUNT) * CLASSES).astype(np.int64))


def loss_of(net, images, labels):
    logits, auxiliary = net(images)
    loss = F.cross_entropy(logits, labels, label_smoothing=0.1)
    if auxiliary is not None:
        loss = loss + 0.4 * F.cross_entropy(auxiliary, labels, label_smoothing=0.1)
    return loss, logits, auxiliary


def factors(name):
    """What a branch's images are multiplied by: kept with probability 3/4."""
    seed = 7 + sum(ord(letter) * (k + 1) for k, letter in enumerate(name))
    return torch.tensor(np.where(uniform(seed, COUNT) < 0.75, 4 / 3, 0.0)).reshape(COUNT, 1, 1, 1)


def projections(values):
    """Of each tensor, in the order of names: its sum of products with hashed numbers, and its length."""
    result = []
    for n, name in enumerate(sorted(values)):
        flat = values[name].detach().reshape(-1).numpy()
        result += [float((flat * hashed(300 + n, flat.size)).sum()), float(np.sqrt((flat**2).sum()))]
    return result


def main(name):
    metadata, tensors = read(os.path.join(HERE, name + ".safetensors"))
    fresh = lambda: Net(metadata, dict(tensors))
    result = {}

    net = fresh()
    images, labels = batch(11)
    result["evaluation"] = net(images)[0].reshape(-1).tolist()

    net.training, net.paths = True, factors
    loss, logits, auxiliary = loss_of(net, images, labels)
    result["training"] = logits.reshape(-1).tolist()
    result["auxiliary"] = [] if auxiliary is None else auxiliary.reshape(-1).tolist()
    result["loss"] = [loss.item()]

    # Two steps of SGD with Nesterov's momentum on the mean gradient of two micro-batches, clipped.
    net = fresh()
    net.training = True
    names = sorted(net.weights)
    parameters = [net.weights[one] for one in names]
    optimiser = torch.optim.SGD(parameters, 0.1, momentum=0.9, weight_decay=5e-4, nesterov=True)
    for step in range(2):
        optimiser.zero_grad()
        for part in range(2):
            loss, _, _ = loss_of(net, *batch(20 + 10 * step + 4 * part))
            (loss / 2).backward()
        result[f"norm{step}"] = [torch.nn.utils.clip_grad_norm_(parameters, 1.5).item()]
        optimiser.step()
        result[f"weights{step}"] = projections(net.weights)
    momentum = {one: optimiser.state[value]["momentum_buffer"] for one, value in zip(names, parameters)}
    result["momentum"] = projections(momentum)
    result["running"] = projections(net.buffers)

    rounded = {key: [float(f"{value:.13g}") for value in values] for key, values in result.items()}
    with open(os.path.join(HERE, name + ".json"), "w") as file:
        json.dump(rounded, file)
        file.write("\n")
    print(name, {key: len(values) for key, values in result.items()}, result["loss"], result["norm0"], result["norm1"])


for one in ("nb201", "darts"):
    main(one)
