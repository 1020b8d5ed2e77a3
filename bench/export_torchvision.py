"""Exports torchvision networks with random weights and 10 classes, for `bench/sweep.ts --deep FOLDER`.

usage: /usr/bin/python3 bench/export_torchvision.py FOLDER [NAME...] [--classes N]
"""

import argparse
import inspect

import torch
import torchvision

NETWORKS = ["vgg16", "resnet50", "mobilenet_v2", "convnext_tiny", "vit_b_16"]


def build(name, classes):
    torch.manual_seed(1)
    model = getattr(torchvision.models, name)(weights=None, num_classes=classes)
    if name.startswith("vit"):
        # torchvision starts this head with zeros: all logits are then equal, and every prediction is too close to call.
        torch.nn.init.normal_(model.heads.head.weight, std=0.02)
    return model


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--classes", type=int, default=10)
    given = parser.parse_args()
    folder = given.folder
    # PyTorch from 2.9 on has another exporter as its default, which takes no flexible axes this way.
    legacy = {"dynamo": False} if "dynamo" in inspect.signature(torch.onnx.export).parameters else {}
    for name in given.names or NETWORKS:
        model = build(name, given.classes)
        # Attention has a fused kernel in evaluation that the exporter does not know; without dropout training is the same.
        model.train(name.startswith("vit"))
        torch.onnx.export(
            model,
            torch.zeros(1, 3, 224, 224),
            f"{folder}/{name}.onnx",
            input_names=["input"],
            output_names=["logits"],
            dynamic_axes={"input": {0: "batch"}, "logits": {0: "batch"}},
            opset_version=14,
            **legacy,
            training=torch.onnx.TrainingMode.PRESERVE,
            do_constant_folding=not name.startswith("vit"),
        )
        print(f"{folder}/{name}.onnx")


if __name__ == "__main__":
    main()
