"""One architecture of the zoo: how it is built, exported, and shown images."""
from dataclasses import dataclass, field
from typing import Any, Callable

import torch


@dataclass
class Entry:
    """What the zoo knows of one architecture. The name is the row of the table and the seed of its weights."""

    name: str
    # Gives the module; for a graph that is written by hand, (onnx.ModelProto, the same network as a module).
    build: Callable[[], Any]
    family: str
    size: int = 64
    channels: int = 3
    classes: int = 10
    opset: int = 13
    exporter: str = "torch.onnx"
    # Images of the traced input; with `fixed` that is the only batch that the file takes.
    batch: int = 2
    fixed: bool = False
    dynamic_size: bool = False
    dtype: torch.dtype = torch.float32
    # Names of outputs, and which of them holds the logits.
    outputs: tuple[str, ...] = ("logits",)
    logits: int = 0
    # What the output is: logits, probabilities, log-probabilities; labels: a probability of its own for every class;
    # binary, binary-probability: one logit or probability, of the second of two classes.
    head: str = "logits"
    layout: str = "nchw"
    preprocess: dict = field(default_factory=dict)
    calibrate: Callable | None = None
    # Largest difference of a tap's values from torch's, over their largest magnitude.
    same: float = 2e-3
    # Changes the exported file: (path) -> None.
    after: Callable[[str], None] | None = None
    # Options for unitscope, as `output`.
    options: dict = field(default_factory=dict)
    export: dict = field(default_factory=dict)
    note: str = ""


entries: dict[str, Entry] = {}


def add(name: str, build: Callable[[], Any], family: str, **settings: Any) -> None:
    """Registers an architecture."""
    assert name not in entries, name
    entries[name] = Entry(name, build, family, **settings)


def network(family: str, name: str | None = None, **settings: Any) -> Callable:
    """The same as a decorator of the function that builds it; underscores of its name become hyphens."""

    def register(build: Callable[[], Any]) -> Callable[[], Any]:
        add(name or build.__name__.replace("_", "-"), build, family, **settings)
        return build

    return register
