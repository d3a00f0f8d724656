# SPDX-License-Identifier: Apache-2.0
"""A verifier that is killed, or ends, takes its examinations along."""

import signal
import time
import unittest

from harness import (PoolTestCase, children_of, is_running, processor_s, wait_for,
                     write_idx_files)

STOP_S = 25
LONG_TASK_YAML = """\
name: long to examine
dataset:
  format: idx
  train_images: train-images.gz
  train_labels: train-labels.gz
  classes: 4
  validation_count: 400
  held_out_count: 400
space:
  dimensions:
    - {name: width, choices: [16, 24]}
  template:
    kind: chain
    stem: {width: 8, kernel: 3, stride: 1, activation: relu}
    stages:
      - stride: 2
        blocks: [{operation: conv, kernel: 3, width: $width}]
recipe: {epochs: 400, batch_size: 32, segments: 1}
budget: {core_seconds: 10000, trials: 2, time_limit: 10m}
reward: {amount: 100}
partition: {subspaces: 1, trials_per_lease: 1}
"""


class OrphanTest(PoolTestCase):
    def test_a_killed_verifier_takes_its_children_along(self):
        self.pool.add_client()
        self.pool.add_verifier()
        self.pool.add_worker("alice")
        task_id = self.pool.submit(trials=4)
        self.pool.wait_for_end(task_id)
        verifier = self.pool.processes["verifier"].pid
        children = children_of(verifier)
        self.assertTrue(children)
        self.pool.kill("verifier")
        wait_for("the end of its children",
                 lambda: not any(is_running(child) for child in children), 10)

    def start_real(self, name, program, role):
        self.pool.create_account(name, role)
        self.pool.start(name, program, "--server", f"127.0.0.1:{self.pool.port}",
                        "--token-file", self.pool.token_file(name), "--name", "n1",
                        "--work-dir", self.pool.directory / name)

    # With one segment, what is replayed is the whole training.
    def test_a_verifier_ends_in_the_middle_of_a_real_examination(self):
        write_idx_files(self.pool.directory, count=2000)
        self.pool.add_client()
        self.start_real("verifier", "archpool-verifier", "verifier")
        self.start_real("alice", "archpool-worker", "miner")
        path = self.pool.directory / "task.yaml"
        path.write_text(LONG_TASK_YAML)
        task_id = self.pool.command("client", "task", "submit", path)["task_id"]
        self.pool.wait_until(
            task_id, "an audit", lambda task: any(
                trial["state"] == "uploaded" for trial in task["trials"]), 240)
        verifier = self.pool.processes.pop("verifier")
        self.addCleanup(verifier.kill)
        begun = {}

        def examines():
            for child in children_of(verifier.pid):
                spent = processor_s(child)
                if spent - begun.setdefault(child, spent) > 0.5:
                    return child
            return None
        child = wait_for("an examination", examines)
        asked = time.monotonic()
        verifier.send_signal(signal.SIGTERM)
        self.assertEqual(verifier.wait(STOP_S), 0, self.pool.log("verifier"))
        took = time.monotonic() - asked
        wait_for("the end of the examination", lambda: not is_running(child), 10)
        self.assertLess(took, STOP_S)
        self.assertEqual([trial["state"] for trial in self.pool.trials(task_id)
                          if trial["state"] == "rejected"], [])


if __name__ == "__main__":
    unittest.main()
