# SPDX-License-Identifier: Apache-2.0
"""The database on a bad day: a second server, a pooler, rights that lack, silence,
a line that breaks, no writes, no connection to spare. Whatever it is, the server
says so, loses nothing that it acknowledged, comes back by itself, and ends when it
is asked to. Times of recovery are printed."""

import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import unittest
from pathlib import Path

from harness import PROGRAMS, Pool, Refused, wait_for

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from older_database import Sql  # noqa: E402
from tcp_gate import HANG, TcpGate  # noqa: E402
from tcp_pooler import TransactionPooler  # noqa: E402
from tcp_postgres import TcpPostgres  # noqa: E402

LONG_S = 1000
# A statement has 15 s, and callers wait for 20.
SILENCE_MAX_S = 20
STOP_S = 25
# Of the machine; pauses between two tries are at most 5 s.
RECOVERY_MAX_S = 30
UNREACHABLE = 4
# From then on a server that waits knows that the other one works.
SEEN_TO_WORK_S = 6
PROTOCOL_3 = 196608


class DatabaseTestCase(unittest.TestCase):
    settings = ()  # of PostgreSQL

    def setUp(self):
        self.database = TcpPostgres(*self.settings)
        self.addCleanup(self.database.close)
        self.sql = Sql(self.database)
        self.gate = TcpGate(self.database.port)
        self.addCleanup(self.gate.close)
        self.acknowledged = set()
        self.names = 0

    def start_pool(self):
        self.pool = Pool("--database-url", self.database.url(self.gate.port))
        self.addCleanup(self.pool.close)

    def create(self):
        """A new account; counted where the server acknowledges it."""
        self.names += 1
        name = f"account{self.names}"
        self.pool.command("operator", "--patience", "0", "account", "create",
                          "--name", name, "--role", "client")
        self.acknowledged.add(name)

    def assert_refused(self, reason=None):
        with self.assertRaises(Refused) as refused:
            self.create()
        self.assertEqual(refused.exception.code, UNREACHABLE,
                         refused.exception.text)
        if reason is not None:
            self.assertIn(reason, refused.exception.text)

    def assert_nothing_lost(self):
        there = {one["name"] for one in
                 self.pool.command("operator", "account", "list")}
        self.assertLessEqual(self.acknowledged, there)
        self.assertEqual(
            self.pool.command("operator", "ledger", "check")["violations"], [])

    def assert_comes_back(self, what):
        """From now on."""
        begin = time.monotonic()

        def works():
            try:
                self.create()
                return True
            except Refused as refused:
                self.assertEqual(refused.code, UNREACHABLE, refused.text)
                return False
        wait_for(f"the pool after {what}", works)
        took = time.monotonic() - begin
        print(f"after {what}: commands are taken again after {took:.2f} s")
        self.assertLess(took, RECOVERY_MAX_S)
        self.assertIsNone(self.pool.processes["server"].poll())
        self.assert_nothing_lost()

    def lines(self, event, name="server"):
        return [line for line in self.pool.log(name).splitlines()
                if f"event={event}" in line]

    def wait_for_line(self, event, *words):
        def said():
            return [line for line in self.lines(event)
                    if all(word in line for word in words)]
        return wait_for(f"{event} {words}", said)[-1]

    def assert_stops(self, what):
        server = self.pool.processes.pop("server")
        begin = time.monotonic()
        server.send_signal(signal.SIGTERM)
        try:
            code = server.wait(STOP_S)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
            self.fail(f"no end within {STOP_S} s, {what}:\n"
                      + self.pool.log("server"))
        print(f"{what}: SIGTERM ends the server after "
              f"{time.monotonic() - begin:.2f} s with code {code}")
        self.assertIn(code, (0, 1), self.pool.log("server"))

    def run_server(self, *flags, directory="elsewhere"):
        """One that is to end by itself: its code, and what it said."""
        done = subprocess.run(
            [PROGRAMS / "archpool-server", "--data-dir",
             self.pool_directory() / directory, "--listen", "127.0.0.1:0", *flags],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
        return done.returncode, done.stderr

    def pool_directory(self):
        return self.database.directory


class TroubleTest(DatabaseTestCase):
    def setUp(self):
        super().setUp()
        self.start_pool()
        self.create()

    def test_it_is_silent_for_a_moment(self):
        self.gate.fail(HANG, LONG_S)
        asked = threading.Thread(target=self.create)
        asked.start()
        self.wait_for_line("database_silent")
        self.assertTrue(asked.is_alive(), "nothing is answered before it is durable")
        begin = time.monotonic()
        self.gate.fail(HANG, 0)
        asked.join()
        print(f"after a short silence: what waited is answered after "
              f"{time.monotonic() - begin:.2f} s")
        self.assertEqual(len(self.acknowledged), 2)
        self.wait_for_line("database_answers")
        self.assertEqual(self.lines("database_failing"), [])
        self.assert_nothing_lost()

    def test_it_is_silent_for_long(self):
        self.gate.fail(HANG, LONG_S)
        begin = time.monotonic()
        self.assert_refused("STORE_SILENT")
        took = time.monotonic() - begin
        print(f"a silent database: refused after {took:.2f} s")
        self.assertLess(took, SILENCE_MAX_S)
        self.wait_for_line("database_failing", "reason=STORE_SILENT")
        self.assert_refused("STORE_")
        self.gate.fail(HANG, 0)
        self.assert_comes_back("a long silence")
        self.wait_for_line("database_recovered")

    def test_a_stop_while_it_is_silent(self):
        self.gate.fail(HANG, LONG_S)
        self.wait_for_line("database_silent")
        self.assert_stops("a silent database")
        self.gate.fail(HANG, 0)
        self.pool.start_server()
        self.assert_nothing_lost()

    def test_its_connections_are_cut(self):
        for seconds in (0, 3):
            self.gate.fail("cut", seconds)
            if seconds > 0:
                self.assert_refused()
                self.wait_for_line("database_failing", "reason=")
                time.sleep(seconds)
            self.assert_comes_back(f"{seconds} s of cut connections")
        self.gate.cut_at_next_commit()
        self.assert_comes_back("a commit whose answer was lost")
        self.wait_for_line("database_recovered")

    def test_a_stop_while_it_is_away(self):
        self.gate.fail("cut", LONG_S)
        self.wait_for_line("database_failing")
        self.assert_stops("a database that is away")

    def test_it_takes_no_writes(self):
        self.sql.run("ALTER SYSTEM SET default_transaction_read_only = on",
                     "SELECT pg_reload_conf()")
        self.wait_for_line("database_failing", "reason=STORE_READ_ONLY", "primary")
        self.assert_refused("STORE_READ_ONLY")
        # What needs no write is answered all the same.
        self.assert_nothing_lost()
        self.sql.run("ALTER SYSTEM RESET default_transaction_read_only",
                     "SELECT pg_reload_conf()")
        self.assert_comes_back("a database without writes")

    def test_it_takes_no_writes_of_new_connections(self):
        self.sql.run("ALTER DATABASE postgres SET default_transaction_read_only"
                     " = on")
        self.gate.fail("cut", 0)
        self.wait_for_line("database_failing", "reason=STORE_READ_ONLY")
        self.assert_stops("a database without writes")
        code, said = self.run_server("--database-url", self.database.url())
        self.assertNotEqual(code, 0)
        self.assertIn("STORE_READ_ONLY", said)
        self.sql.run("SET default_transaction_read_only = off",
                     "ALTER DATABASE postgres RESET default_transaction_read_only")
        self.pool.start_server()
        self.assert_nothing_lost()

    def test_a_row_stays_locked(self):
        """As by a session of somebody's that was left open."""
        blocker = subprocess.Popen(
            [self.sql.program, "-Xq", "-d", self.sql.url], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)
        self.addCleanup(blocker.communicate)
        blocker.stdin.write("BEGIN; SELECT * FROM pool_head FOR UPDATE;\n"
                            "\\echo locked\n")
        blocker.stdin.flush()
        while "locked" not in blocker.stdout.readline():
            pass
        self.wait_for_line("database_silent")
        self.wait_for_line("database_failing", "reason=STORE_LOCKED",
                           "pg_terminate_backend")
        self.assert_refused("STORE_LOCKED")
        blocker.stdin.write("ROLLBACK;\n")
        blocker.stdin.flush()
        self.assert_comes_back("a locked row")


class FewConnectionsTest(DatabaseTestCase):
    settings = ("max_connections=12",)

    def take_connection(self):
        """As a client of PostgreSQL; None where it has none to spare."""
        client = socket.create_connection(("127.0.0.1", self.database.port))
        words = b"user\0archpool\0database\0postgres\0\0"
        client.sendall(struct.pack("!II", 8 + len(words), PROTOCOL_3) + words)
        client.settimeout(10)
        if client.recv(1) == b"R":
            return client
        client.close()
        return None

    def test_it_has_no_connection_to_spare(self):
        self.start_pool()
        self.create()
        self.gate.fail("cut", 4)
        taken = []
        end = time.monotonic() + 3
        while time.monotonic() < end:
            one = self.take_connection()
            if one is not None:
                taken.append(one)
        self.assertGreater(len(taken), 5)
        self.wait_for_line("database_failing", "reason=STORE_CONNECTIONS",
                           "max_connections")
        self.assert_refused("STORE_CONNECTIONS")
        for one in taken:
            one.close()
        self.assert_comes_back("a database without connections")


class SecondServerTest(DatabaseTestCase):
    def setUp(self):
        super().setUp()
        self.start_pool()
        self.create()

    def start_second(self):
        """Of a copy of the data directory: the pool's secret is the same."""
        shutil.copytree(self.pool.directory / "server",
                        self.pool.directory / "copy")
        port_file = self.pool.directory / "second-port"
        self.pool.start("second", "archpool-server", "--data-dir",
                        self.pool.directory / "copy", "--listen", "127.0.0.1:0",
                        "--port-file", port_file, "--database-url",
                        self.database.url())
        wait_for("the second server's wait",
                 lambda: self.lines("database_held", "second"))
        return port_file

    def test_it_waits_and_takes_over_when_the_first_ends(self):
        port_file = self.start_second()
        time.sleep(SEEN_TO_WORK_S)
        self.gate.fail("cut", 1)
        time.sleep(1)
        self.assert_comes_back("a cut while another server waits")
        self.assertFalse(port_file.exists(), "it took the database over")
        self.assert_stops("another server waits")
        begin = time.monotonic()
        self.pool.port = int(wait_for("the second server", lambda:
                             port_file.exists() and port_file.read_text().strip()))
        print(f"a server that waited is open {time.monotonic() - begin:.2f} s "
              "after the other one's end")
        self.assert_nothing_lost()

    def test_it_ends_while_it_waits(self):
        self.start_second()
        second = self.pool.processes.pop("second")
        second.send_signal(signal.SIGTERM)
        self.assertEqual(second.wait(STOP_S), 0)
        self.create()
        self.assert_nothing_lost()

    def test_a_migration_is_refused_beside_a_server(self):
        done = subprocess.run(
            [PROGRAMS / "archpool-server", "migrate", "--data-dir",
             self.pool.directory / "other", "--database-url",
             self.database.url()],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("DATABASE_HELD", done.stderr)
        self.create()
        self.assert_nothing_lost()


class RefusedTest(DatabaseTestCase):
    def test_a_pooler_by_transaction(self):
        pooler = TransactionPooler(self.database.port)
        self.addCleanup(pooler.close)
        code, said = self.run_server("--database-url",
                                     self.database.url(pooler.port))
        self.assertEqual(code, 3, said)
        self.assertIn("DATABASE_POOLED", said)
        self.assertEqual(self.sql.rows("SELECT count(*) FROM pg_tables WHERE"
                                       " schemaname = 'public'"), [["0"]])

    def test_what_lacks_is_named_with_the_statement_that_helps(self):
        self.sql.run("CREATE ROLE poor LOGIN",
                     "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        url = self.database.url()
        for role_url, reason, statement in (
                (self.database.url(role="poor"), "STORE_FORBIDDEN",
                 "GRANT CREATE, USAGE ON SCHEMA public TO poor"),
                (self.database.url(role="nobody"), "STORE_LOGIN",
                 "CREATE ROLE nobody LOGIN"),
                (url.replace("/postgres?", "/pool?"), "STORE_DATABASE_MISSING",
                 "CREATE DATABASE pool OWNER archpool")):
            with self.subTest(reason):
                code, said = self.run_server("--database-url", role_url)
                self.assertEqual(code, 3, said)
                self.assertIn(reason, said)
                self.assertIn(statement, said)


if __name__ == "__main__":
    unittest.main()
