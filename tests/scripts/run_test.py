# SPDX-License-Identifier: Apache-2.0
"""tests/run.sh: what it asks CTest for, and that it leaves nothing behind.

Ninja and CTest are stand-ins, so that nothing is built; what they are asked for
is recorded. The stand-in for CTest leaves a daemon behind, as a test that is
killed would.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))

STAND_INS = {
    "cmake": 'if [ "$1" = --preset ]; then mkdir -p "build/$2"; fi',
    "ctest": 'case " $* " in *" -N "*) echo "${LISTED:-}"; '
             'echo "Total Tests: ${TESTS:-7}"; exit;;'
             ' esac\n'
             'echo "$@" >>"$RECORD/arguments"; echo "$TMPDIR" >"$RECORD/folder"\n'
             'setsid sh -c \'echo $$ >"$RECORD/daemon"; exec sleep 600\' &\n'
             'while [ ! -s "$RECORD/daemon" ]; do sleep 0.01; done\n'
             '[ -z "${HANG:-}" ] || sleep 600\n'
             'exit "${CTEST_STATUS:-0}"',
    # All packages are there.
    "dpkg-query": 'shift 2; for p; do echo "ii $p"; done',
}


class RunTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.record = folder.name
        self.temporary = os.path.join(folder.name, "tmp")
        os.mkdir(self.temporary)
        tools = os.path.join(folder.name, "tools")
        os.mkdir(tools)
        for name, body in STAND_INS.items():
            path = os.path.join(tools, name)
            with open(path, "w", encoding="ascii") as stream:
                stream.write(f"#!/bin/sh\n{body}\n")
            os.chmod(path, 0o755)
        # The scripts alone: the build of the tree under test is not touched.
        self.tree = os.path.join(folder.name, "tree")
        self.log = open(os.path.join(folder.name, "log"), "w",
                        encoding="utf-8")
        self.addCleanup(self.log.close)
        for part in ("deploy", "tests"):
            os.makedirs(os.path.join(self.tree, part))
        for script in ("deploy/lib.sh", "deploy/build.sh", "tests/run.sh",
                       "deploy/install-deps.sh", "deploy/contained.py",
                       "CMakePresets.json"):
            shutil.copy(os.path.join(ROOT, script),
                        os.path.join(self.tree, script))
        self.environment = {
            **os.environ, "PATH": f"{tools}:{os.environ['PATH']}",
            "RECORD": self.record, "TMPDIR": self.temporary}

    def start(self, *options, **environment):
        return subprocess.Popen(
            ["bash", os.path.join(self.tree, "tests", "run.sh"), *options],
            env={**self.environment, **environment}, text=True,
            stdin=subprocess.DEVNULL, stdout=self.log,
            stderr=subprocess.STDOUT)

    def wait(self, run):
        """What it printed. Not by reading a pipe until its end: whatever
        outlives the script would hold the pipe, and be waited for."""
        run.wait(timeout=60)
        with open(self.log.name, encoding="utf-8") as stream:
            return stream.read()

    def recorded(self, name):
        path = os.path.join(self.record, name)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if os.path.exists(path):
                with open(path, encoding="ascii") as stream:
                    text = stream.read()
                if text.endswith("\n"):
                    return text.strip()
            time.sleep(0.01)
        self.fail(f"no {name} was recorded")
        return None

    def assert_nothing_is_left(self):
        self.assertFalse(os.path.exists(f"/proc/{self.recorded('daemon')}"))
        self.assertEqual(os.listdir(self.temporary), [])
        self.assertTrue(self.recorded("folder").startswith(self.temporary))

    def arguments_for(self, *options):
        run = self.start(*options)
        output = self.wait(run)
        self.assertEqual(run.returncode, 0, output)
        arguments = self.recorded("arguments").splitlines()
        os.unlink(os.path.join(self.record, "arguments"))
        return arguments

    def test_benchmarks_and_soaks_run_only_when_asked_for(self):
        for options, excluded in (((), "bench|soak|again"),
                                  (("--quick",), "bench|soak"),
                                  (("--soak",), "bench"),
                                  (("--soak", "--bench"), "")):
            for arguments in self.arguments_for(*options):
                self.assertTrue(arguments.endswith(f"-LE ^({excluded})$"))
        for arguments in self.arguments_for("--only", "soak"):
            self.assertTrue(arguments.endswith("-LE ^(bench|again)$ -L ^soak$"))

    def test_both_trees_are_tested(self):
        for options, presets in (((), ["distinct", "fuzz"]),
                                 (("--soak",), ["release", "fuzz"]),
                                 (("--quick",), ["release"])):
            self.assertEqual(
                [a.split()[:2] for a in self.arguments_for(*options)],
                [["--preset", preset] for preset in presets])

    def test_a_test_that_neither_tree_would_run_is_refused(self):
        run = self.start(LISTED="  Test #1: lost_test")
        output = self.wait(run)
        self.assertEqual(run.returncode, 1)
        self.assertIn("no tree runs lost_test", output)

    def test_a_failing_test_fails_the_run_after_the_other_tree(self):
        run = self.start(CTEST_STATUS="8")
        output = self.wait(run)
        self.assertEqual(run.returncode, 1)
        self.assertIn("tests failed in: release fuzz", output)
        self.assert_nothing_is_left()

    def test_a_label_that_no_test_has_is_refused(self):
        run = self.start("--only", "nothing", TESTS="0")
        output = self.wait(run)
        self.assertEqual(run.returncode, 1)
        self.assertIn("no test has the label nothing", output)

    def test_nothing_outlives_a_signal(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number=number):
                for name in ("daemon", "folder"):
                    path = os.path.join(self.record, name)
                    if os.path.exists(path):
                        os.unlink(path)
                run = self.start("--quick", HANG="1")
                self.recorded("daemon")
                run.send_signal(number)
                self.wait(run)
                self.assertEqual(run.returncode, 128 + number)
                self.assert_nothing_is_left()

    def test_an_unknown_option_is_refused(self):
        run = self.start("--everything")
        output = self.wait(run)
        self.assertEqual(run.returncode, 1)
        self.assertIn("--everything", output)


if __name__ == "__main__":
    unittest.main()
