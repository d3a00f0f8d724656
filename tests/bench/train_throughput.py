#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Measures our training and evaluation beside plain PyTorch's.

Runs pairs, ours and theirs in turn, one core each, and prints one JSON line per
figure: the medians, and the median of the pairs' ratios. Needs python3-torch,
libopenblas0-pthread and dataset-fashion-mnist.

  train_throughput.py [--bin build/release/bin] [--pairs 5] [--seconds 5]
"""

import argparse
import json
import os
import statistics
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
ENVIRONMENT = dict(os.environ, OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")


def measure(command):
    output = subprocess.run(command, check=True, capture_output=True, text=True,
                            env=ENVIRONMENT).stdout
    return json.loads(output.splitlines()[-1])["value"]


def compare(name, ours, theirs, pairs):
    values = [(measure(ours), measure(theirs)) for _ in range(pairs)]
    print(json.dumps({
        "name": name,
        "value": statistics.median(value for value, _ in values),
        "unit": "images/s",
        "baseline": statistics.median(baseline for _, baseline in values),
        "ratio": round(statistics.median(
            value / baseline for value, baseline in values), 3),
        "ratios": [round(value / baseline, 3) for value, baseline in values],
    }), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", default=os.path.join(
        HERE, "..", "..", "build", "release", "bin"))
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5)
    arguments = parser.parse_args()
    ours = os.path.join(arguments.bin, "nn_throughput")
    theirs = os.path.join(HERE, "pytorch_baseline.py")
    seconds = str(arguments.seconds)
    for what, tuned in (("train", []), ("evaluate", []),
                        ("train", ["--tuned"]), ("evaluate", ["--tuned"])):
        # Debian's own interpreter: another one on PATH has no python3-torch.
        compare(what + "_throughput" + ("_against_channels_last" if tuned
                                        else ""),
                [ours, what, seconds],
                ["/usr/bin/python3", theirs, what, seconds] + tuned,
                arguments.pairs)


if __name__ == "__main__":
    main()
