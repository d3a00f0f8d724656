# SPDX-License-Identifier: Apache-2.0
"""Ten thousand connections without a token, from several addresses, the honest
client's among them, and again as soon as the server ends one: the pool's own are
served as before, the log stays short, and nothing is left when they are gone.

ARCHPOOL_CROWD is how many there are. Times are printed; `archpool task list` may
take 200 ms, or twice what it takes without a crowd: the median of twenty, program
start included.
"""

import os
import resource
import select
import socket
import statistics
import sys
import threading
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "integration"))
from harness import PoolTestCase, Refused, wait_for  # noqa: E402

CROWD = int(os.environ.get("ARCHPOOL_CROWD", "10000"))
# The first is where honest people come from too.
ADDRESSES = [f"127.0.0.{host}" for host in range(1, 9)]
LIST_MS_MAX = 200
LISTS = 20
# The crowd takes every handshake that the server has to give, and a connection
# may lose its place to a younger one before its turn.
CUT_OFF_MAX = 3
# HTTP/2's preface and an empty SETTINGS: what makes gRPC take a connection for
# one of its own.
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
REOPENED_PER_S = 500
LINES_MAX = 60  # of the log, in the time that the test takes
# An honest pool's, with its database's and its files'.
DESCRIPTORS_AFTER_MAX = 30


class Crowd:
    """Keeps so many connections open, half of them silent from the start and half
    after HTTP/2's preface; what ends is opened again, so many in a second."""

    def __init__(self, port, size):
        self.port, self.size = port, size
        self.opened = 0
        self.poll = select.epoll()
        self.sockets = {}
        self.is_over = False
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def close(self):
        self.is_over = True
        self.thread.join()
        for one in self.sockets.values():
            one.close()
        self.sockets = {}
        self.poll.close()

    def _open(self):
        one = socket.socket()
        one.setblocking(False)
        try:
            one.bind((ADDRESSES[self.opened % len(ADDRESSES)], 0))
        except OSError:
            one.close()
            raise
        one.connect_ex(("127.0.0.1", self.port))
        self.opened += 1
        self.sockets[one.fileno()] = one
        self.poll.register(one.fileno(), select.EPOLLIN | select.EPOLLHUP |
                           select.EPOLLRDHUP | (select.EPOLLOUT
                                                if self.opened % 2 else 0))

    def _close(self, number):
        self.poll.unregister(number)
        self.sockets.pop(number).close()

    def _run(self):
        full_since, reopened = time.monotonic(), 0
        while not self.is_over:
            allowed = (100 if self.opened < self.size else
                       int((time.monotonic() - full_since) * REOPENED_PER_S)
                       - reopened)
            try:
                for _ in range(min(allowed, self.size - len(self.sockets))):
                    self._open()
                    reopened += self.opened > self.size
            except OSError:  # no port is free just now
                time.sleep(0.01)
            if self.opened < self.size:
                full_since = time.monotonic()
            for number, events in self.poll.poll(0.01, 1000):
                one = self.sockets[number]
                try:
                    if events & (select.EPOLLHUP | select.EPOLLRDHUP |
                                 select.EPOLLERR):
                        self._close(number)
                    elif events & select.EPOLLOUT:
                        one.send(PREFACE)
                        self.poll.modify(number, select.EPOLLIN |
                                         select.EPOLLRDHUP)
                    elif not one.recv(4096):
                        self._close(number)
                except OSError:
                    self._close(number)


class CrowdTest(PoolTestCase):
    def setUp(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        # Some for the test itself; the server has a limit of its own.
        self.size = min(CROWD, hard - 500)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        super().setUp()

    def list_ms(self, when):
        took = []
        cut_off = 0
        for _ in range(LISTS):
            begin = time.monotonic()
            try:
                self.pool.command("client", "--patience", "0", "task", "list")
            except Refused as refused:
                self.assertEqual(refused.code, 4, refused.text)
                cut_off += 1
                # As a client does by itself: the time counts.
                self.pool.command("client", "task", "list")
            took.append((time.monotonic() - begin) * 1000)
        print(f"task list {when}: median {statistics.median(took):.0f} ms, "
              f"longest {max(took):.0f} ms, {cut_off} of {LISTS} asked again")
        self.assertLessEqual(cut_off, CUT_OFF_MAX)
        return statistics.median(took)

    def wait_for_an_answer(self):
        """All of the crowd came at once: until that is worked off, who asks may
        have to ask again."""
        begin = time.monotonic()

        def answers():
            try:
                self.pool.command("client", "task", "list")
                return True
            except Refused as refused:
                self.assertEqual(refused.code, 4, refused.text)
                return False
        wait_for("an answer", answers)
        print(f"the first task list while they come: "
              f"{(time.monotonic() - begin) * 1000:.0f} ms")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pool.processes['server'].pid}/fd"))

    def limit(self):
        pid = self.pool.processes["server"].pid
        return resource.prlimit(pid, resource.RLIMIT_NOFILE)

    def test_a_crowd_without_a_token_keeps_nobody_out(self):
        self.pool.add_client()
        self.pool.add_verifier()
        self.pool.add_worker("alice")
        quiet_ms = self.list_ms("before")
        soft, hard = self.limit()
        self.assertEqual(soft, min(hard, 1 << 20), "the server raises its limit")
        quiet = self.descriptors()
        task_id = self.pool.submit(trials=20)
        lines = len(self.pool.log("server").splitlines())

        crowd = Crowd(self.pool.port, self.size)
        try:
            wait_for("the crowd", lambda: crowd.opened >= self.size)
            self.wait_for_an_answer()
            crowded_ms = self.list_ms(f"among {self.size} connections")
            most = self.descriptors()
            self.assertLess(most, soft, "descriptors are left for the database")
            # Who is in stays in, and who comes with a token comes in.
            self.pool.add_worker("bob")
            task = self.pool.wait_for_end(task_id)
            again_ms = self.list_ms("among them still")
        finally:
            crowd.close()
        print(f"{crowd.opened} connections were opened; the server had {most} "
              f"descriptors of {soft} open, before them {quiet}")
        self.assertEqual(task["state"], "succeeded")
        self.assertEqual(task["trials_rejected"], 0)
        self.assertIn("event=connections_ended", self.pool.log("server"))
        self.assertLess(len(self.pool.log("server").splitlines()) - lines,
                        LINES_MAX)
        wait_for("the end of all that is left of them", lambda:
                 self.descriptors() < quiet + DESCRIPTORS_AFTER_MAX)
        after_ms = self.list_ms("when they are gone")
        # On a machine that has other work, what it took without a crowd counts.
        for took in (crowded_ms, again_ms, after_ms):
            self.assertLessEqual(took, max(LIST_MS_MAX, 2 * quiet_ms))
        self.assert_adds_up(task)


if __name__ == "__main__":
    unittest.main()
