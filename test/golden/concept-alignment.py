"""
Concept alignment in plain numpy for test/concepts/align-concepts.test.ts:
python3 test/golden/concept-alignment.py > test/golden/concept-alignment.json

Whole maps, no shortcuts: thresholds with numpy.quantile, upsampling as two matrix products, every unit against every
concept with boolean arrays.
"""
import json

import numpy as np

rng = np.random.default_rng(3)
UNITS, HEIGHT, WIDTH, IMAGES = 7, 4, 5, 40
SIZES = [(9, 11), (12, 12)]
CATEGORY = [0, 0, 1, 1, 1, 2, 2]  # concepts 2..4 of category 1 lie in maps, 5 and 6 label whole images
FRACTION = 0.03

responses = rng.normal(size=(IMAGES, UNITS, HEIGHT, WIDTH)).astype(np.float32)
responses[:, :4] = np.maximum(responses[:, :4], 0)  # after a ReLU
responses[:, 1] *= rng.random((IMAGES, 1, 1)) < 0.05  # active in few images: its threshold is 0
responses[:, 2] = 0  # dead
responses[:, 3] = np.round(responses[:, 3] * 2) / 2  # many ties


def weights(inputs, outputs):
    matrix = np.zeros((outputs, inputs))
    for row in range(outputs):
        at = min(max((row + 0.5) * inputs / outputs - 0.5, 0), inputs - 1)
        low = int(np.floor(at))
        matrix[row, low] += 1 - (at - low)
        matrix[row, min(low + 1, inputs - 1)] += at - low
    return matrix


thresholds = np.quantile(
    responses.transpose(1, 0, 2, 3).reshape(UNITS, -1), 1 - FRACTION, axis=1, method="inverted_cdf"
).astype(np.float64)
concepts, categories = len(CATEGORY), max(CATEGORY) + 1
intersections = np.zeros((UNITS, concepts), int)
unit_pixels = np.zeros((UNITS, categories), int)
concept_pixels = np.zeros(concepts, int)
category_pixels = np.zeros(categories, int)
values = [[] for _ in range(UNITS)]
images = []
for image in range(IMAGES):
    h, w = SIZES[image % len(SIZES)]
    maps = [np.zeros((h, w), int), np.zeros((h, w), int)]
    for _ in range(rng.integers(0, 4)):  # rectangles of concepts 0 and 1 in the first map, 2..4 in the second
        which = rng.integers(0, 2)
        top, left = rng.integers(0, h), rng.integers(0, w)
        concept = rng.integers(0, 2) if which == 0 else rng.integers(2, 5)
        maps[which][top : top + rng.integers(1, h), left : left + rng.integers(1, w)] = concept + 1
    whole = [int(concept) for concept in (5, 6) if rng.random() < 0.3]
    images.append({"height": h, "width": w, "maps": [m.ravel().tolist() for m in maps], "whole": whole})
    shown = np.stack([np.any([m == k + 1 for m in maps], axis=0) | (k in whole) for k in range(concepts)])
    upsampled = weights(HEIGHT, h) @ responses[image].astype(np.float64) @ weights(WIDTH, w).T
    region = upsampled > thresholds[:, None, None]
    intersections += (region[:, None] & shown[None]).sum((2, 3))
    concept_pixels += shown.sum((1, 2))
    for category in range(categories):
        if shown[np.array(CATEGORY) == category].any():
            unit_pixels[:, category] += region.sum((1, 2))
            category_pixels[category] += h * w
    for unit in range(UNITS):
        values[unit].append((upsampled[unit].ravel(), shown.reshape(concepts, -1)))
union = unit_pixels[:, CATEGORY] + concept_pixels - intersections
iou = np.where(intersections > 0, intersections / np.maximum(union, 1), 0)
best = [int(row.argmax()) if row.max() > 0 else -1 for row in iou]

auroc = []
for unit in range(UNITS):
    if best[unit] < 0:
        auroc.append(None)
        continue
    of = np.array(CATEGORY) == CATEGORY[best[unit]]
    kept = [(v, s[best[unit]]) for v, s in values[unit] if s[of].any()]
    v, inside = np.concatenate([k[0] for k in kept]), np.concatenate([k[1] for k in kept])
    pairs = np.sign(np.round(v[inside][:, None] - v[~inside][None], 12))  # 12 digits: rounding makes no ranks
    auroc.append(float(((pairs + 1) / 2).mean()))

print(
    json.dumps(
        {
            "fraction": FRACTION,
            "units": UNITS,
            "height": HEIGHT,
            "width": WIDTH,
            "categoryOf": CATEGORY,
            "responses": [[float(f"{x:.9g}") for x in r.ravel()] for r in responses],
            "images": images,
            "thresholds": [float(f"{x:.9g}") for x in thresholds],
            "intersections": intersections.tolist(),
            "unitPixels": unit_pixels.tolist(),
            "conceptPixels": concept_pixels.tolist(),
            "categoryPixels": category_pixels.tolist(),
            "iou": iou.tolist(),
            "best": best,
            "auroc": auroc,
        },
        separators=(",", ":"),
    )
)
