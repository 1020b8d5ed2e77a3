"""What a sweep costs with PyTorch hooks: the whole network once more for every unit, its channel set to zero.

usage: /usr/bin/python3 bench/hooks_pytorch.py NETWORK MODULE [--images 32] [--units 4] [--threads 2] [--device cpu] [--classes 10]

NETWORK is a torchvision network as `export_torchvision.py` makes it. Prints one JSON line: the number of units, and seconds
for one unit and image, measured on some units and all images after one pass that warms up.
"""

import argparse
import json
import time

import torch
from export_torchvision import build


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("network")
    parser.add_argument("module")
    parser.add_argument("--images", type=int, default=32)
    parser.add_argument("--units", type=int, default=4)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--classes", type=int, default=10)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    model = build(args.network, args.classes).eval().to(args.device)
    images = torch.randn(args.images, 3, 224, 224, device=args.device)
    module = dict(model.named_modules())[args.module]
    state = {"unit": None, "units": 0}

    def hook(_module, _inputs, output):
        axis = output.dim() - 1 if isinstance(module, torch.nn.Linear) else 1
        state["units"] = output.shape[axis]
        if state["unit"] is None:
            return output
        output = output.clone()
        output.select(axis, state["unit"]).zero_()
        return output

    module.register_forward_hook(hook)

    def wait():
        if args.device.startswith("cuda"):
            torch.cuda.synchronize()

    with torch.no_grad():
        model(images)
        wait()
        began = time.perf_counter()
        for unit in range(args.units):
            state["unit"] = unit
            model(images)
        wait()
        seconds = (time.perf_counter() - began) / (args.units * args.images)
    print(json.dumps({"units": state["units"], "secondsPerPair": seconds}))


if __name__ == "__main__":
    main()
