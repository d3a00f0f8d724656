# SPDX-License-Identifier: Apache-2.0
"""An operator's maintenance, with real programs: nothing is leased, nothing
expires, across a restart, and afterwards everything goes on with its time back."""

import datetime
import time
import unittest
import urllib.request

from harness import PoolTestCase, Refused, wait_for

SILENCE_S = 3


class MaintenanceTest(PoolTestCase):
    server_flags = ("--silence-term", f"{SILENCE_S}s", "--audit-term", "5s",
                    "--metrics-listen", "127.0.0.1:0")

    def maintain(self, *words):
        return self.pool.command("operator", "pool", "maintenance", *words)

    def deadline(self, task_id):
        return datetime.datetime.fromisoformat(
            self.pool.task(task_id)["deadline_time"].replace("Z", "+00:00"))

    def metric(self):
        port = self.pool.log("server").rpartition("event=metrics_open port=")[2].split()[0]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as page:
            return next(line.split()[1] for line in page.read().decode().splitlines()
                        if line.startswith("archpool_maintenance "))

    def active_leases(self):
        return [lease["lease_id"] for lease in
                self.pool.command("operator", "lease", "list")]

    def test_a_worker_waits_and_goes_on_and_no_deadline_runs(self):
        self.pool.add_client()
        self.pool.add_verifier()
        self.pool.add_worker("alice", trial_ms=600_000)
        task_id = self.pool.submit(trials=8, time_limit="5m")
        held = wait_for("a lease", self.active_leases)
        promised = self.deadline(task_id)

        with self.assertRaises(Refused):
            self.pool.command("alice", "pool", "maintenance", "on")
        began = time.monotonic()
        self.assertTrue(self.maintain("on")["is_on"])
        since = self.maintain("on")["since_time"]
        self.assertEqual(self.metric(), "1")
        self.assertIn("event=maintenance_asked account=operator is_on=true",
                      self.pool.log("server"))

        # Its worker is gone for longer than a lease lives, and so is the server.
        self.pool.kill("alice")
        self.pool.add_worker("bob")
        wait_for("bob to be told", lambda: "MAINTENANCE" in self.pool.log("bob"))
        time.sleep(2 * SILENCE_S)
        self.pool.stop("server")
        self.pool.start_server()
        self.assertEqual(self.maintain()["since_time"], since)
        self.assertEqual(self.metric(), "1")
        status = self.pool.command("alice", "miner", "status")
        self.assertTrue(status["maintenance"]["is_on"])
        self.assertEqual(self.active_leases(), held)

        lasted = time.monotonic() - began
        self.assertFalse(self.maintain("off")["is_on"])
        self.assertEqual(self.metric(), "0")
        # Alice's own may have run out before.
        wait_for("bob's first lease", lambda: set(self.active_leases()) - set(held))
        added = (self.deadline(task_id) - promised).total_seconds()
        self.assertGreaterEqual(added, lasted - 1)
        self.pool.add_worker("alice")
        task = self.pool.wait_for_end(task_id)
        self.assertEqual(task["state"], "succeeded")
        self.assert_adds_up(task)


if __name__ == "__main__":
    unittest.main()
