# SPDX-License-Identifier: Apache-2.0
"""What nothing needs any more leaves the disk while the server runs, is given back to
who had it once, and what somebody needs stays: through kills, backups and uploads."""

import subprocess
import time
import unittest

from harness import PROGRAMS, PoolTestCase, Refused, wait_for

MIB = 1 << 20
# Each file and each split counts at least one: two and three of a dataset.
OF_A_DATASET = 5
# Long enough for a submission on a busy machine, short enough for a test.
UNUSED_S = 20


class CollectionTest(PoolTestCase):
    server_flags = (*PoolTestCase.server_flags, "--keep-results", "5s",
                    "--keep-other-weights", "1s", "--keep-unused-datasets",
                    f"{UNUSED_S}s", "--keep-cut-files", f"{UNUSED_S}s",
                    "--keep-uncut-files", "1h", "--keep-unclaimed", "1s",
                    "--collect-interval", "1s")

    def setUp(self):
        super().setUp()
        self.pool.add_client()
        self.backups = self.pool.directory / "backups"

    def stored(self, who):
        return self.pool.command(who, "account", "quota")["stored_bytes"]["held"]

    def files(self, folder="blobs"):
        blobs = self.pool.directory / "server" / "blobs" / folder
        return [path for path in blobs.rglob("*") if path.is_file()]

    def finish_a_task(self, trials=8):
        task_id = self.pool.submit(trials=trials)
        self.pool.wait_for_end(task_id)
        return task_id

    def is_given_back(self):
        return (not self.files() and self.stored("client") == 0
                and self.stored("alice") == 0)

    def back_up(self):
        done = subprocess.run(
            [PROGRAMS / "archpool-server", "backup", self.backups, "--data-dir",
             self.pool.directory / "server"], stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_everything_goes_in_time_and_may_come_again(self):
        self.pool.add_verifier()
        self.pool.add_worker("alice")
        first = self.pool.submit()
        self.assertEqual(self.stored("client"), OF_A_DATASET * MIB)
        self.pool.wait_for_end(first)
        wait_for("the disk to be empty", self.is_given_back)
        log = self.pool.log("server")
        self.assertIn("event=blobs_collected", log)
        self.assertEqual(log.count("event=dataset_dropped"), 1)
        with self.assertRaises(Refused) as refused:
            self.pool.command("client", "task", "result", first, "--output",
                              self.pool.directory / "result", parse=False)
        self.assertIn("no longer kept", refused.exception.text)

        # The same files again: they are sent again, and the dataset is back.
        self.finish_a_task(trials=12)
        wait_for("the disk to be empty once more", self.is_given_back)
        check = self.pool.command("operator", "ledger", "check")
        self.assertEqual(check["violations"], [])

    def test_an_open_task_keeps_what_it_needs(self):
        task_id = self.pool.submit()
        time.sleep(UNUSED_S + 5)
        self.assertEqual(self.stored("client"), (OF_A_DATASET - 2) * MIB,
                         "its files were cut, and its splits are needed")
        self.assertEqual(len(self.files()), 3)
        self.pool.add_verifier()
        self.pool.add_worker("alice")
        self.assertEqual(self.pool.wait_for_end(task_id)["state"], "succeeded")

    def test_kills_between_the_commit_and_the_removal(self):
        """However often it dies at either side of a removal: nothing is counted
        twice, nothing is left, and no backup lacks a file."""
        self.pool.add_verifier()
        self.pool.add_worker("alice")
        self.finish_a_task()
        self.pool.stop("alice")
        self.pool.stop("verifier")
        self.pool.stop("server")
        deaths = 0
        for step in ("blob.ended:1", "blob.removed:1", "blob.ended:2",
                     "blob.removed:2"):
            self.pool.server_program = "archpool-mortal-server"
            self.pool.server_env = {"ARCHPOOL_TEST_KILL_AT": step}
            try:
                self.pool.start_server()
                wait_for("the kill or the end", lambda: (
                    self.pool.processes["server"].poll() is not None
                    or not self.files()))
            except AssertionError:  # it died as soon as it was open
                pass
            server = self.pool.processes.pop("server")
            if server.poll() is None:
                server.terminate()
            else:
                deaths += 1
            self.assertIn(server.wait(30), (0, -9))
        self.assertGreater(deaths, 0)
        self.pool.server_program = "archpool-server"
        self.pool.server_env = {}
        self.pool.start_server()
        wait_for("the rest to go", self.is_given_back)
        self.back_up()

    def test_backups_beside_the_collection_lack_nothing(self):
        self.pool.add_verifier()
        self.pool.add_worker("alice", trial_ms=10)
        task_id = self.pool.submit(trials=16)
        for _ in range(3):
            self.back_up()
        self.pool.wait_for_end(task_id)
        wait_for("the disk to be empty", lambda: self.back_up()
                 or self.is_given_back())


if __name__ == "__main__":
    unittest.main()
