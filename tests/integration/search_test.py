# SPDX-License-Identifier: Apache-2.0
"""`archpool search`: real programs and real training on one machine. Whatever ends
it, nothing it started is left, and the same command continues the same task."""

import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS / "support"), str(TESTS / "adversary")]
from harness import PROGRAMS, WAIT_S, is_running, wait_for  # noqa: E402
from real_training_test import write_idx_files  # noqa: E402

TRIALS = 16
IMAGES = 1200
EVALUATED = 400  # to validate, and held out
TRAIN_COUNT = IMAGES - EVALUATED
EPOCHS = 24
SEGMENTS = 8
TASK_YAML = f"""\
name: on one machine
dataset:
  format: idx
  train_images: train-images.gz
  train_labels: train-labels.gz
  classes: 4
  validation_count: {EVALUATED // 2}
  held_out_count: {EVALUATED // 2}
space:
  dimensions:
    - {{name: kernel, choices: [3, 5]}}
    - {{name: width, choices: [8, 10, 12, 14, 16, 18, 20, 22]}}
    - {{name: operation, choices: [conv, separable]}}
  template:
    kind: chain
    stem: {{width: 8, kernel: 3, stride: 1, activation: relu}}
    stages:
      - stride: 2
        blocks: [{{operation: $operation, kernel: $kernel, width: $width}}]
recipe: {{epochs: {EPOCHS}, batch_size: 32, segments: {SEGMENTS}}}
budget: {{core_seconds: 1000, trials: {TRIALS}, time_limit: 30m}}
reward: {{amount: 10}}
partition: {{subspaces: 4, trials_per_lease: 2}}
"""
# Longer than each program gives itself to end in, one after the other.
STOP_S = 60


def running_in(folder):
    """Programs of a pool that lies in the folder, by what they were started with;
    its database works in its own directory."""
    found = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or not is_running(int(entry)):
            continue
        try:
            words = pathlib.Path(f"/proc/{entry}/cmdline").read_bytes().split(b"\0")
            place = os.readlink(f"/proc/{entry}/cwd")
        except OSError:
            continue
        name = pathlib.Path(os.fsdecode(words[0])).name
        is_part = name.startswith("archpool-") and any(
            os.fsdecode(word).startswith(f"{folder}/") for word in words)
        if is_part or place.startswith(f"{folder}/"):
            found[int(entry)] = name
    return found


class Running:
    """The command, started as a person's shell starts it, and what it says."""

    def __init__(self, directory, *flags, env=None, program=None):
        self.output = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [program or PROGRAMS.resolve() / "archpool", "search", "task.yaml", *flags],
            cwd=directory, stdin=subprocess.DEVNULL, stdout=self.output,
            stderr=self.output, start_new_session=True,
            env={**os.environ, "LC_ALL": "C.UTF-8", **(env or {})})

    def said(self):
        # Not through the descriptor's place in the file: the command shares it.
        size = os.fstat(self.output.fileno()).st_size
        return os.pread(self.output.fileno(), size, 0).decode(errors="replace")

    def wait(self, seconds=2 * WAIT_S):
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"no end after {seconds:.0f} s:\n{self.said()}")

    def wait_for(self, pattern):
        def check():
            if self.process.poll() is not None:
                raise AssertionError(f"it ended before {pattern}:\n{self.said()}")
            return re.search(pattern, self.said())

        return wait_for(pattern, check)

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.process.kill()  # and what it started with it
                self.process.wait()
        self.output.close()


