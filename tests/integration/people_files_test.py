# SPDX-License-Identifier: Apache-2.0
"""What people have on their disks stays theirs, whatever goes wrong: tokens,
secrets, files under names that are in use; and outputs that go nowhere."""

import os
import subprocess
import unittest

from harness import PROGRAMS, PoolTestCase, Refused


class PeopleFilesTest(PoolTestCase):
    def run_archpool(self, *words, token=None, server=None, stdout=None):
        """The exit code and what was said, unread."""
        answer = subprocess.run(
            [PROGRAMS / "archpool", "--server",
             server or f"127.0.0.1:{self.pool.port}", "--token-file",
             token or self.pool.token_file("operator"), "--patience", "1",
             *map(str, words)],
            stdin=subprocess.DEVNULL, stdout=stdout or subprocess.PIPE,
            stderr=subprocess.PIPE, timeout=60)
        return answer.returncode, answer.stderr.decode(errors="replace")

    def create(self, name, path, **where):
        return self.run_archpool("account", "create", "--name", name, "--role",
                                 "miner", "--token-out", path, **where)

    def test_no_file_that_is_there_is_touched(self):
        path = self.pool.directory / "carol.token"
        self.assertEqual(self.create("carol", path)[0], 0)
        token = path.read_text()
        self.assertEqual(self.pool.command("carol", "account", "whoami")["name"],
                         "carol")
        operators = self.pool.token_file("operator")
        before = operators.read_text()
        link = self.pool.directory / "link"
        link.symlink_to(self.pool.directory / "nothing")
        for target in (path, operators, link, "/dev/stdout"):
            code, said = self.create("dave", target)
            self.assertEqual(code, 2, said)
            self.assertIn("FILE_EXISTS", said)
        self.assertEqual(path.read_text(), token)
        self.assertEqual(operators.read_text(), before)
        self.assertTrue(link.is_symlink())
        fresh = self.pool.directory / "fresh.token"
        for name, code, where in (("carol", 3, {}), ("Carol!", 2, {}),
                                  ("dave", 4, {"server": "127.0.0.1:1"})):
            self.assertEqual(self.create(name, fresh, **where)[0], code)
            self.assertFalse(fresh.exists(), "nothing is left behind")

    def test_what_cannot_be_written_is_a_failure_and_loses_nothing(self):
        create = ("account", "create", "--name", "gail", "--role", "miner")
        with open("/dev/full", "wb") as full:
            for words in (create, (*create, "--json"), ("task", "list"),
                          ("--json", "ledger", "check"), ("--help",)):
                self.assertEqual(self.run_archpool(*words, stdout=full)[0], 1,
                                 words)
            for program in ("archpool-server", "archpool-fake-worker"):
                self.assertEqual(
                    subprocess.run([PROGRAMS / program, "--help"], stdout=full,
                                   stderr=subprocess.DEVNULL).returncode, 1)
        closed = subprocess.run(
            ["/bin/sh", "-c", 'exec "$@" >&-', "sh", PROGRAMS / "archpool",
             "--server", f"127.0.0.1:{self.pool.port}", "--token-file",
             self.pool.token_file("operator"), *create],
            stderr=subprocess.DEVNULL)
        self.assertEqual(closed.returncode, 1)
        self.assertEqual([account["name"] for account in self.pool.command(
            "operator", "account", "list")], ["operator"])

    def test_tokens_and_addresses_are_read_before_they_are_used(self):
        path = self.pool.directory / "odd.token"
        token = self.pool.token_file("operator").read_text().strip()
        path.write_bytes(b"\xef\xbb\xbf" + token.encode() + b"\r\n")
        self.assertEqual(self.run_archpool("account", "whoami", token=path)[0], 0)
        for odd in (token.encode("utf-16"), b"ap_\xc3\xa9", b"ap_\0", b"ap_\t1"):
            path.write_bytes(odd)
            code, said = self.run_archpool("account", "whoami", token=path)
            self.assertEqual(code, 2, said)
            self.assertIn("TOKEN_FILE_MALFORMED", said)
            self.assertNotIn("ap_", said)
            worker = subprocess.run(
                [PROGRAMS / "archpool-fake-worker", "--server", "127.0.0.1:1",
                 "--token-file", path, "--name", "w", "--work-dir",
                 self.pool.directory / "w"], capture_output=True, timeout=60)
            self.assertEqual(worker.returncode, 2, worker.stderr)
        for address in ("http://127.0.0.1:7070", "127.0.0.1", "127.0.0.1:99999"):
            self.assertEqual(
                self.run_archpool("account", "whoami", server=address)[0], 2)

    def test_a_secret_and_a_database_belong_together(self):
        secret = self.pool.directory / "server" / "pool-secret"
        kept = secret.read_bytes()
        self.pool.stop("server")
        for change, reason in (
                (secret.unlink, "SECRET_MISSING"),
                (lambda: secret.write_text("0" * 64), "SECRET_MISMATCH"),
                (lambda: (secret.unlink(), secret.symlink_to("/nowhere/secret")),
                 "SECRET_UNREADABLE")):
            change()
            left = os.readlink(secret) if secret.is_symlink() else (
                secret.read_bytes() if secret.exists() else None)
            with self.assertRaises(AssertionError) as ended:
                self.pool.start_server()
            self.pool.processes.pop("server")
            self.assertIn(reason, str(ended.exception))
            self.assertEqual(left, os.readlink(secret) if secret.is_symlink()
                             else secret.read_bytes() if secret.exists()
                             else None, "nothing is drawn in its place")
        secret.unlink()
        secret.write_bytes(kept)
        self.pool.start_server()
        self.assertIn("event=pool_created ", self.pool.log("server"))

    def test_the_same_file_opens_one_task(self):
        self.pool.add_client()
        path = self.pool.write_task(trials=4, reward=100)
        first = self.pool.command("client", "task", "submit", path)
        again = self.pool.command("client", "task", "submit", path)
        self.assertEqual(first["task_id"], again["task_id"])
        self.assertFalse(again["is_new"])
        self.assertEqual(len(self.pool.command("client", "task", "list")), 1)
        other = self.pool.command("client", "task", "submit", path,
                                  "--request-id", "another")
        self.assertNotEqual(other["task_id"], first["task_id"])
        with self.assertRaises(Refused) as refused:
            self.pool.submit(trials=4, reward=801)
        self.assertIn("BALANCE_TOO_LOW", refused.exception.text)


if __name__ == "__main__":
    unittest.main()
