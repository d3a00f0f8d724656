# SPDX-License-Identifier: Apache-2.0
"""The commands of the README's section "Use it", as they stand there, lead from an
empty folder to a result. What is changed: the port, which another program may have;
the example's networks and trials, which are smaller and fewer, so that it takes two
minutes; and time passes after what is started in the background, as it does for a
person."""

import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = pathlib.Path(os.environ.get(
    "ARCHPOOL_PROGRAMS", ROOT / "build" / "release" / "bin")).resolve()
EXAMPLE = "deploy/examples/fashion-mnist.yaml"
SMALLER = {"macs: 30000000": "macs: 1500000", "trials: 40": "trials: 2"}
USUAL_ADDRESS = "127.0.0.1:7070"
READY = ("for i in $(seq 300); do archpool account whoami --token-file "
         "pool/operator-token >/dev/null 2>&1 && break; sleep 0.2; done")
TIMEOUT_S = 400


def commands_of(section):
    """What is indented in that section, line by line."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    body = re.search(rf"^## {section}\n(.*?)^## ", text,
                     re.MULTILINE | re.DOTALL).group(1)
    return [line[4:] for line in body.splitlines() if line.startswith("    ")]


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class ReadmeTest(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="archpool-readme-"))
        self.directory.chmod(0o755)  # the database's own user must pass
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        example = self.directory / EXAMPLE
        example.parent.mkdir(parents=True)
        text = (ROOT / EXAMPLE).read_text(encoding="utf-8")
        for usual, smaller in SMALLER.items():
            self.assertIn(usual, text)
            text = text.replace(usual, smaller)
        example.write_text(text, encoding="utf-8")

    def script(self, address):
        lines = commands_of("Use it")
        self.assertTrue(any("task submit" in line for line in lines), lines)
        script = ["set -e", "trap 'kill $(jobs -p); wait' EXIT"]
        for line in lines:
            line = line.replace(USUAL_ADDRESS, address)
            if line.startswith("archpool-server "):
                line = line.replace("archpool-server ",
                                    f"archpool-server --listen {address} ", 1)
                line += "\n" + READY
            script.append(line)
        return "\n".join(script)

    def test_use_it_reaches_a_result(self):
        address = f"127.0.0.1:{free_port()}"
        script = self.script(address)
        run = subprocess.Popen(
            ["bash", "-c", script], cwd=self.directory, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            start_new_session=True,
            env={**os.environ, "LC_ALL": "C.UTF-8", "ARCHPOOL_SERVER": address,
                 "PATH": f"{PROGRAMS}:{os.environ['PATH']}"})
        try:
            output, _ = run.communicate(timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            os.killpg(run.pid, signal.SIGTERM)
            try:
                output, _ = run.communicate(timeout=40)
            except subprocess.TimeoutExpired:
                os.killpg(run.pid, signal.SIGKILL)
                output, _ = run.communicate()
            self.fail(f"no end after {TIMEOUT_S} s:\n{script}\n\n{output}")
        self.assertEqual(run.returncode, 0, f"{script}\n\n{output}")
        # Alone on one machine, and in a pool.
        for place in ("fashion-mnist-search/result", "result"):
            result = self.directory / place
            summary = json.loads((result / "summary.json").read_text())
            self.assertEqual(summary["task_state"], "succeeded", output)
            self.assertIsNotNone(summary["best"])
            self.assertTrue((result / "architecture.json").exists())
            self.assertTrue((result / "weights.safetensors").exists())


if __name__ == "__main__":
    unittest.main()
