"""One small network in many kinds of files: element types, external data, fixed batches, names."""
import os
import subprocess
from functools import partial

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from entry import network
from nets.convolutional import BasicBlock, Pooled, conv
from weights import randomise


def small() -> nn.Module:
    stem = (conv(3, 24, stride=2, bias=False), nn.BatchNorm2d(24), nn.ReLU())
    return Pooled(*stem, BasicBlock(24, nn.BatchNorm2d), conv(24, 32, stride=2), nn.ReLU(), width=32)


def stored_as(path: str, *, to: int) -> None:
    """Stores every weight in 16 bits, behind a Cast."""
    model = onnx.load(path)
    casts, kept = [], []
    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT:
            kept.append(tensor)
            continue
        values = numpy_helper.to_array(tensor)
        name = tensor.name + "/stored"
        if to == TensorProto.FLOAT16:
            kept.append(numpy_helper.from_array(values.astype(np.float16), name))
        else:
            bits = (values.view(np.uint32) >> 16).astype(np.uint16)
            kept.append(helper.make_tensor(name, to, values.shape, bits.tobytes(), raw=True))
        casts.append(helper.make_node("Cast", [name], [tensor.name], to=TensorProto.FLOAT))
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    nodes = casts + list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.save(model, path)


def rounded(net: nn.Module, pictures: torch.Tensor, classes: int, *, to: torch.dtype) -> None:
    """Weights that 16 bits hold exactly."""
    randomise(net, pictures, classes)
    for part in net.modules():
        for value in (*part.parameters(recurse=False), *part.buffers(recurse=False)):
            if value.is_floating_point():
                value.data = value.data.to(to).float()


def all_half(path: str) -> None:
    """The whole graph in float16, input included."""
    model = onnx.load(path)
    for tensor in model.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), tensor.name))
    for port in (*model.graph.input, *model.graph.output):
        port.type.tensor_type.elem_type = TensorProto.FLOAT16
    del model.graph.value_info[:]
    onnx.save(model, path)


def external(path: str) -> None:
    model = onnx.load(path)
    data = os.path.basename(path).removesuffix(".part") + ".data"
    stale = os.path.join(os.path.dirname(path), data)
    if os.path.exists(stale):
        os.remove(stale)
    onnx.save_model(model, path, save_as_external_data=True, all_tensors_to_one_file=True, location=data, size_threshold=64)


def nameless(path: str) -> None:
    """No node has a name."""
    model = onnx.load(path)
    for node in model.graph.node:
        node.name = ""
    onnx.save(model, path)


def ir3(path: str) -> None:
    """The first format: every initialiser is an input, too."""
    model = onnx.load(path)
    model.ir_version = 3
    for tensor in model.graph.initializer:
        model.graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims)))
    onnx.save(model, path)


def all_symbolic(path: str) -> None:
    """An input of which only the names of the dimensions are known."""
    model = onnx.load(path)
    for axis, dim in enumerate(model.graph.input[0].type.tensor_type.shape.dim):
        dim.dim_param = "NCHW"[axis]
    del model.graph.value_info[:]
    onnx.save(model, path)


def unused_input(path: str) -> None:
    model = onnx.load(path)
    model.graph.input.append(helper.make_tensor_value_info("mask", TensorProto.FLOAT, [1]))
    onnx.save(model, path)


def constant_if(path: str) -> None:
    """An If whose condition is a constant, around the last activation, as scripted modules leave it."""
    model = onnx.load(path)
    graph = model.graph
    index = [i for i, node in enumerate(graph.node) if node.op_type == "Relu"][-1]
    relu = graph.node[index]
    source, target = relu.input[0], relu.output[0]
    branches = [
        helper.make_graph([helper.make_node(op, [source], [f"{target}_{op}"])], op, [], [helper.make_empty_tensor_value_info(f"{target}_{op}")])
        for op in ("Relu", "Identity")
    ]
    graph.initializer.append(numpy_helper.from_array(np.array(True), "condition"))
    graph.node.remove(relu)
    graph.node.insert(index, helper.make_node("If", ["condition"], [target], name="If", then_branch=branches[0], else_branch=branches[1]))
    onnx.save(model, path)


def optimised(path: str, *, level: str) -> None:
    """The file as ONNX Runtime writes it after its own optimisations."""
    script = os.path.join(os.path.dirname(__file__), "..", "optimise.mjs")
    subprocess.run(["node", script, path, level], check=True)


def one_name(path: str) -> None:
    model = onnx.load(path)
    for node in model.graph.node:
        node.name = "node"
    onnx.save(model, path)


network("files", "weights-fp16", export={"training": "unfolded"}, calibrate=partial(rounded, to=torch.float16), after=partial(stored_as, to=TensorProto.FLOAT16))(small)
network("files", "weights-bf16", export={"training": "unfolded"}, calibrate=partial(rounded, to=torch.bfloat16), after=partial(stored_as, to=TensorProto.BFLOAT16))(small)
network("files", "graph-fp16", export={"training": "unfolded"}, calibrate=partial(rounded, to=torch.float16), after=all_half, same=0.02, note="compared with float32")(small)
network("files", "graph-fp64", dtype=torch.float64)(small)
network("files", "external-data", after=external)(small)
network("files", "fixed-batch-1", fixed=True, batch=1)(small)
network("files", "fixed-batch-8", fixed=True, batch=8)(small)
network("files", "nodes-without-names", after=nameless)(small)
network("files", "ir-3", opset=9, after=ir3)(small)
network("files", "input-all-symbolic", options={"size": [64, 64]}, after=all_symbolic)(small)
network("files", "second-unused-input", after=unused_input)(small)
network("files", "constant-if", after=constant_if)(small)
network("files", "ort-optimised-basic", after=partial(optimised, level="basic"))(small)
network("files", "ort-optimised-extended", after=partial(optimised, level="extended"))(small)
network("files", "ort-optimised-all", after=partial(optimised, level="all"))(small)
network("files", "module-functions", opset=15, export={"export_modules_as_functions": {BasicBlock}})(small)
network("files", "one-node-name-for-all", after=one_name)(small)


class Bytes(nn.Module):
    """Takes pixels as they are, uint8, and scales them itself."""

    def __init__(self) -> None:
        super().__init__()
        self.net = small()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net((x.float() / 255 - 0.45) / 0.25)


network("files", "input-uint8", dtype=torch.uint8, preprocess={"range": [0, 255]})(Bytes)


class LastBytes(Bytes):
    """The same from pixels as decoders give them, `[N, H, W, C]`."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.permute(0, 3, 1, 2))


network("files", "input-uint8-nhwc", dtype=torch.uint8, layout="nhwc", preprocess={"range": [0, 255], "layout": "nhwc"})(LastBytes)
