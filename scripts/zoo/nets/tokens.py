"""Networks over tokens, units on the last axis."""
import torch
import torch.nn.functional as F
from torch import nn

from entry import network


class MixerBlock(nn.Module):
    """MLP-Mixer (Tolstikhin et al. 2021)."""

    def __init__(self, tokens: int, width: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.token1, self.token2 = nn.Linear(tokens, 2 * tokens), nn.Linear(2 * tokens, tokens)
        self.channel1, self.channel2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.norm1(x).transpose(1, 2)
        x = x + self.token2(F.gelu(self.token1(y))).transpose(1, 2)
        return x + self.channel2(F.gelu(self.channel1(self.norm2(x))))


class Mixer(nn.Module):
    def __init__(self, width: int = 48, depth: int = 4) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, width, 8, stride=8)
        self.blocks = nn.Sequential(*(MixerBlock(64, width) for _ in range(depth)))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.patch(x).flatten(2).transpose(1, 2)
        return self.head(self.norm(self.blocks(x)).mean(1))


@network("tokens")
def mlp_mixer() -> nn.Module:
    return Mixer()


@network("tokens", name="mlp-mixer-opset17", opset=17)
def mixer17() -> nn.Module:
    return Mixer()


class Attention(nn.Module):
    """Attention as timm writes it: one product for queries, keys and values."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads, self.qkv, self.proj = heads, nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        count, tokens, width = x.shape
        q, k, v = self.qkv(x).reshape(count, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        weights = torch.softmax(q @ k.transpose(-2, -1) * (width // self.heads) ** -0.5, dim=-1)
        return self.proj((weights @ v).transpose(1, 2).reshape(count, tokens, width))


class Block(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1, self.attn, self.norm2 = nn.LayerNorm(width), Attention(width, heads), nn.LayerNorm(width)
        self.fc1, self.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.attn(self.norm1(x))
        return x + self.fc2(F.gelu(self.fc1(self.norm2(x))))


class DeiT(nn.Module):
    """Class and distillation tokens, two heads averaged (Touvron et al. 2021)."""

    def __init__(self, width: int = 96, depth: int = 4, interpolate: bool = False, gap: bool = False) -> None:
        super().__init__()
        self.gap, self.interpolate = gap, interpolate
        self.patch = nn.Conv2d(3, width, 8, stride=8)
        self.cls, self.dist = nn.Parameter(torch.randn(1, 1, width)), nn.Parameter(torch.randn(1, 1, width))
        side = 7 if interpolate else 8
        self.positions = nn.Parameter(0.3 * torch.randn(1, side * side + (0 if gap else 2), width))
        self.blocks = nn.Sequential(*(Block(width, 3) for _ in range(depth)))
        self.norm, self.head, self.head_dist = nn.LayerNorm(width), nn.Linear(width, 10), nn.Linear(width, 10)

    def place(self) -> torch.Tensor:
        if not self.interpolate:
            return self.positions
        special, grid = self.positions[:, :2], self.positions[:, 2:]
        grid = grid.reshape(1, 7, 7, -1).permute(0, 3, 1, 2)
        grid = F.interpolate(grid, size=(8, 8), mode="bicubic", align_corners=False)
        return torch.cat([special, grid.flatten(2).transpose(1, 2)], dim=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.patch(x).flatten(2).transpose(1, 2)
        if self.gap:
            return self.head(self.norm(self.blocks(x + self.positions)).mean(1))
        count = x.shape[0]
        x = torch.cat([self.cls.expand(count, -1, -1), self.dist.expand(count, -1, -1), x], dim=1)
        x = self.norm(self.blocks(x + self.place()))
        return (self.head(x[:, 0]) + self.head_dist(x[:, 1])) / 2


@network("tokens")
def deit() -> nn.Module:
    return DeiT()


@network("tokens", fixed=True, batch=4)
def deit_fixed_batch() -> nn.Module:
    return DeiT()


@network("tokens", export={"do_constant_folding": False})
def deit_interpolated_positions() -> nn.Module:
    return DeiT(interpolate=True)


@network("tokens", opset=17)
def vit_mean_tokens() -> nn.Module:
    return DeiT(gap=True)


class NhwcBlock(nn.Module):
    """A residual block whose maps are `[N, H, W, C]` between permutes, as ConvNeXt's."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(width, width, 5, padding=2, groups=width)
        self.norm, self.fc1, self.fc2 = nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.depthwise(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        return x + self.fc2(F.gelu(self.fc1(self.norm(y))))


class Nhwc(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, 40, 4, stride=4)
        self.blocks, self.norm, self.head = nn.Sequential(NhwcBlock(40), NhwcBlock(40)), nn.LayerNorm(40), nn.Linear(40, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.blocks(self.patch(x).permute(0, 2, 3, 1))
        return self.head(self.norm(x.mean((1, 2))))


@network("tokens")
def nhwc_residuals() -> nn.Module:
    return Nhwc()


class TokensFirst(nn.Module):
    """A class token and attention over `[T, N, C]`, as torch's own MultiheadAttention without batch_first."""

    def __init__(self) -> None:
        super().__init__()
        self.patch, self.cls = nn.Conv2d(3, 48, 8, stride=8), nn.Parameter(torch.randn(1, 1, 48))
        self.norm, self.attn, self.head = nn.LayerNorm(48), nn.MultiheadAttention(48, 4), nn.Linear(48, 10)
        self.attn.train()  # torch's fused path has no ONNX operator; there is no dropout

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.patch(x).flatten(2).permute(2, 0, 1)
        x = torch.cat([self.cls.expand(1, x.shape[1], 48), x])
        y = self.norm(x)
        x = x + self.attn(y, y, y, need_weights=False)[0]
        return self.head(x[0])


@network("tokens", fixed=True, batch=4)
def tokens_first() -> nn.Module:
    return TokensFirst()
