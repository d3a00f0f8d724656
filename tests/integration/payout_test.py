# SPDX-License-Identifier: Apache-2.0
"""Money leaves the pool while the server dies at every step of the way and the
rail fails in every way: nobody is paid twice, nothing is lost."""

import json
import os
import random
import subprocess
import time
import unittest

from harness import Refused, wait_for
from payout_case import GIFT, HttpRailTestCase, PayoutTestCase

STEPS = ("payout.before_begin", "payout.begun", "payout.sent",
         "payout.reported", "payout.before_look_up", "payout.looked_up")
SCHEDULES = 1000 if os.environ.get("ARCHPOOL_SOAK") else 50


class DyingServerTestCase(PayoutTestCase):
    def restart_to_die_at(self, step, passes=1):
        self.pool.stop("server")
        # The first rounds are over before the server says that it is there.
        if step == "payout.before_begin":
            passes += 3
        self.pool.server_program = "archpool-mortal-server"
        self.pool.server_env = {"ARCHPOOL_TEST_KILL_AT": f"{step}:{passes}"}
        try:
            self.pool.start_server()
        except AssertionError:  # with payouts to ask after, it may die at once
            self.assertEqual(self.pool.processes["server"].wait(10), -9)
        self.pool.server_env = {}
        self.pool.server_program = "archpool-server"

    def restart_when_dead(self, seconds=10):
        try:
            wait_for("the kill", lambda:
                     self.pool.processes["server"].poll() is not None, seconds)
        except AssertionError:
            self.pool.kill("server")  # it never came to that step
        else:
            self.assertEqual(self.pool.processes.pop("server").returncode, -9)
        self.pool.start_server()

    def request(self, amount, request_id):
        """However often the server goes away under it."""
        def payout():
            answer = self.ask(amount, request_id)
            if answer is None and self.pool.processes["server"].poll() is not None:
                self.pool.processes.pop("server")
                self.pool.start_server()
            return answer
        return wait_for("a payout", payout)


class ExplainTest(PayoutTestCase):
    def reasons(self, who, *flags):
        return [one["reason"] for one in self.pool.command(who, "explain", *flags)]

    def test_a_miner_learns_why_it_was_not_paid(self):
        self.start("--payout-minimum", "2", "--rail", "none")
        self.assertEqual(self.reasons("alice"),
                         ["PAYOUT_NOT_ASKED_FOR", "NO_WORKER", "NO_OPEN_TASK"])
        self.pool.command("alice", "payout", "request", "--amount", GIFT - 1)
        self.assertEqual(self.reasons("operator", "--miner", "alice")[:2],
                         ["PAYOUT_UNDER_WAY", "UNDER_MINIMUM"])
        self.pool.create_account("bob", "miner")
        with self.assertRaises(Refused) as refused:
            self.reasons("bob", "--miner", "alice")
        self.assertIn("no miner 'alice'", refused.exception.text)


class FileRailTest(DyingServerTestCase):
    def batches(self):
        folder = self.pool.directory / "server" / "payouts"
        return [path for path in folder.glob("*.json")
                if not path.name.endswith(".result.json")]

    def confirm_all(self):
        for path in self.batches():
            self.pool.command("operator", "payout", "confirm", path,
                              "--reference", f"bank-{path.stem}")

    def test_every_step_is_a_step_to_die_at(self):
        self.start()
        for number, step in enumerate(STEPS):
            with self.subTest(step):
                self.restart_to_die_at(step)
                self.request(1 + number, f"r{number}")
                self.restart_when_dead(seconds=5)
                wait_for("its batch", lambda: all(
                    one["state"] in ("sent", "settled")
                    for one in self.payouts()))
                self.confirm_all()
                self.wait_for_end_of_all()
        payouts = self.wait_for_end_of_all()
        self.assertEqual(len(payouts), len(STEPS))
        self.assertTrue(all(one["state"] == "settled" for one in payouts))
        asked = [one["key"] for path in self.batches()
                 for one in json.loads(path.read_text())["payouts"]]
        self.assertEqual(sorted(asked), sorted(one["key"] for one in payouts),
                         "each in one batch")
        self.assert_books(payouts)

    def test_only_the_tests_own_server_dies_of_a_variable(self):
        self.start()
        self.pool.stop("server")
        self.pool.server_env = {"ARCHPOOL_TEST_KILL_AT": STEPS[1]}
        self.pool.start_server()
        self.assertIsNotNone(self.ask(1, "r1"))
        wait_for("its batch", self.batches)
        self.assertIsNone(self.pool.processes["server"].poll())

    def test_what_was_not_paid_comes_back(self):
        self.start()
        self.request(5, "r1")
        self.request(7, "r2")
        keys = {one["amount"]: one["key"] for one in self.payouts()}
        batches = wait_for("the batches", lambda: self.batches() if sum(
            len(json.loads(path.read_text())["payouts"])
            for path in self.batches()) == 2 else None)
        for path in batches:
            refused = [f"--refused={keys['7']}=ADDRESS_UNKNOWN"] if (
                keys["7"] in path.read_text()) else []
            self.pool.command("operator", "payout", "confirm", path,
                              "--reference", "bank-1", *refused)
        payouts = self.wait_for_end_of_all()
        self.assertEqual({one["amount"]: one["state"] for one in payouts},
                         {"5": "settled", "7": "refused"})
        self.assert_books(payouts)


