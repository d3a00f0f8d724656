# SPDX-License-Identifier: Apache-2.0
"""A pool that asks its verifiers for certificates: real programs make keys, sign,
show, renew and revoke them, and whoever has none does nothing for the pool."""

import os
import pathlib
import shutil
import stat
import subprocess
import unittest

from harness import PROGRAMS, Pool, PoolTestCase, wait_for

TERMS = ("--silence-term", "5s", "--audit-term", "5s")


def run(program, *words):
    return subprocess.run([PROGRAMS / program, *map(str, words)],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=60)


class CertifiedPool(Pool):
    """Has the keys and certificates of its verifiers in its directory."""

    def file(self, name, kind):
        return self.directory / f"{name}.{kind}"

    def request(self, name):
        """A key and its request, on the verifier's machine."""
        made = run("archpool", "verifier", "request", "--key-out",
                   self.file(name, "key"), "--request-out", self.file(name, "csr"))
        assert made.returncode == 0, made.stderr

    def server_command(self, *words, data_dir=None):
        return run("archpool-server", "verifier-certificate", "--data-dir",
                   data_dir or self.directory / "server", *words)

    def certify(self, name, account):
        """The operator's answer, in place at once."""
        signed = self.server_command("--account", account, "--request",
                                     self.file(name, "csr"))
        assert signed.returncode == 0, signed.stderr
        beside = self.file(name, "pem.new")
        beside.write_text(signed.stdout)
        os.replace(beside, self.file(name, "pem"))

    def shows(self, name):
        return ("--certificate", self.file(name, "pem"), "--key",
                self.file(name, "key"))

    def run_task(self, test, **settings):
        task = self.wait_for_end(self.submit(trials=4, **settings))
        test.assertEqual(task["state"], "succeeded")


