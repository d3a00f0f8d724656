# SPDX-License-Identifier: Apache-2.0
"""Every program says in one shape which build it is, and all say the same."""

import os
import re
import subprocess
import unittest

PROGRAMS = ("archpool", "archpool-server", "archpool-verifier",
            "archpool-worker", "archpool-sim")
SHAPE = re.compile(r"(\S+) (\d+\.\d+\.\d+ \([\w-]+, \w+\))")


class VersionTest(unittest.TestCase):
    def said(self, program):
        run = subprocess.run(
            [os.path.join(os.environ["ARCHPOOL_PROGRAMS"], program),
             "--version"], text=True, capture_output=True, check=True)
        self.assertEqual(run.stderr, "")
        return run.stdout.splitlines()

    def test_all_programs_are_of_one_build(self):
        builds = set()
        for program in PROGRAMS:
            with self.subTest(program=program):
                match = SHAPE.fullmatch(self.said(program)[0])
                self.assertIsNotNone(match)
                self.assertEqual(match.group(1), program)
                builds.add(match.group(2))
        self.assertEqual(len(builds), 1, builds)

    def test_a_worker_names_its_arithmetic(self):
        self.assertRegex(self.said("archpool-worker")[1],
                         r"^arithmetic [\w-]+/\d+/[0-9a-f]{8}$")


if __name__ == "__main__":
    unittest.main()
