"""unitscope's answers beside torch's: predictions of every compared (unit, image) pair and log-probability drops."""
import time

import numpy as np
import torch

from entry import Entry
from export import as_input
from reference import Find, Place, Remove, logits_of
from weights import seed_of


def log_probabilities(logits: torch.Tensor, head: str) -> torch.Tensor:
    if head in ("probabilities", "labels"):
        return logits.clamp(min=1e-30).log()
    if head == "binary":
        return torch.nn.functional.logsigmoid(torch.cat([-logits, logits], 1))
    if head == "binary-probability":
        return torch.cat([1 - logits, logits], 1).clamp(min=1e-30).log()
    return logits if head == "log-probabilities" else torch.log_softmax(logits, 1)


def margin_of(scores: torch.Tensor) -> torch.Tensor:
    top = scores.topk(2, dim=1).values
    return top[:, 0] - top[:, 1]


def compare(entry: Entry, net: torch.nn.Module, pictures: np.ndarray, labels: np.ndarray, answer: dict, taps: dict, seconds: float) -> dict:
    """Compares every chosen layer on some of its units for about so many seconds."""
    x = as_input(pictures, entry)
    count = entry.batch  # of the taps
    result: dict = {"pairs": 0, "different": 0, "near_ties": 0, "drops": 0, "drop_error": 0.0, "layers": []}
    with torch.no_grad():
        began = time.time()
        before = log_probabilities(logits_of(net, x, entry.logits), entry.head)
        once = time.time() - began
        find = Find({layer["name"]: taps[layer["tap"]] for layer in answer["chosen"] if layer["tap"] in taps}, net, entry.same)
        first = x[:count]
        with find:
            some = logits_of(net, first, entry.logits)
    result["module"] = find.counts
    result["logit_error"] = logit_error(taps.get(answer["logits"]), some, entry.head)
    result["double_error"] = double_error(net, x, entry, before)
    # Two routes that differ by so much can disagree about a pair whose margin is below it: measured, not assumed.
    scale = (before - before.mean(1, keepdim=True)).std().item()
    near = 4 * min(max(result["logit_error"], 1e-6 * before.abs().max().item()), 10 * entry.same * scale)
    result["near"], result["scale"] = near, scale
    baseline = np.array(answer["baseline"])
    result["baseline_different"] = int(((before.argmax(1).numpy() != baseline) & (margin_of(before).numpy() > near)).sum())
    draw = np.random.default_rng(seed_of(entry.name + "/units"))
    per_layer = int(np.clip(seconds / max(once, 1e-3) / max(1, len(answer["chosen"])), 6, 48))
    for layer in answer["chosen"]:
        place = find.places.get(layer["name"])
        if place is None:
            result["layers"].append({"name": layer["name"], "lost": find.closest.get(layer["name"])})
            continue
        units = choose_units(layer, answer["flips"], per_layer, draw)
        result["layers"].append(compare_layer(entry, net, x, labels, layer, place, units, before, answer, near, result))
    return result


def choose_units(layer: dict, flips: list, limit: int, draw: np.random.Generator) -> list[int]:
    """Half the units are those that change most predictions, the others are drawn."""
    if layer["units"] <= limit:
        return list(range(layer["units"]))
    changed = np.bincount([unit for name, unit, _, _ in flips if name == layer["name"]], minlength=layer["units"])
    most = [int(unit) for unit in np.argsort(-changed, kind="stable")[: limit // 2]]
    rest = [unit for unit in range(layer["units"]) if unit not in most]
    return sorted(most + [int(unit) for unit in draw.choice(rest, limit - len(most), replace=False)])


def compare_layer(entry, net, x, labels, layer, place: Place, units, before, answer, near, result) -> dict:
    baseline = np.array(answer["baseline"])
    ours = {(unit, image): prediction for name, unit, image, prediction in answer["flips"] if name == layer["name"]}
    twice = layer["name"] in answer.get("continuousLayers", [])
    again = {(unit, image): prediction for name, unit, image, prediction in answer.get("continuousFlips", []) if name == layer["name"]}
    drops = {(unit, cls): value for name, unit, cls, value in drop_rows(answer) if name == layer["name"]}
    axis, width = layer.get("axis", 1), layer.get("unitSize", 1)
    seen = {"name": layer["name"], "tap": layer["tap"], "units": len(units), "of": layer["units"], "different": 0, "near_ties": 0,
            "flips": 0, "drop_error": 0.0, "tap_error": place.difference, "examples": []}  # fmt: skip
    for unit in units:
        with torch.no_grad(), Remove(place, axis, unit * width, (unit + 1) * width):
            after = log_probabilities(logits_of(net, x, entry.logits), entry.head)
        theirs, margins = after.argmax(1).numpy(), margin_of(after).numpy()
        for image in range(len(x)):
            got = ours.get((unit, image), baseline[image])
            seen["flips"] += int(theirs[image] != baseline[image])
            if margins[image] <= near:
                seen["near_ties"] += 1
            elif got != theirs[image] or (twice and again.get((unit, image), baseline[image]) != theirs[image]):
                seen["different"] += 1
                if len(seen["examples"]) < 5:
                    seen["examples"].append([unit, image, int(got), int(theirs[image]), float(margins[image])])
        true = torch.from_numpy(labels)[:, None]
        lost = (before.gather(1, true) - after.gather(1, true))[:, 0].numpy()
        for cls in np.unique(labels):
            value = drops.get((unit, int(cls)))
            if value is not None:
                seen["drop_error"] = max(seen["drop_error"], abs(value - lost[labels == cls].mean()))
                result["drops"] += 1
    result["pairs"] += len(units) * len(x)
    result["different"] += seen["different"]
    result["near_ties"] += seen["near_ties"]
    result["drop_error"] = max(result["drop_error"], seen["drop_error"])
    return seen


def drop_rows(answer: dict):
    drops = answer.get("drops")
    return zip(drops["layer"], drops["unit"], drops["cls"], drops["logprob"]) if drops else ()


def logit_error(ours: np.ndarray | None, theirs: torch.Tensor, head: str) -> float:
    """Largest difference between the logits of ONNX Runtime and of torch; of log-probabilities where torch has only those."""
    if ours is None:
        return 0.0
    values = torch.from_numpy(ours).flatten(1).double()
    if head == "labels":
        values, theirs = torch.nn.functional.logsigmoid(values), log_probabilities(theirs, head)
    elif head != "logits":
        values, theirs = torch.log_softmax(values, 1), log_probabilities(theirs, head)
    if values.shape != theirs.shape:
        return 0.0
    return (values - theirs).abs().max().item()


def double_error(net: torch.nn.Module, x: torch.Tensor, entry: Entry, before: torch.Tensor) -> float | None:
    """How far float32 is from float64: what the network itself makes of rounding."""
    if x.dtype != torch.float32:
        return None
    with torch.no_grad():
        try:
            exact = log_probabilities(logits_of(net.double(), x.double(), entry.logits), entry.head)
        except RuntimeError:
            return None
        finally:
            net.float()
    return (exact - before).abs().max().item()
