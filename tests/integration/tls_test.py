# SPDX-License-Identifier: Apache-2.0
"""What travels between real programs is encrypted, and whoever is not the pool gets
nothing: no token, no plain text beyond this machine, no TLS before 1.3."""

import os
import pathlib
import re
import shutil
import socket
import ssl
import stat
import subprocess
import tempfile
import unittest
import urllib.error
import urllib.request

from harness import PROGRAMS, Pool, PoolTestCase, Refused, wait_for

OTHER_PIN = "sha256:" + 43 * "A"
TERMS = ("--silence-term", "5s", "--audit-term", "5s")


def shown_certificate(port, version=ssl.TLSVersion.TLSv1_3):
    """What a port shows to a handshake of that version, in DER."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    context.maximum_version = version
    with socket.create_connection(("127.0.0.1", port), timeout=30) as line:
        with context.wrap_socket(line) as encrypted:
            return encrypted.getpeercert(binary_form=True)


def openssl(*words):
    subprocess.run(["openssl", *map(str, words)], check=True,
                   stdin=subprocess.DEVNULL, capture_output=True, timeout=60)


class Authority:
    """An operator's own."""

    def __init__(self, folder):
        self.folder = folder
        self.certificate = folder / "ca.pem"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-nodes", "-keyout", folder / "ca.key",
                "-out", self.certificate, "-days", 30, "-subj", "/CN=company")

    def issue(self, name):
        """The files of a new key and its certificate for 127.0.0.1."""
        key, certificate = self.folder / f"{name}.key", self.folder / f"{name}.pem"
        request, names = self.folder / f"{name}.csr", self.folder / "names"
        names.write_text("subjectAltName=IP:127.0.0.1\n")
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out",
                request, "-subj", f"/CN={name}")
        openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey",
                self.folder / "ca.key", "-CAcreateserial", "-days", 20,
                "-extfile", names, "-out", certificate)
        return certificate, key


class DefaultTest(PoolTestCase):
    server_flags = TERMS

    def test_a_pool_works_over_tls_13_and_nothing_older(self):
        pool = self.pool
        folder = pool.directory / "server" / "tls"
        self.assertEqual(stat.S_IMODE(folder.stat().st_mode), 0o700)
        for file in folder.iterdir():
            self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o600, file)
        pin = pool.pin()
        self.assertRegex(pin, r"^sha256:[\w-]{43}$")
        self.assertIn(f"pin={pin}", pool.log("server"))
        self.assertEqual(pool.token_file("operator").read_text().split()[1], pin)
        self.assertTrue(shown_certificate(pool.port))
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            shown_certificate(pool.port, ssl.TLSVersion.TLSv1_2)
        wait_for("a word about the handshake that failed",
                 lambda: "event=handshake_failed" in pool.log("server"))
        pool.add_client()
        pool.add_verifier()
        pool.add_worker("alice")
        task = pool.wait_for_end(pool.submit(trials=4))
        self.assertEqual(task["state"], "succeeded")

    def test_who_takes_no_pins_takes_the_authoritys_certificate(self):
        pem = subprocess.run(
            [PROGRAMS / "archpool-server", "pin", "--certificate", "--data-dir",
             self.pool.directory / "server"], stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=True, timeout=60).stdout
        for name in ("localhost", "archpool-server.internal"):
            context = ssl.create_default_context(cadata=pem)
            context.set_alpn_protocols(["h2"])
            with socket.create_connection(("127.0.0.1", self.pool.port),
                                          timeout=30) as line:
                with context.wrap_socket(line, server_hostname=name) as encrypted:
                    self.assertEqual(encrypted.version(), "TLSv1.3")

    def test_a_wrong_pin_is_named_beside_the_right_one(self):
        with self.assertRaises(Refused) as refused:
            self.pool.command("operator", "--server-pin", OTHER_PIN, "account",
                              "whoami")
        self.assertEqual(refused.exception.code, 3)
        for word in ("SERVER_PIN_MISMATCH", OTHER_PIN, self.pool.pin()):
            self.assertIn(word, refused.exception.text)
        self.pool.create_account("alice", "miner")
        # A worker waits, as for any pool that is away: it may pass.
        self.pool.add_worker("alice", flags=("--server-pin", OTHER_PIN))
        wait_for("what the worker says",
                 lambda: "SERVER_PIN_MISMATCH" in self.pool.log("alice"))
        self.assertEqual(self.pool.stop("alice"), 0)
        self.assertIn(self.pool.pin(), self.pool.log("alice"))

    def test_the_pin_is_the_pools_and_outlives_its_files(self):
        pin = self.pool.pin()
        self.pool.stop("server")
        shutil.rmtree(self.pool.directory / "server" / "tls")
        self.pool.start_server()
        self.assertEqual(self.pool.pin(), pin)
        self.pool.command("operator", "account", "whoami")
        self.pool.stop("server")
        # Deliberately, a pool gets another; its operator's file follows.
        (self.pool.directory / "server" / "tls" / "generation").write_text("2\n")
        self.pool.start_server()
        self.assertNotEqual(self.pool.pin(), pin)
        self.assertIn("event=authority_replaced", self.pool.log("server"))
        self.pool.command("operator", "account", "whoami")

    def test_a_server_that_changes_while_a_worker_runs_is_waited_for(self):
        pool = self.pool
        pool.add_client()
        pool.add_verifier()
        pool.add_worker("alice")
        first = pool.wait_for_end(pool.submit(trials=4))
        self.assertEqual(first["state"], "succeeded")
        pool.stop("server")
        generation = pool.directory / "server" / "tls" / "generation"
        generation.write_text("2\n")
        pool.start_server()
        wait_for("what the worker says",
                 lambda: "SERVER_PIN_MISMATCH" in pool.log("alice"))
        self.assertIsNone(pool.processes["alice"].poll(), pool.log("alice"))
        pool.stop("server")
        generation.unlink()
        pool.start_server()
        again = pool.wait_for_end(pool.submit(
            trials=4, widths="4, 8, 16, 20", file="again.yaml"))
        self.assertEqual(again["state"], "succeeded")

    def test_plain_text_to_a_port_that_encrypts_is_told(self):
        with self.assertRaises(Refused) as refused:
            self.pool.command("operator", "--plaintext", "account", "whoami")
        self.assertEqual(refused.exception.code, 3)
        self.assertIn("SERVER_SPEAKS_TLS", refused.exception.text)
        self.assertNotIn("ssl_transport_security", refused.exception.text)


