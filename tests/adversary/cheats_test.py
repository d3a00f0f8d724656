# SPDX-License-Identifier: Apache-2.0
"""Miners that cheat, each against the real server, verifiers and worker protocol:
every one is found out, with its reason, and none is paid."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "integration"))
from harness import PoolTestCase, micro, rejections_of, share_of  # noqa: E402

# What the pool answers to each cheat.
REASONS = {
    "inflate": {"CLAIM_FALSE"},
    "random_weights": {"SEGMENT_FALSE", "CLAIM_FALSE"},
    "fewer_epochs": {"SEGMENT_FALSE"},
    "interpolate": {"SEGMENT_FALSE"},
    "splice": {"SEGMENT_FALSE", "START_FALSE"},
    "earlier_weights": {"START_FALSE", "SEGMENT_FALSE"},
    "validation": {"SEGMENT_FALSE"},
    "other_seed": {"START_FALSE"},
    "not_finite": {"SEGMENT_FALSE", "CLAIM_FALSE"},
    "smaller_network": {"START_FALSE"},
    "learn_nothing": {"SEGMENT_FALSE", "CLAIM_FALSE", "WEIGHTS_MISMATCH"},
    "diverge": {"SEGMENT_FALSE", "TRAINING_FALSE"},
    "diverge_at_once": {"SEGMENT_FALSE", "TRAINING_FALSE"},
}


class CheatsTest(PoolTestCase):
    server_flags = ("--silence-term", "5s", "--audit-term", "5s",
                    "--upload-term", "20s")

    def test_every_cheat_is_found_out_and_none_is_paid(self):
        self.pool.add_client()
        self.pool.add_verifier("verifier")
        self.pool.add_verifier("another")
        task_id = self.pool.submit(
            trials=60, subspaces=16,
            widths=", ".join(str(width) for width in range(2, 130, 2)))
        for cheat in REASONS:
            self.pool.add_worker(f"m-{cheat.replace('_', '-')}", trial_ms=100,
                                 cheat=cheat)
        self.pool.add_worker("alice", trial_ms=200)
        task = self.pool.wait_for_end(task_id)
        self.assertEqual(task["state"], "succeeded")
        for cheat, reasons in REASONS.items():
            name = f"m-{cheat.replace('_', '-')}"
            with self.subTest(cheat):
                found = rejections_of(task, name) - {"CREDIT_VOID"}
                self.assertTrue(found, "it was never found out")
                self.assertLessEqual(found, reasons)
                explained = self.pool.command("operator", "explain", "--miner",
                                              name)
                self.assertIn(explained[0]["reason"],
                              reasons | {"ACCOUNT_SUSPENDED"})
                # Its first trainings may have been its own.
                if cheat not in ("earlier_weights", "smaller_network"):
                    self.assert_earns_nothing(task, name)
        self.assert_won_by_replay(task, "alice")
        self.assert_adds_up(task)

    def test_one_that_betrays_later_loses_what_has_not_matured(self):
        self.pool.add_client()
        self.pool.add_verifier("verifier")
        self.pool.add_verifier("another")
        self.pool.add_worker("mallory", trial_ms=20, cheat="interpolate",
                             honest_trials=12)
        task_id = self.pool.submit(
            trials=40, subspaces=4,
            widths=", ".join(str(width) for width in range(2, 130, 2)))
        self.pool.wait_until(
            task_id, "the betrayal",
            lambda task: "SEGMENT_FALSE" in rejections_of(task, "mallory"))
        # Shares and trials come in two calls: what follows is of one moment.
        task = self.pool.task(task_id)
        share = share_of(task, "mallory")
        self.assertEqual(share["trials_accepted"], 0)
        self.assertIn("CREDIT_VOID", rejections_of(task, "mallory"))
        self.pool.add_worker("alice", trial_ms=20)
        task = self.pool.wait_for_end(task_id)
        self.assertEqual(micro(share_of(task, "mallory")["payout"]), 0)
        self.assertGreater(share_of(task, "alice")["trials_accepted"], 0)
        self.assert_adds_up(task)

    def test_a_trial_never_answered_for_is_rejected(self):
        self.pool.add_client()
        self.pool.add_verifier()
        self.pool.add_worker("mallory", trial_ms=50)
        task_id = self.pool.submit(
            trials=60, widths=", ".join(str(w) for w in range(2, 130, 2)))
        self.pool.wait_until(
            task_id, "a trial taken at its word",
            lambda task: any(trial["basis"] == "sampled_out"
                             for trial in task["trials"]))
        self.pool.kill("mallory")  # and never comes back
        self.pool.command("client", "task", "cancel", task_id)
        task = self.pool.wait_for_end(task_id)
        # The end of the task asks for what was taken at its word, and for the last
        # block. Whether its machine broke or it fled, nothing tells: what was
        # to be examined for certain is unpaid, and that is all.
        self.assertLessEqual(rejections_of(task, "mallory"), {"MINER_AWAY"})
        at_its_word = [trial["trial_id"] for trial in task["trials"]
                       if trial["basis"] == "sampled_out"
                       and trial["state"] == "accepted"
                       and not trial["is_matured"]]
        self.assertEqual(at_its_word, [])
        self.assert_adds_up(task)


if __name__ == "__main__":
    unittest.main()
