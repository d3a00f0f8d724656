# SPDX-License-Identifier: Apache-2.0
"""Machines whose clocks are wrong: nobody is judged by another's clock."""

import unittest

from harness import PROGRAMS, PoolTestCase

SHIM = PROGRAMS / "archpool_troubled_machine.so"


def skewed(seconds):
    return {"LD_PRELOAD": str(SHIM.resolve()),
            "SKEWED_CLOCK_SECONDS": str(seconds)}


class ClockTest(PoolTestCase):
    def assert_all_accepted(self, worker_s, verifier_s):
        self.pool.add_client()
        self.pool.add_verifier(env=skewed(verifier_s))
        self.pool.add_worker("alice", env=skewed(worker_s))
        task_id = self.pool.submit(trials=8)
        task = self.pool.wait_for_end(task_id)
        self.assertEqual(task["state"], "succeeded")
        self.assertEqual(task["trials_accepted"], 8)
        self.assertEqual(
            [trial for trial in task["trials"] if trial["state"] == "rejected"],
            [])
        for name in ("alice", "verifier"):
            self.assertIn("nothing is measured by it", self.pool.log(name))
        self.assert_adds_up(task)

    def test_all_clocks_ahead(self):
        self.assert_all_accepted(3600, 3600)

    def test_all_clocks_behind(self):
        self.assert_all_accepted(-3600, -3600)

    def test_minutes_apart(self):
        self.assert_all_accepted(-180, 180)


if __name__ == "__main__":
    unittest.main()
