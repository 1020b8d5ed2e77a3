"""Operator sets newer than torch's exporter writes (18 to 21), each with operators that came or changed with it."""
import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import helper
from torch import nn

from entry import network
from nets.built import Writer, centred


class Eighteen(nn.Module):
    """GroupNormalization, Mish, Split by count, Pad and Resize of named axes, antialiased, reductions of axes by input."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2, self.head = nn.Conv2d(3, 24, 3, 2, 1), nn.Conv2d(24, 32, 3, 2), nn.Linear(64, 10)
        self.register_buffer("scale", 0.6 + 0.8 * torch.rand(4))
        self.register_buffer("shift", 0.2 * torch.randn(4))

    def norm(self, x: torch.Tensor) -> torch.Tensor:
        each = x.shape[1] // 4
        return F.group_norm(x, 4, self.scale.repeat_interleave(each), self.shift.repeat_interleave(each))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a, b = F.mish(self.norm(self.conv1(x))).chunk(2, 1)
        x = F.relu(self.conv2(F.pad(torch.cat([b, a], 1), [1, 1, 1, 1])))
        x = F.interpolate(x, scale_factor=0.5, mode="bilinear", antialias=True)
        return self.head(torch.cat([x.amax((2, 3)), x.norm(dim=(2, 3)) / 8], 1))


def write_18(net: Eighteen) -> onnx.ModelProto:
    w = Writer()
    x = w.node("Conv", ["images", w.constant("c1/w", net.conv1.weight), w.constant("c1/b", net.conv1.bias)], "c1", strides=[2, 2], pads=[1] * 4)
    x = w.node("GroupNormalization", [x, w.constant("gn/s", net.scale), w.constant("gn/b", net.shift)], "gn", num_groups=4)
    x = w.node("Mish", [x], "m1")
    w.nodes.append(helper.make_node("Split", [x], ["a", "b"], name="split", axis=1, num_outputs=2))
    x = w.node("Concat", ["b", "a"], "swapped", axis=1)
    x = w.node("Pad", [x, w.constant("pads", np.array([1, 1, 1, 1])), "", w.constant("pad/axes", np.array([2, 3]))], "padded")
    x = w.node("Conv", [x, w.constant("c2/w", net.conv2.weight), w.constant("c2/b", net.conv2.bias)], "c2", strides=[2, 2])
    x = w.node("Relu", [x], "r2")
    x = w.node("Resize", [x, "", w.constant("scales", np.float32([0.5, 0.5]))], "small", axes=[2, 3], mode="linear", antialias=1, exclude_outside=1)
    axes = w.constant("axes", np.array([2, 3]))
    peaks = w.node("ReduceMax", [x, axes], "peaks", keepdims=0)
    norms = w.node("Div", [w.node("ReduceL2", [x, axes], "norms", keepdims=0), w.constant("eight", np.float32(8))], "eighths")
    x = w.node("Concat", [peaks, norms], "pooled", axis=1)
    return w.model(["N", 3, 64, 64], w.node("Gemm", [x, w.constant("h/w", net.head.weight), w.constant("h/b", net.head.bias)], "logits", transB=1), opset=18)


network("opsets", "opset18", opset=18, exporter="by hand", export={"write": write_18})(Eighteen)


class Nineteen(nn.Module):
    """Circular padding, pooling with dilations, a resize that keeps the aspect ratio."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2, self.head = nn.Conv2d(3, 24, 3, 2), nn.Conv2d(24, 32, 3), nn.Linear(32, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.conv1(F.pad(x, [1, 1, 1, 1], mode="circular")))
        quarter = torch.full((24, 1, 2, 2), 0.25, dtype=x.dtype)
        x = F.conv2d(x, quarter, stride=2, dilation=2, groups=24)
        x = F.interpolate(F.relu(self.conv2(x)), size=(20, 20), mode="nearest")
        return self.head(x.mean((2, 3)))


def write_19(net: Nineteen) -> onnx.ModelProto:
    w = Writer()
    x = w.node("Pad", ["images", w.constant("pads", np.array([0, 0, 1, 1, 0, 0, 1, 1]))], "wrapped", mode="wrap")
    x = w.node("Conv", [x, w.constant("c1/w", net.conv1.weight), w.constant("c1/b", net.conv1.bias)], "c1", strides=[2, 2])
    x = w.node("Relu", [x], "r1")
    x = w.node("AveragePool", [x], "pool", kernel_shape=[2, 2], strides=[2, 2], dilations=[2, 2])
    x = w.node("Relu", [w.node("Conv", [x, w.constant("c2/w", net.conv2.weight), w.constant("c2/b", net.conv2.bias)], "c2")], "r2")
    x = w.node(
        "Resize", [x, "", "", w.constant("sizes", np.array([20, 40]))], "large", axes=[2, 3], mode="nearest",
        keep_aspect_ratio_policy="not_larger", coordinate_transformation_mode="asymmetric", nearest_mode="floor",
    )  # fmt: skip
    x = w.node("Flatten", [w.node("GlobalAveragePool", [x], "pooled")], "flat")
    return w.model(["N", 3, 64, 64], w.node("Gemm", [x, w.constant("h/w", net.head.weight), w.constant("h/b", net.head.bias)], "logits", transB=1), opset=19)


network("opsets", "opset19", opset=19, exporter="by hand", export={"write": write_19})(Nineteen)


