"""The reference: torch runs the module and a mode sees every operator's result.

A tap is found by its values: the first operator whose result has the tap's shape and numbers. Removing a unit then
means zeroing it in that result, which is what a forward hook does, wherever the result has a module of its own or not.
"""
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode

VIEWS = {"view", "_unsafe_view", "permute", "transpose", "t", "expand", "slice", "select", "unsqueeze", "squeeze",
         "alias", "detach", "reshape", "_reshape_alias", "unbind", "split", "unfold"}  # fmt: skip


@dataclass
class Place:
    """A result among all operators' results of a run."""

    index: int
    # Axes of the result that make it the tap: identity, or between [N, C, H, W] and [N, H, W, C].
    axes: tuple[int, ...]
    difference: float
    is_view: bool


class Results(TorchDispatchMode):
    """Numbers the tensors that operators give; subclasses look at them or change them."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def see(self, index: int, result: torch.Tensor, operator: str, arguments: tuple) -> torch.Tensor:
        return result

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        out = function(*args, **(kwargs or {}))
        operator = function.__name__.split(".")[0]
        parts = list(out) if isinstance(out, (tuple, list)) else [out]
        for i, part in enumerate(parts):
            if isinstance(part, torch.Tensor) and part.is_floating_point():
                parts[i] = self.see(self.count, part, operator, args)
                self.count += 1
        return type(out)(parts) if isinstance(out, (tuple, list)) else parts[0]


class Find(Results):
    """Finds taps by their values and counts what a module is made of."""

    def __init__(self, taps: dict[str, np.ndarray], module: torch.nn.Module, same: float = 2e-3) -> None:
        super().__init__()
        self.taps = {name: torch.from_numpy(value) for name, value in taps.items()}
        self.same = same
        self.places: dict[str, Place] = {}
        self.closest: dict[str, float] = {}
        self.counts = {"convolution": 0, "linear": 0, "addition": 0, "concatenation": 0, "attention": 0}
        self.parameters = {value.data_ptr() for value in module.parameters()}

    def tally(self, result: torch.Tensor, operator: str, arguments: tuple) -> None:
        tensors = [each for each in arguments if isinstance(each, torch.Tensor)]
        if operator in ("convolution", "_convolution"):
            self.counts["convolution"] += 1
        elif operator in ("addmm", "mm", "bmm", "baddbmm"):
            stored = any(each.dim() > 1 and each.storage().data_ptr() in self.parameters for each in tensors)
            self.counts["linear"] += int(stored)
        elif operator in ("add", "add_") and len(tensors) == 2 and tensors[0].shape == tensors[1].shape and result.dim() > 2:
            self.counts["addition"] += 1
        elif operator in ("cat", "_cat") and result.dim() == 4 and len(arguments[0]) > 1 and 1 in arguments[1:2]:
            self.counts["concatenation"] += 1
        elif operator == "_softmax" and result.dim() >= 3 and result.shape[-1] > 1:
            self.counts["attention"] += 1

    def see(self, index, result, operator, arguments):
        self.tally(result, operator, arguments)
        for name, tap in self.taps.items():
            if name in self.places or result.numel() != tap.numel():
                continue
            for axes in orders(result.dim()):
                if tuple(result.shape[axis] for axis in axes) != tuple(tap.shape):
                    continue
                scale = tap.abs().max().item() or 1.0
                difference = (result.permute(axes).float() - tap).abs().max().item() / scale
                self.closest[name] = min(difference, self.closest.get(name, np.inf))
                if difference <= self.same:
                    self.places[name] = Place(index, axes, difference, operator in VIEWS)
                    break
        return result


def orders(rank: int) -> list[tuple[int, ...]]:
    plain = tuple(range(rank))
    return [plain, (0, 2, 3, 1), (0, 3, 1, 2)] if rank == 4 else [plain]


class Remove(Results):
    """Zeroes the range `start` to `end` of a tap's axis, for every image."""

    def __init__(self, place: Place, axis: int, start: int, end: int) -> None:
        super().__init__()
        self.place, self.axis, self.start, self.end = place, axis, start, end

    def see(self, index, result, operator, arguments):
        if index != self.place.index:
            return result
        # Another name for a tensor is not the tensor: what else reads that keeps the unit.
        changed = result.clone() if self.place.is_view else result
        changed.permute(self.place.axes).narrow(self.axis, self.start, self.end - self.start).zero_()
        return changed


def logits_of(net: torch.nn.Module, x: torch.Tensor, which: int) -> torch.Tensor:
    """The network's output as [N, classes] float64."""
    out = net(x)
    out = out[which] if isinstance(out, (tuple, list)) else out
    return out.reshape(len(out), -1).double()
