"""Convolutional blocks that torchvision's families lack."""
import torch
import torch.nn.functional as F
from torch import nn

from entry import network


def conv(inputs: int, outputs: int, kernel: int = 3, **settings) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, padding=settings.pop("padding", kernel // 2), **settings)


class Pooled(nn.Sequential):
    """Blocks, then the mean over positions, then a product."""

    def __init__(self, *blocks: nn.Module, width: int) -> None:
        super().__init__(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 10))


class StandardConv(nn.Conv2d):
    """Weight standardisation (Qiao et al. 2019), computed in the graph."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        variance, mean = torch.var_mean(self.weight, dim=(1, 2, 3), keepdim=True, unbiased=False)
        return F.conv2d(x, (self.weight - mean) / torch.sqrt(variance + 1e-6), self.bias, self.stride, self.padding)


class BiTBlock(nn.Module):
    """A pre-activation block with GroupNorm (BiT, Kolesnikov et al. 2020)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(8, width), nn.GroupNorm(8, width)
        self.conv1, self.conv2 = StandardConv(width, width, 3, padding=1), StandardConv(width, width, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv1(F.relu(self.norm1(x)))
        return x + self.conv2(F.relu(self.norm2(y)))


@network("convolutional")
def bit_groupnorm() -> nn.Module:
    return Pooled(StandardConv(3, 32, 3, stride=2, padding=1), BiTBlock(32), nn.MaxPool2d(2), BiTBlock(32), width=32)


class Normed(nn.Sequential):
    def __init__(self, norm, act=nn.ReLU) -> None:
        super().__init__(
            conv(3, 24, stride=2), norm(24), act(), conv(24, 32, stride=2), norm(32), act(), conv(32, 48), norm(48), act(),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(48, 10),
        )  # fmt: skip


@network("convolutional")
def conv_groupnorm_relu() -> nn.Module:
    return Normed(lambda width: nn.GroupNorm(8, width))


@network("convolutional", opset=17)
def conv_instancenorm_relu() -> nn.Module:
    return Normed(lambda width: nn.InstanceNorm2d(width, affine=True))


class FrozenBatchNorm(nn.Module):
    """Batch norm as a product and a sum of constants, as detection backbones have it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("scale", 0.5 + torch.rand(1, width, 1, 1))
        self.register_buffer("shift", 0.3 * torch.randn(1, width, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.scale + self.shift


@network("convolutional")
def frozen_batch_norm() -> nn.Module:
    return Normed(FrozenBatchNorm)


class BasicBlock(nn.Module):
    def __init__(self, width: int, norm) -> None:
        super().__init__()
        self.conv1, self.norm1 = conv(width, width, bias=False), norm(width)
        self.conv2, self.norm2 = conv(width, width, bias=False), norm(width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = F.relu(self.norm1(self.conv1(x)))
        return F.relu(x + self.norm2(self.conv2(y)))


@network("convolutional")
def frozen_batch_norm_resnet() -> nn.Module:
    stem = nn.Sequential(conv(3, 32, 7, stride=2), FrozenBatchNorm(32), nn.ReLU(), nn.MaxPool2d(2))
    return Pooled(stem, BasicBlock(32, FrozenBatchNorm), BasicBlock(32, FrozenBatchNorm), width=32)


@network("convolutional")
def gelu_tanh() -> nn.Module:
    return Normed(nn.BatchNorm2d, lambda: nn.GELU(approximate="tanh"))


@network("convolutional")
def gelu_erf() -> nn.Module:
    return Normed(nn.BatchNorm2d, nn.GELU)


@network("convolutional")
def mish() -> nn.Module:
    return Normed(nn.BatchNorm2d, nn.Mish)


@network("convolutional")
def silu() -> nn.Module:
    return Normed(nn.BatchNorm2d, nn.SiLU)


@network("convolutional")
def softsign() -> nn.Module:
    return Normed(nn.BatchNorm2d, nn.Softsign)


@network("convolutional")
def logsigmoid() -> nn.Module:
    return Normed(nn.BatchNorm2d, nn.LogSigmoid)


@network("convolutional")
def prelu() -> nn.Module:
    return Normed(nn.BatchNorm2d, nn.PReLU)


@network("convolutional")
def conv_maxpool_relu() -> nn.Module:
    parts: list[nn.Module] = []
    for inputs, outputs in ((3, 24), (24, 32), (32, 48)):
        parts += [conv(inputs, outputs), nn.MaxPool2d(2), nn.ReLU()]
    return Pooled(*parts, width=48)


class CoordConv(nn.Module):
    """Coordinates as two more channels (Liu et al. 2018)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = conv(5, 32, stride=2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        count, _, height, width = x.shape
        rows = torch.linspace(-1, 1, height).view(1, 1, height, 1).expand(count, 1, height, width)
        columns = torch.linspace(-1, 1, width).view(1, 1, 1, width).expand(count, 1, height, width)
        return F.relu(self.conv(torch.cat([x, rows, columns], dim=1)))


@network("convolutional")
def coordconv() -> nn.Module:
    return Pooled(CoordConv(), conv(32, 48, stride=2), nn.ReLU(), conv(48, 48), nn.ReLU(), width=48)


class Fuse(nn.Module):
    """Two resolutions that exchange what they hold, as in HRNet (Wang et al. 2020)."""

    def __init__(self, mode: str) -> None:
        super().__init__()
        self.mode = mode
        self.stem = nn.Sequential(conv(3, 24, stride=2), nn.BatchNorm2d(24), nn.ReLU())
        self.high, self.low = conv(24, 24), conv(24, 48, stride=2)
        self.down = nn.Sequential(conv(24, 48, stride=2, bias=False), nn.BatchNorm2d(48))
        self.up = nn.Sequential(conv(48, 24, 1, bias=False), nn.BatchNorm2d(24))
        self.head = nn.Linear(72, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        high, low = F.relu(self.high(x)), F.relu(self.low(x))
        corners = {"align_corners": False} if self.mode == "bilinear" else {}
        fused = F.relu(high + F.interpolate(self.up(low), size=high.shape[2:], mode=self.mode, **corners))
        low = F.relu(low + self.down(high))
        return self.head(torch.cat([fused.mean((2, 3)), low.mean((2, 3))], dim=1))


@network("convolutional")
def hrnet_fuse_nearest() -> nn.Module:
    return Fuse("nearest")


@network("convolutional")
def hrnet_fuse_bilinear() -> nn.Module:
    return Fuse("bilinear")


class ASPP(nn.Module):
    """Dilated branches and one of the whole image, concatenated (Chen et al. 2017)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(conv(3, 32, stride=4), nn.ReLU())
        self.branches = nn.ModuleList(nn.Conv2d(32, 16, 3, padding=d, dilation=d) for d in (1, 2, 4))
        self.whole = nn.Conv2d(32, 16, 1)
        self.project = nn.Sequential(conv(64, 48, 1, bias=False), nn.BatchNorm2d(48), nn.ReLU())
        self.head = nn.Linear(48, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        whole = F.relu(self.whole(F.adaptive_avg_pool2d(x, 1)))
        whole = F.interpolate(whole, size=x.shape[2:], mode="bilinear", align_corners=False)
        x = self.project(torch.cat([F.relu(branch(x)) for branch in self.branches] + [whole], dim=1))
        return self.head(x.mean((2, 3)))


@network("convolutional")
def aspp() -> nn.Module:
    return ASPP()


class NonLocal(nn.Module):
    """Attention over positions (Wang et al. 2018)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.theta, self.phi, self.g = (nn.Conv2d(width, width // 2, 1) for _ in range(3))
        self.out = nn.Conv2d(width // 2, width, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        theta, phi, g = (part(x).flatten(2) for part in (self.theta, self.phi, self.g))
        weights = torch.softmax(theta.transpose(1, 2) @ phi / theta.shape[1] ** 0.5, dim=-1)
        y = (g @ weights.transpose(1, 2)).reshape(x.shape[0], -1, x.shape[2], x.shape[3])
        return x + self.out(y)


@network("convolutional")
def non_local() -> nn.Module:
    return Pooled(conv(3, 32, stride=4), nn.ReLU(), NonLocal(32), conv(32, 48), nn.ReLU(), width=48)


class SqueezeExcite(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, width // 4), nn.Linear(width // 4, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scale = torch.sigmoid(self.fc2(F.relu(self.fc1(x.mean((2, 3))))))
        return x * scale[:, :, None, None]


@network("convolutional")
def squeeze_excite() -> nn.Module:
    blocks = (conv(3, 32, stride=2), nn.BatchNorm2d(32), nn.ReLU(), SqueezeExcite(32), BasicBlock(32, nn.BatchNorm2d))
    return Pooled(*blocks, SqueezeExcite(32), width=32)


@network("convolutional")
def depthwise_grouped() -> nn.Module:
    return Pooled(
        conv(3, 32, stride=2), nn.BatchNorm2d(32), nn.ReLU6(), conv(32, 32, groups=32), nn.BatchNorm2d(32), nn.ReLU6(),
        conv(32, 48, 1, groups=4), nn.ReLU6(), width=48,
    )  # fmt: skip


@network("convolutional")
def conv_transpose() -> nn.Module:
    return Pooled(
        conv(3, 24, stride=4), nn.ReLU(), nn.ConvTranspose2d(24, 32, 4, stride=2, padding=1), nn.BatchNorm2d(32), nn.ReLU(),
        conv(32, 48, stride=2), nn.ReLU(), width=48,
    )  # fmt: skip


class Shared(nn.Module):
    """One block used three times."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.block, self.head = conv(3, 32, stride=2), conv(32, 32), nn.Linear(32, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.stem(x))
        for _ in range(3):
            x = F.relu(self.block(x))
        return self.head(x.mean((2, 3)))


@network("convolutional")
def shared_weights() -> nn.Module:
    return Shared()


class SamePadding(nn.Conv2d):
    """TensorFlow's SAME padding, traced: the amount comes from the shape."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        (height, width), stride, kernel = x.shape[2:], self.stride[0], self.kernel_size[0]
        rows = max((-(-height // stride) - 1) * stride + kernel - height, 0)
        columns = max((-(-width // stride) - 1) * stride + kernel - width, 0)
        x = F.pad(x, [columns // 2, columns - columns // 2, rows // 2, rows - rows // 2])
        return F.conv2d(x, self.weight, self.bias, self.stride)


@network("convolutional", dynamic_size=True, options={"size": [64, 64]}, note="height and width free")
def traced_same_padding() -> nn.Module:
    return Pooled(SamePadding(3, 24, 3, 2), nn.ReLU(), SamePadding(24, 32, 3, 2), nn.ReLU(), width=32)


@network("convolutional")
def pixel_shuffle() -> nn.Module:
    return Pooled(conv(3, 32, stride=4), nn.ReLU(), nn.PixelShuffle(2), conv(8, 32), nn.ReLU(), width=32)


class ConstantBranch(nn.Module):
    """A map beside the network that no image changes: the product of two constants."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2, self.head = conv(3, 16, stride=2), conv(16, 16), nn.Linear(16, 10)
        self.a, self.b = nn.Parameter(torch.randn(16, 1, 1)), nn.Parameter(torch.randn(16, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv2(F.relu(self.conv1(x)))
        return self.head(F.relu(x + self.a * self.b).mean((2, 3)))


@network("convolutional", export={"do_constant_folding": False})
def constant_branch() -> nn.Module:
    return ConstantBranch()
