# SPDX-License-Identifier: Apache-2.0
"""What tests of payouts share: a pool that owes alice money, and what must hold of
the books and of the rail in the end."""

import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from harness import Pool, Refused, micro, wait_for  # noqa: E402
from lying_rail import LyingRail  # noqa: E402

SECRET = "5e" * 32
GIFT = 1_000_000
PAYOUTS_MAX = 100_000


class PayoutTestCase(unittest.TestCase):
    def start(self, *flags):
        self.pool = Pool(*flags, "--payout-address-wait", "0s")
        self.addCleanup(self.pool.close)
        self.pool.create_account("alice", "miner")
        self.pool.command("operator", "ledger", "deposit", "--account", "alice",
                          "--amount", GIFT)
        self.pool.command("alice", "payout", "set", "--address", "addr-alice")

    def ask(self, amount, request_id, patience=0.2):
        """The payout's id; None where the pool gave no answer."""
        try:
            return self.pool.command(
                "alice", "--patience", patience, "payout", "request", "--amount",
                amount, "--request-id", request_id)["payout_id"]
        except Refused as refused:
            self.assertEqual(refused.code, 4, refused.text)
            return None

    def payouts(self):
        return self.pool.command("operator", "payout", "list", "--limit",
                                 PAYOUTS_MAX)

    def wait_for_end_of_all(self, seconds=120):
        def ended():
            payouts = self.payouts()
            open_ones = [one for one in payouts
                         if one["state"] not in ("settled", "refused")]
            return payouts if not open_ones else None
        return wait_for("the end of all payouts", ended, seconds)

    def assert_books(self, payouts):
        settled = sum(micro(one["amount"]) for one in payouts
                      if one["state"] == "settled")
        balances = {one["place"]: micro(one["amount"].lstrip("-"))
                    for one in self.pool.command("operator", "ledger", "balance")}
        self.assertEqual(balances["account:alice"], GIFT * 1_000_000 - settled)
        self.assertEqual(balances.get("payouts", 0), 0)
        check = self.pool.command("operator", "ledger", "check")
        self.assertEqual(check["violations"], [])


class HttpRailTestCase(PayoutTestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(
            tempfile.TemporaryDirectory(prefix="archpool-it-rail-")))

    def start_with_rail(self, *flags, **options):
        self.rail = LyingRail(SECRET, **options)
        self.addCleanup(self.rail.close)
        secret = self.folder / "rail-secret"
        secret.write_text(SECRET + "\n")
        self.start("--rail", self.rail.url, "--rail-secret-file", secret,
                   *flags)

    def assert_paid_once(self, payouts):
        self.assertEqual({key: count for key, count in self.rail.moved.items()
                          if count != 1}, {})
        self.assertEqual(
            {one["key"] for one in payouts if one["state"] == "settled"},
            set(self.rail.moved))
