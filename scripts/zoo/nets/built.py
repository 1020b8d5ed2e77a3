"""Graphs that are written operator by operator, as exporters of other frameworks leave them, each with the same network
in torch."""
import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from entry import network
from weights import randomise


class Writer:
    """Collects nodes and constants of a graph."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, value) -> str:
        array = value.detach().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def node(self, op: str, inputs: list[str], output: str, **attributes) -> str:
        self.nodes.append(helper.make_node(op, inputs, [output], name=output, **attributes))
        return output

    def model(self, input_shape: list, output: str, *, opset: int = 13) -> onnx.ModelProto:
        graph = helper.make_graph(
            self.nodes, "graph",
            [helper.make_tensor_value_info("images", TensorProto.FLOAT, input_shape)],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["N", 10])],
            self.constants,
        )  # fmt: skip
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], producer_name="by hand")
        model.ir_version = 8
        return model


class TfLike(nn.Module):
    """Maps are `[N, H, W, C]` everywhere but around a convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 24, 3, 2)  # biases are added to [N, H, W, C]
        self.conv1, self.conv2 = nn.Conv2d(24, 24, 3, 1), nn.Conv2d(24, 24, 3, 1)
        self.head = nn.Linear(24, 10)

    @staticmethod
    def same(part: nn.Conv2d, x: torch.Tensor) -> torch.Tensor:
        x = x.permute(0, 3, 1, 2)
        x = F.pad(x, [0, 1, 0, 1] if part.stride[0] == 2 else [1, 1, 1, 1])
        return F.conv2d(x, part.weight, None, part.stride).permute(0, 2, 3, 1) + part.bias

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.same(self.stem, x))
        y = F.relu(self.same(self.conv1, x))
        x = F.relu(x + self.same(self.conv2, y))
        return self.head(x.mean((1, 2)))


def write_tf(net: TfLike) -> onnx.ModelProto:
    w = Writer()

    def conv(name: str, part: nn.Conv2d, x: str) -> str:
        x = w.node("Transpose", [x], f"{name}/nchw", perm=[0, 3, 1, 2])
        weights = [w.constant(f"{name}/kernel", part.weight)]
        stride = part.stride[0]
        x = w.node("Conv", [x, *weights], f"{name}/conv", auto_pad="SAME_UPPER", kernel_shape=[3, 3], strides=[stride, stride])
        x = w.node("Transpose", [x], f"{name}/nhwc", perm=[0, 2, 3, 1])
        return w.node("Add", [x, w.constant(f"{name}/bias", part.bias)], f"{name}/biased")

    x = w.node("Relu", [conv("stem", net.stem, "images")], "stem/relu")
    y = w.node("Relu", [conv("conv1", net.conv1, x)], "conv1/relu")
    x = w.node("Relu", [w.node("Add", [x, conv("conv2", net.conv2, y)], "add")], "add/relu")
    x = w.node("ReduceMean", [x], "pooled", axes=[1, 2], keepdims=0)
    x = w.node("MatMul", [x, w.constant("head/kernel", net.head.weight.t())], "head/product")
    return w.model(["N", 64, 64, 3], w.node("Add", [x, w.constant("head/bias", net.head.bias)], "logits"))


network("built", "tf-nhwc-same", exporter="by hand", layout="nhwc", preprocess={"layout": "nhwc"}, export={"write": write_tf})(TfLike)


