# SPDX-License-Identifier: Apache-2.0
"""Tokens of real programs: each does what its scope says, and a worker whose token
is replaced, or revoked under it, loses nothing."""

import stat
import unittest

from harness import PoolTestCase, Refused, wait_for


class TokenTest(PoolTestCase):
    server_flags = ("--silence-term", "60s", "--audit-term", "5s",
                    "--receipt-interval", "1s")

    def token(self, who, *words):
        return self.pool.command(who, "account", "token", *words)

    def create(self, who, name, scope, *more):
        """Makes a token of `who`; commands run as `who-name` use it."""
        return self.token(who, "create", "--name", name, "--scope", scope,
                          "--token-out", self.pool.token_file(f"{who}-{name}"),
                          *more)

    def assert_refused(self, reason, who, *words):
        with self.assertRaises(Refused) as refused:
            self.pool.command(who, *words)
        self.assertEqual(refused.exception.code, 3)
        self.assertIn(reason, refused.exception.text)

    def test_each_token_does_what_its_scope_says(self):
        pool = self.pool
        pool.add_client()
        made = self.create("client", "ro", "read", "--expires", "90d")
        self.assertEqual((made["name"], made["scope"], made["is_in_force"]),
                         ("ro", "read", True))
        self.assertNotIn("token", made)
        mode = pool.token_file("client-ro").stat().st_mode
        self.assertEqual(stat.S_IMODE(mode), 0o600)
        self.assertEqual(pool.command("client-ro", "account", "whoami")["name"],
                         "client")
        pool.command("client-ro", "task", "list")
        self.assert_refused("SCOPE_NOT_ALLOWED", "client-ro", "account",
                            "visibility", "public")
        self.assert_refused("SCOPE_NOT_ALLOWED", "client-ro", "account", "token",
                            "revoke", "first")
        self.assert_refused("SCOPE_OF_OTHER_ROLE", "client", "account", "token",
                            "create", "--name", "w", "--scope", "work",
                            "--token-out", pool.directory / "w.token")
        self.assertFalse((pool.directory / "w.token").exists())
        self.assert_refused("LAST_OWNER_TOKEN", "client", "account", "token",
                            "revoke", "first")

        # Replaced, and both work; then the old one is revoked, for good.
        self.token("client", "rotate", "first", "--token-out",
                   pool.token_file("client-next"))
        for who in ("client", "client-next"):
            pool.command(who, "account", "whoami")
        self.token("client-next", "revoke", "first")
        self.assert_refused("TOKEN_REVOKED", "client", "account", "whoami")
        pool.stop("server")
        pool.start_server()
        self.assert_refused("TOKEN_REVOKED", "client", "account", "whoami")
        listed = self.token("client-next", "list")
        self.assertEqual([(one["name"], one["is_in_force"]) for one in listed],
                         [("first", False), ("ro", True), ("first-2", True)])

    def test_an_operator_replaces_a_stolen_owners_token(self):
        pool = self.pool
        pool.create_account("alice", "miner")
        pool.command("alice", "payout", "set", "--address", "alices",
                     parse=False)
        # The thief has a copy, and makes itself another one.
        pool.token_file("thief").write_text(
            pool.token_file("alice").read_text())
        self.token("thief", "create", "--name", "mine", "--scope", "owner",
                   "--token-out", pool.token_file("thief-mine"))
        self.create("alice", "w", "work")
        made = self.token("operator", "replace-owner", "alice", "--token-out",
                          pool.token_file("alice-new"))
        self.assertEqual((made["name"], made["scope"], made["revoked_count"]),
                         ("owner", "owner", 2))
        for who in ("alice", "thief", "thief-mine"):
            self.assert_refused("TOKEN_REVOKED", who, "account", "whoami")
        pool.command("alice-w", "account", "whoami")
        whoami = pool.command("alice-new", "account", "whoami")
        self.assertEqual(whoami["name"], "alice")
        self.assert_refused("ROLE_NOT_ALLOWED", "alice-new", "account", "token",
                            "replace-owner", "alice", "--token-out",
                            pool.directory / "no.token")
        self.assert_refused("OPERATORS_TOKENS_STAY", "operator", "account",
                            "token", "replace-owner", "operator", "--token-out",
                            pool.directory / "no.token")
        self.assertFalse((pool.directory / "no.token").exists())
        # As after every start.
        pool.stop("server")
        pool.start_server()
        self.assert_refused("TOKEN_REVOKED", "thief-mine", "account", "whoami")
        pool.command("alice-new", "account", "whoami")
        wait_for("the operators' log", lambda: any(
            one["action"] == "replace_owner_tokens" and
            one["subject"] == "alice"
            for one in pool.command("operator", "pool", "log")))

    def test_a_worker_goes_on_with_another_token(self):
        pool = self.pool
        pool.add_client()
        pool.create_account("alice", "miner")
        pool.add_verifier()
        # The worker's file holds a token that does no more than it must.
        owner = pool.token_file("alice").read_text()
        self.create("alice", "w", "work")
        pool.token_file("alice-owner").write_text(owner)
        pool.token_file("alice").write_text(
            pool.token_file("alice-w").read_text())
        pool.add_worker("alice")
        task = pool.wait_for_end(pool.submit(trials=2))
        self.assertEqual(task["state"], "succeeded", task)

        self.token("alice-owner", "revoke", "w")
        self.assert_refused("TOKEN_REVOKED", "alice", "account", "whoami")
        second = pool.submit(trials=2)
        self.create("alice-owner", "w2", "work")
        pool.token_file("alice").write_text(
            pool.token_file("alice-owner-w2").read_text())
        task = pool.wait_for_end(second)
        self.assertEqual(task["state"], "succeeded", task)
        self.assertEqual(pool.command("alice-owner", "account", "whoami")
                         ["trials_abandoned"], 0)


if __name__ == "__main__":
    unittest.main()
