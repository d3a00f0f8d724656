# SPDX-License-Identifier: Apache-2.0
"""What operators of a real pool did is sealed among its receipts, and shown."""

import unittest

from harness import PoolTestCase, Refused, wait_for


class OperatorsLogTest(PoolTestCase):
    server_flags = ("--receipt-interval", "1s")

    def log(self, who="operator"):
        return [(one["action"], one["subject"], one["detail"].split(",")[0])
                for one in self.pool.command(who, "pool", "log")]

    def test_what_operators_did_is_sealed_and_shown(self):
        pool = self.pool
        pool.add_client()  # makes an account, and deposits 1000 coins
        pool.create_account("alice", "miner")
        pool.command("operator", "account", "suspend", "alice", parse=False)
        pool.command("operator", "account", "resume", "alice", parse=False)
        pool.command("operator", "account", "quota", "alice", "--leases", 7)
        done = [("create_account", "client", "client"),
                ("deposit", "client", "1000 coins"),
                ("create_account", "alice", "miner"),
                ("suspend", "alice", ""), ("reinstate", "alice", ""),
                ("set_quotas", "alice", "leases 7")]
        wait_for("the log", lambda: len(self.log()) == len(done))
        self.assertEqual(self.log(), done)
        pool.kill("server")
        pool.start_server()
        self.assertEqual(self.log(), done)
        latest = pool.command("operator", "pool", "log", "--limit", 1)
        self.assertEqual([one["action"] for one in latest], ["set_quotas"])

        # It is part of what anybody can check who has the pool's key.
        folder = pool.directory / "books"
        pool.command("operator", "receipt", "fetch", folder)
        key = pool.command("operator", "account", "terms")["receipt_key"]
        pool.command("operator", "receipt", "verify", folder, "--pool-key", key)

    def test_it_is_for_operators(self):
        self.pool.create_account("bob", "client")
        self.pool.command("operator", "ledger", "deposit", "--account", "bob",
                          "--amount", 1, parse=False)
        wait_for("the seal", lambda: self.log())
        with self.assertRaises(Refused) as refused:
            self.pool.command("bob", "pool", "log")
        self.assertIn("ROLE_NOT_ALLOWED", refused.exception.text)


if __name__ == "__main__":
    unittest.main()
