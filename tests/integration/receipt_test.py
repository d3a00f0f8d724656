# SPDX-License-Identifier: Apache-2.0
"""Receipts: a miner checks alone what it was credited and paid, with the pool's
key and without the pool; whatever is changed or left out is noticed."""

import random
import shutil
import subprocess
import unittest

from harness import PROGRAMS, Pool, PoolTestCase, Refused, micro, wait_for

FILES = ("seals.bin", "statement.bin", "receipts.bin")


class ReceiptTestCase(PoolTestCase):
    server_flags = ("--payout-address-wait", "0s", "--silence-term", "5s",
                    "--audit-term", "5s", "--receipt-interval", "1s",
                    "--payout-minimum", "0.000001")

    def key(self):
        return self.pool.command("operator", "account", "terms")["receipt_key"]

    def folder(self, name):
        return self.pool.directory / f"receipts-{name}"

    def verify(self, folder, key):
        """Without a server or a token: only the folder and the key."""
        return subprocess.run(
            [PROGRAMS / "archpool", "--server", "127.0.0.1:1", "receipt",
             "verify", folder, "--pool-key", key],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)

    def report(self, name):
        """What the folder of that account comes to, once it holds its balance."""
        def fetched():
            try:
                self.pool.command(name, "receipt", "fetch", self.folder(name))
            except Refused as refused:
                if "NO_SEAL" in refused.text or "RECEIPTS_MOVED" in refused.text:
                    return None
                raise
            report = self.pool.command(name, "receipt", "verify",
                                       self.folder(name), "--pool-key", self.key())
            self.assertEqual(report["problems"], [])
            return report if report["balance"] == self.balance(name) else None
        return wait_for(f"the receipts of {name}", fetched, 20)

    def balance(self, name):
        return next(one["amount"] for one in
                    self.pool.command(name, "ledger", "balance")
                    if one["place"] == f"account:{name}")

    def work(self, *names, trials=8):
        self.pool.add_client()
        self.pool.add_verifier()
        for name in names:
            self.pool.add_worker(name)
        return self.pool.wait_for_end(self.pool.submit(trials=trials))


