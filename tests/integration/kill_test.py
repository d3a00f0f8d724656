# SPDX-License-Identifier: Apache-2.0
"""Power cuts: the server, its database and its workers die in mid-task, again
and again; nothing acknowledged is lost and the books still add up."""

import os
import unittest

from harness import PoolTestCase

ROUNDS = 40 if os.environ.get("ARCHPOOL_SOAK") else 4


class KillTest(PoolTestCase):
    def accepted(self, task_id):
        return {trial["trial_id"]: trial["verified_accuracy"]
                for trial in self.pool.trials(task_id)
                if trial["state"] == "accepted"}

    def assert_kept(self, before, after):
        """Every verdict; what was accepted unmeasured may be measured since."""
        self.assertLessEqual(before.keys(), after.keys())
        measured = {trial: accuracy for trial, accuracy in before.items()
                    if accuracy is not None}
        self.assertEqual(measured, {trial: after[trial] for trial in measured})

    def start_all(self):
        self.pool.add_client()
        self.pool.add_verifier()
        self.pool.add_worker("alice", trial_ms=300)
        self.pool.add_worker("bob", trial_ms=300)

    def wait_for_more(self, task_id, count):
        self.pool.wait_until(
            task_id, f"{count} accepted trials",
            lambda task: task["trials_accepted"] >= count
            or task["state"] == "succeeded")

    def test_the_server_is_killed_in_mid_task(self):
        self.start_all()
        task_id = self.pool.submit(trials=4 + 3 * ROUNDS if ROUNDS < 9 else 31)
        for round_number in range(ROUNDS):
            self.wait_for_more(task_id, 2 * (round_number + 1))
            before = self.accepted(task_id)
            self.pool.kill("server")
            self.pool.start_server()
            self.assert_kept(before, self.accepted(task_id))
        task = self.pool.wait_for_end(task_id)
        self.assertEqual(task["state"], "succeeded")
        self.assert_adds_up(task)

    def test_the_database_is_killed_in_mid_task(self):
        self.start_all()
        task_id = self.pool.submit(trials=16)
        for round_number in range(3):
            self.wait_for_more(task_id, 3 * (round_number + 1))
            before = self.accepted(task_id)
            self.pool.kill_postgres()
            self.wait_for_more(task_id, len(before) + 1)
            self.assert_kept(before, self.accepted(task_id))
        task = self.pool.wait_for_end(task_id)
        self.assertEqual(task["state"], "succeeded")
        self.assert_adds_up(task)

    def test_a_worker_killed_after_its_training_reports_it_when_back(self):
        self.start_all()
        self.pool.kill("bob")
        task_id = self.pool.submit(trials=8)
        for _ in range(3):
            self.pool.wait_until(task_id, "work", lambda task:
                                 task["trials_assigned"] > 0
                                 or task["state"] == "succeeded")
            self.pool.kill("alice")
            self.pool.add_worker("alice", trial_ms=300)
        task = self.pool.wait_for_end(task_id)
        self.assertEqual(task["trials_accepted"], 8)
        self.assert_adds_up(task)


if __name__ == "__main__":
    unittest.main()
