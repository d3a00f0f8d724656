# SPDX-License-Identifier: Apache-2.0
"""Tasks in which little or nothing can be learnt, with real training: each ends by
itself, in the time that its budget says, with everybody paid and nobody blamed."""

import gzip
import random
import struct
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "integration"))
from harness import PoolTestCase, micro, share_of  # noqa: E402

TASK_YAML = """\
name: {name}
dataset:
  format: idx
  train_images: train-images.gz
  train_labels: train-labels.gz
  classes: {classes}
  validation_count: 400
  held_out_count: 400
space:
  dimensions:
    - {{name: width, choices: [{widths}]}}
  template:
    kind: chain
    stem: {{width: 4, kernel: 3, stride: 2, activation: relu}}
    stages:
      - stride: 2
        blocks: [{{operation: conv, kernel: 3, width: $width}}]
recipe: {{epochs: {epochs}, batch_size: 32, segments: 8, learning_rate: {rate}, weight_decay: {decay}}}
budget: {{core_seconds: 1000, trials: {trials}, time_limit: 5m}}
reward: {{amount: 100}}
partition: {{subspaces: 1, trials_per_lease: 2}}
"""
MANY_WIDTHS = ", ".join(str(width) for width in range(4, 132, 2))


def write_idx_files(directory, classes, flipped, count=2000, side=8):
    """Patterns under noise; `flipped` of the labels say nothing."""
    numbers = random.Random(1)
    patterns = [[numbers.randrange(256) for _ in range(side * side)]
                for _ in range(classes)]
    truth = [numbers.randrange(classes) for _ in range(count)]
    images = bytes((2 * pixel + numbers.randrange(256)) // 3
                   for label in truth for pixel in patterns[label])
    labels = bytes((label + numbers.randrange(1, classes)) % classes
                   if numbers.random() < flipped else label for label in truth)
    for name, header, data in (
        ("train-images.gz", struct.pack(">IIII", 0x803, count, side, side), images),
        ("train-labels.gz", struct.pack(">II", 0x801, count), labels),
    ):
        with gzip.open(directory / name, "wb") as file:
            file.write(header + data)


class NothingLearnsTest(PoolTestCase):
    server_flags = ("--silence-term", "10s")

    def setUp(self):
        super().setUp()
        self.pool.add_client()
        self.add("verifier", "archpool-verifier", role="verifier")
        self.add("alice", "archpool-worker")

    def add(self, name, program, role="miner"):
        self.pool.create_account(name, role)
        self.pool.start(name, program, "--server", f"127.0.0.1:{self.pool.port}",
                        "--token-file", self.pool.token_file(name), "--name", "w1",
                        "--work-dir", self.pool.directory / name)

    def run_task(self, classes, flipped, **settings):
        write_idx_files(self.pool.directory, classes, flipped)
        path = self.pool.directory / "task.yaml"
        path.write_text(TASK_YAML.format(**{
            "name": "little to learn", "classes": classes, "widths": "4, 8",
            "epochs": 1, "rate": 0.05, "decay": 0.0005, "trials": 40, **settings}))
        task_id = self.pool.command("client", "task", "submit", path)["task_id"]
        task = self.pool.wait_for_end(task_id, seconds=200)
        self.assertEqual(task["trials_rejected"], 0, self.pool.log("alice"))
        networks = [trial["architecture_id"] for trial in task["trials"]
                    if trial["state"] == "accepted"]
        self.assertEqual(len(networks), len(set(networks)), "trained twice")
        self.assertGreater(micro(share_of(task, "alice")["payout"]), 0)
        self.assertIsNone(self.pool.processes["alice"].poll(), "the worker ended")
        self.assert_adds_up(task)
        return task

    def test_labels_that_say_nothing_in_a_small_space(self):
        task = self.run_task(classes=4, flipped=0.75)
        self.assertEqual((task["state"], task["end_reason"]),
                         ("failed", "exhausted"))
        self.assertEqual(task["trials_accepted"], 2)

    def test_labels_that_say_nothing_in_a_large_space(self):
        task = self.run_task(classes=4, flipped=0.75, widths=MANY_WIDTHS,
                             trials=60)
        self.assertEqual((task["state"], task["end_reason"]),
                         ("failed", "nothing_learns"))
        self.assertLess(task["trials_accepted"], 40)

    def test_two_classes_a_third_of_whose_labels_are_flipped(self):
        """70 % is a result: it was once refused as no better than chance."""
        task = self.run_task(classes=2, flipped=0.3, widths=MANY_WIDTHS, epochs=3,
                             trials=8)
        self.assertEqual((task["state"], task["end_reason"]),
                         ("succeeded", "budget"))
        self.assertIsNotNone(task["best"])

    def test_a_learning_rate_that_blows_up(self):
        # Each step makes the weights nine times as large, with the other sign.
        task = self.run_task(classes=4, flipped=0, rate=10, decay=1, epochs=6)
        self.assertIn(task["end_reason"], ("exhausted", "nothing_learns"))
        self.assertGreaterEqual(task["trials_diverged"] * 2,
                                task["trials_accepted"])
        said = self.pool.command("client", "task", "show", task["task_id"],
                                 parse=False)
        self.assertIn("diverged at the learning rate 10, which is too high",
                      " ".join(said.split()))


if __name__ == "__main__":
    unittest.main()
