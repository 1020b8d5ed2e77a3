"""Networks of a few kilobytes, one for every way in which a graph can mislead; `tiny.py` makes the golden values of
test/zoo from them. They are not in the table."""
import torch
import torch.nn.functional as F
from torch import nn

from entry import Entry
from nets.convolutional import BasicBlock, ConstantBranch, SqueezeExcite, conv
from nets.tokens import Block, NhwcBlock


class Residual(nn.Sequential):
    """A block with batch norm and a squeeze-and-excitation, a depthwise convolution, a pool before its activation."""

    def __init__(self) -> None:
        super().__init__(
            conv(3, 8), nn.MaxPool2d(2), nn.ReLU(), BasicBlock(8, nn.BatchNorm2d), SqueezeExcite(8),
            conv(8, 8, groups=8, bias=False), nn.BatchNorm2d(8), nn.ReLU6(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5),
        )  # fmt: skip


class Branches(nn.Module):
    """Branches that are concatenated, one of them the same for every position."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = conv(3, 4, stride=2), conv(3, 6, 5, stride=2), nn.Conv2d(3, 4, 1)
        self.norm, self.head = nn.GroupNorm(2, 14), nn.Conv2d(14, 5, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a, b = F.relu(self.a(x)), F.gelu(self.b(x))
        c = F.interpolate(self.c(F.adaptive_avg_pool2d(x, 1)), size=a.shape[2:], mode="nearest")
        x = F.relu(self.norm(torch.cat([a, b, c], dim=1)))
        return torch.softmax(self.head(F.adaptive_avg_pool2d(x, 1)), dim=1).flatten(1)


class TwoOutputs(nn.Module):
    """An embedding as wide as there are classes, before the logits."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = conv(3, 6, stride=2), conv(6, 8, stride=2)
        self.embed, self.fc = nn.Linear(8, 5), nn.Linear(5, 5)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = F.relu(self.conv2(F.relu(self.conv1(x))))
        embedding = torch.tanh(self.embed(x.mean((2, 3))))
        return embedding, self.fc(embedding)


class ChannelsLast(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.patch, self.block = nn.Conv2d(3, 8, 4, stride=4), NhwcBlock(8)
        self.norm, self.head = nn.LayerNorm(8), nn.Linear(8, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.block(self.patch(x).permute(0, 2, 3, 1))
        return self.head(self.norm(x.mean((1, 2))))


class Transformer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.patch, self.cls = nn.Conv2d(3, 12, 4, stride=4), nn.Parameter(torch.randn(1, 1, 12))
        self.positions = nn.Parameter(0.5 * torch.randn(1, 17, 12))
        self.block, self.norm, self.head = Block(12, 3), nn.LayerNorm(12), nn.Linear(12, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls.expand(x.shape[0], -1, -1), x], dim=1) + self.positions
        return self.head(self.norm(self.block(x))[:, 0])


class OneNumber(nn.Sequential):
    """One logit an image, without an axis of its own: [N]."""

    def __init__(self) -> None:
        super().__init__(
            conv(3, 6, stride=2), nn.ReLU(), conv(6, 8, stride=2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 1),
            nn.Flatten(0),
        )  # fmt: skip


def tiny(name: str, build, **settings) -> Entry:
    return Entry(f"tiny-{name}", build, "tiny", size=16, classes=settings.pop("classes", 5), **settings)


class Narrow(ConstantBranch):
    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(16, 5)


tiny_entries = [
    tiny("residual", Residual),
    tiny("constant-branch", Narrow, export={"do_constant_folding": False}),
    tiny("branches", Branches, head="probabilities"),
    tiny("two-outputs", TwoOutputs, outputs=("embedding", "logits"), logits=1),
    tiny("channels-last", ChannelsLast, opset=17),
    tiny("transformer", Transformer, opset=14),
    tiny("one-number", OneNumber, classes=1, head="binary"),
]