class FakeQuantised(nn.Module):
    """Convolutions whose inputs and weights are rounded to 8 bits (QDQ)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2, self.head = nn.Conv2d(3, 16, 3, 2, 1), nn.Conv2d(16, 32, 3, 2, 1), nn.Linear(32, 10)
        self.scales = (1 / 255, 0.04, 0.03)

    @staticmethod
    def round(x: torch.Tensor, scale: float) -> torch.Tensor:
        return torch.clamp(torch.round(x / np.float32(scale)), 0, 255) * np.float32(scale)

    @staticmethod
    def weights(part: nn.Module) -> tuple[torch.Tensor, torch.Tensor]:
        """int8 weights, one scale per output channel."""
        scale = part.weight.detach().flatten(1).abs().amax(1) / 127
        shaped = scale.view(-1, *[1] * (part.weight.dim() - 1))
        return torch.clamp(torch.round(part.weight.detach() / shaped), -127, 127), scale

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for part, scale in zip((self.conv1, self.conv2), self.scales):
            q, s = self.weights(part)
            x = F.relu(F.conv2d(self.round(x, scale), q * s.view(-1, 1, 1, 1), part.bias, part.stride, part.padding))
        q, s = self.weights(self.head)
        return F.linear(self.round(x.mean((2, 3)), self.scales[2]), q * s.view(-1, 1), self.head.bias)


def centred(net: FakeQuantised, pictures: torch.Tensor, classes: int) -> None:
    """The usual weights; the head is no module that a hook sees."""
    randomise(net, pictures, classes)
    with torch.no_grad():
        logits = net(pictures)
        net.head.bias -= logits.mean(0)


def write_qdq(net: FakeQuantised) -> onnx.ModelProto:
    w = Writer()
    zero = w.constant("zero", np.uint8(0))

    def rounded(x: str, scale: float) -> str:
        s = w.constant(f"{x}/scale", np.float32(scale))
        return w.node("DequantizeLinear", [w.node("QuantizeLinear", [x, s, zero], f"{x}/q"), s, zero], f"{x}/dq")

    def weight(name: str, part: nn.Module) -> str:
        q, s = net.weights(part)
        names = [w.constant(f"{name}/w", q.to(torch.int8)), w.constant(f"{name}/s", s), w.constant(f"{name}/z", np.zeros(len(s), np.int8))]
        return w.node("DequantizeLinear", names, f"{name}/weight", axis=0)

    x = "images"
    for name, part, scale in zip(("conv1", "conv2"), (net.conv1, net.conv2), net.scales):
        inputs = [rounded(x, scale), weight(name, part), w.constant(f"{name}/b", part.bias)]
        x = w.node("Relu", [w.node("Conv", inputs, f"{name}/conv", pads=[1] * 4, strides=[2, 2], kernel_shape=[3, 3])], f"{name}/relu")
    x = w.node("Flatten", [w.node("GlobalAveragePool", [x], "pooled")], "flat", axis=1)
    inputs = [rounded(x, net.scales[2]), weight("head", net.head), w.constant("head/b", net.head.bias)]
    return w.model(["N", 3, 64, 64], w.node("Gemm", inputs, "logits", transB=1))


network("built", "qdq-int8", exporter="by hand", calibrate=centred, same=0.03, note="8-bit steps: rounding moves values by one", export={"write": write_qdq})(FakeQuantised)


class ExactQuantised(FakeQuantised):
    """The same with steps that are powers of two and whole pixels, so that no sum is rounded, in no order."""

    def __init__(self) -> None:
        super().__init__()
        self.scales = (1 / 256, 1 / 16, 1 / 32)

    @staticmethod
    def weights(part: nn.Module) -> tuple[torch.Tensor, torch.Tensor]:
        scale = 2 ** torch.ceil(torch.log2(part.weight.detach().flatten(1).abs().amax(1) / 127))
        shaped = scale.view(-1, *[1] * (part.weight.dim() - 1))
        return torch.clamp(torch.round(part.weight.detach() / shaped), -127, 127), scale

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.float() / 256)


def whole_biases(net: ExactQuantised, pictures: torch.Tensor, classes: int) -> None:
    """Biases in steps of the products that they are added to."""
    centred(net, 255 * pictures, classes)
    for part, scale in zip((net.conv1, net.conv2, net.head), net.scales):
        step = scale * net.weights(part)[1]
        part.bias.data = torch.round(part.bias.detach() / step) * step


def write_exact(net: ExactQuantised) -> onnx.ModelProto:
    model = write_qdq(net)
    quantize = model.graph.node[0]
    assert quantize.op_type == "QuantizeLinear"
    model.graph.node[1].input[0] = quantize.input[0]  # pixels are whole numbers already
    model.graph.node.remove(quantize)
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.UINT8
    return model


network(
    "built", "qdq-int8-exact", exporter="by hand", calibrate=whole_biases, dtype=torch.uint8, preprocess={"range": [0, 255]},
    note="steps that are powers of two", export={"write": write_exact},
)(ExactQuantised)  # fmt: skip


def write_operators(net: ExactQuantised) -> onnx.ModelProto:
    """The same as operators on whole numbers, as ONNX Runtime's tools write them in their other format."""
    w = Writer()
    zero = w.constant("zero", np.uint8(0))
    steps = [w.constant(f"step{at}", np.float32(scale)) for at, scale in enumerate((*net.scales[:2], 1 / 32))]
    x = "images"
    for at, (name, part) in enumerate((("conv1", net.conv1), ("conv2", net.conv2))):
        q, s = net.weights(part)
        bias = w.constant(f"{name}/b", torch.round(part.bias / (net.scales[at] * s)).to(torch.int32))
        weight = [w.constant(f"{name}/w", q.to(torch.int8)), w.constant(f"{name}/s", s), w.constant(f"{name}/z", np.zeros(len(s), np.int8))]
        inputs = [x, steps[at], zero, *weight, steps[at + 1], zero, bias]
        x = w.node("QLinearConv", inputs, f"{name}/whole", pads=[1] * 4, strides=[2, 2], kernel_shape=[3, 3])
        x = w.node("DequantizeLinear", [x, steps[at + 1], zero], name) if at == 1 else x
    x = w.node("Flatten", [w.node("GlobalAveragePool", [x], "pooled")], "flat", axis=1)
    model = w.model(["N", 3, 64, 64], w.node("Gemm", [x, w.constant("h/w", net.head.weight), w.constant("h/b", net.head.bias)], "logits", transB=1))
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.UINT8
    return model


