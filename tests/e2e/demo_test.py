# SPDX-License-Identifier: Apache-2.0
"""The demo with real training, smaller: a search on Fashion-MNIST is done by
honest miners, a cheat is caught, and the summary adds up."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = pathlib.Path("/usr/share/datasets/fashion-mnist")
# Below this a network has learnt next to nothing; ten classes are guessed at 0.1.
ACCURACY_MIN = 0.75


def micro(coins):
    whole, _, fraction = coins.partition(".")
    return int(whole) * 1_000_000 + int((fraction + "000000")[:6])


def leases_not_alone(output):
    """Of the table of leases: backups, and those that did not end by themselves."""
    rows = re.findall(r"^ +\d+ +\d+ +\w+ +(primary|backup) +(\w+) ", output,
                      re.MULTILINE)
    return sum(row != ("primary", "completed") for row in rows)


class DemoTest(unittest.TestCase):
    def setUp(self):
        self.assertTrue(DATA.exists(),
                        "deploy/install-deps.sh installs dataset-fashion-mnist")
        self.output = pathlib.Path(tempfile.mkdtemp(prefix="archpool-e2e-"))
        self.output.chmod(0o755)
        self.addCleanup(shutil.rmtree, self.output, ignore_errors=True)

    def test_the_search_is_done_and_paid_and_the_cheat_is_caught(self):
        run = subprocess.run(
            [ROOT / "deploy" / "demo.sh", "--no-build", "--output", self.output,
             ROOT / "tests" / "e2e" / "small.yaml"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=500, env={**os.environ, "LC_ALL": "C.UTF-8"})
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        summary = json.loads((self.output / "summary.json").read_text())
        self.assertEqual(summary["task_state"], "succeeded")
        self.assertEqual(summary["space_size"], 12)
        # Beyond the budget's 14 there is only what two trained: a backup and the
        # worker that it stood in for, or one whose lease ran out while it was
        # away and who was back before the other had ended. Both are paid.
        doubled = leases_not_alone(run.stdout)
        self.assertGreaterEqual(summary["trials_accepted"], 14)
        self.assertLessEqual(summary["trials_accepted"], 14 + doubled, run.stdout)
        self.assertGreaterEqual(summary["rejected_by_reason"]["CLAIM_FALSE"], 1)
        best = summary["best"]
        self.assertGreater(best["verified_accuracy"], ACCURACY_MIN)
        self.assertLess(abs(best["claimed_accuracy"] - best["verified_accuracy"]),
                        0.05)
        self.assertGreater(best["parameters"], 0)
        self.assertGreater(best["macs"], 0)
        self.assertEqual(
            micro(summary["reward"]),
            micro(summary["fee"]) + micro(summary["refund"])
            + sum(map(micro, summary["payouts"].values())))
        self.assertEqual(micro(summary["payouts"].get("mallory", "0")), 0)
        self.assertEqual(int(summary["validated_work"].get("mallory", "0")), 0)
        self.assertGreater(summary["elapsed_s"], 0)
        architecture = json.loads((self.output / "architecture.json").read_text())
        self.assertIn("choices", architecture)
        weights = (self.output / "weights.safetensors").read_bytes()
        header = json.loads(weights[8:8 + int.from_bytes(weights[:8], "little")])
        self.assertTrue(any(name.startswith("layers.") for name in header))

    def test_workers_carry_no_libtorch(self):
        worker = ROOT / "build" / "release" / "bin" / "archpool-worker"
        libraries = subprocess.run(["ldd", worker], capture_output=True, text=True,
                                   check=True).stdout
        self.assertNotRegex(libraries, "torch|dnnl|blas")
        self.assertLess(worker.stat().st_size, 15_000_000)


if __name__ == "__main__":
    unittest.main()
