# SPDX-License-Identifier: Apache-2.0
"""Every program ends within seconds when it is asked to, whatever it does: workers
and verifiers with exit code 0, and a server also without an answer of its database."""

import os
import signal
import subprocess
import time
import unittest

from harness import PoolTestCase, children_of, is_running, wait_for

# Drains and last calls take ten at most, and a server that cannot end in order
# ends in the middle after twenty; the machine may be busy.
STOP_S = 25


def threads_that_take(pid, number):
    """Threads of the process that do not block the signal."""
    takers = []
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/status", encoding="utf-8") as file:
            blocked = next(int(line.split()[1], 16) for line in file
                           if line.startswith("SigBlk"))
        if not blocked >> (number - 1) & 1:
            takers.append(thread)
    return takers


class StopTest(PoolTestCase):
    def assert_stop(self, *names, codes=(0,)):
        """All at once; each has the whole time."""
        asked = {name: self.pool.processes.pop(name) for name in names}
        for process in asked.values():
            process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_S
        late = []
        for name, process in asked.items():
            try:
                process.wait(max(0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                late.append(name)
        for name, process in asked.items():
            self.assertNotIn(name, late, f"{name} was there {STOP_S} s after "
                             "SIGTERM:\n" + self.pool.log(name))
            self.assertIn(process.returncode, codes, self.pool.log(name))

    def start_all(self, trial_ms):
        self.pool.add_client()
        self.pool.add_verifier()
        self.pool.add_worker("alice", trial_ms=trial_ms)

    def test_idle(self):
        self.start_all(50)
        for name in ("alice", "verifier"):
            wait_for("its start", lambda n=name: " server=127.0.0.1" in self.pool.log(n))
            # The one that waits for signals is shown as taking them.
            self.assertLessEqual(
                len(threads_that_take(self.pool.processes[name].pid,
                                      signal.SIGTERM)), 1)
        self.assert_stop("alice", "verifier")

    def test_in_the_middle_of_a_training(self):
        self.start_all(600_000)
        task_id = self.pool.submit(trials=4)
        self.pool.wait_until(task_id, "a lease",
                             lambda task: task["trials_assigned"] > 0)
        self.assert_stop("alice")

    def test_while_the_server_is_away(self):
        self.start_all(50)
        task_id = self.pool.submit(trials=8)
        self.pool.wait_until(task_id, "a first trial",
                             lambda task: task["trials_accepted"] > 0)
        self.pool.kill("server")
        self.assert_stop("alice", "verifier")

    def test_where_no_server_ever_was(self):
        self.pool.create_account("bob", "miner")
        self.pool.create_account("victor", "verifier")
        for name, program in (("bob", "archpool-fake-worker"),
                              ("victor", "archpool-fake-verifier")):
            self.pool.start(name, program, "--server", "127.0.0.1:1",
                            "--token-file", self.pool.token_file(name), "--name",
                            "n1", "--work-dir", self.pool.directory / name)
        for name in ("bob", "victor"):
            wait_for("its start", lambda n=name: " server=127.0.0.1" in self.pool.log(n))
        self.assert_stop("bob", "victor")

    # A server that takes calls and does not answer them.
    def test_while_the_server_hangs(self):
        self.start_all(50)
        task_id = self.pool.submit(trials=8)
        self.pool.wait_until(task_id, "a first trial",
                             lambda task: task["trials_accepted"] > 0)
        server = self.pool.processes["server"]
        server.send_signal(signal.SIGSTOP)
        try:
            self.assert_stop("alice", "verifier")
        finally:
            server.send_signal(signal.SIGCONT)

    # Over a Unix socket nothing breaks: a database that is stopped just does not
    # answer, neither a commit nor that it is to end.
    def test_a_server_whose_database_hangs(self):
        self.start_all(50)
        task_id = self.pool.submit(trials=200)
        self.pool.wait_until(task_id, "a first trial",
                             lambda task: task["trials_accepted"] > 0)
        accepted = self.pool.task(task_id)["trials_accepted"]
        postmaster = self.pool.postmaster()
        database = [postmaster, *children_of(postmaster)]
        try:
            for pid in database:
                os.kill(pid, signal.SIGSTOP)
            time.sleep(1)  # commits wait for it by now
            self.assert_stop("server", codes=(0, 1))
        finally:
            for pid in database:
                if is_running(pid):
                    os.kill(pid, signal.SIGCONT)
        wait_for("the database's end", lambda: not any(map(is_running, database)))
        self.pool.start_server()
        self.assertGreaterEqual(self.pool.task(task_id)["trials_accepted"],
                                accepted)


if __name__ == "__main__":
    unittest.main()
