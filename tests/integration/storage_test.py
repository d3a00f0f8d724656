# SPDX-License-Identifier: Apache-2.0
"""What accounts have on the pool's disk is counted, shown and bounded."""

import unittest

from harness import PoolTestCase, Refused, write_idx_files

MIB = 1 << 20
# Each file and each split counts at least one: two and three of a dataset.
OF_A_DATASET = 5


class StorageTest(PoolTestCase):
    server_flags = (*PoolTestCase.server_flags, "--stored-mib-per-client",
                    str(OF_A_DATASET + 1))

    def setUp(self):
        super().setUp()
        self.pool.add_client()

    def stored(self, who):
        return self.pool.command(who, "account", "quota")["stored_bytes"]

    def test_a_client_stores_no_more_than_it_may(self):
        first = self.pool.submit()
        self.assertEqual(self.stored("client"),
                         {"held": OF_A_DATASET * MIB,
                          "max": (OF_A_DATASET + 1) * MIB, "allowed": 0})
        self.assertNotEqual(self.pool.submit(trials=4), first)
        self.assertEqual(self.stored("client")["held"], OF_A_DATASET * MIB,
                         "the same dataset takes no more room")

        write_idx_files(self.pool.directory, count=240)
        with self.assertRaises(Refused) as refused:
            self.pool.submit(trials=6)
        self.assertEqual(refused.exception.code, 3, refused.exception.text)
        self.assertIn("STORAGE_QUOTA", refused.exception.text)
        self.assertIn("archpool account quota", refused.exception.text)

        self.pool.stop("server")
        self.pool.start_server()
        self.assertGreaterEqual(self.stored("client")["held"],
                                OF_A_DATASET * MIB)
        raised = self.pool.command("operator", "account", "quota", "client",
                                   "--stored-mib", 2 * OF_A_DATASET)
        self.assertEqual(raised["stored_bytes"]["allowed"],
                         2 * OF_A_DATASET * MIB)
        self.pool.submit(trials=6)
        self.assertEqual(self.stored("client")["held"], 2 * OF_A_DATASET * MIB)

    def test_what_a_miner_was_asked_for_counts_for_it(self):
        self.pool.add_verifier()
        self.pool.add_worker("alice")
        self.pool.wait_for_end(self.pool.submit())
        self.assertGreater(self.stored("alice")["held"], 0)
        self.assertEqual(self.stored("client")["held"], OF_A_DATASET * MIB)


if __name__ == "__main__":
    unittest.main()
