"""Masks by pycocotools for test/concepts/run-length-mask.test.ts: python3 test/golden/coco-masks.py > test/golden/coco-masks.json"""
import json
import random

from pycocotools import mask

random.seed(7)
cases = []
for index in range(60):
    height, width = random.randint(1, 40), random.randint(1, 40)
    corners = random.randint(3, 9)
    whole = index % 4 == 0
    points = []
    for _ in range(corners):
        x, y = random.uniform(-3, width + 3), random.uniform(-3, height + 3)
        points += [round(x), round(y)] if whole else [round(x, 2), round(y, 2)]
    if index % 2:
        points = [max(0, value) for value in points]
    packed = mask.frPyObjects([points], height, width)[0]
    columns = mask.decode(packed).T.reshape(-1).tolist()
    runs, last = [0], 0
    for value in columns:
        if value == last:
            runs[-1] += 1
        else:
            runs.append(1)
            last = value
    cases.append({"size": [height, width], "polygon": points, "packed": packed["counts"].decode(), "runs": runs})
print(json.dumps(cases, separators=(",", ":")))
