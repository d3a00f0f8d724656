# SPDX-License-Identifier: Apache-2.0
"""A PostgreSQL of a test's own on TCP, for tests that stand between a server and
its database; the server's private cluster listens on a unix socket alone."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from postgres_cluster import choose_user, find_programs, make_cluster

WAIT_S = 60
STARTS_MAX = 5


class TcpPostgres:
    def __init__(self, *settings):
        """`settings`: NAME=VALUE, beside those of every test's cluster."""
        self.settings = [word for one in settings for word in ("-c", one)]
        self.directory = Path(tempfile.mkdtemp(prefix="archpool-it-db-"))
        self.cluster = self.directory / "cluster"
        self.programs = find_programs()
        self.child = {"stdin": subprocess.DEVNULL, "cwd": "/", **choose_user()}
        if "user" in self.child:
            os.chown(self.directory, self.child["user"], self.child["group"])
        self.process = None
        try:
            make_cluster(self.cluster)
            self._start()
        except BaseException:
            self.close()
            raise

    def close(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGQUIT)  # no checkpoint: it goes away
            try:
                self.process.wait(WAIT_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def url(self, port=None, role="archpool"):
        """By way of `port`, where something stands between."""
        return (f"postgresql://{role}@127.0.0.1:{port or self.port}/postgres"
                "?sslmode=disable&gssencmode=disable")

    def _start(self):
        """PostgreSQL cannot pick a port: someone may be faster on a free one."""
        for _ in range(STARTS_MAX):
            with socket.create_server(("127.0.0.1", 0)) as free:
                self.port = free.getsockname()[1]
            with open(self.directory / "postgres.log", "ab") as log:
                self.process = subprocess.Popen(
                    [self.programs / "postgres", "-D", self.cluster,
                     "-p", str(self.port), "-c", "listen_addresses=127.0.0.1",
                     "-c", "unix_socket_directories=", *self.settings],
                    stdout=log, stderr=log, **self.child)
            if self._gets_ready():
                return
        raise AssertionError("PostgreSQL does not start:\n" +
                             (self.directory / "postgres.log").read_text())

    def _gets_ready(self):
        """As its file says, whose last line is for that."""
        deadline = time.monotonic() + WAIT_S
        while self.process.poll() is None and time.monotonic() < deadline:
            try:
                words = (self.cluster / "postmaster.pid").read_text().split()
            except OSError:
                words = []
            if words and words[0] == str(self.process.pid) and words[-1] == "ready":
                return True
            time.sleep(0.05)
        return False