class Twenty(nn.Module):
    """Both forms of Gelu as an operator, a spatial transformer with a fixed matrix (AffineGrid, GridSample)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2, self.head = nn.Conv2d(3, 24, 3, 2, 1), nn.Conv2d(24, 32, 3, 2, 1), nn.Linear(32, 10)
        self.register_buffer("theta", torch.tensor([[[0.9, 0.2, 0.05], [-0.2, 0.9, -0.1]]]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.gelu(self.conv1(x))
        grid = F.affine_grid(self.theta, [1, 1, 32, 32], align_corners=False).to(x.dtype).expand(len(x), -1, -1, -1)
        x = F.grid_sample(x, grid, mode="bilinear", padding_mode="border", align_corners=False)
        return self.head(F.gelu(self.conv2(x), approximate="tanh").mean((2, 3)))


def write_20(net: Twenty) -> onnx.ModelProto:
    w = Writer()
    x = w.node("Conv", ["images", w.constant("c1/w", net.conv1.weight), w.constant("c1/b", net.conv1.bias)], "c1", strides=[2, 2], pads=[1] * 4)
    x = w.node("Gelu", [x], "g1")
    grid = w.node("AffineGrid", [w.constant("theta", net.theta), w.constant("grid/size", np.array([1, 1, 32, 32]))], "grid", align_corners=0)
    first = w.node("Gather", [w.node("Shape", [x], "shape"), w.constant("zero", np.array([0]))], "batch", axis=0)
    size = w.node("Concat", [first, w.constant("rest", np.array([32, 32, 2]))], "grids/size", axis=0)
    grids = w.node("Expand", [grid, size], "grids")
    x = w.node("GridSample", [x, grids], "sampled", mode="linear", padding_mode="border", align_corners=0)
    x = w.node("Conv", [x, w.constant("c2/w", net.conv2.weight), w.constant("c2/b", net.conv2.bias)], "c2", strides=[2, 2], pads=[1] * 4)
    x = w.node("Gelu", [x], "g2", approximate="tanh")
    x = w.node("Flatten", [w.node("GlobalAveragePool", [x], "pooled")], "flat")
    return w.model(["N", 3, 64, 64], w.node("Gemm", [x, w.constant("h/w", net.head.weight), w.constant("h/b", net.head.bias)], "logits", transB=1), opset=20)


network("opsets", "opset20", opset=20, exporter="by hand", export={"write": write_20})(Twenty)

INT4 = 22  # TensorProto.INT4, which onnx 1.12 does not name


class TwentyOne(nn.Module):
    """GroupNormalization with scales per channel, weights of 4 bits in blocks, of 16 bits."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 24, 3, 2, 1), nn.Conv2d(24, 32, 3, 2, 1)
        self.norm, self.fc, self.head = nn.GroupNorm(4, 24), nn.Linear(32, 32), nn.Linear(32, 10)

    def blocks(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The product's weights [in, out] as whole numbers of 4 bits and a scale for every 16 inputs."""
        weight = self.fc.weight.detach().t()
        scale = weight.view(2, 16, 32).abs().amax(1) / 7
        return torch.clamp(torch.round(weight / scale.repeat_interleave(16, 0)), -8, 7), scale

    def sixteen(self) -> tuple[torch.Tensor, torch.Tensor]:
        weight = self.conv2.weight.detach()
        scale = weight.abs().max() / 32767
        return torch.round(weight / scale), scale

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.norm(self.conv1(x)))
        q, s = self.sixteen()
        x = F.relu(F.conv2d(x, q * s, self.conv2.bias, 2, 1)).mean((2, 3))
        q, s = self.blocks()
        return self.head(F.relu(x @ (q * s.repeat_interleave(16, 0)) + self.fc.bias))


def write_21(net: TwentyOne) -> onnx.ModelProto:
    w = Writer()
    x = w.node("Conv", ["images", w.constant("c1/w", net.conv1.weight), w.constant("c1/b", net.conv1.bias)], "c1", strides=[2, 2], pads=[1] * 4)
    x = w.node("GroupNormalization", [x, w.constant("gn/s", net.norm.weight), w.constant("gn/b", net.norm.bias)], "gn", num_groups=4)
    x = w.node("Relu", [x], "r1")
    q, s = net.sixteen()
    weight = w.node("DequantizeLinear", [w.constant("c2/q", q.to(torch.int16)), w.constant("c2/s", s)], "c2/w")
    x = w.node("Relu", [w.node("Conv", [x, weight, w.constant("c2/b", net.conv2.bias)], "c2", strides=[2, 2], pads=[1] * 4)], "r2")
    x = w.node("Flatten", [w.node("GlobalAveragePool", [x], "pooled")], "flat")
    q, s = net.blocks()
    halves = (q.to(torch.int8).numpy().reshape(-1) & 15).astype(np.uint8)
    packed = onnx.TensorProto(name="fc/q", data_type=INT4, dims=[32, 32], raw_data=(halves[::2] | (halves[1::2] << 4)).tobytes())
    w.constants.append(packed)
    weight = w.node("DequantizeLinear", ["fc/q", w.constant("fc/s", s)], "fc/w", axis=0, block_size=16)
    x = w.node("Relu", [w.node("Add", [w.node("MatMul", [x, weight], "fc/product"), w.constant("fc/b", net.fc.bias)], "fc")], "r3")
    model = w.model(["N", 3, 64, 64], w.node("Gemm", [x, w.constant("h/w", net.head.weight), w.constant("h/b", net.head.bias)], "logits", transB=1), opset=21)
    model.ir_version = 10
    return model


network("opsets", "opset21", opset=21, exporter="by hand", calibrate=centred, export={"write": write_21}, note="weights of 4 and 16 bits")(TwentyOne)
