# SPDX-License-Identifier: Apache-2.0
"""A new arithmetic over a database of the release before it, with records in every
state: real workers and verifiers go on meanwhile, and nobody loses."""

import collections
import os
import signal
import subprocess
import sys
import time
import unittest
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS / "support"), str(TESTS / "adversary")]
from harness import PROGRAMS, Pool, wait_for  # noqa: E402
from older_database import Sql, make_older  # noqa: E402
from real_training_test import write_idx_files  # noqa: E402
from tcp_postgres import TcpPostgres  # noqa: E402
from troubled_machine import TroubledMachine  # noqa: E402
from troubles import BLOB_FILES  # noqa: E402

# The last version of the schema in which the old arithmetic was the pool's.
VERSION = 16
# Those that such a pool is to have: all but a few that last no longer than a call.
STATES = {
    "account": {"active", "suspended"},
    "task": {"active", "finishing", "succeeded", "cancelled"},
    "subspace": {"open", "leased"},
    "session": {"open"},
    "lease": {"active", "completed", "expired"},
    "trial": {"assigned", "committed", "uploaded", "accepted", "rejected",
              "abandoned"},
    "audit": {"asked", "waiting", "leased", "done"},
    "payout": {"sent", "settled"},
}
OLD = "libtorch-1.13.1/avx512/0123456789abcdef"
SEGMENTS = 8
LONG = 72  # epochs, by which a worker is caught at work
WIDTHS = ", ".join(map(str, range(8, 56, 2)))
TASK_YAML = """\
name: {name}
dataset:
  format: idx
  train_images: train-images.gz
  train_labels: train-labels.gz
  classes: 4
  validation_count: 200
  held_out_count: 200
space:
  dimensions:
    - {{name: kernel, choices: [3, 5]}}
    - {{name: width, choices: [{widths}]}}
    - {{name: operation, choices: [conv, separable, bottleneck]}}
  template:
    kind: chain
    stem: {{width: 8, kernel: 3, stride: 1, activation: relu}}
    stages:
      - stride: 2
        blocks: [{{operation: $operation, kernel: $kernel, width: $width}}]
recipe: {{epochs: {epochs}, batch_size: 32, segments: {segments}, learning_rate: {rate}}}
budget: {{core_seconds: 1000, trials: {trials}, time_limit: 10m}}
reward: {{amount: {reward}}}
partition: {{subspaces: 4, trials_per_lease: 2}}
"""
SEEN = "audit.looks <> ''"
# What a look found is in its bytes: alice is honest, and mallet at first.
LOOKS = """audit JOIN trial ON trial.id = audit.trial_id
    JOIN account ON account.id = trial.account_id
    WHERE audit.state IN ('waiting', 'leased') AND account.name = '{}' AND trial.id >=
    (SELECT min(id) FROM trial WHERE account_id = account.id) + {} AND {}"""
FLAGS = ("--silence-term", "5s", "--second-looks", "0.5", "--audit-floor", "0.5",
         "--receipt-interval", "1s", "--payout-minimum", "0.000001",
         "--payout-address-wait", "0s")

Verdict = collections.namedtuple("Verdict", "state basis reason pay is_honest")


def is_old(sql, table="trial"):
    """Whether a session or a trial is of the old release: a row that it wrote says so
    in a column of its own until it is written again."""
    columns = [f"{table}.{one}" for one in ("arithmetic", "hardware_class")
               if one in sql.columns()[table]]
    return f"coalesce({', '.join(columns)}) = '{OLD}'"


class Records:
    """What the pool holds of each account, and of each trial of the old release."""

    def __init__(self, sql):
        self.accounts = {name: (state, *map(int, counts)) for name, state, *counts in
                         sql.rows("SELECT name, state, trials_rejected,"
                                  " trials_abandoned, rejections_in_a_row,"
                                  " trials_accepted FROM account")}
        self.trials = {
            int(trial): Verdict(state, basis, reason, int(pay), is_honest == "t")
            for trial, state, basis, reason, pay, is_honest in sql.rows(
                f"""SELECT trial.id, trial.state, basis, reason, pay, name <> 'mallet'
                OR trial.id = (SELECT min(id) FROM trial WHERE account_id = account.id)
                FROM trial JOIN account ON account.id = account_id WHERE {is_old(sql)}""")}


