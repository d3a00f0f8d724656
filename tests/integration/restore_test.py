# SPDX-License-Identifier: Apache-2.0
"""A pool that burns down: backed up while it works, killed with all that it had, and
restored elsewhere. Work goes on, money is whole, nobody is paid twice, and receipts
say what happened."""

import json
import os
import shutil
import signal
import subprocess
import threading
import unittest

from harness import PROGRAMS, Pool, Refused, children_of, is_running, micro, wait_for
from payout_case import SECRET
from lying_rail import LyingRail
from receipt_test import ReceiptTestCase

FLAGS = ("--silence-term", "5s", "--audit-term", "5s", "--receipt-interval", "1s",
         "--payout-minimum", "0.000001", "--payout-address-wait", "0s")


class RestoreTestCase(ReceiptTestCase):
    server_flags = FLAGS

    def setUp(self):
        super().setUp()
        self.backups = self.pool.directory / "backups"
        self.data = self.pool.directory / "server"

    def run_server_program(self, *words, code=0):
        """A subcommand of archpool-server, and its log."""
        done = subprocess.run(
            [PROGRAMS / "archpool-server", *map(str, words)],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stderr

    def back_up(self, *flags, code=0):
        return self.run_server_program("backup", self.backups, "--data-dir",
                                       self.data, *flags, code=code)

    def ids(self):
        return sorted(path.parent.name for path in
                      self.backups.glob("backups/*/manifest"))

    def lose_the_machine(self):
        """The server and its database die, and their disk is gone."""
        server = self.pool.processes["server"].pid
        others = children_of(server)
        self.pool.kill("server")
        for pid in others:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        wait_for("its processes to be gone",
                 lambda: not any(map(is_running, others)), 30)

        def is_gone():  # PostgreSQL's last children may still write
            shutil.rmtree(self.data, ignore_errors=True)
            return not self.data.exists()
        wait_for("the disk to be gone", is_gone, 30)

    def restore(self, *flags, code=0):
        return self.run_server_program("restore", self.backups, "--data-dir",
                                       self.data, *flags, code=code)

    def say_what_was_paid(self, entries):
        path = self.data / "payouts" / "paid-since-backup.json"
        path.write_text(json.dumps(entries))

    def assert_whole(self):
        """What an auditor looks at: nothing was made of nothing."""
        check = self.pool.command("operator", "ledger", "check")
        self.assertEqual(check["violations"], [])
        total = 0
        for one in self.pool.command("operator", "ledger", "balance"):
            amount = one["amount"]
            total += -micro(amount[1:]) if amount.startswith("-") else micro(amount)
        self.assertEqual(total, 0)

    def wait_until_heard(self):
        return wait_for("the server's answer", self.answers)

    def answers(self):
        try:
            return self.pool.command("operator", "account", "list") is not None
        except Refused as refused:
            if refused.code == 4:
                return False
            raise


class RestoreTest(RestoreTestCase):
    def test_work_goes_on_where_the_machine_is_lost(self):
        self.pool.add_client()
        self.pool.add_verifier()
        self.pool.add_worker("alice", trial_ms=200)
        self.pool.add_worker("bob", trial_ms=200)
        ended = self.pool.submit(trials=4)
        self.pool.wait_for_end(ended)
        running = self.pool.submit(
            trials=150, subspaces=8,
            widths=", ".join(str(width) for width in range(2, 66, 2)))
        self.pool.wait_until(running, "work", lambda task: any(
            trial["state"] == "accepted" for trial in task["trials"]))
        said = self.back_up()
        self.assertIn("event=backup_done", said)
        self.assertIn("unneeded_files", said)
        newest = max(trial["trial_id"] for trial in self.pool.trials(running))
        # More is done, which the backup has not.
        self.pool.wait_until(running, "more work", lambda task: max(
            trial["trial_id"] for trial in task["trials"]) > newest + 2)
        lost_ids = {trial["trial_id"] for trial in self.pool.trials(running)}
        lost_account = self.pool.command(
            "operator", "account", "create", "--name", "late", "--role", "miner")
        secret = (self.data / "pool-secret").read_bytes()
        self.lose_the_machine()

        self.assertIn("event=pool_restored", self.restore())
        self.assertEqual((self.data / "pool-secret").read_bytes(), secret)
        for path in (self.data / "pool-secret", self.data / "operator-token"):
            self.assertEqual(path.stat().st_mode & 0o777, 0o600, path)
        self.assertEqual((self.data / "blobs").stat().st_mode & 0o777, 0o700)
        self.pool.start_server()
        self.say_what_was_paid([])
        task = self.pool.wait_for_end(running)
        self.assertEqual(task["state"], "succeeded", self.pool.log("alice")[-2000:])
        for name in ("alice", "bob"):
            self.assert_no_blame(name)
        new_ids = {trial["trial_id"] for trial in task["trials"]} - lost_ids
        self.assertGreater(min(new_ids), max(lost_ids) + 900_000)
        again = self.pool.command("operator", "account", "create", "--name", "later",
                                  "--role", "miner")
        self.assertGreater(again["account_id"], lost_account["account_id"] + 50)
        self.assert_adds_up(task)
        self.assert_adds_up(self.pool.task(ended))
        self.assert_whole()
        # Those who had fetched nothing verify all of it.
        for name in ("alice", "bob", "client"):
            report = self.report(name)
            self.assertEqual(report["restores"], 1)

    def assert_no_blame(self, name):
        account = next(one for one in
                       self.pool.command("operator", "account", "list")
                       if one["name"] == name)
        self.assertEqual(account["state"], "active")
        self.assertEqual(account["trials_rejected"], 0)
        self.assertEqual(account["trials_abandoned"], 0)

    def test_backups_are_whole_while_the_pool_is_busy(self):
        """One after the other under load: each is complete, later ones are small,
        and the last of them is a pool."""
        self.pool.add_client()
        self.pool.add_verifier()
        self.pool.add_worker("alice", trial_ms=20)
        task_id = self.pool.submit(trials=40)
        stop = threading.Event()
        failures = []

        def deposit():
            number = 0
            while not stop.is_set():
                number += 1
                try:
                    self.pool.command("operator", "ledger", "deposit", "--account",
                                      "client", "--amount", 1)
                except Refused as refused:
                    failures.append(refused.text)
        load = threading.Thread(target=deposit)
        load.start()
        try:
            for _ in range(4):
                self.back_up()
        finally:
            stop.set()
            load.join()
        self.assertEqual(failures, [])
        self.assertEqual(len(self.ids()), 4)
        said = self.run_server_program("backup", self.backups, "--verify")
        self.assertEqual(said.count("event=backup_checked"), 4)
        self.back_up("--keep", 2)
        self.assertEqual(len(self.ids()), 2)
        self.run_server_program("backup", self.backups, "--verify")
        self.pool.wait_for_end(task_id)
        self.lose_the_machine()
        self.restore()
        self.pool.start_server()
        self.wait_until_heard()
        self.assert_whole()

    def test_a_pool_that_is_not_served_is_backed_up_too(self):
        self.pool.add_client()
        self.pool.stop("server")
        self.back_up()
        shutil.rmtree(self.data)
        self.restore()
        self.pool.start_server()
        self.assertEqual(
            [one["name"] for one in self.pool.command("operator", "account", "list")],
            ["operator", "client"])

    def test_what_was_fetched_from_the_lost_pool_stays_a_proof(self):
        self.work("alice", trials=4)
        key = self.key()
        self.back_up()
        self.pool.command("operator", "ledger", "deposit", "--account", "alice",
                          "--amount", 3)
        proof = self.report("alice")
        self.lose_the_machine()
        self.restore()
        self.pool.start_server()
        with self.assertRaises(Refused) as refused:
            self.pool.command("alice", "receipt", "fetch", self.folder("alice"))
        self.assertIn("POOL_RESTORED", refused.exception.text)
        self.assertIn("keep this folder", refused.exception.text)
        self.assertEqual(self.verify(self.folder("alice"), key).returncode, 0)
        shutil.move(self.folder("alice"), self.pool.directory / "proof")
        after = self.report("alice")
        self.assertEqual(after["restores"], 1)
        self.assertGreater(after["seal"], proof["seal"] + 1_000_000)
        self.assertEqual(micro(proof["balance"]) - micro(after["balance"]),
                         3_000_000)


class RefusalTest(RestoreTestCase):
    def test_nothing_but_a_whole_backup_goes_into_an_empty_place(self):
        self.pool.add_client()
        self.work_file()
        self.back_up()
        self.pool.stop("server")
        self.assertIn("DIRECTORY_NOT_EMPTY", self.restore(code=3))
        shutil.move(self.data, self.pool.directory / "kept")

        manifest = self.backups / "backups" / self.ids()[-1] / "manifest"
        dump = manifest.parent / "database.dump"
        blob = next(path for path in (self.backups / "data-blobs").glob("*/*"))
        for path in (dump, blob, manifest):
            with self.subTest(path=path.name):
                before = path.read_bytes()
                path.write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
                said = self.restore(code=3)
                self.assertIn("BACKUP_DAMAGED", said)
                self.assertIn(path.name, said)
                if path != manifest:
                    verified = self.run_server_program("backup", self.backups,
                                                       "--verify", code=3)
                    self.assertIn(path.name, verified)
                path.write_bytes(before)
        self.assert_a_cut_off_restore_is_no_pool()
        self.restore()
        self.pool.start_server()
        self.wait_until_heard()

    def test_a_backup_is_kept_outside_the_pool(self):
        inside = self.data / "backups"
        said = self.run_server_program("backup", inside, "--data-dir",
                                       self.data, code=3)
        self.assertIn("BACKUP_IN_POOL", said)
        self.assertFalse(inside.exists())

    def test_what_lies_behind_a_link_is_backed_up(self):
        self.pool.stop("server")
        secret = self.pool.directory / "mounted-secret"
        shutil.move(self.data / "pool-secret", secret)
        (self.data / "pool-secret").symlink_to(secret)
        self.back_up()
        shutil.move(self.data, self.pool.directory / "kept")
        self.restore()
        self.assertEqual((self.data / "pool-secret").read_bytes(),
                         secret.read_bytes())

    def work_file(self):
        self.pool.submit(trials=2)  # uploads its dataset

    def assert_a_cut_off_restore_is_no_pool(self):
        self.data.mkdir(exist_ok=True)
        (self.data / "restore-unfinished").write_text("x")
        said = self.run_server_program("--data-dir", self.data, "--listen",
                                       "127.0.0.1:0", code=3)
        self.assertIn("RESTORE_UNFINISHED", said)

    def test_a_half_made_backup_replaces_none(self):
        self.pool.add_client()
        self.back_up()
        first = self.ids()
        process = subprocess.Popen(
            [PROGRAMS / "archpool-server", "backup", self.backups, "--data-dir",
             self.data], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        folder = wait_for("a second backup", lambda: [
            path for path in (self.backups / "backups").iterdir()
            if path.name not in first])
        process.kill()
        process.wait()
        if not (folder[0] / "manifest").exists():
            self.assertEqual(self.ids(), first)
        self.run_server_program("backup", self.backups, "--verify")
        self.back_up()
        self.assertTrue(set(first) < set(self.ids()))

    def test_a_backup_of_nothing_says_so(self):
        said = self.run_server_program("backup", self.backups, "--data-dir",
                                       self.pool.directory / "none", code=3)
        self.assertIn("SECRET_MISSING", said)
        self.assertFalse((self.pool.directory / "none").exists())
        said = self.run_server_program("restore", self.backups, "--data-dir",
                                       self.pool.directory / "none", code=3)
        self.assertIn("BACKUP_MISSING", said)


class PaidMeanwhileTest(RestoreTestCase):
    """Payouts between the backup and the fire."""

    def gift(self):
        self.pool.create_account("alice", "miner")
        self.pool.command("operator", "ledger", "deposit", "--account", "alice",
                          "--amount", 10)
        self.pool.command("alice", "payout", "set", "--address", "addr-alice")

    def balance_of_alice(self):
        return micro(next(
            one["amount"] for one in
            self.pool.command("operator", "ledger", "balance")
            if one["place"] == "account:alice"))

    def request(self, amount):
        return self.pool.command("alice", "payout", "request", "--amount", amount)

    def batches(self):
        return [path for path in (self.data / "payouts").glob("*.json")
                if not path.name.endswith(".result.json")
                and path.name != "paid-since-backup.json"]

    def lose_after_a_payout(self):
        """A pool as its backup was, and the rail that paid 9 coins since."""
        rail = LyingRail(SECRET, moods=("ok",))
        self.addCleanup(rail.close)
        secret = self.pool.directory / "rail-secret"
        secret.write_text(SECRET + "\n")
        self.pool.stop("server")
        self.pool.server_flags = (*FLAGS, "--rail", rail.url, "--rail-secret-file",
                                  secret)
        self.pool.start_server()
        self.gift()
        self.back_up()
        self.request(9)
        wait_for("the money to move", lambda: rail.moved)
        self.lose_the_machine()
        self.restore()
        return rail

    def test_batches_that_were_paid_by_hand_are_not_paid_again(self):
        self.gift()
        self.request(1)
        wait_for("the batch", self.batches)
        self.back_up()
        self.request(4)
        batch = wait_for("the second batch", lambda: next(
            (path for path in self.batches()
             if '"4"' in path.read_text()), None))
        self.pool.command("operator", "payout", "confirm", batch, "--reference",
                          "bank-4")
        wait_for("the end of it", lambda: any(
            one["state"] == "settled"
            for one in self.pool.command("operator", "payout", "list")))
        wait_for("the first one to be with the rail", lambda: all(
            one["state"] in ("sent", "settled")
            for one in self.pool.command("operator", "payout", "list")))
        kept = self.pool.directory / "kept-by-the-operator"
        shutil.copytree(self.data / "payouts", kept)
        self.lose_the_machine()
        self.restore()
        self.pool.start_server()
        self.request(2)
        wait_for("the word that payouts wait", lambda:
                 "event=payouts_held" in self.pool.log("server"))
        self.assertEqual(len(self.batches()), 1, "nothing is sent meanwhile")
        self.assertEqual(self.balance_of_alice(), 7_000_000)
        for path in kept.iterdir():
            shutil.copy(path, self.data / "payouts" / path.name)
        self.say_what_was_paid([])
        wait_for("the third batch", lambda: len(self.batches()) == 3)
        self.assertIn("event=payouts_resumed", self.pool.log("server"))
        self.assertEqual(self.balance_of_alice(), 3_000_000)
        asked = [one["coins"] for path in self.batches()
                 for one in json.loads(path.read_text())["payouts"]]
        self.assertEqual(sorted(asked), ["1", "2", "4"], "each once")
        self.assert_whole()
        self.assertEqual(self.report("alice")["problems"], [])

    def test_a_rail_that_can_list_is_asked_before_anything_is_paid(self):
        rail = self.lose_after_a_payout()
        self.pool.start_server()
        # The account asks for the money that it had; it is there no more.
        with self.assertRaises(Refused) as refused:
            wait_for("payouts to go on", lambda:
                     "event=payouts_resumed" in self.pool.log("server"))
            self.request(9)
        self.assertIn("BALANCE_TOO_LOW", refused.exception.text)
        self.request(1)
        wait_for("both payouts", lambda: len(rail.moved) == 2)
        self.assertEqual(set(rail.moved.values()), {1}, "each once")
        wait_for("their end", lambda: all(
            one["state"] == "settled"
            for one in self.pool.command("operator", "payout", "list")))
        self.assertEqual(self.balance_of_alice(), 0)
        self.assert_whole()

    def test_money_that_was_asked_for_twice_leaves_once(self):
        """The account asks again before the rail could be asked."""
        rail = self.lose_after_a_payout()
        rail.moods = ("error_before",)
        self.pool.start_server()
        self.request(9)
        rail.moods = ("ok",)
        wait_for("payouts to go on", lambda:
                 "event=payouts_resumed" in self.pool.log("server"))
        payouts = self.pool.command("operator", "payout", "list")
        self.assertEqual(sorted(one["state"] for one in payouts),
                         ["refused", "settled"])
        self.assertEqual(list(rail.moved.values()), [1])
        self.assertEqual(self.balance_of_alice(), 1_000_000)
        self.assert_whole()


class OwnDatabaseTest(unittest.TestCase):
    """An operator's PostgreSQL in place of the private one."""

    def test_restores_into_an_empty_database_alone(self):
        other = Pool(*FLAGS)  # its private cluster is the operator's database
        self.addCleanup(other.close)
        socket = other.directory / "server" / "postgresql" / "run"

        def url(name):
            return f"postgresql://archpool@/{name}?host={socket}&port=5432"

        def make(name):
            subprocess.run(["psql", "-q", url("postgres"), "-c",
                            f"CREATE DATABASE {name}"], check=True)
        make("first")
        make("second")
        pool = Pool(*FLAGS, "--database-url", url("first"))
        self.addCleanup(pool.close)
        pool.add_client()
        backups = pool.directory / "backups"

        def run(*words, code=0):
            done = subprocess.run(
                [PROGRAMS / "archpool-server", *map(str, words)],
                stdin=subprocess.DEVNULL, capture_output=True, text=True,
                timeout=300)
            self.assertEqual(done.returncode, code, done.stderr)
            return done.stderr
        data = pool.directory / "server"
        run("backup", backups, "--data-dir", data, "--database-url", url("first"))
        pool.kill("server")
        shutil.rmtree(data)
        said = run("restore", backups, "--data-dir", data, "--database-url",
                   url("first"), code=3)
        self.assertIn("DATABASE_NOT_EMPTY", said)
        self.assertFalse(data.exists(), "nothing was written")
        run("restore", backups, "--data-dir", data, "--database-url", url("second"))
        pool.server_flags = (*FLAGS, "--database-url", url("second"))
        pool.start_server()
        self.assertEqual(
            [one["name"] for one in pool.command("operator", "account", "list")],
            ["operator", "client"])


if __name__ == "__main__":
    unittest.main()