class PlaintextTest(unittest.TestCase):
    def test_it_is_for_those_on_this_machine_who_ask_for_it(self):
        pool = Pool(*TERMS, "--plaintext")
        self.addCleanup(pool.close)
        self.assertIn("event=tls_off", pool.log("server"))
        pool.add_client()
        pool.add_verifier()
        pool.add_worker("alice")
        task = pool.wait_for_end(pool.submit(trials=4))
        self.assertEqual(task["state"], "succeeded")
        pool.line_flags = []
        for words, code, reason in (
                ([], 2, "SERVER_PIN_UNSET"),
                (["--server-pin", OTHER_PIN], 3, "SERVER_SPEAKS_PLAINTEXT")):
            with self.assertRaises(Refused) as refused:
                pool.command("operator", *words, "account", "whoami")
            self.assertEqual(refused.exception.code, code)
            self.assertIn(reason, refused.exception.text)
        self.assertFalse((pool.directory / "server" / "tls").exists())
        with self.assertRaises(Refused) as refused:
            pool.command("operator", "--server", "192.0.2.1:7070", "--plaintext",
                         "account", "whoami")
        self.assertEqual(refused.exception.code, 2)
        self.assertIn("PLAINTEXT_PUBLIC", refused.exception.text)

    def test_beyond_this_machine_it_is_refused(self):
        for flags in (("--listen", "0.0.0.0:0"), ("--listen", "[::]:0"),
                      ("--metrics-listen", "0.0.0.0:0")):
            server = subprocess.run(
                [PROGRAMS / "archpool-server", "--data-dir", "/nowhere/pool",
                 "--plaintext", "--allow-public", *flags],
                stdin=subprocess.DEVNULL, capture_output=True, text=True,
                timeout=60)
            self.assertEqual(server.returncode, 3, server.stderr)
            self.assertIn("reason=PLAINTEXT_PUBLIC", server.stderr)


class OwnCertificateTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="archpool-it-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.authority = Authority(self.folder)
        self.certificate = self.folder / "server.pem"
        self.key = self.folder / "server.key"

    def put(self, certificate, key):
        """One file after the other, each at once."""
        for source, target in ((certificate, self.certificate), (key, self.key)):
            beside = target.with_suffix(".new")
            shutil.copy(source, beside)
            os.replace(beside, target)

    def start(self):
        pool = Pool(*TERMS, "--tls-certificate", self.certificate, "--tls-key",
                    self.key)
        self.addCleanup(pool.close)
        return pool

    def whoami(self, pool, trusted, *words):
        return subprocess.run(
            [PROGRAMS / "archpool", "--server", f"127.0.0.1:{pool.port}",
             "--token-file", pool.token_file("operator"), *words, "account",
             "whoami"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=60, env={**os.environ, "SSL_CERT_FILE": str(trusted)})

    def test_it_is_renewed_while_the_server_runs(self):
        self.put(*self.authority.issue("first"))
        pool = self.start()
        trusted = self.authority.certificate
        by_system = ("--server-pin", "system")
        self.assertEqual(self.whoami(pool, trusted, *by_system).returncode, 0)
        stranger = self.whoami(pool, "/nowhere/ca.pem", *by_system)
        self.assertEqual(stranger.returncode, 3, stranger.stderr)
        self.assertIn("SERVER_UNTRUSTED", stranger.stderr)
        unpinned = self.whoami(pool, trusted)
        self.assertIn("SERVER_PIN_UNSET", unpinned.stderr)
        before = shown_certificate(pool.port)

        certificate, key = self.authority.issue("second")
        half = certificate.read_bytes()[:200]
        self.certificate.write_bytes(half)
        wait_for("a word about the half of a certificate",
                 lambda: "event=certificate_refused" in pool.log("server"))
        self.assertEqual(shown_certificate(pool.port), before)
        self.assertEqual(self.whoami(pool, trusted, *by_system).returncode, 0)
        # Whole, and the key is still the other's.
        shutil.copy(certificate, self.certificate)
        wait_for("a word about the key", lambda: re.search(
            r"event=certificate_refused .*CERTIFICATE_KEY_MISMATCH",
            pool.log("server")))
        self.assertEqual(shown_certificate(pool.port), before)
        self.put(certificate, key)
        wait_for("the new certificate",
                 lambda: shown_certificate(pool.port) != before)
        self.assertIn("event=certificate_renewed", pool.log("server"))
        self.assertEqual(self.whoami(pool, trusted, *by_system).returncode, 0)

    def test_a_name_that_it_has_not_is_refused(self):
        self.put(*self.authority.issue("first"))
        pool = self.start()
        elsewhere = self.whoami(pool, self.authority.certificate, "--server",
                                f"localhost:{pool.port}", "--server-pin", "system")
        self.assertEqual(elsewhere.returncode, 3, elsewhere.stderr)
        self.assertIn("SERVER_UNTRUSTED", elsewhere.stderr)

    def test_a_server_does_not_start_with_a_wrong_pair(self):
        certificate, _ = self.authority.issue("first")
        _, key = self.authority.issue("second")
        self.put(certificate, key)
        for change, reason in ((lambda: None, "CERTIFICATE_KEY_MISMATCH"),
                               (lambda: self.certificate.write_text("x"),
                                "CERTIFICATE_MALFORMED"),
                               (self.key.unlink, "FILE_NOT_FOUND")):
            change()
            server = subprocess.run(
                [PROGRAMS / "archpool-server", "--data-dir",
                 self.folder / "server", "--listen", "127.0.0.1:0",
                 "--tls-certificate", self.certificate, "--tls-key", self.key],
                stdin=subprocess.DEVNULL, capture_output=True, text=True,
                timeout=60)
            self.assertIn(server.returncode, (2, 3), server.stderr)
            self.assertIn(f"reason={reason}", server.stderr)
            self.assertFalse((self.folder / "server").exists(),
                             "nothing was touched")


class MetricsTest(unittest.TestCase):
    def test_metrics_that_leave_this_machine_are_encrypted(self):
        pool = Pool(*TERMS, "--metrics-listen", "0.0.0.0:0")
        self.addCleanup(pool.close)
        port = int(re.search(r"event=metrics_open port=(\d+)",
                             pool.log("server"))[1])
        context = ssl.create_default_context(
            cafile=pool.directory / "server" / "tls" / "authority.pem")
        with urllib.request.urlopen(f"https://localhost:{port}/metrics",
                                    context=context, timeout=30) as page:
            self.assertIn("archpool_build_info", page.read().decode())
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            shown_certificate(port, ssl.TLSVersion.TLSv1_2)
        with self.assertRaises((urllib.error.URLError, OSError)):
            urllib.request.urlopen(f"http://localhost:{port}/metrics", timeout=30)


if __name__ == "__main__":
    unittest.main()