class ReceiptTest(ReceiptTestCase):
    def test_pay_is_recomputed_without_the_pool(self):
        task = self.work("alice", "bob")
        self.pool.kill("alice")
        shares = {share["account"]: share for share in task["shares"]}
        key = self.key()
        for name in ("alice", "bob"):
            own = self.report(name)["tasks"][0]
            self.assertEqual(own["accepted"], shares[name]["trials_accepted"])
            self.assertEqual(micro(own["pay"]) + micro(own["finders_bonus"]),
                             micro(shares[name]["payout"]))
            self.assertEqual(own["state"], "settled")
        self.assertEqual(self.report("client")["in"]["refund"], task["refund"])
        self.pool.command("operator", "receipt", "fetch", self.folder("pool"))
        self.pool.stop("server")

        page = self.verify(self.folder("bob"), key)
        self.assertEqual(page.returncode, 0, page.stderr)
        self.assertIn("All receipts are there", page.stdout)
        books = self.verify(self.folder("pool"), key)
        self.assertEqual(books.returncode, 0, books.stderr)
        wrong_key = self.verify(self.folder("bob"), "5e" * 32)
        self.assertEqual(wrong_key.returncode, 3)
        self.assertIn("not signed with this pool's key", wrong_key.stderr)
        self.assert_every_change_shows(key)

    def assert_every_change_shows(self, key):
        copy = self.pool.directory / "copy"
        numbers = random.Random(1)
        for name in FILES:
            for _ in range(10):
                shutil.rmtree(copy, ignore_errors=True)
                shutil.copytree(self.folder("bob"), copy)
                content = bytearray((copy / name).read_bytes())
                where = numbers.randrange(len(content))
                if numbers.random() < 0.3:
                    del content[where:]
                else:
                    content[where] ^= 1 << numbers.randrange(8)
                (copy / name).write_bytes(content)
                self.assertNotEqual(self.verify(copy, key).returncode, 0,
                                    f"{name} was changed at {where}")
        # Another account's receipts are no substitute.
        shutil.copy(self.folder("alice") / "receipts.bin", copy / "receipts.bin")
        self.assertEqual(self.verify(copy, key).returncode, 3)

    def test_a_folder_grows_over_kills_and_payouts(self):
        self.work("alice", trials=4)
        first = self.report("alice")
        self.pool.command("alice", "payout", "set", "--address", "addr-alice")
        self.pool.command("alice", "payout", "request")
        self.pool.kill("server")
        self.pool.start_server()
        batches = self.pool.directory / "server" / "payouts"
        batch = wait_for("the batch", lambda: next(
            (path for path in batches.glob("*.json")), None))
        self.pool.command("operator", "payout", "confirm", batch,
                          "--reference", "bank-1")
        wait_for("the payout", lambda: self.pool.command(
            "alice", "payout", "list")[0]["state"] == "settled")
        second = wait_for("the payout's receipts", lambda: (
            lambda report: report if report["receipts"] >= first["receipts"] + 4
            else None)(self.report("alice")))
        self.assertEqual(second["balance"], "0")
        self.assertEqual(second["out"], {"payout": first["balance"]})
        self.assertGreater(second["seal"], first["seal"])
        kinds = [one["kind"] for one in self.pool.command(
            "alice", "receipt", "list", self.folder("alice"))]
        self.assertEqual(len(kinds), second["receipts"])
        self.assertEqual(kinds.count("payout"), 2)

    def test_a_database_that_is_younger_than_the_folder_is_noticed(self):
        """A pool that forgot: restored from an old copy, or started afresh."""
        self.work("alice", trials=4)
        self.report("alice")
        self.pool.stop("server")
        other = Pool(*self.server_flags)
        self.addCleanup(other.close)
        other.create_account("alice", "miner")
        other.command("operator", "ledger", "deposit", "--account", "alice",
                      "--amount", 1)

        def fetch(folder):
            try:
                return other.command("alice", "receipt", "fetch", folder)
            except Refused as refused:
                if "NO_SEAL" in refused.text:
                    return None
                raise
        wait_for("its own first seal",
                 lambda: fetch(self.pool.directory / "fresh"), 10)
        before = (self.folder("alice") / "receipts.bin").read_bytes()
        with self.assertRaises(Refused) as refused:
            fetch(self.folder("alice"))
        self.assertIn("not the receipts that the pool signed",
                      refused.exception.text)
        self.assertEqual((self.folder("alice") / "receipts.bin").read_bytes(),
                         before, "the folder stays as it was")


class SplitTest(ReceiptTestCase):
    def test_pay_goes_on_to_those_who_share_in_it(self):
        self.pool.create_account("alice", "miner")
        self.pool.create_account("owner", "client")
        with self.assertRaisesRegex(Refused, "SHARE_NOT_ACCEPTED"):
            self.pool.command("alice", "payout", "split", "--part", "owner=100")
        self.pool.command("owner", "payout", "accept", "alice")
        self.pool.command("alice", "payout", "split", "--part", "alice=97.5",
                          "--part", "owner=2.5")
        with self.assertRaises(Refused) as refused:
            self.pool.command("alice", "payout", "split", "--part", "owner=99")
        self.assertIn("add up to 99", refused.exception.text)
        self.assertEqual(len(self.pool.command("alice", "payout", "split")), 2,
                         "a bare split shows, and takes nothing back")
        self.work("alice", trials=4)
        own = self.report("alice")
        paid = micro(own["in"]["pay"]) + micro(own["in"]["finders_bonus"])
        self.assertEqual(micro(self.report("owner")["balance"]),
                         paid - paid * 975 // 1000)
        self.assertEqual(self.pool.command("operator", "ledger",
                                           "check")["violations"], [])


class WindowTest(ReceiptTestCase):
    server_flags = (*ReceiptTestCase.server_flags, "--reward-rule", "pplns",
                    "--pplns-window", "1000000000")

    def test_what_is_owed_is_shown_and_paid(self):
        terms = self.pool.command("operator", "account", "terms")
        self.assertEqual(terms["reward_rule"], "pplns")
        task = self.work("alice", "bob")
        self.assert_adds_up(task)
        self.assertIn("(pplns)", self.pool.log("alice"), "said at the start")
        for name in ("alice", "bob"):
            report = self.report(name)
            self.assertEqual(report["owed"], "0")
            self.assertGreater(micro(report["in"]["pay"]), 0)


if __name__ == "__main__":
    unittest.main()
