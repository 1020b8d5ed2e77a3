"""Poolings and heads."""
import torch
import torch.nn.functional as F
from torch import nn

from entry import network
from nets.convolutional import conv


class Headed(nn.Module):
    """Two convolutions, and what `head` makes of their maps."""

    def __init__(self, head: nn.Module, channels: int = 3) -> None:
        super().__init__()
        self.conv1, self.norm1 = conv(channels, 24, stride=2, bias=False), nn.BatchNorm2d(24)
        self.conv2, self.norm2 = conv(24, 32, stride=2, bias=False), nn.BatchNorm2d(32)
        self.head = head

    def features(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.norm2(self.conv2(x)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(x))


def mean_head(*after: nn.Module, classes: int = 10) -> nn.Module:
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, classes), *after)


class GeM(nn.Module):
    """Generalised mean with a learned exponent (Radenović et al. 2018)."""

    def __init__(self) -> None:
        super().__init__()
        self.p = nn.Parameter(torch.tensor([3.0]))
        self.fc = nn.Linear(32, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.adaptive_avg_pool2d(x.clamp(min=1e-6).pow(self.p), 1).pow(1.0 / self.p)
        return self.fc(x.flatten(1))


@network("heads")
def gem_pooling() -> nn.Module:
    return Headed(GeM())


class AttentionPool(nn.Module):
    """One learned query over all positions."""

    def __init__(self) -> None:
        super().__init__()
        self.query = nn.Parameter(torch.randn(1, 1, 32))
        self.key, self.value, self.fc = nn.Linear(32, 32), nn.Linear(32, 32), nn.Linear(32, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        tokens = x.flatten(2).transpose(1, 2)
        weights = torch.softmax(self.query @ self.key(tokens).transpose(1, 2) / 32**0.5, dim=-1)
        return self.fc((weights @ self.value(tokens)).squeeze(1))


@network("heads")
def attention_pooling() -> nn.Module:
    return Headed(AttentionPool())


class Cosine(nn.Module):
    """Cosine similarity to class vectors, times a learned scale."""

    def __init__(self, clip: bool) -> None:
        super().__init__()
        self.classes = nn.Parameter(torch.randn(10, 32))
        self.scale = nn.Parameter(torch.tensor(2.0))
        self.clip = clip

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.normalize(x.mean((2, 3)) - 0.4, dim=1)
        if self.clip:
            return self.scale.exp() * x @ F.normalize(self.classes, dim=1).t()
        return self.scale * F.linear(x, F.normalize(self.classes, dim=1))


@network("heads")
def cosine_head() -> nn.Module:
    return Headed(Cosine(clip=False))


@network("heads", export={"do_constant_folding": False})
def clip_temperature() -> nn.Module:
    return Headed(Cosine(clip=True))


class Embedding(nn.Module):
    """Two outputs of one shape: an embedding first, then the logits."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.fc = nn.Linear(32, 10), nn.Linear(10, 10)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        embedding = torch.tanh(self.embed(x.mean((2, 3))))
        return embedding, self.fc(embedding)


@network("heads", outputs=("embedding", "logits"), logits=1)
def embedding_as_wide_as_classes() -> nn.Module:
    return Headed(Embedding())


@network("heads", outputs=("out0", "out1"), logits=1, options={"output": "out1"})
def two_unnamed_outputs() -> nn.Module:
    return Headed(Embedding())


@network("heads", head="probabilities")
def softmax_inside() -> nn.Module:
    return Headed(mean_head(nn.Softmax(dim=1)))


@network("heads", head="log-probabilities")
def log_softmax_inside() -> nn.Module:
    return Headed(mean_head(nn.LogSoftmax(dim=1)))


class SoftmaxFlatten(nn.Module):
    """Logits as a map of one position, a softmax over channels, then a flatten."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Conv2d(32, 10, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.softmax(self.fc(F.adaptive_avg_pool2d(x, 1)), dim=1).flatten(1)


@network("heads", head="probabilities")
def softmax_then_flatten() -> nn.Module:
    return Headed(SoftmaxFlatten())


class ExpSumDiv(nn.Module):
    """A softmax written out."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        e = torch.exp(x - x.amax(dim=1, keepdim=True))
        return e / e.sum(dim=1, keepdim=True)


@network("heads", head="probabilities")
def softmax_written_out() -> nn.Module:
    return Headed(mean_head(ExpSumDiv()))


class MapLogits(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Conv2d(32, 10, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(F.adaptive_avg_pool2d(x, 1))


@network("heads", note="logits [N, 10, 1, 1]")
def map_logits() -> nn.Module:
    return Headed(MapLogits())


@network("heads", head="labels", note="ten independent labels")
def sigmoid_multi_label() -> nn.Module:
    return Headed(mean_head(nn.Sigmoid()))


class Squeeze(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.squeeze(-1)


@network("heads", classes=1, head="binary")
def one_logit() -> nn.Module:
    return Headed(mean_head(classes=1))


@network("heads", classes=1, head="binary-probability")
def one_sigmoid() -> nn.Module:
    return Headed(mean_head(nn.Sigmoid(), classes=1))


@network("heads", classes=1, head="binary", note="logits [N]")
def one_logit_squeezed() -> nn.Module:
    return Headed(mean_head(nn.Flatten(0), classes=1))


@network("heads", classes=1, head="binary-probability", note="probabilities [N]")
def one_sigmoid_squeezed() -> nn.Module:
    return Headed(mean_head(nn.Sigmoid(), Squeeze(), classes=1))


@network("heads", channels=1, preprocess={"channels": "gray", "mean": [0], "std": [1]})
def gray_input() -> nn.Module:
    return Headed(mean_head(), channels=1)


@network("heads", channels=4)
def four_channels() -> nn.Module:
    return Headed(mean_head(), channels=4)
