# SPDX-License-Identifier: Apache-2.0
"""The whole way through with the real programs, training aside: accounts, a
dataset, a task, leases, reports, audits, the split reward; and what is refused."""

import unittest

from harness import PoolTestCase, Refused, micro


class WholeWayTest(PoolTestCase):
    def test_a_task_is_done_verified_and_paid_in_full(self):
        self.pool.add_client()
        self.pool.add_verifier()
        self.pool.add_worker("alice")
        self.pool.add_worker("bob")
        task = self.pool.wait_for_end(self.pool.submit(trials=8))
        self.assertEqual(task["state"], "succeeded")
        self.assertEqual(task["trials_accepted"], 8)
        self.assertEqual(task["trials_rejected"], 0)
        self.assertEqual(task["space_size"], 32)
        self.assertEqual(len({share["account"] for share in task["shares"]}), 2)
        self.assertGreater(sum(micro(s["payout"]) for s in task["shares"]), 0)
        self.assert_adds_up(task)

    def test_a_worker_that_vanishes_loses_its_lease_to_another(self):
        self.pool.add_client()
        self.pool.add_verifier()
        self.pool.add_worker("alice", trial_ms=600_000)
        task_id = self.pool.submit(trials=4)
        self.pool.wait_until(task_id, "alice's lease",
                             lambda task: task["trials_assigned"] == 2)
        self.pool.kill("alice")
        self.pool.add_worker("bob")
        task = self.pool.wait_for_end(task_id)
        self.assertEqual(task["trials_accepted"], 4)
        self.assertEqual(task["trials_abandoned"], 2)
        self.assert_adds_up(task)

    def test_cancelling_pays_what_was_done_and_refunds_the_rest(self):
        self.pool.add_client()
        self.pool.add_verifier()
        self.pool.add_worker("alice", trial_ms=200)
        task_id = self.pool.submit(trials=30)
        self.pool.wait_until(task_id, "two accepted trials",
                             lambda task: task["trials_accepted"] >= 2)
        self.pool.command("client", "task", "cancel", task_id, parse=False)
        task = self.pool.wait_for_end(task_id)
        self.assertEqual(task["state"], "cancelled")
        self.assertGreater(micro(task["refund"]), 0)
        self.assert_adds_up(task)

    def test_a_restarted_server_reuses_its_database(self):
        self.pool.add_client()
        self.assertEqual(self.pool.stop("server"), 0)
        self.pool.start_server()
        names = {account["name"] for account in
                 self.pool.command("operator", "account", "list")}
        self.assertEqual(names, {"operator", "client"})


class RefusalTest(PoolTestCase):
    def refusal(self, who, *words):
        with self.assertRaises(Refused) as caught:
            self.pool.command(who, *words)
        return caught.exception

    def test_a_bad_task_file_never_reaches_the_server(self):
        self.pool.add_client()
        path = self.pool.write_task()
        good = path.read_text()
        for wrong, right, said in (
            ("epochs: 1", "epoch: 1", "epoch"),
            ("epochs: 1", "epochs: many", "epochs"),
            ("choices: [3, 5]", "choices: []", "choices is empty"),
            ("train_images: train-images.gz", "train_images: nowhere", "nowhere"),
            ("amount: 100", "amount: -5", "-5"),
        ):
            path.write_text(good.replace(wrong, right))
            refused = self.refusal("client", "task", "submit", path)
            self.assertEqual(refused.code, 2, refused.text)
            line = next(number for number, text in
                        enumerate(path.read_text().splitlines(), 1)
                        if right in text)
            self.assertIn(f"task.yaml:{line}", refused.text)
            self.assertIn(said, refused.text)
        self.assertEqual(self.pool.command("client", "task", "list"), [])

    def test_refusals_carry_their_reason_and_exit_code(self):
        self.pool.add_client(coins=1)
        self.pool.create_account("alice", "miner")
        refused = self.refusal("client", "task", "submit", self.pool.write_task())
        self.assertEqual(refused.code, 3)
        self.assertIn("BALANCE_TOO_LOW", refused.text)
        refused = self.refusal("alice", "account", "list")
        self.assertEqual(refused.code, 3)
        self.assertIn("ROLE_NOT_ALLOWED", refused.text)
        self.pool.token_file("alice").write_text(
            f"ap_wrong\n{self.pool.pin()}\n")
        refused = self.refusal("alice", "account", "whoami")
        self.assertEqual(refused.code, 3)
        self.pool.stop("server")
        self.assertEqual(self.refusal("client", "task", "list").code, 4)


if __name__ == "__main__":
    unittest.main()
