# SPDX-License-Identifier: Apache-2.0
"""The cheats again with real training, real replays and real sandboxes: what a
fake network cannot show, and machines that compute otherwise than they say."""

import gzip
import platform
import random
import struct
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "integration"))
from harness import PoolTestCase, rejections_of, wait_for  # noqa: E402

TASK_YAML = """\
name: adversaries
dataset:
  format: idx
  train_images: train-images.gz
  train_labels: train-labels.gz
  classes: 4
  validation_count: 200
  held_out_count: 200
space:
  dimensions:
    - {name: kernel, choices: [3, 5]}
    - {name: width, choices: [8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 52]}
    - {name: operation, choices: [conv, separable, bottleneck]}
  template:
    kind: chain
    stem: {width: 8, kernel: 3, stride: 1, activation: relu}
    stages:
      - stride: 2
        blocks: [{operation: $operation, kernel: $kernel, width: $width}]
recipe: {epochs: 2, batch_size: 32, segments: 16}
budget: {core_seconds: 1000, trials: 60, time_limit: 10m}
reward: {amount: 100}
partition: {subspaces: 16, trials_per_lease: 1}
"""

CHEATS = {
    "inflate": {"CLAIM_FALSE"},
    "random_weights": {"SEGMENT_FALSE", "CLAIM_FALSE"},
    "fewer_epochs": {"SEGMENT_FALSE", "CLAIM_FALSE"},
    "interpolate": {"SEGMENT_FALSE"},
    "splice": {"SEGMENT_FALSE", "START_FALSE"},
    "earlier_weights": {"START_FALSE", "WEIGHTS_MISMATCH"},
    "validation": {"SEGMENT_FALSE"},
    "other_seed": {"START_FALSE"},
    "not_finite": {"SEGMENT_FALSE", "CLAIM_FALSE"},
    "smaller_network": {"START_FALSE", "WEIGHTS_MISMATCH"},
    "diverge_at_once": {"SEGMENT_FALSE", "TRAINING_FALSE"},
}
# Their first trainings may have been their own.
HONEST_AT_FIRST = ("earlier_weights", "smaller_network")
# What a worker says that it computes in, and why it gets no session.
ARITHMETICS = {
    "fp32-fma/1/deadbeef": "ARITHMETIC_DIFFERS",
    "libtorch-1.13.1/avx2/0123abcd": "ARITHMETIC_REPLACED",
}


def write_idx_files(directory, count=2400, side=12, classes=4):
    """Four patterns under noise: a network learns them within an epoch. One label
    in four is drawn anew, so that no accuracy is perfect: a claim can lie."""
    numbers = random.Random(1)
    patterns = [[numbers.randrange(256) for _ in range(side * side)]
                for _ in range(classes)]
    labels = bytes(numbers.randrange(classes) for _ in range(count))
    images = bytes(
        (pixel * 2 + numbers.randrange(256)) // 3
        for label in labels for pixel in patterns[label])
    labels = bytes(numbers.randrange(classes) if numbers.random() < 0.25 else label
                   for label in labels)
    for name, header, data in (
        ("train-images.gz", struct.pack(">IIII", 0x803, count, side, side), images),
        ("train-labels.gz", struct.pack(">II", 0x801, count), labels),
    ):
        with gzip.open(directory / name, "wb") as file:
            file.write(header + data)


class RealTrainingTest(PoolTestCase):
    server_flags = ("--silence-term", "10s")

    def add(self, name, program, *flags, role="miner"):
        self.pool.create_account(name, role)
        self.start(name, "w1", program, *flags)

    def start(self, account, name, program, *flags):
        self.pool.start(account if name == "w1" else f"{account}-{name}", program,
                        "--server", f"127.0.0.1:{self.pool.port}",
                        "--token-file", self.pool.token_file(account),
                        "--name", name,
                        "--work-dir", self.pool.directory / f"{account}-{name}",
                        *flags)

    def test_every_cheat_is_found_out_and_none_is_paid(self):
        write_idx_files(self.pool.directory)
        (self.pool.directory / "task.yaml").write_text(TASK_YAML)
        self.pool.add_client()
        for verifier in ("verifier", "another"):
            self.add(verifier, "archpool-verifier", role="verifier")
        # However many threads an honest miner trains by, and with whatever
        # instructions it has on each processor that can run this.
        self.add("alice", "archpool-worker")
        one = ["--side-by-side", 1]  # so that they share one training
        self.start("alice", "w2", "archpool-worker", "--threads", 2, *one)
        narrow = [] if platform.machine() != "x86_64" else ["--simd", "avx2"]
        self.start("alice", "w3", "archpool-worker", "--threads", 4, *one,
                   *narrow)
        task_id = self.pool.command("client", "task", "submit",
                                    self.pool.directory / "task.yaml")["task_id"]
        for cheat in CHEATS:
            self.add(name_of(cheat), "archpool-adversary", "--cheat", cheat)
        task = self.pool.wait_for_end(task_id, seconds=400)
        self.assertEqual(task["state"], "succeeded")
        for cheat, reasons in CHEATS.items():
            with self.subTest(cheat):
                found = rejections_of(task, name_of(cheat)) - {
                    "CREDIT_VOID"}
                self.assertTrue(found, "it was never found out")
                self.assertLessEqual(found, reasons)
                if cheat not in HONEST_AT_FIRST:
                    self.assert_earns_nothing(task, name_of(cheat))
        self.assertEqual(rejections_of(task, "alice"), set())
        self.assert_won_by_replay(task, "alice")
        self.assert_adds_up(task)

    def test_a_wrong_digest_and_an_older_arithmetic_are_refused(self):
        for number, (arithmetic, reason) in enumerate(ARITHMETICS.items()):
            name = f"m-{number}"
            self.add(name, "archpool-adversary", "--honest-trials", 1_000_000,
                     "--state-arithmetic", arithmetic)
            wait_for(f"the refusal of {arithmetic}",
                     lambda name=name, reason=reason:
                         reason in self.pool.log(name))


def name_of(cheat):
    return "m-" + cheat.replace("_", "-")


if __name__ == "__main__":
    unittest.main()
