# SPDX-License-Identifier: Apache-2.0
"""Runs a whole pool of real programs on this machine, for integration tests.

Everything listens on loopback, on ports that the kernel picks; everything
started is ended. PROGRAMS is the build's bin/ (set by CTest).
"""

import gzip
import json
import os
import pathlib
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from postgres_cluster import make_cluster  # noqa: E402

PROGRAMS = pathlib.Path(os.environ.get("ARCHPOOL_PROGRAMS", "build/release/bin"))
# What holds passes at once; a machine that does something else may take long.
WAIT_S = float(os.environ.get("ARCHPOOL_TEST_WAIT_S", "120"))

TASK_YAML = """\
name: integration
dataset:
  format: idx
  train_images: train-images.gz
  train_labels: train-labels.gz
  classes: 4
  validation_count: 40
  held_out_count: 40
space:
  dimensions:
    - {{name: operation, choices: [conv, separable]}}
    - {{name: kernel, choices: [3, 5]}}
    - {{name: width, choices: [{widths}]}}
    - {{name: repeat, choices: [1, 2]}}
  template:
    kind: chain
    stem: {{width: 4, kernel: 3, stride: 1, activation: relu}}
    stages:
      - stride: 2
        blocks:
          - {{operation: $operation, kernel: $kernel, width: $width,
             repeat: $repeat}}
recipe: {{epochs: 1, batch_size: 32, further_epochs: {further_epochs}}}
budget: {{core_seconds: 1000, trials: {trials}, time_limit: {time_limit}}}
reward: {{amount: {reward}}}
partition: {{subspaces: {subspaces}, trials_per_lease: 2}}
"""


def write_idx_files(directory, count=200, side=8, classes=4):
    """A small made-up dataset in the format of MNIST."""
    numbers = random.Random(1)
    images = bytes(numbers.randrange(256) for _ in range(count * side * side))
    labels = bytes(numbers.randrange(classes) for _ in range(count))
    for name, header, data in (
        ("train-images.gz", struct.pack(">IIII", 0x803, count, side, side), images),
        ("train-labels.gz", struct.pack(">II", 0x801, count), labels),
    ):
        with gzip.open(directory / name, "wb") as file:
            file.write(header + data)


def wait_for(what, condition, seconds=WAIT_S):
    """The first true answer of `condition`; fails where none comes in time."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:.0f} s for {what}")
        time.sleep(0.05)


def children_of(pid):
    """Processes that it started and that run."""
    children = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", encoding="utf-8") as file:
                rest = file.read().rpartition(")")[2].split()
        except OSError:
            continue
        if int(rest[1]) == pid and rest[0] != "Z":
            children.append(int(entry))
    return children


def processor_s(pid):
    """Processor time that the process has taken; 0 where it has ended."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return 0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def is_running(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Refused(Exception):
    """The command line said no: its exit code and its words."""

    def __init__(self, code, text):
        super().__init__(f"exit {code}: {text}")
        self.code = code
        self.text = text


