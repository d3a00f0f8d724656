# SPDX-License-Identifier: Apache-2.0
"""deploy/install-deps.sh, on a machine whose dpkg, apt and sudo are recorded.

The stand-ins come first in PATH and write down how they are called.
"""

import os
import subprocess
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
SCRIPT = os.path.join(ROOT, "deploy", "install-deps.sh")

STAND_INS = {
    # Prints those of its arguments that the file `installed` lists.
    "dpkg-query": 'for p; do if grep -qxF -- "$p" "$MACHINE/installed"; then '
                  'echo "ii $p"; else echo "un $p"; fi; done',
    "apt-get": 'echo "$@" >>"$MACHINE/apt"; echo "E: broken mirror"; '
               'exit "${APT_STATUS:-0}"',
    "sudo": 'echo "$@" >>"$MACHINE/sudo"; "$@"',
    "id": 'if [ "${1:-}" = -u ]; then echo "$USER_ID"; fi',
    # The drop-in that keeps PostgreSQL from starting must not reach this host.
    "tee": 'echo "tee $*" >>"$MACHINE/cluster"; cat >>"$MACHINE/cluster"',
    "mkdir": 'case "$*" in */etc/*) ;; *) exec /bin/mkdir "$@" ;; esac',
    "rm": 'case "$*" in */etc/*) echo "rm $*" >>"$MACHINE/cluster" ;; '
          '*) exec /bin/rm "$@" ;; esac',
}


def listed(*options):
    return subprocess.run([SCRIPT, *options, "--list"], check=True, text=True,
                          capture_output=True).stdout.split()


class InstallDepsTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.machine = folder.name
        self.tools = os.path.join(folder.name, "tools")
        os.mkdir(self.tools)
        for name, body in STAND_INS.items():
            self.add_tool(name, body)
        self.set_installed([])

    def add_tool(self, name, body):
        path = os.path.join(self.tools, name)
        with open(path, "w", encoding="ascii") as stream:
            stream.write(f"#!/bin/sh\n{body}\n")
        os.chmod(path, 0o755)

    def set_installed(self, packages):
        with open(os.path.join(self.machine, "installed"), "w",
                  encoding="ascii") as stream:
            stream.write("\n".join(packages) + "\n")

    def recorded(self, name):
        try:
            with open(os.path.join(self.machine, name),
                      encoding="ascii") as stream:
                return stream.read()
        except FileNotFoundError:
            return ""

    def install(self, *options, user_id=0, apt_status=0, path=None):
        return subprocess.run(
            ["bash", SCRIPT, *options], text=True, capture_output=True,
            check=False,
            env={"PATH": path or f"{self.tools}:{os.environ['PATH']}",
                 "MACHINE": self.machine, "USER_ID": str(user_id),
                 "APT_STATUS": str(apt_status)})

    def test_with_everything_there_apt_is_not_touched(self):
        self.set_installed(listed("--test"))
        answer = self.install("--test")
        self.assertEqual(answer.returncode, 0, answer.stderr)
        self.assertEqual(self.recorded("apt"), "")

    def test_only_what_is_missing_is_installed(self):
        everything = listed()
        self.set_installed([p for p in everything
                            if p not in ("cmake", "libgrpc++-dev")])
        answer = self.install()
        self.assertEqual(answer.returncode, 0, answer.stderr)
        update, install = self.recorded("apt").splitlines()
        self.assertTrue(update.endswith("update"), update)
        self.assertTrue(install.endswith(
            "install --no-install-recommends cmake libgrpc++-dev"), install)
        self.assertEqual(self.recorded("sudo"), "")

    def test_the_tests_need_more_than_the_pool(self):
        self.assertLess(set(listed()), set(listed("--test")))
        self.set_installed(listed())
        self.install("--test")
        self.assertIn("clang", self.recorded("apt").split())

    def test_a_user_goes_through_sudo(self):
        answer = self.install(user_id=1000)
        self.assertEqual(answer.returncode, 0, answer.stderr)
        self.assertIn("apt-get", self.recorded("sudo"))

    def test_without_root_and_sudo_it_says_what_to_do(self):
        os.unlink(os.path.join(self.tools, "sudo"))
        for name in ("bash", "sed", "grep", "date", "dirname", "basename",
                     "awk", "cat"):
            found = subprocess.run(["sh", "-c", f"command -v {name}"],
                                   check=True, text=True,
                                   capture_output=True).stdout.strip()
            os.symlink(found, os.path.join(self.tools, name))
        answer = self.install(user_id=1000, path=self.tools)
        self.assertEqual(answer.returncode, 1)
        self.assertIn("as root run: apt-get install", answer.stderr)
        self.assertEqual(self.recorded("apt"), "")

    def test_a_failing_apt_fails_loudly(self):
        answer = self.install(apt_status=100)
        self.assertNotEqual(answer.returncode, 0)
        self.assertIn("E: broken mirror", answer.stderr)

    def test_an_unknown_option_is_refused(self):
        answer = self.install("--everything")
        self.assertEqual(answer.returncode, 1)
        self.assertIn("--everything", answer.stderr)


if __name__ == "__main__":
    unittest.main()
