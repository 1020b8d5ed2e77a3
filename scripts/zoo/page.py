"""Rows as the page docs/architectures.md."""
import datetime
import re
import textwrap

import numpy
import onnx
import torch
import torchvision

from rows import is_sound, lost_taps

HEADINGS = {
    "torchvision": "Families of torchvision",
    "convolutional": "Blocks and activations",
    "tokens": "Tokens: units on the last axis",
    "heads": "Poolings and heads",
    "files": "Kinds of files",
    "opsets": "Operator sets",
    "built": "Written operator by operator",
}
KINDS = {"convolution": "convolutions", "linear": "products", "addition": "additions", "concatenation": "concatenations",
         "attention": "attentions"}  # fmt: skip


def write_page(path: str, rows: list[dict], known: list[str]) -> None:
    """Writes the page; `known` are the names of the zoo's architectures, with a row or without."""
    lines = [*introduction(rows, known)]
    for family, heading in HEADINGS.items():
        own = [row for row in rows if row.get("family") == family]
        if not own:
            continue
        lines += ["", f"## {heading}", "", *table(own)]
    lines += ["", *meaning()]
    with open(path, "w") as file:
        file.write("\n".join(lines) + "\n")


def introduction(rows: list[dict], known: list[str]) -> list[str]:
    sound = [row for row in rows if is_sound(row)]
    pairs = sum(row["compared"]["pairs"] for row in sound)
    ties = sum(row["compared"]["near_ties"] for row in sound)
    wrong = [row for row in rows if differs(row)]
    refused = [row for row in rows if row.get("error")]
    commits = sorted({row["commit"] for row in rows if row.get("commit")})
    date = datetime.date.today().isoformat()
    return [
        "# Architectures that were tried",
        "",
        "Does my network work? Most likely a relative of it is below. Every row is a network with seeded random weights that a",
        "script exports to ONNX, ablates with unitscope, and ablates once more in PyTorch, where a hook sets the unit to zero. The",
        "predictions of every (unit, image) pair are then compared, and so are the changes of log-probability.",
        "",
        f"**{len(rows)} architectures: {len(sound)} agree to the last of {pairs:,} pairs** ({ties:,} of them too close to a tie to",
        f"tell). Those that do not agree: {len(wrong)}; refused, with the message in the row: {len(refused)}; not compared, for the",
        f"reason in the row: {len(rows) - len(sound) - len(wrong) - len(refused)}.",
        *unmeasured(rows, known),
        "",
        f"Made on {date} by `scripts/zoo/run.py` with PyTorch {torch.__version__}, torchvision {torchvision.__version__}, onnx",
        f"{onnx.__version__} and NumPy {numpy.__version__}; unitscope at commit {', '.join(commits)}. Weights and images are drawn with",
        "the CRC-32 of the architecture's name as seed. Again: `npm run build && scripts/zoo/run.py --again all`.",
    ]


def unmeasured(rows: list[dict], known: list[str]) -> list[str]:
    left = [name for name in known if all(row["name"] != name for row in rows)]
    names = ", ".join(f"`{name}`" for name in left)
    said = f"Of the {len(known)} architectures of `scripts/zoo`, {len(left)} have not been run on this version: {names}."
    return ["", *textwrap.wrap(said, 125, break_on_hyphens=False)] if left else []


def differs(row: dict) -> bool:
    compared = row.get("compared")
    return bool(compared and (compared["different"] or compared["baseline_different"]))


def table(rows: list[dict]) -> list[str]:
    head = ["architecture", "opset", "layers", "pairs", "agree", "log-probability", "seconds"]
    lines = ["| " + " | ".join(head) + " |", "|---|---:|---|---:|---|---:|---:|"]
    for row in rows:
        name = f"`{row['name']}`" + (f" ({row['note']})" if row.get("note") else "")
        lines.append("| " + " | ".join([name, opset(row), layers(row), *outcome(row)]) + " |")
    return lines


def opset(row: dict) -> str:
    return f"{row.get('opset', '')}" + ("" if row.get("exporter") == "torch.onnx" else f" {row.get('exporter', '')}")


def layers(row: dict) -> str:
    """Layers found of those in the module, and the kinds of which there are fewer or more."""
    found, module = row.get("layers"), row.get("module") or {}
    if found is None:
        return "-"
    counts = {kind: sum(1 for layer in found if layer["kind"] == kind) for kind in KINDS}
    common = sum(min(counts[kind], module.get(kind, 0)) for kind in KINDS)
    total = sum(module.get(kind, 0) for kind in KINDS)
    odd = [f"{counts[kind]} of {module.get(kind, 0)} {word}" for kind, word in KINDS.items() if counts[kind] != module.get(kind, 0)]
    return f"{common} of {total}" + (f": {', '.join(odd)}" if odd else "")


def outcome(row: dict) -> list[str]:
    if row.get("failed"):
        return ["", f"not compared: {cell(row['failed'])}", "", ""]
    if row.get("error"):
        return ["", f"refused: {cell(row['error']['message'])}", "", ""]
    compared = row.get("compared")
    if not compared:
        return ["", "no layer to ablate", "", ""]
    pairs = compared["pairs"]
    count = compared["near_ties"]
    ties = f", {count} near tie{'' if count == 1 else 's'}" if count else ""
    if pairs == 0:
        agreement = "not compared"
    elif differs(row):
        agreement = f"**{pairs - compared['different']:,}**"
    else:
        agreement = "all"
    if lost := lost_taps(row):
        ties += f"; not in the module: {', '.join(f'`{name}`' for name in lost)}"
    drops = f"{compared['drop_error']:.0e}" if compared["drops"] else "-"
    return [f"{pairs:,}", agreement + ties, drops, f"{row.get('seconds', 0):.1f}"]


def cell(text: str) -> str:
    return re.sub(r"/\S*/", "", text).replace("|", "\\|").replace("\n", " ")


def meaning() -> list[str]:
    return [
        "## What the columns mean",
        "",
        "- *Layers*: those that `unitscope layers` lists, of the convolutions, products with weights, additions of two maps,",
        "  concatenations of channels and attentions that PyTorch runs.",
        "- *Pairs*: (unit, image) pairs that were compared, on twelve random images, in the first, a middle and the last layer of",
        "  every kind, as far as a budget goes; half of a layer's units are those that change most predictions, half are drawn.",
        "  The unit is removed at the operator of PyTorch whose result equals the tap.",
        "- *Agree*: pairs with the same prediction. A *near tie* is a pair whose two highest logits differ by less than four times",
        "  what the logits of ONNX Runtime and of PyTorch differ by, measured for every network; those are counted apart.",
        "- *Log-probability*: the largest difference between `logprob_drop` and its value in PyTorch.",
        "- *Seconds*: of the ablation with one worker, on two cores that were busy with other work.",
    ]