class WholeOperators(ExactQuantised):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.float() / 256
        for part, scale in zip((self.conv1, self.conv2), self.scales):
            q, s = self.weights(part)
            x = F.conv2d(self.round(x, scale), q * s.view(-1, 1, 1, 1), part.bias, part.stride, part.padding)
        return F.linear(self.round(x, 1 / 32).mean((2, 3)), self.head.weight, self.head.bias)


network(
    "built", "qoperator-int8", exporter="by hand", calibrate=whole_biases, dtype=torch.uint8, preprocess={"range": [0, 255]},
    note="QLinearConv", export={"write": write_operators},
)(WholeOperators)  # fmt: skip


class KerasLike(nn.Module):
    """A plain stack with batch norm written as Mul and Add and a flatten in `[H, W, C]` order."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 16, 3, 2), nn.Conv2d(16, 24, 3, 2)
        self.register_buffer("scale", 0.5 + torch.rand(16))
        self.register_buffer("shift", 0.2 * torch.randn(16))
        self.fc1, self.head = nn.Linear(24 * 256, 32), nn.Linear(32, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.permute(0, 3, 1, 2)
        x = self.conv1(F.pad(x, [0, 1, 0, 1])) * self.scale.view(-1, 1, 1) + self.shift.view(-1, 1, 1)
        x = F.relu(self.conv2(F.pad(F.relu(x), [0, 1, 0, 1])))
        x = x.permute(0, 2, 3, 1).flatten(1)
        return torch.softmax(self.head(F.relu(self.fc1(x))), dim=1)


def write_keras(net: KerasLike) -> onnx.ModelProto:
    w = Writer()
    x = w.node("Transpose", ["images"], "nchw", perm=[0, 3, 1, 2])
    x = w.node("Pad", [x, w.constant("pads1", np.array([0, 0, 0, 0, 0, 0, 1, 1]))], "pad1")
    x = w.node("Conv", [x, w.constant("c1/w", net.conv1.weight), w.constant("c1/b", net.conv1.bias)], "c1", strides=[2, 2])
    x = w.node("Mul", [x, w.constant("bn/scale", net.scale.view(-1, 1, 1))], "bn/mul")
    x = w.node("Relu", [w.node("Add", [x, w.constant("bn/shift", net.shift.view(-1, 1, 1))], "bn/add")], "r1")
    x = w.node("Conv", [x, w.constant("c2/w", net.conv2.weight), w.constant("c2/b", net.conv2.bias)], "c2", strides=[2, 2], pads=[0, 0, 1, 1])
    x = w.node("Transpose", [w.node("Relu", [x], "r2")], "nhwc", perm=[0, 2, 3, 1])
    x = w.node("Reshape", [x, w.constant("flat/shape", np.array([-1, 24 * 256]))], "flat")
    for name, part in (("fc1", net.fc1), ("head", net.head)):
        x = w.node("MatMul", [x, w.constant(f"{name}/kernel", part.weight.t())], f"{name}/product")
        x = w.node("Add", [x, w.constant(f"{name}/bias", part.bias)], f"{name}/biased")
        x = w.node("Relu", [x], "fc1/relu") if name == "fc1" else w.node("Softmax", [x], "probabilities", axis=-1)
    return w.model(["N", 64, 64, 3], x)


network(
    "built", "keras-nhwc-flatten", exporter="by hand", layout="nhwc", preprocess={"layout": "nhwc"}, head="probabilities",
    export={"write": write_keras},
)(KerasLike)  # fmt: skip


class KerasMobile(nn.Module):
    """A small MobileNetV2 as tf2onnx leaves Keras': scaled in `[N, H, W, C]`, turned once, batch norm in some convolutions
    and behind others, a depthwise one, a residual, an average without axes, a softmax at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm = nn.Conv2d(3, 16, 3, 2, bias=False), nn.BatchNorm2d(16)
        self.expand, self.depth, self.norm2 = nn.Conv2d(16, 32, 1), nn.Conv2d(32, 32, 3, 1, 1, groups=32, bias=False), nn.BatchNorm2d(32)
        self.project, self.last, self.head = nn.Conv2d(32, 16, 1), nn.Conv2d(16, 40, 1), nn.Linear(40, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = (x * 2 - 1).permute(0, 3, 1, 2)
        x = F.relu6(self.norm(self.stem(F.pad(x, [0, 1, 0, 1]))))
        x = x + self.project(F.relu6(self.norm2(self.depth(F.relu6(self.expand(x))))))
        return torch.softmax(self.head(F.relu6(self.last(x)).mean((2, 3))), dim=1)


def write_mobile(net: KerasMobile) -> onnx.ModelProto:
    w = Writer()
    bounds = [w.constant("zero", np.float32(0)), w.constant("six", np.float32(6))]

    def relu6(x: str) -> str:
        return w.node("Clip", [x, *bounds], f"{x}/relu6")

    def conv(name: str, part: nn.Conv2d, x: str, **attributes) -> str:
        bias = [] if part.bias is None else [w.constant(f"{name}/bias", part.bias)]
        return w.node("Conv", [x, w.constant(f"{name}/kernel", part.weight), *bias], f"{name}/Conv2D", **attributes)

    def norm(name: str, part: nn.BatchNorm2d, x: str) -> str:
        values = (part.weight, part.bias, part.running_mean, part.running_var)
        names = [w.constant(f"{name}/{at}", value) for at, value in enumerate(values)]
        return w.node("BatchNormalization", [x, *names], f"{name}/FusedBatchNormV3", epsilon=part.eps)

    x = w.node("Mul", ["images", w.constant("two", np.float32(2))], "rescaling/mul")
    x = w.node("Sub", [x, w.constant("one", np.float32(1))], "rescaling/add")
    x = w.node("Transpose", [x], "stem/nchw", perm=[0, 3, 1, 2])
    x = relu6(norm("stem_bn", net.norm, conv("stem", net.stem, x, strides=[2, 2], auto_pad="SAME_UPPER", kernel_shape=[3, 3])))
    y = relu6(conv("expand", net.expand, x))
    y = relu6(norm("depth_bn", net.norm2, conv("depthwise", net.depth, y, group=32, pads=[1] * 4, kernel_shape=[3, 3])))
    x = w.node("Add", [x, conv("project", net.project, y)], "block_add")
    x = w.node("GlobalAveragePool", [relu6(conv("last", net.last, x))], "pool")
    x = w.node("Squeeze", [x, w.constant("axes", np.array([2, 3]))], "pool/squeezed")
    x = w.node("MatMul", [x, w.constant("predictions/kernel", net.head.weight.t())], "predictions/MatMul")
    x = w.node("Add", [x, w.constant("predictions/bias", net.head.bias)], "predictions/BiasAdd")
    return w.model(["unk__1", 64, 64, 3], w.node("Softmax", [x], "predictions", axis=1))


network(
    "built", "keras-mobilenet", exporter="by hand", layout="nhwc", preprocess={"layout": "nhwc"}, head="probabilities",
    export={"write": write_mobile}, note="as tf2onnx writes it",
)(KerasMobile)  # fmt: skip
