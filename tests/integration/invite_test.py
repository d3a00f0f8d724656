# SPDX-License-Identifier: Apache-2.0
"""Accounts come by invitations to a pool of real programs, work there, and are held
for one person's with whoever invited them."""

import json
import stat
import subprocess
import unittest

from harness import PROGRAMS, Pool, PoolTestCase, Refused


class InviteTest(PoolTestCase):
    server_flags = ("--silence-term", "5s", "--audit-term", "5s",
                    "--registration", "invited")

    def join(self, name, *code):
        """As somebody who has no token, and knows the server by the code alone;
        (exit code, what was said)."""
        answer = subprocess.run(
            [PROGRAMS / "archpool", "--server", f"127.0.0.1:{self.pool.port}",
             "--json", "account", "join", "--name", name, *map(str, code),
             "--token-out", self.pool.token_file(name)],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        return answer.returncode, answer.stdout + answer.stderr

    def quota(self, name):
        return self.pool.command("operator", "account", "quota", name)

    def test_who_comes_works_and_shares_with_who_invited(self):
        pool = self.pool
        pool.add_client()
        pool.create_account("alice", "miner")
        code_file = pool.directory / "code"
        made = pool.command("alice", "invite", "--uses", 2, "--code-out", code_file)
        self.assertEqual((made["number"], made["uses"], made["is_open"]),
                         (1, 0, True))
        self.assertEqual(stat.S_IMODE(code_file.stat().st_mode), 0o600)
        code, said = self.join("bob", "--code-file", code_file)
        self.assertEqual(code, 0, said)
        bob = json.loads(said)
        self.assertEqual(bob["role"], "miner")
        self.assertEqual(bob["inviter_account_id"],
                         pool.command("alice", "account", "whoami")["account_id"])
        self.assertEqual(
            stat.S_IMODE(pool.token_file("bob").stat().st_mode), 0o600)
        self.assertEqual(pool.command("bob", "account", "whoami")["name"], "bob")
        group = self.quota("bob")["group"]
        self.assertTrue(group.startswith("invited-by-account-"), group)
        self.assertEqual(self.quota("alice")["group"], group)

        pool.command("bob", "account", "visibility", "public")
        pool.add_verifier()
        pool.add_worker("bob")
        task = pool.wait_for_end(pool.submit(trials=4))
        self.assertEqual(task["state"], "succeeded", task)

        # It lasts across a restart, with what was used of it.
        pool.stop("server")
        pool.start_server()
        listed = pool.command("operator", "invite", "list")
        self.assertEqual([(one["account"], one["uses"], one["is_open"])
                          for one in listed], [("alice", 1, True)])
        pool.command("alice", "invite", "revoke", 1)
        code, said = self.join("carol", "--code-file", code_file)
        self.assertEqual(code, 3, said)
        self.assertIn("INVITATION_INVALID", said)
        self.assertFalse(pool.token_file("carol").exists())
        self.assertTrue(pool.command("operator", "ledger", "check")["is_sound"])

    def test_an_operators_guests_are_strangers(self):
        code = self.pool.command("operator", "invite", "--role", "client",
                                 "--uses", 2)["code"]
        for name in ("dave", "erin"):
            exit_code, said = self.join(name, "--code", code)
            self.assertEqual(exit_code, 0, said)
            self.assertIsNone(self.quota(name)["group"])
        self.assertEqual(self.pool.command("dave", "account", "whoami")["role"],
                         "client")
        exit_code, said = self.join("frank", "--code", code)
        self.assertEqual(exit_code, 3, said)
        self.assertIn("INVITATION_INVALID", said)

    def test_a_code_without_its_pin_or_with_half_of_it_sends_nothing(self):
        code = self.pool.command("operator", "invite")["code"]
        self.assertEqual("sha256:" + code.partition(".")[2], self.pool.pin())
        for damaged, reason in ((code.partition(".")[0], "SERVER_PIN_UNSET"),
                                (code[:-1], "CODE_MALFORMED")):
            exit_code, said = self.join("gail", "--code", damaged)
            self.assertEqual(exit_code, 2, said)
            self.assertIn(reason, said)
        self.assertFalse(self.pool.token_file("gail").exists())
        self.assertEqual(self.join("gail", "--code", code)[0], 0)

    def test_guesses_are_stopped_and_accounts_are_not(self):
        said = ""
        for _ in range(30):
            exit_code, said = self.join(
                "eve", "--code", "inv_" + 32 * "0", "--server-pin",
                self.pool.pin())
            self.assertEqual(exit_code, 3, said)
            if "JOINS_TOO_OFTEN" in said:
                break
        self.assertIn("JOINS_TOO_OFTEN", said)
        self.pool.command("operator", "account", "whoami")


class ClosedTest(unittest.TestCase):
    def test_operators_alone_make_accounts_by_default(self):
        pool = Pool()
        self.addCleanup(pool.close)
        for words in (("invite",), ("account", "join", "--name", "eve", "--code",
                                    "x", "--token-out",
                                    pool.directory / "eve.token")):
            with self.assertRaises(Refused) as refused:
                pool.command("operator", *words)
            self.assertEqual(refused.exception.code, 3)
            self.assertIn("REGISTRATION_CLOSED", refused.exception.text)


if __name__ == "__main__":
    unittest.main()
