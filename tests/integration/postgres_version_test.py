# SPDX-License-Identifier: Apache-2.0
"""A machine whose PostgreSQL was replaced, as after an upgrade of Debian: the server
says which version is missing and changes nothing. postgres_upgrade.py goes over."""

import hashlib
import unittest

from harness import micro
from restore_test import RestoreTestCase


def fingerprint(folder):
    """Of all files below."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(f"{path.relative_to(folder)}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


class UpgradeCase(RestoreTestCase):
    def cluster(self):
        return self.data / "postgresql" / "cluster"

    def made_by(self):
        return int((self.cluster() / "PG_VERSION").read_text())

    def give_to_alice(self, coins):
        self.pool.command("operator", "ledger", "deposit", "--account", "alice",
                          "--amount", coins)


class MissingVersionTest(UpgradeCase):
    def test_a_version_that_is_gone_is_named_and_nothing_is_changed(self):
        self.pool.create_account("alice", "client")
        self.give_to_alice(5)
        self.pool.stop("server")
        version = self.cluster() / "PG_VERSION"
        ours = version.read_text()
        # One that no machine has, so that this is the same on each.
        version.write_text("8\n")
        before = fingerprint(self.cluster())
        for words in (("--data-dir", self.data), ("migrate", "--data-dir", self.data)):
            said = self.run_server_program(*words, code=3)
            self.assertIn("POSTGRES_MISSING", said)
            self.assertIn("made with PostgreSQL 8, and here is PostgreSQL", said)
            self.assertIn("Install postgresql-8", said)
            self.assertIn("archpool-server backup DIR", said)
        self.assertEqual(fingerprint(self.cluster()), before)
        version.write_text(ours)
        self.pool.start_server()
        self.assertEqual(micro(self.balance("alice")), 5_000_000)
        self.assert_whole()


if __name__ == "__main__":
    unittest.main()