class UpgradeTest(unittest.TestCase):
    def setUp(self):
        self.postgres = TcpPostgres()
        self.addCleanup(self.postgres.close)
        self.sql = Sql(self.postgres)
        self.machine = TroubledMachine(PROGRAMS, BLOB_FILES)
        self.addCleanup(self.machine.close)
        self.pool = Pool("--database-url", self.sql.url, *FLAGS,
                         server_env=self.machine.env)
        self.addCleanup(self.pool.close)
        self.addCleanup(self.resume_all)
        self.frozen = []
        self.tasks = 0
        write_idx_files(self.pool.directory, count=800)
        self.pool.add_client()

    # Programs.

    def add(self, account, name="w1", program="archpool-worker", flags=(),
            role="miner"):
        if not self.pool.token_file(account).exists():
            self.pool.create_account(account, role)
        self.pool.start(f"{account}-{name}", program, "--server",
                        f"127.0.0.1:{self.pool.port}", "--token-file",
                        self.pool.token_file(account), "--name", name, "--work-dir",
                        self.pool.directory / f"dir-{account}-{name}", *flags)

    def add_verifier(self, account):
        self.add(account, "v1", "archpool-verifier", role="verifier")

    def add_cheat(self, account):
        self.add(account, "w1", "archpool-adversary",
                 ("--cheat", "inflate", "--honest-trials", 1))

    def freeze(self, name):
        self.pool.processes[name].send_signal(signal.SIGSTOP)
        self.frozen.append(name)

    def resume(self, name):
        self.frozen.remove(name)
        self.pool.processes[name].send_signal(signal.SIGCONT)

    def resume_all(self):
        for name in list(self.frozen):
            self.resume(name)

    def submit(self, name, trials, reward=10, epochs=24):
        path = self.pool.directory / f"{name}.yaml"
        # A client's tasks have what its others found, unless they train otherwise.
        self.tasks += 1
        path.write_text(TASK_YAML.format(name=name, trials=trials, reward=reward,
                                         epochs=epochs, segments=SEGMENTS,
                                         widths=WIDTHS,
                                         rate=f"0.1{self.tasks:03}"))
        return self.pool.command("client", "task", "submit", path)["task_id"]

    def wait_for_rows(self, what, condition):
        return wait_for(what, lambda: self.sql.rows("SELECT * FROM " + condition))

    def count(self, table):
        return {state: int(number) for state, number in self.sql.rows(
            f"SELECT state, count(*) FROM {table} GROUP BY state")}

    # The older release's time.

    def end_tasks(self):
        """One that paid, of which money leaves, and one that was cancelled."""
        self.add_verifier("victor")
        self.add_verifier("vera")
        self.add("bob")
        away = self.submit("away", 60, reward=1, epochs=LONG)
        self.freeze_with("bob-w1", "lease WHERE state = 'active'")
        paid = self.submit("paid", 8)
        self.add("alice")
        self.add_cheat("mallory")
        ended = self.pool.wait_for_end(paid)
        self.assertEqual(ended["state"], "succeeded")
        self.pool.stop("alice-w1")
        self.wait_for_rows("a rejection", "trial WHERE state = 'rejected'")
        self.pool.stop("mallory-w1")
        self.pool.command("operator", "account", "suspend", "mallory", parse=False)
        self.wait_for_rows("the end of bob's lease", "lease WHERE state = 'expired'")
        self.pool.kill("bob-w1")
        self.frozen.remove("bob-w1")
        for task in (away, self.submit("cancelled", 8)):
            self.pool.command("client", "task", "cancel", task)
        self.pay_out()

    def pay_out(self):
        """Once to its end, and once halfway."""
        self.pool.command("alice", "payout", "set", "--address", "addr-alice")
        folder = self.pool.directory / "server" / "payouts"
        for amount in ("0.5", "0.25"):
            before = set(folder.glob("*.json"))
            self.pool.command("alice", "payout", "request", "--amount", amount)
            batch = wait_for("a batch", lambda before=before: next(
                iter(set(folder.glob("*.json")) - before), None))
            if not before:
                self.pool.command("operator", "payout", "confirm", batch,
                                  "--reference", "bank-1")
                self.wait_for_rows("the payout", "payout WHERE state = 'settled'")
        self.batch = batch

    def freeze_with(self, name, condition):
        """While there is such a row, which it alone could change."""
        def is_frozen():
            self.wait_for_rows(f"{name} at work", condition)
            self.freeze(name)
            time.sleep(0.3)  # what it had sent by then is decided
            if self.sql.rows("SELECT * FROM " + condition):
                return True
            self.resume(name)
            return False
        wait_for(f"{name} at work", is_frozen)

    def leave_looks(self):
        """Trials that wait for a second verifier, who is away."""
        self.pool.stop("vera-v1")
        self.add_cheat("mallet")
        self.wait_for_rows("an inflated claim", LOOKS.format("mallet", 1, "true"))
        self.pool.stop("mallet-w1")
        self.wait_for_rows("a trial that one verifier found false",
                           LOOKS.format("mallet", 1, SEEN))
        self.add("alice")
        self.add("alice", "w2")
        self.wait_for_rows("a trial that one verifier found true",
                           LOOKS.format("alice", 0, SEEN))
        self.wait_for_rows("trials taken at their word",
                           "trial WHERE state = 'accepted' AND basis = 'sampled_out'")

    def leave_unjudged(self):
        """Trials that wait for a verifier, and such as could not send their files."""
        finishing = self.submit("finishing", 16, reward=100)
        self.wait_for_rows("a trial of it that waits", f"""trial
            WHERE task_id = {finishing} AND state = 'uploaded'""")
        self.pool.command("client", "task", "cancel", finishing)
        self.wait_for_rows("its verdicts to be awaited",
                           f"task WHERE id = {finishing} AND state = 'finishing'")
        self.machine.fill_disk(True)
        self.wait_for_rows("an answer that cannot come", """audit
            JOIN trial ON trial.id = audit.trial_id
            WHERE audit.state = 'asked' AND trial.state = 'committed'""")
        late = self.submit("late", 10, reward=200, epochs=LONG)
        self.freeze_with("alice-w2", """lease JOIN session
            ON session.id = lease.session_id WHERE lease.state = 'active'
            AND session.worker_name = 'w2'""")
        return late

    def make_records(self):
        self.end_tasks()
        main = self.submit("main", 48)
        self.leave_looks()
        self.freeze_with("victor-v1", "audit WHERE state = 'leased'")
        return main, self.leave_unjudged()

    # The upgrade.

    def assert_every_state(self, older):
        """Of what an arithmetic concerns."""
        for table, states in STATES.items():
            self.assertEqual(states - {state for [state] in older.rows(
                f"SELECT DISTINCT state FROM {table}")}, set(), table)

    def upgrade(self):
        """As docs/upgrade.md says; the old server's database."""
        self.maintain("on")  # also so that no lease runs out before the end
        self.pool.stop("server")
        self.pool.kill("alice-w2")
        self.frozen.remove("alice-w2")
        self.machine.fill_disk(False)
        older = make_older(self.postgres, VERSION, {
            "session": {"hardware_class": f"'{OLD}'"},
            "trial": {
                "hardware_class":
                    f"CASE WHEN arithmetic <> '' THEN '{OLD}' ELSE '' END",
                "segments":
                    f"CASE WHEN weights_digest IS NULL THEN 0 ELSE {SEGMENTS} END"}})
        self.assert_every_state(older)
        self.before = Records(older)
        migrated = subprocess.run(
            [PROGRAMS / "archpool-server", "migrate", "--data-dir",
             self.pool.directory / "server", "--database-url", older.url],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        self.assertEqual(migrated.returncode, 0, migrated.stderr)
        self.pool.server_flags = ("--database-url", older.url, *FLAGS)
        self.sql = older
        self.pool.start_server()

    def maintain(self, word):
        self.pool.command("operator", "pool", "maintenance", word)

    def assert_ended(self):
        """What was under way in the old arithmetic, at once."""
        old = f"(SELECT id FROM session WHERE {is_old(self.sql, 'session')})"
        trial_is_old = is_old(self.sql)
        for open_row in (
                f"session WHERE id IN {old} AND state = 'open'",
                f"lease WHERE session_id IN {old} AND state = 'active'",
                "trial WHERE state = 'committed' AND " + trial_is_old,
                f"""audit JOIN trial ON trial.id = audit.trial_id WHERE audit.state
                    <> 'done' AND audit.kind <> 'evaluation' AND {trial_is_old}"""):
            self.assertEqual(self.sql.rows("SELECT * FROM " + open_row), [])

    # Afterwards.

    def assert_nobody_lost(self, after):
        for name, (*standing, accepted) in self.before.accounts.items():
            with self.subTest(account=name):
                self.assertEqual(standing, list(after.accounts[name][:-1]))
                self.assertGreaterEqual(after.accounts[name][-1], accepted)

    def assert_judged(self, after):
        """On its weights where they were here, as nobody's fault where not."""
        for trial, before in self.before.trials.items():
            now = after.trials[trial]
            with self.subTest(trial=trial, before=before, now=now):
                if before.state in ("committed", "uploaded"):
                    self.assertEqual((now.state, now.reason), ("accepted", ""))
                    self.assertGreater(now.pay, 0)
                    is_right = before.state == "uploaded" and before.is_honest
                    self.assertEqual(now.basis,
                                     "audited" if is_right else "unverified")
                else:
                    self.assertEqual((now.state, now.reason),
                                     (before.state, before.reason))
                    self.assertGreaterEqual(now.pay, before.pay)

    def assert_receipts(self, *names):
        terms = self.pool.command("operator", "account", "terms")
        for name in names:
            folder = self.pool.directory / f"receipts-{name}"

            def is_complete(name=name, folder=folder):
                self.pool.command(name, "receipt", "fetch", folder)
                report = self.pool.command(name, "receipt", "verify", folder,
                                           "--pool-key", terms["receipt_key"])
                self.assertEqual(report["problems"], [])
                # Whoever was never paid has none.
                return report["balance"] == next(
                    (one["amount"] for one in
                     self.pool.command(name, "ledger", "balance")
                     if one["place"] == f"account:{name}"), "0")
            wait_for(f"the receipts of {name}", is_complete, 20)

    def test_a_new_arithmetic(self):
        tasks = self.make_records()
        self.upgrade()
        self.wait_for_rows("the old sessions' end", "session WHERE state = 'closed'")
        self.assert_ended()
        self.maintain("off")
        self.pool.command("operator", "payout", "confirm", self.batch,
                          "--reference", "bank-2")
        # Whoever is of the old release, and whoever was at work meanwhile.
        self.resume("victor-v1")
        self.add("alice", "w2", "archpool-adversary",
                 ("--honest-trials", 1_000_000, "--state-arithmetic", OLD))
        wait_for("an old program's refusal", lambda:
                 "ARITHMETIC_REPLACED" in self.pool.log("alice-w2"))
        self.pool.stop("alice-w2")
        self.add_verifier("vera")

        main, late = map(self.pool.wait_for_end, tasks)
        self.assertEqual({main["state"], late["state"]}, {"succeeded"})
        self.assertEqual(late["best"]["basis"], "replayed")
        wait_for("all tasks' ends", lambda: not self.sql.rows(
            "SELECT * FROM task WHERE state IN ('active', 'finishing')"))
        self.assertIn("AUDIT_UNKNOWN", self.pool.log("victor-v1"))
        after = Records(self.sql)
        self.assert_nobody_lost(after)
        self.assert_judged(after)
        kept = self.pool.directory / "server" / "checkpoints"
        wait_for("checkpoints to be dropped", lambda: not any(
            (kept / str(trial)).exists() for trial in self.before.trials))
        check = self.pool.command("operator", "ledger", "check")
        self.assertEqual(check["violations"], [])
        self.assert_receipts("alice", "bob", "mallet", "client")
        wait_for("the payout", lambda: self.count("payout") == {"settled": 2})


if __name__ == "__main__":
    unittest.main()
