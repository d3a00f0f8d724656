# SPDX-License-Identifier: Apache-2.0
"""`archpool reproduce` with real training: what a client got of a pool comes out of
nothing again, bit for bit, over rungs and for results that it knew before; and what
was changed does not."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import unittest

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS / "adversary")]
from harness import PROGRAMS, PoolTestCase, wait_for  # noqa: E402
from real_training_test import write_idx_files  # noqa: E402

HELD_OUT = 200
TASK_YAML = """\
name: to be reproduced
dataset:
  format: idx
  train_images: train-images.gz
  train_labels: train-labels.gz
  classes: 4
  validation_count: 200
  held_out_count: 200
space:
  dimensions:
    - {{name: kernel, choices: [3, 5]}}
    - {{name: width, choices: [8, 10, 12, 14, 16, 18, 20, 22]}}
    - {{name: operation, choices: [conv, separable]}}
  template:
    kind: chain
    stem: {{width: 8, kernel: 3, stride: 1, activation: relu}}
    stages:
      - stride: 2
        blocks: [{{operation: $operation, kernel: $kernel, width: $width}}]
recipe: {{epochs: 2, further_epochs: [4, 4], promoted_one_in: 2, batch_size: 32,
         segments: 8, shift_pixels_max: 1, horizontal_flip: true}}
