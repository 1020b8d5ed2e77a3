"""Random weights that behave like trained ones: signals keep their size, batch norms have statistics of their own,
and the head tells the images apart."""
import zlib

import numpy as np
import torch
from torch import nn

NORMS = (nn.modules.batchnorm._BatchNorm, nn.GroupNorm, nn.LayerNorm, nn.InstanceNorm2d)


def seed_of(name: str) -> int:
    """The seed of everything random about an architecture: CRC-32 of its name."""
    return zlib.crc32(name.encode())


def images_of(name: str, *, count: int, channels: int, size: int) -> np.ndarray:
    """Random pictures, uint8 [count, channels, size, size]: coloured patches of several scales and some noise."""
    draw = np.random.default_rng(seed_of(name))
    total = np.zeros((count, channels, size, size), np.float32)
    for cells, weight in ((2, 0.35), (5, 0.3), (size // 4, 0.2), (size, 0.15)):
        patches = draw.random((count, channels, cells, cells), np.float32)
        index = np.arange(size) * cells // size
        total += weight * patches[:, :, index][:, :, :, index]
    spread = 0.4 + 0.6 * draw.random((count, 1, 1, 1), np.float32)
    return np.clip(255 * (0.5 + (total - 0.5) * 1.8 * spread), 0, 255).astype(np.uint8)


def randomise(module: nn.Module, pictures: torch.Tensor, classes: int) -> None:
    """Gives a module its weights; `pictures` [N, C, H, W] as the network sees them."""
    for part in module.modules():
        if isinstance(part, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.kaiming_normal_(part.weight, nonlinearity="relu")
            if part.bias is not None:
                nn.init.normal_(part.bias, std=0.1)
        elif isinstance(part, nn.Linear):
            nn.init.normal_(part.weight, std=(1.5 / part.in_features) ** 0.5)
            if part.bias is not None:
                nn.init.normal_(part.bias, std=0.1)
        elif isinstance(part, NORMS) and part.weight is not None:
            nn.init.uniform_(part.weight, 0.6, 1.4)
            nn.init.normal_(part.bias, std=0.2)
    for key, value in module.named_parameters():
        if key.endswith(("layer_scale", "gamma")):
            nn.init.uniform_(value, 0.2, 0.6)
        elif key.endswith(("class_token", "pos_embedding", "relative_position_bias_table", "in_proj_weight")):
            nn.init.normal_(value, std=0.5 if not key.endswith("weight") else (1.5 / value.shape[1]) ** 0.5)
    measure_batch_norms(module, pictures)
    spread_logits(module, pictures, classes)


def measure_batch_norms(module: nn.Module, pictures: torch.Tensor) -> None:
    """Running statistics of every batch norm, from random pictures."""
    norms = [part for part in module.modules() if isinstance(part, nn.modules.batchnorm._BatchNorm)]
    for part in norms:
        part.reset_running_stats()
        part.momentum = None
        part.train()
    with torch.no_grad():
        for chunk in pictures.split(16):
            module(chunk)
    for part in norms:
        part.eval()


def spread_logits(module: nn.Module, pictures: torch.Tensor, classes: int) -> None:
    """Centres the last layer's outputs over the pictures and gives them a spread, so that predictions differ."""
    heads = [
        part
        for part in module.modules()
        if (isinstance(part, nn.Linear) and part.out_features == classes)
        or (isinstance(part, nn.Conv2d) and part.out_channels == classes)
    ]
    if not heads:
        return
    head = heads[-1]
    seen: list[torch.Tensor] = []
    hook = head.register_forward_hook(lambda _part, _inputs, output: seen.append(output.detach()))
    with torch.no_grad():
        module(pictures)
    hook.remove()
    if not seen:
        return
    axis = 1 if isinstance(head, nn.Conv2d) else -1
    values = torch.cat(seen).movedim(axis, -1).flatten(1, -2) if seen[0].dim() > 2 else torch.cat(seen)[:, None]
    values = values.mean(1)
    scale = min(30.0, 1.5 / max(1e-6, values.std(0).mean().item()))
    with torch.no_grad():
        head.weight *= scale
        if head.bias is not None:
            head.bias.copy_((head.bias - values.mean(0)) * scale)
