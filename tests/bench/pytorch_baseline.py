#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The same network, batch and data as nn_throughput in plain PyTorch.

A normal loop: default layout, torch.optim.SGD with Nesterov momentum, images
already normalised in memory, one thread. --tuned adds channels-last, the one
setting that costs a PyTorch user a line.

  pytorch_baseline.py train|evaluate [SECONDS] [--tuned]
"""

import gzip
import json
import sys
import time

import numpy
import torch
from torch import nn
from torch.nn import functional

FOLDER = "/usr/share/datasets/fashion-mnist/"
BATCH = 128
EVALUATION_BATCH = 1000
WARM_UP_STEPS = 20


def load(part):
    def read(name, offset):
        with gzip.open(FOLDER + part + name) as file:
            return numpy.frombuffer(file.read(), numpy.uint8, offset=offset)

    images = read("-images-idx3-ubyte.gz", 16).reshape(-1, 1, 28, 28)
    labels = read("-labels-idx1-ubyte.gz", 8)
    pixels = torch.from_numpy(images.astype(numpy.float32)) / 255
    return (pixels - 0.286) / 0.353, torch.from_numpy(
        labels.astype(numpy.int64))


def make_network():
    layers = []
    width_before = 1
    for width, stride in ((16, 1), (32, 2), (64, 2)):
        layers += [
            nn.Conv2d(width_before, width, 3, stride, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
        ]
        width_before = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                         nn.Linear(64, 10))


def train(seconds, tuned):
    images, labels = load("train")
    network = make_network()
    if tuned:
        network = network.to(memory_format=torch.channels_last)
        images = images.contiguous(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(network.parameters(), 0.1, momentum=0.9,
                                nesterov=True, weight_decay=5e-4)
    order = torch.randperm(len(images))
    step = 0
    start = None
    while start is None or time.time() - start < seconds:
        if step == WARM_UP_STEPS:
            start = time.time()
        first = step * BATCH % (len(images) - BATCH)
        batch = order[first:first + BATCH]
        optimizer.zero_grad(set_to_none=True)
        loss = functional.cross_entropy(network(images[batch]), labels[batch])
        loss.backward()
        optimizer.step()
        step += 1
    return (step - WARM_UP_STEPS) * BATCH / (time.time() - start)


def evaluate(seconds, tuned):
    images, labels = load("t10k")
    network = make_network().eval()
    if tuned:
        network = network.to(memory_format=torch.channels_last)
        images = images.contiguous(memory_format=torch.channels_last)
    done = 0
    start = time.time()
    with torch.no_grad():
        while time.time() - start < seconds:
            correct = 0
            for first in range(0, len(images), EVALUATION_BATCH):
                last = first + EVALUATION_BATCH
                guesses = network(images[first:last]).argmax(1)
                correct += int((guesses == labels[first:last]).sum())
                done += EVALUATION_BATCH
    return done / (time.time() - start)


def main():
    torch.set_num_threads(1)
    torch.manual_seed(0)
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    seconds = float(words[1]) if len(words) > 1 else 5.0
    run = {"train": train, "evaluate": evaluate}[words[0]]
    rate = run(seconds, "--tuned" in sys.argv)
    print(json.dumps({"name": words[0], "value": round(rate),
                      "unit": "images/s"}))


if __name__ == "__main__":
    main()