class SearchTest(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="archpool-search-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        write_idx_files(self.directory, count=IMAGES)
        (self.directory / "task.yaml").write_text(TASK_YAML)
        self.folder = self.directory / "task-search"

    def search(self, *flags, **options):
        running = Running(self.directory, *flags, **options)
        self.addCleanup(running.close)
        return running

    def wait_until_nothing_runs(self):
        wait_for("the end of what was started",
                 lambda: not running_in(self.folder), STOP_S)

    def assert_result(self, running, number=1):
        """It has ended well, with all of its trials, and has left nothing."""
        self.assertEqual(running.wait(), 0, running.said())
        self.assertEqual(running_in(self.folder), {})
        result = self.folder / ("result" if number == 1 else f"result-{number}")
        summary = json.loads((result / "summary.json").read_text())
        self.assertEqual(summary["task_state"], "succeeded", running.said())
        self.assertEqual(summary["task_id"], number)
        self.assertEqual(summary["trials_rejected"], 0, running.said())
        self.assertGreater(summary["best"]["verified_accuracy"], 0.5)
        self.assertGreater((result / "weights.safetensors").stat().st_size, 1000)
        self.assertTrue(list((result / "front").glob("trial-*/weights.safetensors")))
        report = (result / "report.txt").read_text()
        self.assertIn("Best network", report)
        self.assertRegex(report, r"Auditing took .* of training \(.* %\)")
        self.assert_audits(result, report)
        self.assertIn("Best network", running.said())
        return summary

    def assert_audits(self, result, report):
        """At most a twentieth of the work goes into audits, in work units: what is
        replayed of each training, and evaluating it. One network is examined in
        every search, however short."""
        audits = json.loads((result / "audits.json").read_text())
        evaluation = EVALUATED / (TRAIN_COUNT * EPOCHS)
        trained = examined = 0
        evaluated = set()
        for trial in audits["trials"]:
            units = int(trial["work_units"])
            trained += units
            self.assertIn(trial["replayed"], (None, "segment"))
            if trial["replayed"] == "segment":
                examined += units * (1 / SEGMENTS + evaluation)
            if trial["is_evaluated"]:
                evaluated.add(trial["trial_id"])
                self.assertEqual(trial["replayed"], "segment")
        if sum(trial["replayed"] is not None for trial in audits["trials"]) > 1:
            self.assertLessEqual(examined, 0.05 * trained, audits)
        front = {int(path.name.removeprefix("trial-"))
                 for path in (result / "front").glob("trial-*")}
        known = front - {trial["trial_id"] for trial in audits["trials"]}
        self.assertLessEqual(front - known, evaluated)
        self.assertFalse(front & set(audits["left_out"]))
        said = " ".join(report.split())
        self.assertRegex(said, r"A segment was replayed of \d+ of \d+ training")
        if not known:  # else what an earlier task found may be better than all
            self.assertGreaterEqual(len(evaluated), 1)
            self.assertIn("Evaluated on the held-out split: trial-", said)
        self.assertGreater(audits["training_time_s"], 0)

    def with_worker(self, *cheats):
        """A folder of the programs, in which the worker is one that cheats."""
        programs = self.directory / "programs"
        programs.mkdir()
        for name in ("archpool", "archpool-server", "archpool-verifier"):
            shutil.copy(PROGRAMS / name, programs)
        worker = programs / "archpool-worker"
        adversary = shlex.join([str(PROGRAMS.resolve() / "archpool-adversary"), *cheats])
        worker.write_text(f'#!/bin/sh\nexec {adversary} "$@"\n')
        worker.chmod(0o755)
        return programs / "archpool"

    def test_a_machine_that_computes_wrongly_is_found_at_the_start(self):
        running = self.search(program=self.with_worker("--cheat", "fewer_epochs"))
        running.wait_for(r"of miner rejected.*(SEGMENT|TRAINING)_FALSE")

    def test_one_that_does_so_later_is_found_before_its_results_win(self):
        # Its claims are the best from then on.
        running = self.search(program=self.with_worker(
            "--cheat", "inflate", "--inflate", "0.3", "--honest-trials", "12"))
        # Some were accepted unseen before, and are rejected in the end.
        running.wait_for(r"\d+ in verification, [1-9]\d* rejected")

    def assert_is_reproduced(self, result):
        """From nothing, by the task's file that the result remembers."""
        ran = subprocess.run(
            [PROGRAMS.resolve() / "archpool", "reproduce", result], cwd="/",
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=WAIT_S, check=False)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertIn("The same bits", ran.stdout)

    def test_it_leads_from_a_task_to_its_result_and_shows_it_again(self):
        # What is said of another pool is not this one's.
        summary = self.assert_result(self.search(env={
            "ARCHPOOL_SERVER": "127.0.0.1:9", "ARCHPOOL_TOKEN_FILE": "/nowhere",
            "ARCHPOOL_SERVER_PIN": "system"}))
        self.assertEqual(summary["trials_accepted"], TRIALS)
        self.assertEqual(summary["fee"], "0")
        self.assert_is_reproduced(self.folder / "result")
        log = (self.folder / "logs" / "server.log").read_text()
        began = time.monotonic()
        again = self.search()
        self.assertEqual(again.wait(), 0, again.said())
        self.assertLess(time.monotonic() - began, WAIT_S / 4)
        self.assertIn("Best network", again.said())
        self.assertIn("has ended", again.said())
        shown = self.search("--json")
        self.assertEqual(shown.wait(), 0, shown.said())
        self.assertEqual(json.loads(shown.said())["best"], summary["best"])
        # Nothing was started for that.
        self.assertEqual((self.folder / "logs" / "server.log").read_text(), log)

        # Another task is not taken for this one, and can be begun beside it.
        task = self.directory / "task.yaml"
        task.write_text(TASK_YAML.replace(f"trials: {TRIALS}", "trials: 3"))
        changed = self.search()
        self.assertEqual(changed.wait(), 3, changed.said())
        self.assertIn("TASK_CHANGED", changed.said())
        other = self.assert_result(self.search("--again"), number=2)
        self.assertGreaterEqual(other["space_size"], 32)
        kept = json.loads((self.folder / "result" / "summary.json").read_text())
        self.assertEqual(kept, summary)

    def test_it_continues_after_ctrl_c(self):
        first = self.search()
        first.wait_for(r"trial-\d+ of miner accepted")
        self.assertIn("archpool-worker", running_in(self.folder).values())
        # As a terminal does it: to the command's whole group.
        os.killpg(first.process.pid, signal.SIGINT)
        self.assertEqual(first.wait(STOP_S), 130, first.said())
        self.assertEqual(running_in(self.folder), {}, first.said())
        self.assertIn("the same command continues", first.said())
        # They were asked to end, and none had to be killed.
        self.assertNotIn("is killed", first.said())
        second = self.search()
        second.wait_for("Continuing: task-1")
        self.assert_result(second)

    def test_it_continues_after_a_hang_up(self):
        first = self.search()
        first.wait_for("Searching: task-1")
        first.process.send_signal(signal.SIGHUP)
        self.assertEqual(first.wait(STOP_S), 130, first.said())
        self.assertEqual(running_in(self.folder), {})

    def test_it_continues_after_a_power_cut_and_nobody_else_gets_its_folder(self):
        first = self.search()
        first.wait_for(r"trial-\d+ of miner accepted")
        state = (self.folder / "state.json").read_text()
        other = self.search()
        self.assertEqual(other.wait(), 3, other.said())
        self.assertIn("DIRECTORY_IN_USE", other.said())
        self.assertEqual((self.folder / "state.json").read_text(), state)
        first.process.kill()
        first.process.wait()
        # At once: what is left of the first one is waited for.
        second = self.search()
        second.wait_for("Continuing: task-1")
        self.assert_result(second)
        self.wait_until_nothing_runs()

    def test_it_continues_wherever_it_was_cut(self):
        """The steps until the task is open are each done once, however often they
        are begun."""
        (self.directory / "task.yaml").write_text(
            TASK_YAML.replace(f"trials: {TRIALS}", "trials: 3"))
        for name in ("logs/server.log", "pool/postgresql/cluster", "port",
                     "tokens/client.token", "tokens/miner.token", "state.json"):
            running = self.search()
            wait_for(name, lambda: (self.folder / name).exists() or
                     running.process.poll() is not None)
            self.assertIsNone(running.process.poll(), running.said())
            running.process.kill()
            running.process.wait()
        last = self.search()
        self.assert_result(last)
        state = json.loads((self.folder / "state.json").read_text())
        self.assertEqual((state["number"], state["task_id"]), (1, 1))

    def test_it_starts_again_what_dies(self):
        running = self.search()
        running.wait_for(r"trial-\d+ of miner accepted")
        for name in ("archpool-worker", "archpool-server", "archpool-verifier"):
            one = next(pid for pid, of in running_in(self.folder).items()
                       if of == name)
            os.kill(one, signal.SIGKILL)
            running.wait_for(rf"{name} ended \(signal 9\); it is started again")
            wait_for(f"another {name}", lambda: any(
                of == name and pid != one
                for pid, of in running_in(self.folder).items()))
        self.assert_result(running)

    def test_what_cannot_be_searched_leaves_nothing_behind(self):
        task = self.directory / "task.yaml"
        task.write_text(TASK_YAML.replace("classes: 4", "classes: 1"))
        invalid = self.search()
        self.assertEqual(invalid.wait(), 2, invalid.said())
        self.assertIn("task.yaml:", invalid.said())
        self.assertFalse(self.folder.exists())
        # Labels go to 3.
        task.write_text(TASK_YAML.replace("classes: 4", "classes: 3"))
        wrong = self.search()
        self.assertEqual(wrong.wait(), 2, wrong.said())
        self.assertFalse(self.folder.exists())
        # Somebody's own folder.
        task.write_text(TASK_YAML)
        self.folder.mkdir()
        (self.folder / "thesis.txt").write_text("years of work")
        foreign = self.search()
        self.assertEqual(foreign.wait(), 3, foreign.said())
        self.assertIn("DIRECTORY_NOT_OURS", foreign.said())
        self.assertEqual(os.listdir(self.folder), ["thesis.txt"])

    def test_a_program_that_does_not_start_is_named_with_its_last_words(self):
        alone = self.directory / "bin"
        alone.mkdir()
        shutil.copy(PROGRAMS / "archpool", alone)
        options = {"program": alone / "archpool", "env": {"PATH": "/usr/bin:/bin"}}
        missing = self.search(**options)
        self.assertEqual(missing.wait(), 3, missing.said())
        self.assertIn("PROGRAM_MISSING", missing.said())
        self.assertIn("install the package archpool-server", missing.said())
        self.assertFalse(self.folder.exists())
        for name in ("archpool-verifier", "archpool-worker"):
            shutil.copy(PROGRAMS / name, alone)
        server = alone / "archpool-server"
        server.write_text("#!/bin/sh\necho the disk is made of cheese\nexit 1\n")
        server.chmod(0o755)
        cheese = self.search(**options)
        self.assertEqual(cheese.wait(), 1, cheese.said())
        self.assertIn("archpool-server ended before it answered", cheese.said())
        self.assertIn("the disk is made of cheese", cheese.said())
        self.assertEqual(running_in(self.folder), {})
        # Nothing of that stays in the way.
        server.unlink()
        shutil.copy(PROGRAMS / "archpool-server", alone)
        (self.directory / "task.yaml").write_text(
            TASK_YAML.replace(f"trials: {TRIALS}", "trials: 3"))
        self.assert_result(self.search(**options))


if __name__ == "__main__":
    unittest.main()
