"""The families of torchvision, each with a head of ten classes and small images."""
from functools import partial

import torch
import torchvision.models as models
from torch import nn

from entry import add, network
from weights import randomise


def plain(builder: str, **settings):
    return partial(getattr(models, builder), weights=None, num_classes=10, **settings)


def narrow(builder: str, width: int, channels: int = 512):
    """A VGG for small images: its maps are pooled to 2 × 2, and its products may be narrower, so that its file is small."""

    def build() -> nn.Module:
        net = getattr(models, builder)(weights=None, num_classes=10)
        net.avgpool = nn.AdaptiveAvgPool2d(2)
        net.classifier = nn.Sequential(
            nn.Linear(channels * 4, width), nn.ReLU(True), nn.Dropout(), nn.Linear(width, width), nn.ReLU(True), nn.Dropout(),
            nn.Linear(width, 10),
        )  # fmt: skip
        return net

    return build


add("alexnet", narrow("alexnet", 4096, 256), "torchvision", size=96, note="96 px, pooled to 2 × 2")
add("vgg11", narrow("vgg11", 4096), "torchvision", note="pooled to 2 × 2")
for name in ("vgg13", "vgg16", "vgg19", "vgg11_bn", "vgg16_bn"):
    add(name, narrow(name, 256), "torchvision", note="pooled to 2 × 2, products 256 wide instead of 4096")
for name in (
    "resnet18", "resnet34", "resnet50", "resnet101", "resnext50_32x4d", "wide_resnet50_2", "squeezenet1_0",
    "squeezenet1_1", "densenet121", "densenet169", "mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large",
    "shufflenet_v2_x0_5", "shufflenet_v2_x1_0", "shufflenet_v2_x2_0", "mnasnet0_5", "mnasnet1_0", "efficientnet_b0",
    "efficientnet_b1", "efficientnet_b3", "efficientnet_v2_s", "regnet_x_400mf", "regnet_x_1_6gf", "regnet_y_400mf",
    "regnet_y_800mf", "convnext_tiny", "convnext_small",
):  # fmt: skip
    add(name, plain(name), "torchvision")
add("inception_v3", plain("inception_v3", aux_logits=False, init_weights=False), "torchvision", size=96)
add("googlenet", plain("googlenet", aux_logits=False, init_weights=False), "torchvision")
add("swin_t", plain("swin_t"), "torchvision", fixed=True, batch=4)


def without_key_bias(net: nn.Module, x: torch.Tensor, classes: int) -> None:
    """Swin V2 sets the bias of its keys to zero at every call, which its export would lose: here it is zero."""
    randomise(net, x, classes)
    for part in net.modules():
        if hasattr(part, "logit_scale"):
            bias = part.qkv.bias.data
            bias[len(bias) // 3 : 2 * len(bias) // 3] = 0


add("swin_v2_t", plain("swin_v2_t"), "torchvision", fixed=True, batch=4, calibrate=without_key_bias)


@network("torchvision", "maxvit_t", fixed=True, batch=4, note="64 px, windows of 2")
def maxvit() -> nn.Module:
    return models.MaxVit(
        input_size=(64, 64), stem_channels=64, partition_size=2, block_channels=[64, 128, 256, 512],
        block_layers=[2, 2, 5, 2], head_dim=32, stochastic_depth_prob=0.2, num_classes=10,
    )  # fmt: skip


def vit(patch: int, layers: int, heads: int, width: int, hidden: int):
    return partial(
        models.VisionTransformer, image_size=64, patch_size=patch, num_layers=layers, num_heads=heads,
        hidden_dim=width, mlp_dim=hidden, num_classes=10,
    )  # fmt: skip


add("vit_b_16", vit(16, 12, 12, 768, 3072), "torchvision", opset=14, note="64 px")
add("vit_b_32", vit(32, 12, 12, 768, 3072), "torchvision", opset=14, fixed=True, batch=4, note="64 px")
add("vit-tiny", vit(8, 6, 3, 192, 768), "torchvision", opset=16, note="VisionTransformer, 192 wide")

# Running statistics that fit nothing: float32 and float64 logits differ visibly.
add(
    "efficientnet_v2_s-odd-statistics", plain("efficientnet_v2_s"), "torchvision",
    calibrate=lambda net, pictures, classes: odd_statistics(net, pictures, classes),
    note="running statistics drawn at random",
)  # fmt: skip


def odd_statistics(net: nn.Module, pictures: torch.Tensor, classes: int) -> None:
    randomise(net, pictures, classes)
    for part in net.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.normal_(part.running_mean, std=0.5)
            nn.init.uniform_(part.running_var, 0.3, 1.5)


for opset in (9, 10, 11, 12, 14, 15, 16, 17):
    add(f"resnet18-opset{opset}", plain("resnet18"), "opsets", opset=opset)
add("resnet18-unfolded", plain("resnet18"), "opsets", export={"training": "unfolded"}, note="batch norm kept")
add("mobilenet_v3_small-opset17", plain("mobilenet_v3_small"), "opsets", opset=17)
add("densenet121-unfolded", plain("densenet121"), "opsets", export={"training": "unfolded"}, note="batch norm kept")
