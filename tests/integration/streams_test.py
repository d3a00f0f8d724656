# SPDX-License-Identifier: Apache-2.0
"""The daemons work and stop as always where nothing takes their logs: on a full
disk, without standard streams, and into a pipe that nobody reads any more."""

import os
import signal
import subprocess
import time
import unittest

from harness import PROGRAMS, Pool, processor_s

STOP_S = 25


def start_closed(command, **rest):
    return subprocess.Popen(["/bin/sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh",
                             *command], **rest)


def start_full(command, **rest):
    with open("/dev/full", "wb") as full:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=full,
                                stderr=full, **rest)


def start_broken(command, **rest):
    reader, writer = os.pipe()
    os.close(reader)
    try:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=writer,
                                stderr=writer, **rest)
    finally:
        os.close(writer)


# What an operator got wrong, found after the log has begun.
WORK = ["--server", "127.0.0.1:1", "--name", "n1", "--work-dir", "/nowhere/work",
        "--token-file", "/nowhere/token"]
WRONG = {"archpool-server": ["--lease-term", "long"],
         "archpool-fake-verifier": WORK, "archpool-fake-worker": WORK}
STARTS = {"closed": start_closed, "full": start_full, "broken": start_broken}


class MutePool(Pool):
    """A pool whose programs of the names in `mute` have no working streams."""

    def __init__(self, start, mute):
        self.start_mute, self.mute = start, mute
        super().__init__("--silence-term", "5s", "--audit-term", "5s")

    def start(self, name, program, *flags, env=None):
        if name not in self.mute:
            super().start(name, program, *flags, env=env)
            return
        self.processes[name] = self.start_mute(
            [str(PROGRAMS / program), *map(str, flags)],
            env={**os.environ, **(env or {})})

    def log(self, name):
        return "(none)" if name in self.mute else super().log(name)


class StreamsTest(unittest.TestCase):
    def assert_idles_and_stops(self, pool, name):
        process = pool.processes[name]
        before = processor_s(process.pid)
        time.sleep(2)
        self.assertIsNone(process.poll(), name)
        self.assertLess(processor_s(process.pid) - before, 1, f"{name} spins")
        pool.processes.pop(name).send_signal(signal.SIGTERM)
        try:
            self.assertEqual(process.wait(STOP_S), 0, name)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"{name} did not stop when asked") from None

    def check_daemons(self, start):
        pool = MutePool(start, {"server", "verifier", "alice"})
        self.addCleanup(pool.close)
        pool.add_client()
        pool.add_verifier()
        pool.add_worker("alice")
        task = pool.wait_for_end(pool.submit(trials=4))
        self.assertEqual(task["state"], "succeeded")
        # What goes wrong is what is logged the most.
        pool.kill_postgres()
        pool.wait_until(task["task_id"], "the database", lambda task: True)
        for name in ("alice", "verifier", "server"):
            self.assert_idles_and_stops(pool, name)

    def test_closed(self):
        self.check_daemons(start_closed)

    def test_full(self):
        self.check_daemons(start_full)

    def test_broken(self):
        self.check_daemons(start_broken)

    # An end by an error is told by the exit code at least.
    def test_an_error_is_in_the_exit_code(self):
        for kind, start in STARTS.items():
            for program in WRONG:
                with self.subTest(streams=kind, program=program):
                    process = start([str(PROGRAMS / program), *WRONG[program]])
                    self.assertEqual(process.wait(60), 2)


if __name__ == "__main__":
    unittest.main()
