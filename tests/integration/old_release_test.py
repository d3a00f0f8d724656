# SPDX-License-Identifier: Apache-2.0
"""Programs of the first release and of this one meet: each hears which of them is
too old, in words that say what to do, and nobody waits in vain or loses anything.

Builds the first release's programs (minutes), or takes them from the folder
ARCHPOOL_OLD_PROGRAMS.
"""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import harness
from harness import Pool, wait_for

SOURCES = pathlib.Path(__file__).resolve().parents[2]
# Where 0.1.0 has no tag, the last commit with its API.
FIRST_RELEASE = ("v0.1.0", "e31b334a4e5c")
PROGRAMS = ("archpool", "archpool-server", "archpool-verifier", "archpool-worker")
SAYS = re.compile(r"of version 0\.1\.0 or older.*: update the program")


def git(*words):
    return subprocess.run(["git", "-C", SOURCES, *words], text=True,
                          capture_output=True, check=False)


def first_release():
    for name in FIRST_RELEASE:
        found = git("rev-parse", "--verify", "--quiet", name + "^{commit}")
        if found.returncode == 0:
            return found.stdout.strip()
    raise unittest.SkipTest("the first release is not in this clone's history")


def build_old_programs(directory):
    """Without LibTorch: of a verifier, it is what it says that counts."""
    sources = directory / "sources"
    sources.mkdir()
    archive = subprocess.Popen(["git", "-C", SOURCES, "archive", first_release()],
                               stdout=subprocess.PIPE)
    subprocess.run(["tar", "-x", "-C", sources], stdin=archive.stdout, check=True)
    archive.stdout.close()
    if archive.wait() != 0:
        raise AssertionError("git archive failed")
    build = directory / "build"
    subprocess.run(["cmake", "-S", sources, "-B", build, "-G", "Ninja",
                    "-DCMAKE_BUILD_TYPE=Release", "-DBUILD_TESTING=OFF",
                    "-DARCHPOOL_WITH_TORCH=OFF"], check=True)
    subprocess.run(["cmake", "--build", build, "--target", *PROGRAMS], check=True)
    return build / "bin"


class OldReleaseTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        given = os.environ.get("ARCHPOOL_OLD_PROGRAMS")
        if given:
            cls.old = pathlib.Path(given).resolve()
            return
        directory = pathlib.Path(tempfile.mkdtemp(prefix="archpool-old-"))
        cls.addClassCleanup(shutil.rmtree, directory, ignore_errors=True)
        cls.old = build_old_programs(directory)

    def setUp(self):
        # The first release speaks plain text alone.
        self.pool = Pool("--silence-term", "5s", "--audit-term", "5s",
                         "--plaintext")
        self.addCleanup(self.pool.close)
        self.pool.add_client()
        self.pool.create_account("miner", "miner")
        self.pool.create_account("verifier", "verifier")

    def start_old(self, program, who):
        self.pool.start(f"old-{who}", self.old / program, "--server",
                        f"127.0.0.1:{self.pool.port}", "--token-file",
                        self.pool.token_file(who), "--name", "old", "--work-dir",
                        self.pool.directory / f"old-{who}")

    def test_an_old_client_hears_it(self):
        for words in (["task", "list"], ["account", "whoami"],
                      ["task", "submit", self.pool.write_task()]):
            run = subprocess.run(
                [self.old / "archpool", "--server",
                 f"127.0.0.1:{self.pool.port}", "--token-file",
                 self.pool.token_file("client"), *words],
                stdin=subprocess.DEVNULL, capture_output=True, text=True,
                timeout=60, check=False)
            with self.subTest(words=words):
                self.assertEqual(run.returncode, 3, run.stderr)
                self.assertIn("(CLIENT_TOO_OLD)", run.stderr)
                self.assertRegex(run.stderr, SAYS)
        self.assertEqual(self.pool.command("client", "task", "list"), [])

    def test_an_old_worker_and_an_old_verifier_hear_it_and_wait(self):
        for program, who in (("archpool-worker", "miner"),
                             ("archpool-verifier", "verifier")):
            self.start_old(program, who)
            wait_for(f"what {program} says",
                     lambda: SAYS.search(self.pool.log(f"old-{who}")))
            self.assertIn("CLIENT_TOO_OLD", self.pool.log(f"old-{who}"))
            self.assertEqual(self.pool.stop(f"old-{who}"), 0)
        # Whoever updates goes on under the same accounts.
        self.pool.add_worker("miner")
        self.pool.add_verifier("verifier")
        task = self.pool.wait_for_end(self.pool.submit(trials=4))
        self.assertEqual(task["state"], "succeeded")

    def test_a_new_client_says_that_an_old_server_is_too_old(self):
        old = Pool(makes_cluster=True, is_plaintext=True,
                   server_program=self.old / "archpool-server")
        self.addCleanup(old.close)
        with self.assertRaises(harness.Refused) as refused:
            old.command("operator", "account", "list")
        self.assertIn("(SERVER_TOO_OLD)", refused.exception.text)


if __name__ == "__main__":
    unittest.main()
