# SPDX-License-Identifier: Apache-2.0
"""A gate in front of a server on TCP, which treats what passes as a bad
network does: late, never, or cut off between a commit and its answer.

A server that lost the answer to a commit must find out what became of it, and
only a wire that breaks in that moment shows whether it does: kills of either
end hardly ever hit it.
"""

import collections
import random
import select
import socket
import struct
import threading
import time

FAULTS = ("delay",  # each chunk is held back, by DELAY_MAX_S at most
          "cut",  # connections break at once, new ones as soon as they are made
          "cut_answers",  # what is asked arrives; a connection breaks at the answer
          "stall")  # nothing moves; whoever waited loses its connection after it
# As a database whose process is stopped: connections are taken, nothing passes,
# nothing is lost, and all of it arrives afterwards. Not among those that tests draw
# by lot, as it ends only by itself.
HANG = "hang"
DELAY_MAX_S = 0.3
LOOK_S = 0.01  # how soon a connection notices what is to become of it
COMMIT = b"COMMIT\0"
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closed by a reset


class Broken(Exception):
    """A fault ends this connection."""


class TcpGate:
    watches_commits = True

    def __init__(self, upstream, seed=0):
        """`upstream`: the server's port on this machine."""
        self.upstream = upstream
        self.numbers = random.Random(seed)
        self.changed = threading.Condition()
        self.fault, self.until = "pass", 0.0
        self.breaks = 0  # a connection made before the last one is over
        self.commit_arrives = None  # where the next commit is to be cut
        self.counts = collections.Counter()
        self.is_closing = False
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.threads = [threading.Thread(target=self._accept)]
        self.threads[0].start()

    def close(self):
        self.is_closing = True
        self._break_all()
        for thread in self.threads:
            thread.join()
        self.listening.close()

    def fail(self, fault, seconds):
        """From now on; everything passes again afterwards."""
        with self.changed:
            self.fault, self.until = fault, time.monotonic() + seconds
            self.counts[fault] += 1
        if fault == "cut":
            self._break_all()

    def cut_at_next_commit(self, arrives=True):
        """Breaks the connection of the next transaction that writes at its
        COMMIT: before it arrives, or when it is done and not yet answered."""
        with self.changed:
            self.commit_arrives = arrives

    def fault_now(self):
        with self.changed:
            return self.fault if time.monotonic() < self.until else "pass"

    def delay_s(self, chunk):
        """For how long a chunk is held back while the fault is "delay"."""
        del chunk
        return self.numbers.uniform(0, DELAY_MAX_S)

    def take_commit_cut(self):
        with self.changed:
            arrives, self.commit_arrives = self.commit_arrives, None
            self.counts["commit_cuts"] += arrives is not None
            return arrives

    def _break_all(self):
        with self.changed:
            self.breaks += 1
            self.changed.notify_all()

    def _accept(self):
        while not self.is_closing:
            if not select.select([self.listening], [], [], LOOK_S)[0]:
                continue
            client, _ = self.listening.accept()
            if self.fault_now() == "cut":
                client.close()
                continue
            self.threads.append(threading.Thread(
                target=_Connection(self, client).run))
            self.threads[-1].start()


class SlowLine(TcpGate):
    """A bad line to any server, for as long as it is open: all that passes is
    late, and no more passes than the line carries."""

    watches_commits = False

    def __init__(self, upstream, bytes_per_s, delay_max_s, seed=0):
        self.bytes_per_s, self.delay_max_s = bytes_per_s, delay_max_s
        super().__init__(upstream, seed)
        self.fail("delay", float("inf"))

    def delay_s(self, chunk):
        return (self.numbers.uniform(0, self.delay_max_s) +
                len(chunk) / self.bytes_per_s)


class _Connection:
    def __init__(self, gate, client):
        self.gate, self.client = gate, client
        self.born = gate.breaks
        self.said = b""  # by the client, in the transaction under way
        self.is_committing = False  # a transaction that writes
        self.has_stalled = False

    def run(self):
        with self.client:
            try:
                with socket.create_connection(
                        ("127.0.0.1", self.gate.upstream)) as self.server:
                    while self._pass_on():
                        pass
            except Broken:
                with self.gate.changed:
                    self.gate.counts["broken"] += 1
                    self.gate.counts["in_doubt"] += self.is_committing
                    if self.gate.numbers.random() < 0.5:
                        self.client.setsockopt(socket.SOL_SOCKET,
                                               socket.SO_LINGER, RESET)
            except OSError:
                pass  # either end went away by itself

    def _pass_on(self):
        """Whether both ends are still there."""
        readable, _, _ = select.select([self.client, self.server], [], [], LOOK_S)
        fault = self.gate.fault_now()
        if self.gate.breaks != self.born or (self.has_stalled and
                                             fault != "stall"):
            raise Broken
        if fault == HANG:
            time.sleep(LOOK_S)
            return True
        for source in readable:
            chunk = source.recv(1 << 16)
            if not chunk:
                return False
            if source is self.client and self.gate.watches_commits:
                self._hear(chunk)
            if fault == "stall":
                self.has_stalled = True
                continue
            if fault == "delay":
                self._hold_back(chunk)
            if source is self.client:
                self._ask(chunk)
            elif fault == "cut_answers":
                raise Broken
            else:
                self.client.sendall(chunk)
                self.is_committing = False
        return True

    def _hear(self, chunk):
        self.said += chunk
        if self.said.endswith(COMMIT):
            self.is_committing = b"READ ONLY" not in self.said
            self.said = b""

    def _hold_back(self, chunk):
        with self.gate.changed:
            if self.gate.changed.wait_for(lambda: self.gate.breaks != self.born,
                                          self.gate.delay_s(chunk)):
                raise Broken

    def _ask(self, chunk):
        arrives = self.gate.take_commit_cut() if self.is_committing else None
        if arrives is not False:
            self.server.sendall(chunk)
        if arrives:
            self.server.recv(1)  # the commit is done
        if arrives is not None:
            raise Broken
