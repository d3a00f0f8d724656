# SPDX-License-Identifier: Apache-2.0
"""deploy/contained.py ends what a command leaves behind, and only that."""

import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
CONTAINED = [sys.executable, os.path.join(ROOT, "deploy", "contained.py")]
# A daemon as PostgreSQL's are: a session of its own, its parent gone.
DAEMON = "setsid sh -c 'echo $$ >\"$0\"; exec sleep 600' \"$PID_FILE\" &"
STUBBORN = "setsid sh -c 'trap \"\" TERM INT; echo $$ >\"$0\"; " \
           "while :; do sleep 0.1; done' \"$PID_FILE\" &"
WAIT_FOR_DAEMON = " while [ ! -s \"$PID_FILE\" ]; do sleep 0.01; done; "


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            return stat.read().rpartition(b")")[2].split()[0] != b"Z"
    except OSError:
        return False


class ContainedTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.pid_file = os.path.join(folder.name, "pid")

    def start(self, script):
        return subprocess.Popen(
            CONTAINED + ["sh", "-c", script],
            env={**os.environ, "PID_FILE": self.pid_file})

    def daemon_pid(self):
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if os.path.exists(self.pid_file):
                with open(self.pid_file, encoding="ascii") as stream:
                    text = stream.read()
                if text.endswith("\n"):
                    return int(text)
            time.sleep(0.01)
        self.fail("the daemon did not start")
        return None

    def test_the_commands_status_is_returned(self):
        self.assertEqual(self.start("exit 0").wait(), 0)
        self.assertEqual(self.start("exit 7").wait(), 7)
        self.assertEqual(self.start("kill -9 $$").wait(), 128 + 9)

    def test_an_orphan_that_dies_is_no_zombie(self):
        # PostgreSQL takes a zombie of its name for a server that still runs.
        status = self.start(
            "setsid sh -c 'echo $$ >\"$0\"' \"$PID_FILE\" & "
            + WAIT_FOR_DAEMON
            + "for i in $(seq 100); do "
            "[ -e /proc/$(cat \"$PID_FILE\") ] || exit 0; sleep 0.05; done; "
            "exit 9").wait()
        self.assertEqual(status, 0)

    def test_an_unknown_command_is_127(self):
        answer = subprocess.run(CONTAINED + ["no-such-command-here"],
                                capture_output=True, text=True, check=False)
        self.assertEqual(answer.returncode, 127)
        self.assertIn("no-such-command-here", answer.stderr)

    def test_a_daemon_does_not_outlive_its_command(self):
        status = self.start(DAEMON + WAIT_FOR_DAEMON + "exit 3").wait()
        self.assertEqual(status, 3)
        self.assertFalse(alive(self.daemon_pid()))

    def test_a_daemon_does_not_outlive_a_signal(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            with self.subTest(number=number):
                if os.path.exists(self.pid_file):
                    os.unlink(self.pid_file)
                contained = self.start(DAEMON + " sleep 600")
                pid = self.daemon_pid()
                self.assertTrue(alive(pid))
                contained.send_signal(number)
                self.assertEqual(contained.wait(), 128 + number)
                self.assertFalse(alive(pid))

    def test_a_daemon_that_ignores_signals_is_killed(self):
        self.start(STUBBORN + WAIT_FOR_DAEMON).wait()
        self.assertFalse(alive(self.daemon_pid()))

    def test_processes_of_others_are_left_alone(self):
        other = subprocess.Popen(["sleep", "600"])
        try:
            self.start("true").wait()
            self.assertIsNone(other.poll())
        finally:
            other.kill()
            other.wait()


if __name__ == "__main__":
    unittest.main()
