# SPDX-License-Identifier: Apache-2.0
"""A machine that dies with a question unanswered, and never comes back: another
worker of its account trains again what is asked, and nothing is lost."""

import sys
import unittest
from pathlib import Path

from harness import PoolTestCase, wait_for

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from tcp_gate import TcpGate  # noqa: E402

LONG_S = 1000


class HeirTest(PoolTestCase):
    server_flags = ("--silence-term", "5s", "--audit-term", "5s",
                    "--upload-term", "60s")

    def start_worker(self, name, port):
        self.pool.start(name, "archpool-fake-worker", "--server",
                        f"127.0.0.1:{port}", "--token-file",
                        self.pool.token_file("alice"), "--name", name,
                        "--work-dir", self.pool.directory / name,
                        "--trial-ms", 500)

    def test_another_worker_of_the_account_answers(self):
        self.pool.add_client()
        self.pool.add_verifier()
        self.pool.create_account("alice", "miner")
        gate = TcpGate(self.pool.port)
        self.addCleanup(gate.close)
        gate.fail("delay", LONG_S)  # so that its answer is seen to be missing
        self.start_worker("first", gate.port)
        task_id = self.pool.submit(trials=8)

        def owed():
            return [trial["trial_id"] for trial in self.pool.trials(task_id)
                    if trial["state"] == "committed"]
        wait_for("a commitment", owed)
        gate.fail("stall", LONG_S)
        self.pool.kill("first")
        gate.fail("cut", LONG_S)
        unanswered = owed()
        self.assertTrue(unanswered)
        # Who has only a machine left must hear which one is asked.
        awaited = wait_for("an explanation", lambda: [
            one for one in self.pool.command("alice", "explain")
            if one["reason"] == "ANSWER_AWAITED"])
        self.assertIn("of worker first (session-", awaited[0]["message"])
        self.assertIn("--name first", awaited[0]["advice"])

        self.start_worker("second", self.pool.port)
        task = self.pool.wait_for_end(task_id)
        self.assertEqual(task["state"], "succeeded")
        self.assertEqual(task["trials_rejected"], 0)
        for trial in unanswered:
            self.assertIn(f"event=audit_trains_again trial_id={trial} ",
                          self.pool.log("second"))
        self.assert_adds_up(task)


if __name__ == "__main__":
    unittest.main()
