#!/usr/bin/python3
"""Makes test/zoo/golden/tiny.json: tiny networks as ONNX files, images, and what PyTorch says of every unit of every
layer that unitscope finds: the prediction of every image and the log-probability that its own class loses.

    npm run build && scripts/zoo/tiny.py
"""
import base64
import json
import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True

import numpy as np  # noqa: E402
import torch  # noqa: E402

from compare import log_probabilities, margin_of  # noqa: E402
from export import as_input, make, write_images, write_model  # noqa: E402
from nets.tiny import tiny_entries  # noqa: E402
from reference import Find, Remove, logits_of  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, "..", "..", "test", "zoo", "golden", "tiny.json")
SURE = 1e-3  # pairs with a smaller margin are no test of anything


def golden(entry, folder: str) -> dict:
    net, pictures, _ = make(entry)
    x = as_input(pictures, entry)
    with torch.no_grad():
        before = log_probabilities(logits_of(net, x, entry.logits), entry.head)
    path = os.path.join(folder, f"{entry.name}.onnx")
    write_model(entry, net, None, path)
    write_images(entry, pictures, before.argmax(1).numpy(), folder)
    request = {"model": path, "images": path.replace(".onnx", ".npz"), "preprocessing": path.replace(".onnx", ".json"),
               "folder": folder, "units": 10**6, "all": True, "continuous": 0, "tapImages": 4, "options": {}}  # fmt: skip
    with open(os.path.join(folder, "request.json"), "w") as file:
        json.dump(request, file)
    subprocess.run(["node", os.path.join(HERE, "measure.mjs"), os.path.join(folder, "request.json")], check=True)
    with open(os.path.join(folder, "answer.json")) as file:
        answer = json.load(file)
    if "taps" not in answer:
        raise SystemExit(f"{entry.name}: {answer}")
    taps = {tap["name"]: np.fromfile(os.path.join(folder, tap["file"]), np.float32).reshape(tap["dims"]) for tap in answer["taps"]}
    labels = np.load(request["images"])["labels"]
    find = Find({layer["tap"]: taps[layer["tap"]] for layer in answer["chosen"]}, net)
    first = x[:4]
    with torch.no_grad(), find:
        logits_of(net, first, entry.logits)
    layers = []
    for layer in answer["chosen"]:
        tap, axis, width = layer["tap"], layer.get("axis", 1), layer.get("unitSize", 1)
        if tap not in find.places:
            raise SystemExit(f"{entry.name}: tap {tap} is no tensor of the module")
        predictions, losses = [], []
        for unit in range(layer["units"]):
            with torch.no_grad(), Remove(find.places[tap], axis, unit * width, (unit + 1) * width):
                after = log_probabilities(logits_of(net, x, entry.logits), entry.head)
            sure = margin_of(after) > SURE
            predictions.append([int(cls) if ok else -1 for cls, ok in zip(after.argmax(1), sure)])
            lost = (before - after).gather(1, torch.from_numpy(labels)[:, None])[:, 0]
            losses.append([float(f"{value:.5g}") for value in lost])
        layers.append({"name": layer["name"], "tap": tap, "kind": layer["kind"], "predictions": predictions, "lost": losses})
    encode = lambda data: base64.b64encode(data).decode()  # noqa: E731
    with open(path, "rb") as file:
        model = encode(file.read())
    return {
        "name": entry.name, "model": model, "size": entry.size, "images": encode(pictures.tobytes()),
        "labels": labels.tolist(), "baseline": before.argmax(1).tolist(), "layers": layers,
    }  # fmt: skip


def main() -> None:
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        made = {"torch": torch.__version__, "networks": [golden(entry, folder) for entry in tiny_entries]}
    os.makedirs(os.path.dirname(OUT), exist_ok=True)
    with open(OUT, "w") as file:
        json.dump(made, file)
        file.write("\n")


if __name__ == "__main__":
    main()