class Pool:
    """A server with its database, and whoever works for it."""

    def __init__(self, *server_flags, server_env=None, makes_cluster=False,
                 server_program="archpool-server", is_plaintext=False, postgres=None):
        """`makes_cluster`: the server makes its database as an operator's does,
        which waits for the disk at every commit. `is_plaintext`: it does not
        encrypt, with --plaintext or because it is older than that. `postgres`: the
        folder of the programs that make the cluster; none: the newest."""
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="archpool-it-"))
        # The database's own user must be able to pass.
        self.directory.chmod(0o755)
        write_idx_files(self.directory)
        self.server_flags = server_flags
        # What all others are told of the server; its pin is in their token files.
        self.line_flags = (["--plaintext"] if is_plaintext or
                           "--plaintext" in server_flags else [])
        self.server_program = server_program
        self.server_env = server_env or {}  # besides this process's
        self.processes = {}
        self.port = 0
        if not makes_cluster and "--database-url" not in server_flags:
            private = self.directory / "server" / "postgresql"
            private.mkdir(parents=True)
            make_cluster(private / "cluster", postgres)
        try:
            self.start_server()
        except BaseException:  # nobody has it to close it
            self.close()
            raise

    def close(self):
        failures = []
        # All at once, and the server when they have said goodbye.
        for name in self.processes.keys() - {"server"}:
            self.processes[name].terminate()
        for name in reversed(list(self.processes)):
            try:
                self.stop(name)
            except AssertionError as failure:  # and all others are stopped too
                failures.append(failure)
        shutil.rmtree(self.directory, ignore_errors=True)
        if failures:
            raise failures[0]

    # Processes.

    def start(self, name, program, *flags, env=None):
        log = open(self.directory / f"{name}.log", "ab")
        self.processes[name] = subprocess.Popen(
            [PROGRAMS / program, *map(str, flags)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, **(self.server_env if name == "server" else {}),
                 **(env or {})},
        )
        log.close()

    def stop(self, name):
        process = self.processes.pop(name)
        process.terminate()
        try:
            return process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"{name} did not stop when asked:\n{self.log(name)}")

    def kill(self, name):
        """As a power cut would: no goodbye."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def postmasters(self):
        server = self.processes["server"].pid
        return [pid for pid in children_of(server)
                if pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
                == "postgres"]

    def postmaster(self):
        """The first process of this pool's own cluster. One that was killed may
        still be on its way back: what outlives it answers for a moment."""
        wait_for("the database's first process",
                 lambda: len(self.postmasters()) == 1, 60)
        return self.postmasters()[0]

    def kill_postgres(self):
        """The postmaster alone."""
        os.kill(self.postmaster(), signal.SIGKILL)

    def log(self, name):
        return (self.directory / f"{name}.log").read_text(errors="replace")

    def start_server(self):
        port_file = self.directory / "port"
        port_file.unlink(missing_ok=True)
        self.start(
            "server", self.server_program, "--data-dir", self.directory / "server",
            "--listen", f"127.0.0.1:{self.port}", "--port-file", port_file,
            *self.server_flags,
        )

        def answers():
            if self.processes["server"].poll() is not None:
                raise AssertionError("the server ended:\n" + self.log("server"))
            return port_file.exists() and port_file.read_text().strip()

        self.port = int(wait_for("the server", answers))

    # People.

    def pin(self):
        """What the server is known by."""
        return subprocess.run(
            [PROGRAMS / "archpool-server", "pin", "--data-dir",
             self.directory / "server"], stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=60, check=True).stdout.strip()

    def token_file(self, name):
        if name == "operator":
            return self.directory / "server" / "operator-token"
        return self.directory / f"{name}.token"

    def command(self, who, *words, parse=True):
        """Runs the command line as `who`; its --json answer."""
        answer = subprocess.run(
            [PROGRAMS / "archpool", "--server", f"127.0.0.1:{self.port}",
             *self.line_flags, "--token-file", self.token_file(who),
             *map(str, words),
             *(["--json"] if parse else [])],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
        )
        if answer.returncode != 0:
            raise Refused(answer.returncode, answer.stderr)
        return json.loads(answer.stdout) if parse else answer.stdout

    def create_account(self, name, role):
        made = self.command("operator", "account", "create", "--name", name,
                            "--role", role)
        self.token_file(name).write_text("".join(
            line + "\n" for line in (made["token"], made.get("server_pin"))
            if line))
        self.token_file(name).chmod(0o600)
        if role == "miner":  # what tests look for in a client's pages
            self.command(name, "account", "visibility", "public")

    def add_client(self, name="client", coins=1000):
        self.create_account(name, "client")
        self.command("operator", "ledger", "deposit", "--account", name,
                     "--amount", coins, parse=False)

    def add_worker(self, name, trial_ms=50, cheat=None, honest_trials=0,
                   env=None, port=None, flags=()):
        """`port`: where it reaches the server, if not at the server's own."""
        if not self.token_file(name).exists():
            self.create_account(name, "miner")
        cheats = ["--cheats", "--cheat", cheat, "--honest-trials",
                  honest_trials] if cheat else []
        self.start(name, "archpool-fake-worker", "--server",
                   f"127.0.0.1:{port or self.port}", "--token-file",
                   self.token_file(name), "--name", "w1", "--work-dir",
                   self.directory / name, "--trial-ms", trial_ms, *cheats,
                   *self.line_flags, *flags, env=env)

    def forget_disk(self, name):
        """The directory of a worker that is not running."""
        shutil.rmtree(self.directory / name)

    def add_verifier(self, name="verifier", env=None, flags=()):
        if not self.token_file(name).exists():
            self.create_account(name, "verifier")
        self.start(name, "archpool-fake-verifier", "--server",
                   f"127.0.0.1:{self.port}", "--token-file",
                   self.token_file(name), "--name", "v1", "--work-dir",
                   self.directory / name, *self.line_flags, *flags, env=env)

    # Tasks.

    def write_task(self, trials=8, reward=100, time_limit="10m",
                   widths="4, 8, 12, 16", subspaces=4, further_epochs="[]",
                   file="task.yaml"):
        path = self.directory / file
        path.write_text(TASK_YAML.format(
            trials=trials, reward=reward, time_limit=time_limit, widths=widths,
            subspaces=subspaces, further_epochs=further_epochs))
        return path

    def submit(self, **settings):
        return self.command("client", "task", "submit",
                            self.write_task(**settings))["task_id"]

    def task(self, task_id):
        return self.command("client", "task", "show", task_id)

    def trials(self, task_id):
        return self.task(task_id)["trials"]

    def wait_until(self, task_id, what, condition, seconds=WAIT_S):
        def check():
            try:
                task = self.task(task_id)
            except Refused as refused:
                if refused.code == 4:  # the server is away
                    return None
                raise
            return task if condition(task) else None

        return wait_for(what, check, seconds)

    def wait_for_end(self, task_id, seconds=2 * WAIT_S):
        return self.wait_until(
            task_id, f"the end of task {task_id}",
            lambda task: task["state"] in ("succeeded", "failed", "cancelled"),
            seconds)


