# SPDX-License-Identifier: Apache-2.0
"""Backup miners, live: the holder of a promising box is killed, and another miner
finishes what it left, once, and is paid for it."""

import unittest

from harness import PoolTestCase, wait_for


class BackupTest(PoolTestCase):
    server_flags = ("--silence-term", "3s", "--audit-term", "5s",
                    "--lease-span", "20s", "--lease-term", "5m",
                    "--upload-term", "10s")

    def leases(self, *flags):
        return self.pool.command("operator", "lease", "list", *flags)

    def promising_lease_of(self, name):
        return next((lease for lease in self.leases()
                     if lease["account"] == name and lease["high_reward"]
                     and lease["role"] == "primary"), None)

    def kill_in_a_promising_box(self, name):
        """Answers the backup of the lease that `name` left. A box may lose its
        promise before its holder's silence is noticed: then once more."""
        for _ in range(6):
            primary = wait_for("a promising box",
                               lambda: self.promising_lease_of(name))
            self.pool.kill(name)

            def is_noticed():
                leases = self.leases("--all")
                backup = next((lease for lease in leases
                               if lease["primary_lease_id"] == primary["lease_id"]),
                              None)
                state = next(lease["state"] for lease in leases
                             if lease["lease_id"] == primary["lease_id"])
                return backup or state != "active"

            backup = wait_for("the silence to be noticed", is_noticed)
            if backup is not True:
                return primary, backup
            self.pool.add_worker(name, trial_ms=300)
        raise AssertionError("no box stayed promising")

    def test_a_backup_finishes_the_box_of_a_killed_primary(self):
        self.pool.add_client()
        self.pool.add_verifier()
        self.pool.add_worker("alice", trial_ms=300)
        self.pool.add_worker("bob", trial_ms=300)
        task_id = self.pool.submit(
            trials=70, subspaces=8,
            widths=", ".join(str(width) for width in range(2, 66, 2)))
        primary, stand_in = self.kill_in_a_promising_box("alice")

        def backup():
            return next(lease for lease in self.leases("--all")
                        if lease["lease_id"] == stand_in["lease_id"])

        self.assertEqual(stand_in["account"], "bob")
        self.assertEqual(stand_in["role"], "backup")
        self.assertEqual(stand_in["backup_reason"], "silent")
        self.assertEqual(stand_in["subspace_id"], primary["subspace_id"])
        wait_for("the backup to end", lambda: backup()["state"] != "active")
        self.assertEqual(backup()["state"], "completed",
                         (self.leases("--all"), self.pool.log("bob")[-2000:]))
        self.assertEqual(backup()["backup_reason"], "silent")
        task = self.pool.wait_for_end(task_id)
        self.assertEqual(task["state"], "succeeded")
        self.assertIn(stand_in["lease_id"],
                      [lease["lease_id"] for lease in task["backups"]])
        self.assert_each_network_counts_once(task)
        self.assert_adds_up(task)

    def assert_each_network_counts_once(self, task):
        accepted = [trial["architecture_id"] for trial in task["trials"]
                    if trial["state"] == "accepted"]
        self.assertEqual(len(accepted), len(set(accepted)))

    def test_each_sees_the_leases_that_concern_it(self):
        self.pool.add_client()
        self.pool.add_client("other")
        self.pool.add_worker("alice", trial_ms=60_000)
        self.pool.add_worker("bob", trial_ms=60_000)
        self.pool.submit(trials=8)
        wait_for("two leases", lambda: len(self.leases()) >= 2)

        def seen_by(name):
            return {lease["account"] for lease in
                    self.pool.command(name, "lease", "list")}

        self.assertEqual(seen_by("operator"), {"alice", "bob"})
        self.assertEqual(seen_by("client"), {"alice", "bob"})
        self.assertEqual(seen_by("other"), set())
        self.assertEqual(seen_by("alice"), {"alice"})


if __name__ == "__main__":
    unittest.main()
