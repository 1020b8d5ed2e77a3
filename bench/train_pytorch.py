"""Training speed of PyTorch on the networks of `bench/train.ts`: prints images per second, of the clock and of processor time.

usage: python3 train_pytorch.py alexnet|alexnet-bn|resnet18 BATCH THREADS STEPS
"""

import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F


def alexnet(norm):
    widths = [32, 64, 96, 96, 96]
    layers, inputs = [], 3
    for i, outputs in enumerate(widths):
        kernel = 5 if i == 0 else 3
        layers.append(nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=not norm))
        if norm:
            layers.append(nn.BatchNorm2d(outputs))
        layers.append(nn.ReLU(inplace=True))
        if i in (0, 1, 4):
            layers.append(nn.MaxPool2d(3, 2, 1))
        inputs = outputs
    return nn.Sequential(
        *layers,
        nn.Flatten(),
        *[nn.Linear(96 * 16, 256), nn.ReLU(inplace=True), nn.Dropout(0.5)],
        *[nn.Linear(256, 256), nn.ReLU(inplace=True), nn.Dropout(0.5)],
        nn.Linear(256, 10),
    )


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        return F.relu(self.bn2(self.conv2(y)) + self.shortcut(x), inplace=True)


def resnet18(width):
    layers, inputs = [nn.Conv2d(3, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)], width
    for stage in range(4):
        for block in range(2):
            outputs = width * 2**stage
            layers.append(Block(inputs, outputs, 2 if stage > 0 and block == 0 else 1))
            inputs = outputs
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, 10))


def main():
    name, batch, threads, steps = sys.argv[1], *map(int, sys.argv[2:5])
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    network = {"alexnet": lambda: alexnet(False), "alexnet-bn": lambda: alexnet(True), "resnet18": lambda: resnet18(16)}[name]()
    network.train()
    optimiser = torch.optim.SGD(network.parameters(), 0.01, momentum=0.9, nesterov=True, weight_decay=5e-4)
    images, labels = torch.randn(batch, 3, 32, 32), torch.randint(0, 10, (batch,))

    def step():
        optimiser.zero_grad()
        F.cross_entropy(network(images), labels).backward()
        optimiser.step()

    for _ in range(3):
        step()
    began, spent = time.perf_counter(), time.process_time()
    for _ in range(steps):
        step()
    print(steps * batch / (time.perf_counter() - began), steps * batch / (time.process_time() - spent))


main()
