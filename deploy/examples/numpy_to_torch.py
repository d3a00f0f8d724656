#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""From NumPy arrays to a PyTorch module, on this machine alone.

It draws noisy bars (horizontal, vertical, crossed), lets `archpool search` look for a
network that tells them apart, and asks that network about bars that it never saw.
Run again, it continues, or shows what was found (docs/python.md).
"""

import numpy

import archpool

KINDS = ("horizontal", "vertical", "crossed")
SIDE = 16


def draw(count, seed):
    """Images of uint8 [count, SIDE, SIDE], and their labels."""
    numbers = numpy.random.default_rng(seed)
    images = numbers.integers(0, 128, (count, SIDE, SIDE)).astype(numpy.uint8)
    labels = numbers.integers(0, len(KINDS), count)
    for image, label in zip(images, labels):
        row, column = numbers.integers(2, SIDE - 2, 2)
        if KINDS[label] != "vertical":
            image[row] = 200
        if KINDS[label] != "horizontal":
            image[:, column] = 200
    return images, labels


def main():
    images, labels = draw(1200, seed=1)
    task = {
        "name": "numpy to torch",
        "dataset": archpool.dataset.from_numpy(
            images, labels, path="numpy-to-torch.npz", validation_count=200,
            held_out_count=200),
        "space": {
            "dimensions": [
                {"name": "operation", "choices": ["conv", "separable"]},
                {"name": "kernel", "choices": [3, 5]},
                {"name": "width", "choices": [8, 16, 24]},
            ],
            "template": {
                "kind": "chain",
                "stem": {"width": 8, "kernel": 3, "stride": 1, "activation": "relu"},
                "stages": [{"stride": 2, "blocks": [
                    {"operation": "$operation", "kernel": "$kernel",
                     "width": "$width"}]}],
            },
        },
        "recipe": {"epochs": 8, "batch_size": 32},
        "budget": {"core_seconds": 600, "trials": 6, "time_limit": "30m"},
        "reward": {"amount": 10},
        "partition": {"subspaces": 2, "trials_per_lease": 2},
    }
    result = archpool.search(task, "numpy-to-torch")
    network = result.as_torch_module()

    import torch

    images, labels = draw(100, seed=2)
    with torch.no_grad():
        scores = network(torch.from_numpy(images).unsqueeze(1))
    right = int((scores.argmax(1).numpy() == labels).sum())
    print(f"the network in {result.directory} tells {right} of 100 apart")


if __name__ == "__main__":
    main()