class RequiredTest(PoolTestCase):
    def make_pool(self):
        return CertifiedPool(*TERMS, "--verifier-certificates", "required")

    def test_who_has_none_is_told_so_and_ends(self):
        pool = self.pool
        self.assertIn("event=verifier_certificates required=true",
                      pool.log("server"))
        pool.add_verifier()
        verifier = pool.processes["verifier"]
        self.assertEqual(verifier.wait(60), 3)
        self.assertIn("reason=CERTIFICATE_REQUIRED", pool.log("verifier"))
        self.assertIn("--certificate", pool.log("verifier"))
        wait_for("a word to the operator", lambda:
                 "event=verifier_uncertified" in pool.log("server"))
        # Its account's own matters need none.
        self.assertEqual(pool.command("verifier", "account", "whoami")["name"],
                         "verifier")

    def test_a_pool_works_with_one_certified_verifier(self):
        pool = self.pool
        pool.request("verifier")
        self.assertEqual(stat.S_IMODE(pool.file("verifier", "key").stat().st_mode),
                         0o600)
        pool.certify("verifier", "verifier")
        # Neither clients nor workers are asked.
        pool.add_client()
        pool.add_worker("alice")
        pool.add_verifier(flags=pool.shows("verifier"))
        pool.run_task(self)
        self.assertNotIn("event=verifier_uncertified", pool.log("server"))

    def test_anothers_certificate_is_replaced_while_it_runs(self):
        pool = self.pool
        pool.request("verifier")
        pool.certify("verifier", "somebody")
        pool.add_client()
        pool.add_worker("alice")
        pool.add_verifier(flags=pool.shows("verifier"))
        wait_for("what the verifier says", lambda:
                 "reason=CERTIFICATE_OF_ANOTHER" in pool.log("verifier"))
        self.assertIsNone(pool.processes["verifier"].poll(), pool.log("verifier"))
        pool.certify("verifier", "verifier")
        pool.run_task(self)
        self.assertIn("event=own_certificate_read", pool.log("verifier"))

    def test_what_is_revoked_holds_no_more_and_a_new_one_does(self):
        pool = self.pool
        pool.request("verifier")
        pool.certify("verifier", "verifier")
        pool.add_client()
        pool.add_worker("alice")
        pool.add_verifier(flags=pool.shows("verifier"))
        pool.run_task(self)
        revoked = pool.server_command("--account", "verifier", "--revoke")
        self.assertEqual(revoked.returncode, 0, revoked.stderr)
        wait_for("what the verifier says", lambda:
                 "reason=CERTIFICATE_REVOKED" in pool.log("verifier"))
        self.assertIn("event=verifier_series_read", pool.log("server"))
        # It stays so.
        pool.stop("server")
        before = pool.log("server").count("reason=CERTIFICATE_REVOKED")
        pool.start_server()
        wait_for("a refusal by the server that was started again", lambda:
                 pool.log("server").count("reason=CERTIFICATE_REVOKED") > before)
        self.assertIsNone(pool.processes["verifier"].poll(), pool.log("verifier"))
        # The same key may go on.
        pool.certify("verifier", "verifier")
        pool.run_task(self, widths="4, 8, 16, 20", file="again.yaml")

    def test_another_pools_certificate_is_no_more_than_none(self):
        pool = self.pool
        other = CertifiedPool(*TERMS)
        self.addCleanup(other.close)
        other.request("verifier")
        other.certify("verifier", "verifier")
        for kind in ("key", "pem"):
            shutil.copy(other.file("verifier", kind), pool.file("verifier", kind))
        pool.add_verifier(flags=pool.shows("verifier"))
        wait_for("what the verifier says", lambda:
                 "reason=CERTIFICATE_UNTRUSTED" in pool.log("verifier"))

    def test_a_verifier_does_not_start_with_wrong_files(self):
        pool = self.pool
        for name in ("one", "two"):
            pool.request(name)
            pool.certify(name, "verifier")
        pool.create_account("verifier", "verifier")

        def start(*flags):
            return run("archpool-fake-verifier", "--server",
                       f"127.0.0.1:{pool.port}", "--token-file",
                       pool.token_file("verifier"), "--name", "v1", "--work-dir",
                       pool.directory / "verifier", *flags)

        def expect(reason, *flags):
            ended = start(*flags)
            self.assertIn(ended.returncode, (2, 3), ended.stderr)
            self.assertIn(f"reason={reason}", ended.stderr)

        expect("CERTIFICATE_FLAGS", "--certificate", pool.file("one", "pem"))
        expect("CERTIFICATE_KEY_MISMATCH", "--certificate",
               pool.file("one", "pem"), "--key", pool.file("two", "key"))
        expect("CERTIFICATE_MALFORMED", "--certificate", pool.file("one", "csr"),
               "--key", pool.file("one", "key"))
        pool.file("one", "key").chmod(0o644)
        expect("CERTIFICATE_KEY_EXPOSED", *pool.shows("one"))
        pool.file("one", "key").unlink()
        expect("FILE_NOT_FOUND", *pool.shows("one"))

    def test_the_operators_command_says_what_is_wrong(self):
        pool = self.pool
        pool.request("verifier")
        again = run("archpool", "verifier", "request", "--key-out",
                    pool.file("verifier", "key"), "--request-out",
                    pool.file("verifier", "other"))
        self.assertNotEqual(again.returncode, 0)
        self.assertIn("FILE_EXISTS", again.stderr)
        for words, reason in (
                (("--account", "verifier"), "CERTIFICATE_FLAGS"),
                (("--account", "No name", "--revoke"), "NAME_MALFORMED"),
                (("--account", "verifier", "--request", "/nowhere/v.csr"),
                 "FILE_NOT_FOUND"),
                (("--account", "verifier", "--request",
                  pool.file("verifier", "key")), "CERTIFICATE_REQUEST_MALFORMED")):
            ended = pool.server_command(*words)
            self.assertNotEqual(ended.returncode, 0, words)
            self.assertIn(reason, ended.stderr)
            self.assertEqual(ended.stdout, "")
        elsewhere = pool.server_command("--account", "verifier", "--revoke",
                                        data_dir="/nowhere/pool")
        self.assertNotEqual(elsewhere.returncode, 0)
        self.assertIn("SECRET_MISSING", elsewhere.stderr)


class AcceptedTest(unittest.TestCase):
    def test_who_has_none_works_on_and_is_named(self):
        pool = CertifiedPool(*TERMS, "--verifier-certificates", "accepted")
        self.addCleanup(pool.close)
        pool.add_client()
        pool.add_worker("alice")
        pool.add_verifier()
        pool.run_task(self)
        self.assertRegex(pool.log("server"),
                         r"event=verifier_uncertified account=verifier "
                         r"refused=false .*CERTIFICATE_REQUIRED")
        # A server that does not ask leaves those alone that would show one.
        pool.request("verifier")
        pool.certify("verifier", "verifier")
        pool.stop("verifier")
        pool.stop("server")
        pool.server_flags = TERMS
        pool.start_server()
        pool.add_verifier(flags=pool.shows("verifier"))
        pool.run_task(self, widths="4, 8, 16, 20", file="again.yaml")

    def test_plain_text_sees_none(self):
        server = run("archpool-server", "--data-dir", "/nowhere/pool",
                     "--plaintext", "--verifier-certificates", "required")
        self.assertEqual(server.returncode, 2, server.stderr)
        self.assertIn("reason=TLS_FLAGS", server.stderr)
        self.assertFalse(pathlib.Path("/nowhere/pool").exists())


if __name__ == "__main__":
    unittest.main()
