# SPDX-License-Identifier: Apache-2.0
"""The daemons' logs are events: as text for people, as JSON for programs, one line
for each, whatever somebody put into a name."""

import json
import os
import re
import subprocess
import tempfile
import unittest

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (debug|info|warn|error) +"
                  r"\S.*  event=[a-z0-9_]+( .*)?")
FORGED = "no\n2026-01-01T00:00:00.000Z error  event=forged\x1b[2J\udcff"


class LogTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def commands(self):
        """Each ends at once: an error of the operator's."""
        work = ["--server", "127.0.0.1:1", "--name", "w1", "--work-dir",
                os.path.join(self.folder, "work"), "--token-file",
                os.path.join(self.folder, FORGED)]
        return {"archpool-server": ["--data-dir", os.path.join(self.folder, "data"),
                                    "--lease-term", FORGED],
                "archpool-verifier": work, "archpool-worker": work}

    def lines(self, program, arguments, *flags):
        run = subprocess.run(
            [os.path.join(os.environ["ARCHPOOL_PROGRAMS"], program), *arguments,
             *flags], capture_output=True, timeout=60, check=False)
        self.assertEqual(run.returncode, 2, run.stderr)
        self.assertEqual(run.stdout, b"")
        return run.stderr.split(b"\n")[:-1]

    def test_text_has_one_line_for_each_event(self):
        for program, arguments in self.commands().items():
            with self.subTest(program=program):
                lines = [line.decode("ascii")
                         for line in self.lines(program, arguments)]
                for line in lines:
                    self.assertRegex(line, LINE)
                self.assertIn("  event=program_started", lines[0])
                self.assertIn(program, lines[0])
                self.assertIn(f"  event=program_failed program={program} reason=",
                              lines[-1])

    def test_json_has_one_object_for_each_event(self):
        for program, arguments in self.commands().items():
            with self.subTest(program=program):
                lines = [json.loads(line) for line in self.lines(
                    program, arguments, "--log-format", "json")]
                self.assertEqual(lines[0]["event"], "program_started")
                self.assertEqual(lines[-1]["event"], "program_failed")
                self.assertEqual(lines[-1]["level"], "error")
                self.assertIn("event=forged", lines[-1]["error"])
                self.assertTrue(lines[-1]["advice"])
                self.assertNotIn("forged", {line["event"] for line in lines})

    def test_the_level_leaves_lines_out(self):
        for program, arguments in self.commands().items():
            with self.subTest(program=program):
                lines = self.lines(program, arguments, "--log-level", "error",
                                   "--log-format", "json")
                self.assertEqual([json.loads(line)["event"] for line in lines],
                                 ["program_failed"])


if __name__ == "__main__":
    unittest.main()
