"""Makes an architecture's files: the ONNX file, its images with labels, and how they are preprocessed."""
import contextlib
import json
import os
import warnings

import numpy as np
import onnx
import torch

from entry import Entry
from weights import images_of, randomise, seed_of

IMAGES = 12


def make(entry: Entry) -> tuple[torch.nn.Module, np.ndarray, onnx.ModelProto | None]:
    """The module with its weights, the compared images, and the graph where it is written by hand."""
    torch.manual_seed(seed_of(entry.name))
    net = evaluated(entry.build())
    pictures = images_of(entry.name + "/calibration", count=32, channels=entry.channels, size=entry.size)
    (entry.calibrate or randomise)(net, as_input(pictures, entry, torch.float32), entry.classes)
    if entry.dtype == torch.float64:
        net.double()
    write = entry.export.get("write")
    count = IMAGES
    return net, images_of(entry.name, count=count, channels=entry.channels, size=entry.size), write(net) if write else None


def evaluated(net: torch.nn.Module) -> torch.nn.Module:
    """In evaluation mode, but for attentions without dropout: in that mode they are one operator, whose heads nobody sees."""
    net.eval()
    for part in net.modules():
        if isinstance(part, torch.nn.MultiheadAttention) and part.dropout == 0:
            part.training = True
    return net


def as_input(pictures: np.ndarray, entry: Entry, dtype: torch.dtype | None = None) -> torch.Tensor:
    """Pictures, uint8 [N, C, H, W], as the network takes them."""
    kind = dtype or entry.dtype
    x = torch.from_numpy(pictures)
    if entry.dtype != torch.uint8:
        x = (x.float() / 255).to(kind)
    return x.permute(0, 2, 3, 1).contiguous() if entry.layout == "nhwc" else x


def write_model(entry: Entry, net: torch.nn.Module, graph: onnx.ModelProto | None, path: str) -> None:
    if graph is not None:
        onnx.save(graph, path)
    else:
        settings = dict(entry.export)
        if settings.pop("training", None) == "unfolded":
            settings["training"] = torch.onnx.TrainingMode.PRESERVE
        shape = (entry.batch, entry.channels, entry.size, entry.size)
        example = torch.randint(0, 255, shape, dtype=torch.uint8) if entry.dtype == torch.uint8 else torch.rand(shape).to(entry.dtype)
        if entry.layout == "nhwc":
            example = example.permute(0, 2, 3, 1).contiguous()
        axes = {} if entry.fixed else {name: {0: "batch"} for name in ("images", *entry.outputs)}
        if entry.dynamic_size:
            axes["images"].update({2: "height", 3: "width"})
        with warnings.catch_warnings(), without_zeroing():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                net, example, path, input_names=["images"], output_names=list(entry.outputs), dynamic_axes=axes,
                opset_version=entry.opset, **settings,
            )  # fmt: skip
        evaluated(net)
    if entry.after:
        entry.after(path)


@contextlib.contextmanager
def without_zeroing():
    """Swin V2 sets a slice to zero in place, which the exporter of 1.13 does not know; in the zoo it is zero already."""
    zero = torch.Tensor.zero_
    torch.Tensor.zero_ = lambda each: each
    try:
        yield
    finally:
        torch.Tensor.zero_ = zero


def write_images(entry: Entry, pictures: np.ndarray, predictions: np.ndarray, folder: str) -> None:
    """Every third label is the network's own prediction; the others are the classes that those leave out, then random."""
    draw = np.random.default_rng(seed_of(entry.name + "/labels"))
    classes = max(2, entry.classes)
    labels = predictions.copy()
    others = np.flatnonzero(np.arange(len(labels)) % 3)
    missing = [cls for cls in range(classes) if cls not in labels[::3]]
    labels[others] = (missing + list(draw.integers(0, classes, len(others))))[: len(others)]
    images = pictures.transpose(0, 2, 3, 1) if entry.channels == 3 else pictures
    np.savez(
        os.path.join(folder, f"{entry.name}.npz"), images=images, labels=labels.astype(np.int64),
        class_names=np.array([f"class{c}" for c in range(classes)]),
    )  # fmt: skip
    with open(os.path.join(folder, f"{entry.name}.json"), "w") as file:
        json.dump({"range": [0, 1], **entry.preprocess}, file)
