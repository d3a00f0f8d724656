# SPDX-License-Identifier: Apache-2.0
"""Money leaves the pool while the network between the server and its database
fails in every way: nobody is paid twice, and nothing that was acknowledged is
lost."""

import os
import random
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

from harness import wait_for
from payout_case import HttpRailTestCase
from tcp_gate import FAULTS, TcpGate
from tcp_postgres import TcpPostgres

SCHEDULES = 1000 if os.environ.get("ARCHPOOL_SOAK") else 50
COMMIT_CUTS = {"commit_lost": False, "commit_done": True}


class PayoutNetworkTest(HttpRailTestCase):
    def start_behind_gate(self, seed=0, **rail):
        database = TcpPostgres()
        self.addCleanup(database.close)
        self.gate = TcpGate(database.port, seed)
        self.addCleanup(self.gate.close)
        self.start_with_rail("--database-url", database.url(self.gate.port),
                             seed=seed, **rail)

    def request(self, amount, request_id):
        """However often nobody answers."""
        return wait_for("a payout", lambda: self.ask(amount, request_id))

    def fail_somehow(self, numbers):
        fault = numbers.choice((*FAULTS, *COMMIT_CUTS))
        if fault in COMMIT_CUTS:
            self.gate.cut_at_next_commit(COMMIT_CUTS[fault])
        else:
            self.gate.fail(fault, numbers.uniform(0.05, 1.5))
        time.sleep(numbers.uniform(0, 0.5))

    def restart_killed(self):
        """It ends where it does not find its database: again, until it does."""
        self.pool.kill("server")

        def start():
            try:
                self.pool.start_server()
                return True
            except AssertionError:
                self.assertIn(self.pool.processes["server"].poll(), (1, 4))
                return False
        wait_for("the next server", start)

    def assert_each_is_there_once(self, amounts, payouts):
        """`amounts`: of the acknowledged payouts, by id."""
        self.assertEqual({one["payout_id"]: one["amount"] for one in payouts},
                         amounts)

    def test_random_faults_between_the_server_and_its_database(self):
        self.start_behind_gate(seed=1)
        numbers = random.Random(1)
        amounts = {}
        with ThreadPoolExecutor() as people:
            for number in range(SCHEDULES):
                asked = {people.submit(self.request, amount, f"r{number}-{amount}"):
                         amount for amount in range(1, numbers.randint(2, 4))}
                for _ in range(numbers.randint(1, 3)):
                    self.fail_somehow(numbers)
                if numbers.random() < 0.15:
                    self.restart_killed()
                for request, amount in asked.items():
                    amounts[request.result()] = str(amount)
                self.assertIsNone(self.pool.processes["server"].poll(),
                                  "no fault of the network ends the server")
        self.rail.moods = ("ok",)
        payouts = self.wait_for_end_of_all(seconds=600)
        print(f"{len(payouts)} payouts, faults: {dict(self.gate.counts)}")
        self.assertGreater(self.gate.counts["in_doubt"], SCHEDULES // 10)
        self.assert_each_is_there_once(amounts, payouts)
        self.assert_paid_once(payouts)
        self.assert_books(payouts)

    def ask_into_a_cut(self, amount, name, is_done, amounts):
        """The request that got no answer. On a busy machine the server may have
        something else to commit first: then it is answered, and asked again."""
        for attempt in range(5):
            cuts = self.gate.counts["commit_cuts"]
            self.gate.cut_at_next_commit(is_done)
            request = f"{name}-{attempt}"
            answer = self.ask(amount, request, patience=0)
            self.assertEqual(self.gate.counts["commit_cuts"], cuts + 1)
            if answer is None:
                return request
            amounts[answer] = str(amount)
            self.wait_for_end_of_all()
        self.fail("each cut hit another commit than the payout's")

    def test_a_commit_without_an_answer_is_resolved_by_reading_back(self):
        self.start_behind_gate(moods=("ok",))
        amounts = {}
        for number, (name, is_done) in enumerate(COMMIT_CUTS.items(), 1):
            with self.subTest(name):
                name = self.ask_into_a_cut(number, name, is_done, amounts)
                self.assertEqual(len(self.payouts()), len(amounts) + is_done)
                first = self.request(number, name)
                amounts[first] = str(number)
                self.assertEqual(self.request(number, name), first)
                self.assertEqual(len(self.payouts()), len(amounts))
                # What the payer writes of it is not the next commit.
                self.wait_for_end_of_all()
        payouts = self.wait_for_end_of_all()
        self.assert_each_is_there_once(amounts, payouts)
        self.assert_paid_once(payouts)
        self.assert_books(payouts)


if __name__ == "__main__":
    unittest.main()
