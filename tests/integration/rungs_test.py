# SPDX-License-Identifier: Apache-2.0
"""Rungs and known results, live: the best go on from their own weights, also on
another worker; what a client bought is not bought again."""

import unittest

from harness import PoolTestCase


def accepted(task, rung=None):
    return [trial for trial in task["trials"]
            if trial["state"] == "accepted"
            and (rung is None or trial["rung"] == rung)]


class RungsTest(PoolTestCase):
    def assert_rungs_hold(self, task):
        by_id = {trial["trial_id"]: trial for trial in task["trials"]}
        places = [(trial["architecture_id"], trial["rung"])
                  for trial in accepted(task)]
        self.assertEqual(len(places), len(set(places)), "each rung once")
        for trial in task["trials"]:
            if trial["resumes_trial_id"] is None:
                continue
            below = by_id[trial["resumes_trial_id"]]
            self.assertEqual(below["account"], trial["account"])
            self.assertEqual(below["architecture_id"],
                             trial["architecture_id"])
            self.assertEqual(below["rung"], trial["rung"] - 1)

    def test_the_best_go_on_from_their_own_weights(self):
        self.pool.add_client()
        self.pool.add_verifier()
        self.pool.add_worker("alice", trial_ms=30)
        self.pool.add_worker("bob", trial_ms=30)
        task = self.pool.wait_for_end(self.pool.submit(
            trials=40, further_epochs="[2, 4]",
            widths=", ".join(str(width) for width in range(2, 34, 2))))
        self.assertEqual(task["state"], "succeeded")
        self.assert_rungs_hold(task)
        second = accepted(task, 1)
        self.assertGreaterEqual(len(second), 3)
        self.assertGreaterEqual(len(accepted(task, 2)), 1)
        self.assertTrue(all(trial["resumes_trial_id"] for trial in second))
        # A rung adds five points to what it goes on from (the fake training says).
        by_id = {trial["trial_id"]: trial for trial in task["trials"]}
        for trial in second:
            below = by_id[trial["resumes_trial_id"]]
            self.assertGreater(trial["claimed_accuracy"],
                               below["claimed_accuracy"])
        self.assert_adds_up(task)

    def test_another_worker_of_the_account_goes_on(self):
        self.pool.add_client()
        self.pool.add_verifier()
        self.pool.add_worker("alice", trial_ms=30)
        task_id = self.pool.submit(
            trials=18, further_epochs="[2]",
            widths=", ".join(str(width) for width in range(2, 34, 2)))
        self.pool.wait_until(task_id, "six results",
                             lambda task: len(accepted(task)) >= 6)
        # It delivers what is trained, and its disk is lost.
        self.pool.stop("alice")
        self.pool.forget_disk("alice")
        self.pool.add_worker("alice", trial_ms=30)
        task = self.pool.wait_for_end(task_id)
        self.assert_rungs_hold(task)
        self.assertGreaterEqual(len(accepted(task, 1)), 2)
        self.assert_adds_up(task)

    def test_what_was_bought_is_not_bought_again(self):
        self.pool.add_client()
        self.pool.add_verifier()
        self.pool.add_worker("alice", trial_ms=30)
        widths = ", ".join(str(width) for width in range(2, 34, 2))
        first = self.pool.wait_for_end(
            self.pool.submit(trials=8, widths=widths))
        again = self.pool.wait_for_end(
            self.pool.submit(trials=6, widths=widths + ", 34, 36"))
        self.assertEqual(again["trials_known"], 8)
        self.assertEqual(again["trials_accepted"], 6)
        networks = {trial["architecture_id"] for trial in accepted(first)}
        fresh = [trial for trial in accepted(again)
                 if trial["known_from_trial_id"] is None]
        self.assertEqual(len(fresh), 6)
        for trial in fresh:
            self.assertNotIn(trial["architecture_id"], networks)
        self.assert_adds_up(again)
        self.assertIn("8 known from earlier tasks",
                      self.pool.command("client", "task", "show",
                                        again["task_id"], parse=False))


if __name__ == "__main__":
    unittest.main()