class HttpRailTest(DyingServerTestCase, HttpRailTestCase):
    def make_certificate(self):
        """One that nobody has signed but itself, and its key."""
        path = self.folder / "rail.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
             "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
             "-keyout", path, "-out", self.folder / "rail.crt"],
            check=True, capture_output=True)
        certificate = (self.folder / "rail.crt").read_text()
        path.write_text(path.read_text() + certificate)
        return path

    def test_random_kills_and_a_rail_that_fails_in_every_way(self):
        self.start_with_rail(seed=1)
        numbers = random.Random(1)
        for number in range(SCHEDULES):
            self.restart_to_die_at(numbers.choice(STEPS), numbers.randint(1, 3))
            for part in range(numbers.randint(1, 3)):
                self.request(1 + part, f"r{number}-{part}")
            self.restart_when_dead(seconds=0.5)
        self.rail.moods = ("ok",)
        payouts = self.wait_for_end_of_all(seconds=600)
        self.assert_paid_once(payouts)
        self.assert_books(payouts)

    def test_the_database_is_killed_under_payouts(self):
        self.start_with_rail(seed=2)
        numbers = random.Random(2)
        for number in range(max(5, SCHEDULES // 20)):
            self.request(1 + number % 3, f"r{number}")
            time.sleep(numbers.random() / 2)
            self.pool.kill_postgres()
        self.rail.moods = ("ok",)
        payouts = self.wait_for_end_of_all()
        self.assert_paid_once(payouts)
        self.assert_books(payouts)

    def test_a_rail_is_believed_under_its_own_name_alone(self):
        certificate = self.make_certificate()
        self.start_with_rail(certificate=certificate, moods=("ok",))
        self.request(3, "r1")
        wait_for("the doubt", lambda: self.payouts()[0]["state"] == "unknown")
        self.assertEqual(self.rail.payouts, {}, "it heard of nothing")
        self.pool.stop("server")
        self.pool.server_env = {"SSL_CERT_FILE": str(self.folder / "rail.crt")}
        self.pool.start_server()
        payouts = self.wait_for_end_of_all()
        self.assertEqual(payouts[0]["state"], "settled")
        self.assert_paid_once(payouts)
        self.assert_books(payouts)

    def test_a_refused_address_gets_its_money_back(self):
        self.start_with_rail(moods=("ok",))
        self.rail.refused_addresses.add("addr-alice")
        self.request(3, "r1")
        payouts = self.wait_for_end_of_all()
        self.assertEqual(payouts[0]["state"], "refused")
        self.assertEqual(payouts[0]["reason"], "ADDRESS_UNKNOWN")
        self.assert_paid_once(payouts)
        self.assert_books(payouts)

    def test_an_answer_about_another_amount_settles_nothing(self):
        self.start_with_rail(moods=("another_after",))
        self.request(3, "r1")
        wait_for("the doubt", lambda: self.payouts()[0]["reason"] == "RAIL_DIFFERS")
        self.assertEqual(self.payouts()[0]["state"], "unknown")
        self.rail.moods = ("ok",)
        payouts = self.wait_for_end_of_all()
        self.assertEqual(payouts[0]["reference"], f"tx-{payouts[0]['key'][:8]}")
        self.assert_paid_once(payouts)
        self.assert_books(payouts)

    def test_a_rail_that_is_away_leaves_the_money_where_it_is(self):
        self.start_with_rail(moods=("close_before",))
        self.request(3, "r1")
        wait_for("the doubt", lambda: self.payouts()[0]["state"] == "unknown")
        self.assertEqual(self.payouts()[0]["reason"], "RAIL_UNREACHABLE")
        self.rail.moods = ("ok",)
        payouts = self.wait_for_end_of_all()
        self.assertEqual(payouts[0]["state"], "settled")
        self.assert_paid_once(payouts)
        self.assert_books(payouts)


if __name__ == "__main__":
    unittest.main()