def micro(coins):
    """Coins as text to whole micro-coins: sums must be exact."""
    whole, _, fraction = coins.partition(".")
    return int(whole) * 1_000_000 + int((fraction + "000000")[:6])


def rejections_of(task, name):
    """The reasons for which trials of that miner were rejected."""
    return {trial["reason"] for trial in task["trials"]
            if trial["account"] == name and trial["state"] == "rejected"}


def share_of(task, name):
    return next((share for share in task["shares"]
                 if share["account"] == name), None)


class PoolTestCase(unittest.TestCase):
    """Makes a pool for each test."""

    server_flags = ("--silence-term", "5s", "--audit-term", "5s")

    def make_pool(self):
        return Pool(*self.server_flags)

    def setUp(self):
        self.pool = self.make_pool()
        self.addCleanup(self.pool.close)

    def assert_earns_nothing(self, task, name):
        share = share_of(task, name)
        self.assertEqual(share["trials_accepted"], 0)
        self.assertEqual(micro(share["payout"]), 0)

    def assert_won_by_replay(self, task, name):
        self.assertEqual(share_of(task, name)["trials_rejected"], 0)
        self.assertEqual(task["best"]["account"], name)
        self.assertEqual(task["best"]["basis"], "replayed")

    def assert_adds_up(self, task):
        payouts = sum(micro(share["payout"]) for share in task["shares"])
        self.assertEqual(
            micro(task["reward"]),
            micro(task["fee"]) + micro(task["refund"]) + payouts)
        check = self.pool.command("operator", "ledger", "check")
        self.assertEqual(check["violations"], [])
        self.assertGreater(check["transfers"], 0)
