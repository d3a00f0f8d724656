# SPDX-License-Identifier: Apache-2.0
"""A machine that is merely away when an audit's answer is due: the pool waits
for it, and holds nothing against its miner."""

import sys
import unittest
from pathlib import Path

from harness import PoolTestCase, micro, rejections_of, share_of, wait_for

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from tcp_gate import TcpGate  # noqa: E402

LONG_S = 1000


class AbsenceTest(PoolTestCase):
    server_flags = ("--silence-term", "5s", "--audit-term", "5s",
                    "--upload-term", "10s")

    def start_worker(self, port):
        """Always the same machine."""
        self.pool.start("first", "archpool-fake-worker", "--server",
                        f"127.0.0.1:{port}", "--token-file",
                        self.pool.token_file("alice"), "--name", "first",
                        "--work-dir", self.pool.directory / "first",
                        "--trial-ms", 500)

    def explanations(self):
        return {one["reason"]: one
                for one in self.pool.command("alice", "explain")}

    def owed(self, task_id):
        return [trial["trial_id"] for trial in self.pool.trials(task_id)
                if trial["state"] == "committed"]

    def miss_an_answer(self, **settings):
        """Loses its power with an audit open, which falls due meanwhile. The
        task, and the trials that it owes answers for."""
        self.pool.add_client()
        self.pool.add_verifier()
        self.pool.create_account("alice", "miner")
        gate = TcpGate(self.pool.port)
        self.addCleanup(gate.close)
        gate.fail("delay", LONG_S)  # so that its answer is seen to be missing
        self.start_worker(gate.port)
        task_id = self.pool.submit(**settings)
        wait_for("a commitment", lambda: self.owed(task_id))
        gate.fail("stall", LONG_S)
        self.pool.kill("first")
        gate.fail("cut", LONG_S)
        missed = self.owed(task_id)
        self.assertTrue(missed)
        wait_for("the answer's deadline", lambda: "the pool waits up to " in
                 self.explanations().get("ANSWER_AWAITED", {"message": ""})
                 ["message"])
        self.assertEqual(self.owed(task_id), missed)
        return task_id, missed

    def test_it_comes_back_and_is_paid(self):
        task_id, missed = self.miss_an_answer(trials=8)
        self.start_worker(self.pool.port)
        task = self.pool.wait_for_end(task_id)
        self.assertEqual(task["state"], "succeeded")
        self.assertEqual(task["trials_rejected"], 0)
        states = {trial["trial_id"]: trial["state"] for trial in task["trials"]}
        for trial in missed:
            self.assertEqual(states[trial], "accepted")
            self.assertIn(f"event=audit_waited trial_id={trial} ",
                          self.pool.log("first"))
        self.assertGreater(micro(share_of(task, "alice")["payout"]), 0)
        self.assertNotIn("ACCOUNT_SUSPENDED", self.explanations())
        self.assert_adds_up(task)

    def test_a_task_that_ends_does_not_wait_for_it(self):
        task_id, missed = self.miss_an_answer(trials=100)
        self.pool.command("client", "task", "cancel", task_id, parse=False)
        task = self.pool.wait_for_end(task_id)
        self.assertEqual(task["state"], "cancelled")
        # What had been drawn by lot is trained again by the verifier, and paid.
        for trial in task["trials"]:
            if trial["trial_id"] in missed and trial["state"] != "accepted":
                self.assertEqual(trial["reason"], "MINER_AWAY")
        self.assertLessEqual(rejections_of(task, "alice"), {"MINER_AWAY"})
        self.assert_adds_up(task)
        self.assertNotIn("ACCOUNT_SUSPENDED", self.explanations())


if __name__ == "__main__":
    unittest.main()