budget: {{core_seconds: 1000, trials: {trials}, time_limit: 10m}}
reward: {{amount: 10}}
partition: {{subspaces: 2, trials_per_lease: 2}}
"""


def read(folder, name):
    return json.loads((folder / name).read_text())


class ReproduceTest(PoolTestCase):
    server_flags = ("--silence-term", "10s")

    def setUp(self):
        super().setUp()
        self.directory = self.pool.directory
        write_idx_files(self.directory, count=1200)
        self.task_file = self.directory / "task.yaml"
        self.pool.add_client()
        for name, role, program in (("victor", "verifier", "archpool-verifier"),
                                    ("alice", "miner", "archpool-worker")):
            self.pool.create_account(name, role)
            self.pool.start(name, program,
                            "--server", f"127.0.0.1:{self.pool.port}",
                            "--token-file", self.pool.token_file(name),
                            "--name", "w1",
                            "--work-dir", self.directory / f"{name}-work")

    def run_task(self, trials):
        self.task_file.write_text(TASK_YAML.format(trials=trials))
        task_id = self.pool.command("client", "task", "submit",
                                    self.task_file)["task_id"]
        task = self.pool.wait_for_end(task_id, seconds=400)
        self.assertEqual(task["state"], "succeeded")
        self.assertEqual(task["trials_rejected"], 0)
        return task_id

    def save(self, task_id, name, *flags):
        folder = self.directory / name
        self.pool.command("client", "task", "result", task_id, "--output", folder,
                          *flags)
        return folder

    def reproduce(self, folder, *flags):
        """Without a server, from another place."""
        return subprocess.run(
            [PROGRAMS.resolve() / "archpool", "reproduce", folder,
             *map(str, flags)], cwd="/", stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=300, check=False,
            env={**os.environ, "LC_ALL": "C.UTF-8",
                 "ARCHPOOL_SERVER": "127.0.0.1:9",
                 "ARCHPOOL_TOKEN_FILE": "/nowhere"})

    def assert_reproduced(self, folder, *flags):
        ran = self.reproduce(folder, "--json", *flags)
        self.assertEqual(ran.returncode, 0, f"{folder}: {ran.stderr}")
        said = json.loads(ran.stdout)
        self.assertTrue(said["is_reproduced"])
        trial = read(folder, "architecture.json")
        self.assertEqual(said["trial_id"], trial["trial_id"])
        self.assertAlmostEqual(said["held_out_correct"] / HELD_OUT,
                               trial["verified_accuracy"], places=5)
        self.assertEqual(said["trainings"][-1]["weights_digest"],
                         trial["weights_digest"])
        return said

    def assert_refused(self, code, words, folder, *flags):
        ran = self.reproduce(folder, *flags)
        self.assertEqual(ran.returncode, code, ran.stdout + ran.stderr)
        for word in words:
            self.assertIn(word, ran.stderr)
        self.assertEqual(ran.stdout, "")

    def damaged(self, folder, name, change):
        """A copy of the network's folder, with one file that `change` made."""
        copy = self.directory / f"damaged-{name}"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(folder, copy)
        path = copy / name
        path.write_bytes(change(path.read_bytes()))
        return copy

    def changed(self, folder, change):
        def with_json(data):
            known = json.loads(data)
            change(known)
            return json.dumps(known).encode()

        return self.damaged(folder, "reproduction.json", with_json)

    def test_what_a_client_got_comes_out_of_nothing_again(self):
        first = self.run_task(trials=12)
        folder = self.save(first, "result", "--task-file", self.task_file)
        networks = [folder, *sorted((folder / "front").iterdir())]
        lengths, keys = set(), {}
        for network in networks:
            self.assert_reproduced(network)
            for one in read(network, "reproduction.json")["trainings"]:
                self.assertEqual(keys.setdefault(one["trial_key"],
                                                 one["trial_id"]),
                                 one["trial_id"], "a key is of one training")
            lengths.add(len(read(network, "reproduction.json")["trainings"]))
        self.assertGreater(max(lengths), 1, "one went on from its own weights")
        longest = max(networks, key=lambda network: len(
            read(network, "reproduction.json")["trainings"]))
        self.assert_reproduced(longest, "--threads", 3)
        self.assert_reproduced(longest, "--threads", 1)
        page = self.reproduce(longest)
        self.assertEqual(page.returncode, 0, page.stderr)
        self.assertIn("The same bits", page.stdout)
        self.assertIn("training 1 of", page.stderr)

        self.check_changes(longest)
        self.check_data(longest)
        self.check_stopping(longest)

        # What is known needs no training in the next task, and was trained by
        # the keys of the first.
        second = self.save(self.run_task(trials=1), "second", "--task-file",
                           self.task_file)
        known = [network for network in (second, *(second / "front").iterdir())
                 if read(network, "architecture.json")["known_from_trial_id"]]
        self.assertTrue(known, "none of the second task's best was known")
        for network in known:
            said = self.assert_reproduced(network)
            self.assertEqual(
                said["trainings"][-1]["trial_id"],
                read(network, "architecture.json")["known_from_trial_id"])
        # Where the task's file is not named, the folder does not know it.
        silent = self.save(first, "silent")
        self.assert_refused(2, ["TASK_FILE_UNKNOWN", "--data"], silent)
        self.assert_reproduced(silent, "--data", self.task_file)

    def check_changes(self, network):
        def flip(data):
            return data[:-4] + bytes([data[-4] ^ 1]) + data[-3:]

        weights = self.damaged(network, "weights.safetensors", flip)
        self.assert_refused(1, ["WEIGHTS_DIFFER", "layers.",
                                "1 of ", "tensors that differ: 1"], weights)

        def other_key(known):
            key = known["trainings"][-1]["trial_key"]
            known["trainings"][-1]["trial_key"] = key[1:] + key[:1]

        self.assert_refused(1, ["WEIGHTS_DIFFER", "comes to other weights"],
                            self.changed(network, other_key))

        def other_claim(known):
            known["held_out_correct"] -= 1

        self.assert_refused(1, ["CLAIM_DIFFERS", "held-out"],
                            self.changed(network, other_claim))

    def check_data(self, network):
        other = self.directory / "other"
        other.mkdir()
        write_idx_files(other, count=1100)
        (other / "task.yaml").write_text(self.task_file.read_text())
        self.assert_refused(2, ["DATASET_DIFFERS", "700 + 200 + 200"],
                            network, "--data", other / "task.yaml")
        self.assert_refused(2, ["FILE_NOT_FOUND", "reproduction.json"],
                            self.directory)

    def check_stopping(self, network):
        def for_hours(known):
            known["recipe"]["epochs"] = 1000

        folder = self.changed(network, for_hours)
        with open(self.directory / "said", "wb") as said:
            running = subprocess.Popen(
                [PROGRAMS.resolve() / "archpool", "reproduce", folder],
                stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        try:
            wait_for("the training", lambda: "training 1 of" in (
                self.directory / "said").read_text())
            running.send_signal(signal.SIGINT)
            self.assertEqual(running.wait(60), 130)
        finally:
            running.kill()
            running.wait()


if __name__ == "__main__":
    unittest.main()
