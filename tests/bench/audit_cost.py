#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Measures what audits cost beside what they audit: a job on Fashion-MNIST with
the real programs, one worker and one verifier, at the default policy. A first,
small job brings the miner's audit rate to the floor; all networks of the second
one cost the same, so that it has one finalist or few. Needs
dataset-fashion-mnist; takes a quarter of an hour on two cores.

  audit_cost.py [--bin build/release/bin] [--trials 160]

Prints one JSON line; fails where a finalist had fewer than 40 trials, or where
audits took more than 5 % of the time of the trainings.
"""

import argparse
import json
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DATA = Path("/usr/share/datasets/fashion-mnist")
TRIALS_PER_FINALIST_MIN = 40
SHARE_MAX = 0.05
# Passed audits until a rate of 1 is at the floor: 0.93^20 < 0.25.
WARM_UP_TRIALS = 24

TASK_YAML = """\
name: {name}
dataset:
  format: idx
  train_images: {data}/train-images-idx3-ubyte.gz
  train_labels: {data}/train-labels-idx1-ubyte.gz
  held_out_images: {data}/t10k-images-idx3-ubyte.gz
  held_out_labels: {data}/t10k-labels-idx1-ubyte.gz
  classes: 10
  validation_count: 5000
space:
  dimensions:
    - {{name: first, choices: [relu, hardswish, silu]}}
    - {{name: second, choices: [relu, hardswish, silu]}}
    - {{name: third, choices: [relu, hardswish, silu]}}
    - {{name: fourth, choices: [relu, hardswish, silu]}}
    - {{name: fifth, choices: [relu, hardswish, silu]}}
    - {{name: sixth, choices: [relu, hardswish, silu]}}
  template:
    kind: chain
    stem: {{width: {width}, kernel: 3, stride: 2, activation: $first}}
    stages:
      - stride: 1
        blocks:
          - {{operation: conv, width: {width}, activation: $second}}
          - {{operation: separable, width: {width}, activation: $third}}
      - stride: 2
        blocks:
          - {{operation: conv, width: {width}, activation: $fourth}}
          - {{operation: separable, width: {width}, activation: $fifth}}
    head: {{width: 64, activation: $sixth}}
recipe: {{epochs: 1, batch_size: 32, learning_rate: 0.2}}
budget: {{core_seconds: 100000, trials: {trials}, time_limit: 3h}}
reward: {{amount: 100}}
"""


def run(pool, name, width, trials):
    path = pool.directory / f"{name}.yaml"
    path.write_text(TASK_YAML.format(name=name, data=DATA, width=width,
                                     trials=trials))
    task_id = pool.command("client", "task", "submit", path)["task_id"]
    return pool.wait_for_end(task_id, seconds=3 * 3600)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", default=ROOT / "build" / "release" / "bin",
                        type=Path)
    parser.add_argument("--trials", default=160, type=int)
    arguments = parser.parse_args()
    os.environ["ARCHPOOL_PROGRAMS"] = str(arguments.bin.resolve())
    sys.path.insert(0, str(ROOT / "tests" / "integration"))
    from harness import Pool

    pool = Pool()
    try:
        pool.add_client()
        for name, role in (("verifier", "verifier"), ("worker", "miner")):
            pool.create_account(name, role)
            pool.start(name, f"archpool-{name}", "--server",
                       f"127.0.0.1:{pool.port}", "--token-file",
                       pool.token_file(name), "--name", "one", "--work-dir",
                       pool.directory / name)
        run(pool, "warm-up", 8, WARM_UP_TRIALS)
        task = run(pool, "measured", 16, arguments.trials)
        share = task["audit_time_s"] / task["training_time_s"]
        finalists = sum(trial["basis"] == "replayed" for trial in task["trials"])
        trials = task["trials_accepted"]
        miner = task["shares"][0]
        print(json.dumps({
            "name": "audit_cost", "value": round(share, 4), "unit": "of training",
            "trials": trials, "finalists": finalists,
            "audited": miner["trials_audited"],
            "detection_chance": miner["detection_chance"],
            "training_s": round(task["training_time_s"], 1),
            "audit_s": round(task["audit_time_s"], 1),
            "best": task["best"]["verified_accuracy"]}))
        return int(share > SHARE_MAX
                   or trials < TRIALS_PER_FINALIST_MIN * finalists)
    finally:
        pool.close()


if __name__ == "__main__":
    sys.exit(main())
