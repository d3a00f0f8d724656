# SPDX-License-Identifier: Apache-2.0
"""A pool goes over to another version of PostgreSQL, as docs/upgrade.md says: on machines
where two are installed below /usr/lib/postgresql. Exits with 77 where there is one."""

import sys
import unittest

from harness import Pool, micro
from postgres_cluster import find_versions
from postgres_version_test import UpgradeCase
from restore_test import FLAGS


class TwoVersionsTest(UpgradeCase):
    def make_pool(self):
        """Of the oldest version there is."""
        versions = find_versions()
        self.new, self.old = max(versions), min(versions)
        return Pool(*FLAGS, postgres=versions[self.old])

    def test_a_pool_goes_over_to_the_new_version(self):
        self.pool.create_account("alice", "client")
        self.give_to_alice(5)
        self.pool.stop("server")
        # The newer programs are there all the while.
        self.pool.start_server()
        self.assertEqual(self.made_by(), self.old)
        self.give_to_alice(2)
        self.pool.stop("server")
        self.back_up()
        kept = self.pool.directory / "server-before"
        self.data.rename(kept)
        self.restore()
        self.assertEqual(self.made_by(), self.new)
        self.pool.start_server()
        self.assertEqual(micro(self.balance("alice")), 7_000_000)
        self.give_to_alice(1)
        self.assert_whole()
        self.assertEqual(self.report("alice")["problems"], [])
        self.pool.stop("server")
        # There is a way back, until something was done in the new one.
        self.data.rename(self.pool.directory / "server-after")
        kept.rename(self.data)
        self.pool.start_server()
        self.assertEqual(self.made_by(), self.old)
        self.assertEqual(micro(self.balance("alice")), 7_000_000)


def main():
    versions = list(find_versions())
    if len(versions) < 2:
        print("skipped: going over to another version of PostgreSQL needs two below "
              f"/usr/lib/postgresql, and here is {versions}")
        return 77
    unittest.main()
    return 0


if __name__ == "__main__":
    sys.exit(main())
