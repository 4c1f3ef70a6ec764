"""Golden values of statistics: makes statistics.json, which test/nas/statistics.test.ts holds src/nas/statistics.ts to.

How it is run, from the root of the repository, in seconds:

    python3 test/golden/statistics.py && npx biome format --write test/golden/statistics.json

What made the file: SciPy 1.10.1 and NumPy 1.24.2 as Debian 12 packages them (python3-scipy). Holm's correction, which SciPy
1.10 has not, is written out from its definition; so is the chance of the best of k random draws, by going through all of them.
"""

import itertools
import json
import pathlib

import numpy as np
from scipy import special, stats

random = np.random.default_rng(7)


def pairs(count, shift):
    """Two columns of accuracies in percent, whose differences have no ties."""
    first = np.round(random.normal(90, 2, count), 4)
    return [first.tolist(), np.round(first + random.normal(shift, 1, count), 4).tolist()]


def holm(values):
    order = np.argsort(values)
    adjusted, most = [0.0] * len(values), 0.0
    for place, i in enumerate(order):
        most = max(most, min(1.0, (len(values) - place) * values[i]))
        adjusted[i] = most
    return adjusted


def summary(values):
    low, high = stats.t.interval(0.95, len(values) - 1, loc=np.mean(values), scale=stats.sem(values))
    return {"values": values, "mean": np.mean(values), "deviation": np.std(values, ddof=1), "halfWidth": (high - low) / 2}


def paired(first, second):
    t = stats.ttest_rel(first, second)
    w = stats.wilcoxon(first, second, mode="exact")
    return {"first": first, "second": second, "t": t.statistic, "tP": t.pvalue, "w": w.statistic, "wP": w.pvalue}


def best(shown, reached, draws):
    found = [reached[max(drawn, key=lambda i: shown[i])] for drawn in itertools.combinations(range(len(shown)), draws)]
    return {"shown": shown, "reached": reached, "draws": draws, "mean": np.mean(found), "deviation": np.std(found)}


shapes = [0.5, 1, 1.5, 2.5, 7, 40, 500]
golden = {
    "beta": [[x, a, b, special.betainc(a, b, x)] for x in (1e-6, 0.02, 0.3, 0.5, 0.77, 0.999) for a in shapes for b in shapes],
    "tails": [[t, f, 2 * stats.t.sf(t, f)] for t in (0, 0.01, 0.7, 2, 5.5, 40) for f in (1, 2, 3, 7, 30, 255, 5000)],
    "quantiles": [[p, f, stats.t.isf(p / 2, f)] for p in (0.5, 0.1, 0.05, 0.01, 1e-4) for f in (1, 2, 3, 4, 7, 15, 100, 1000)],
    "summaries": [summary(pairs(count, 0)[0]) for count in (2, 3, 5, 8, 30)],
    "paired": [paired(*pairs(count, shift)) for count, shift in ((2, 1), (3, 0.2), (5, 0), (8, 1.5), (12, 0.3), (25, -0.5), (40, 0.4))],
    "holm": [{"values": v, "adjusted": holm(v)} for v in ([0.01, 0.04, 0.03], [0.2, 0.001, 0.6, 0.013], [0.5], [0.02, 0.02, 0.9])],
    "best": [
        best(random.permutation(12).tolist(), np.round(random.normal(80, 9, 12), 3).tolist(), draws) for draws in (1, 2, 5, 11, 12)
    ],
}
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps(golden, indent=1) + "\n")
