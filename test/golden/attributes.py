"""Attributes of a few units computed with numpy and scipy, from responses that a formula gives in both languages.

Run from the repository's root: python3 test/golden/attributes.py > test/golden/attributes.json
"""

import json

import numpy as np
from scipy import stats

IMAGES, UNITS, SIDE, CLASSES = 83, 6, 4, 6
EMPTY_CLASS = 4  # no image has it
CONSTANT_CLASS = 3  # its probability is the same everywhere


def label(image):
    return [0, 1, 2, 3, 5][(image * image + 3 * image) % 5 if image % 3 else image % 5]


def response(image, unit, position):
    noise = (image * 7919 + unit * 104729 + position * 1299709 + image * position * 31) % 1009 / 1009
    if unit == 0:
        return max(0.0, noise - 0.5)
    if unit == 1:  # prefers one class
        return max(0.0, noise - 0.7 + (0.6 if label(image) == 2 else 0.0))
    if unit == 2:  # silent
        return 0.0
    if unit == 3:  # constant
        return 0.3
    if unit == 4:  # can be negative
        return noise - 0.45
    return noise if image % 11 == 0 and position < 3 else 0.0  # rare


def probability(image, cls):
    if cls == CONSTANT_CLASS:
        return 0.125
    return ((image * 31 + cls * 17 + image * cls * 7) % 13 + (20 if cls == label(image) else 0)) / 64


def number(value):
    return None if not np.isfinite(value) else float(value)


labels = np.array([label(i) for i in range(IMAGES)])
responses = np.array(
    [[[response(i, u, p) for p in range(SIDE * SIDE)] for u in range(UNITS)] for i in range(IMAGES)], dtype=np.float32
)
probabilities = np.array([[probability(i, c) for c in range(CLASSES)] for i in range(IMAGES)], dtype=np.float32)


def describe(pooled):
    means = np.array([pooled[labels == c].mean() if (labels == c).any() else np.nan for c in range(CLASSES)])
    present = ~np.isnan(means)
    selectivity, auc, correlation = [], [], []
    for c in range(CLASSES):
        others = present.copy()
        others[c] = False
        if not present[c]:
            selectivity.append(None)
            auc.append(None)
        else:
            rest = means[others].mean()
            selectivity.append(number((means[c] - rest) / (means[c] + rest + 1e-6)))
            inside, outside = pooled[labels == c], pooled[labels != c]
            u = stats.mannwhitneyu(inside, outside).statistic
            auc.append(number(u / (len(inside) * len(outside))))
        p = probabilities[:, c].astype(np.float64)
        constant = np.ptp(pooled) == 0 or np.ptp(p) == 0
        correlation.append(None if constant else number(stats.pearsonr(pooled, p)[0]))
    return {"selectivity": selectivity, "correlation": correlation, "auc": auc, "highest": int(np.nanargmax(means))}


units = []
for u in range(UNITS):
    r = responses[:, u, :].astype(np.float64)
    units.append(
        {
            "mean": number(r.mean()),
            "std": number(r.std()),
            "min": number(r.min()),
            "max": number(r.max()),
            "sparsity": number((r == 0).mean()),
            "silent_fraction": number((r == 0).all(axis=1).mean()),
            "negative_fraction": number((r < 0).mean()),
            "threshold": number(np.quantile(r, 1 - 0.005, method="inverted_cdf")),
            "top": [int(i) for i in np.argsort(-r.max(axis=1), kind="stable") if (r[i] != 0).any()][:5],
            "pool_mean": describe(r.mean(axis=1)),
            "pool_max": describe(r.max(axis=1)),
        }
    )

print(json.dumps({"images": IMAGES, "units": units}, indent=1))
