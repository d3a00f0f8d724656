# SPDX-License-Identifier: Apache-2.0
"""One worker that trains several networks side by side: to the pool as many
workers. Power cuts lose nothing, however many lanes it comes back with."""

import re
import unittest

from harness import PoolTestCase, wait_for


class LanesTest(PoolTestCase):
    def add_lanes(self, lanes, trial_ms):
        self.pool.add_worker("alice", trial_ms=trial_ms,
                             flags=("--threads", 4, "--side-by-side", lanes))

    def add_others(self):
        self.pool.add_client()
        self.pool.add_verifier()

    def lanes_that(self, pattern):
        """Those that logged it, over all of the worker's starts."""
        return {int(lane) for lane in
                re.findall(rf"lane (\d+): .*{pattern}", self.pool.log("alice"))}

    def wait_for_lanes(self, lanes, pattern):
        wait_for(f"lanes {lanes}: {pattern}",
                 lambda: lanes <= self.lanes_that(pattern))

    def workers_that(self, activity):
        return {worker["worker"] for worker in
                self.pool.command("alice", "miner", "workers")
                if worker["activity"] == activity}

    def test_lanes_train_at_the_same_time_and_end_together(self):
        self.add_others()
        self.add_lanes(2, trial_ms=30_000)
        self.pool.submit(trials=8)
        wait_for("both to train", lambda: self.workers_that("training")
                 == {"w1", "w1-lane-2"})
        self.assertEqual(self.pool.stop("alice"), 0)
        self.assertEqual(self.lanes_that(r"event=lease_returned "), {1, 2})

    def test_a_lane_that_fails_ends_all(self):
        self.add_others()
        self.pool.create_account("alice", "miner")
        # Whoever has the token of a client is refused by each call.
        self.pool.token_file("alice").write_text(
            self.pool.token_file("client").read_text())
        self.add_lanes(3, trial_ms=50)
        worker = self.pool.processes.pop("alice")
        self.assertEqual(worker.wait(30), 3)
        self.assertIn("event=lane_failed ", self.pool.log("alice"))

    def test_nothing_is_lost_by_another_number_of_lanes(self):
        self.add_others()
        self.add_lanes(3, trial_ms=400)
        task_id = self.pool.submit(trials=16)
        self.wait_for_lanes({1, 2, 3}, r"event=trial_delivered ")
        for lanes in (1, 4):
            before = {trial["trial_id"] for trial in self.pool.trials(task_id)
                      if trial["state"] in ("committed", "accepted")}
            self.pool.kill("alice")
            self.add_lanes(lanes, trial_ms=400)
            self.pool.wait_until(
                task_id, "more trials",
                lambda task, had=len(before): task["trials_accepted"] > had
                or task["state"] == "succeeded")
        task = self.pool.wait_for_end(task_id)
        self.assertEqual(task["state"], "succeeded")
        self.assertEqual(task["trials_rejected"], 0)
        self.assertEqual(task["trials_accepted"], 16)
        self.assertRegex(self.pool.log("alice"),
                         r"event=lane_finishes lane=[23]")
        self.assert_adds_up(task)
        self.assertEqual(self.pool.stop("alice"), 0)


if __name__ == "__main__":
    unittest.main()
