"""One architecture from its module to its row."""
import json
import os
import subprocess
import time
import traceback

import numpy as np
import torch

import nets  # noqa: F401
from compare import compare
from entry import entries
from export import as_input, make, write_images, write_model
from reference import Find, logits_of
from rows import write_row

UNITS = int(os.environ.get("ZOO_UNITS", "250"))  # swept in one architecture, at least one layer in any case
HERE = os.path.dirname(os.path.abspath(__file__))


def make_row(name: str, cache: str, version: dict, limit: float) -> None:
    """Makes CACHE/rows/NAME.json within `limit` seconds; whatever goes wrong is in it, and what `version` says."""
    entry = entries[name]
    torch.set_num_threads(1)
    models, folder = os.path.join(cache, "models"), os.path.join(cache, "work", name)
    os.makedirs(models, exist_ok=True)
    os.makedirs(folder, exist_ok=True)
    row: dict = {"name": name, "family": entry.family, "exporter": entry.exporter, "opset": entry.opset, "note": entry.note}
    row.update(version)
    try:
        measure(entry, models, folder, row, limit)
    except Exception as error:
        row["failed"] = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        row["trace"] = traceback.format_exc()
    write_row(cache, row)


def measure(entry, models: str, folder: str, row: dict, limit: float) -> None:
    began = time.time()
    path = os.path.join(models, f"{entry.name}.onnx")
    net, pictures, graph = make(entry)
    with torch.no_grad():
        scores = logits_of(net, as_input(pictures, entry), entry.logits)
    predictions = scores.argmax(1).numpy() if entry.classes > 1 else (scores[:, 0].numpy() > 0).astype(int)
    row["predicted_classes"] = len(np.unique(predictions))
    write_model(entry, net, graph, path + ".part")
    os.replace(path + ".part", path)
    write_images(entry, pictures, predictions, models)
    row["export_seconds"] = time.time() - began
    request = {
        "model": path, "images": os.path.join(models, f"{entry.name}.npz"), "preprocessing": os.path.join(models, f"{entry.name}.json"),
        "folder": folder, "units": UNITS, "continuous": 1, "tapImages": entry.batch, "options": entry.options,
    }  # fmt: skip
    with open(os.path.join(folder, "request.json"), "w") as file:
        json.dump(request, file)
    began = time.time()
    subprocess.run(["node", os.path.join(HERE, "measure.mjs"), os.path.join(folder, "request.json")], check=True, timeout=limit - 40)
    row["unitscope_seconds"] = time.time() - began
    with open(os.path.join(folder, "answer.json")) as file:
        answer = json.load(file)
    row.update({key: answer[key] for key in ("phase", "error", "seconds", "pairs") if key in answer})
    row["layers"] = answer.get("layers")
    if "taps" not in answer:
        row["module"] = count(net, as_input(pictures, entry))
        return
    taps = {tap["name"]: np.fromfile(os.path.join(folder, tap["file"]), np.float32).reshape(tap["dims"]) for tap in answer["taps"]}
    labels = np.load(request["images"])["labels"]
    row["compared"] = compare(entry, net, pictures, labels, answer, taps, seconds=8)
    row["module"] = row["compared"].pop("module")
    refuse_chaos(row)


def refuse_chaos(row: dict) -> None:
    """Where torch in 32 bits is far from torch in 64, neither it nor anybody else in 32 bits tells what is right."""
    compared = row["compared"]
    rounding, spread = compared["double_error"], compared["scale"]
    if rounding is not None and rounding > spread / 2:
        row["chaotic"] = row.pop("compared")
        row["failed"] = f"PyTorch's own logits in 32 and in 64 bits differ by {rounding:.1e}, more than half their spread of {spread:.1e}"


def count(net, x) -> dict:
    find = Find({}, net)
    with torch.no_grad(), find:
        net(x[:2])
    return find.counts

