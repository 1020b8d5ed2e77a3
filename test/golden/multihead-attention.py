#!/usr/bin/python3
"""Makes multihead-attention.json: small networks around torch.nn.MultiheadAttention as ONNX files, images, and the logits
of the network and of the network without each head. A head is taken away in PyTorch by zeros in the columns of the output
projection that read it, which is the same as zeros in its slice of the concatenated heads.

    /usr/bin/python3 -W ignore test/golden/multihead-attention.py
"""
import base64
import io
import json
import pathlib

import torch

SIDE, CHANNELS, HEADS, IMAGES = 12, 12, 3, 16


class Net(torch.nn.Module):
    def __init__(self, kind: str):
        super().__init__()
        self.kind = kind
        self.stem = torch.nn.Conv2d(3, CHANNELS, 4, 4)
        if kind == "encoder":
            self.block = torch.nn.TransformerEncoderLayer(CHANNELS, HEADS, 16, dropout=0.0, batch_first=True)
            self.attention = self.block.self_attn
        else:
            self.attn = torch.nn.MultiheadAttention(CHANNELS, HEADS, batch_first=kind == "batch-first")
            self.attention = self.attn
        self.fc = torch.nn.Linear(CHANNELS, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        tokens = self.stem(x).flatten(2).transpose(1, 2)
        if self.kind == "encoder":
            return self.fc(self.block(tokens).mean(1))
        if self.kind == "batch-first":  # with the attention's weights as a second result
            return self.fc((tokens + self.attn(tokens, tokens, tokens)[0]).mean(1))
        tokens = tokens.transpose(0, 1)  # [tokens, N, channels]
        return self.fc((tokens + self.attn(tokens, tokens, tokens, need_weights=False)[0]).mean(0))


def rounded(logits: torch.Tensor) -> list[list[float]]:
    return [[round(logit, 5) for logit in row] for row in logits.tolist()]


def golden(kind: str) -> dict:
    torch.manual_seed(3)
    net = Net(kind).train()  # without dropout the same as eval(), but PyTorch does not fuse the operators
    with torch.no_grad():
        for parameter in net.attention.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.8)
        for parameter in net.fc.parameters():
            parameter.copy_(torch.randn_like(parameter))
    pixels = torch.randint(0, 256, (IMAGES, 3, SIDE, SIDE), dtype=torch.uint8)
    x = pixels.float() / 255
    with torch.no_grad():  # every class is the largest on some images
        logits = net(x)
        net.fc.weight.div_(logits.std(0)[:, None])
        net.fc.bias.sub_(logits.mean(0)).div_(logits.std(0))
    file = io.BytesIO()
    torch.onnx.export(net, x[:2], file, opset_version=14, input_names=["input"], output_names=["logits"],
                      dynamic_axes={"input": {0: "N"}, "logits": {0: "N"}}, training=torch.onnx.TrainingMode.PRESERVE)  # fmt: skip
    weight, width = net.attention.out_proj.weight, CHANNELS // HEADS
    without = []
    with torch.no_grad():
        intact = net(x)
        for head in range(HEADS):
            kept = weight.clone()
            weight[:, head * width : (head + 1) * width] = 0
            without.append(rounded(net(x)))
            weight.copy_(kept)
    return {
        "name": kind,
        "side": SIDE,
        "model": base64.b64encode(file.getvalue()).decode(),
        "images": base64.b64encode(pixels.numpy().tobytes()).decode(),
        "logits": rounded(intact),
        "without": without,
    }


out = pathlib.Path(__file__).with_suffix(".json")
networks = [golden(kind) for kind in ("batch-first", "tokens-first", "encoder")]
out.write_text(json.dumps({"networks": networks}) + "\n")
for network in networks:
    before = torch.tensor(network["logits"]).argmax(1)
    changed = [(torch.tensor(logits).argmax(1) != before).sum().item() for logits in network["without"]]
    margins = [t.topk(2, 1).values.diff().abs().min().item() for t in map(torch.tensor, [network["logits"], *network["without"]])]
    print(network["name"], before.bincount().tolist(), "changed", changed, "smallest margin", min(margins))
