# SPDX-License-Identifier: Apache-2.0
"""Fifty hostile accounts of every kind beside twenty honest miners and honest
clients, a sick verifier among the verifiers, slow lines, clocks that are set and a
disk that is full now and then, in one pool, for ten minutes or ARCHPOOL_HOUR_S. The
hostile have a processor of their own, so that what is measured is the pool and not
the machine; the baseline is the same pool on the same share without them, and without
trouble but for the slow lines."""

import collections
import concurrent.futures
import os
import signal
import socket
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "integration"))
from harness import PROGRAMS, Pool, Refused, micro, wait_for  # noqa: E402
from troubles import Troubles  # noqa: E402

HOUR_S = int(os.environ.get("ARCHPOOL_HOUR_S", "600"))
BASELINE_S = min(60, max(30, HOUR_S // 3))
HONEST = 20
ON_SLOW_LINES = range(3)  # of the honest
WITH_WRONG_CLOCKS = range(2, 8)  # one of them on a slow line
TRIAL_MS = 4000
CHEATS = ("inflate", "random_weights", "fewer_epochs", "interpolate", "splice",
          "earlier_weights", "validation", "other_seed", "not_finite",
          "smaller_network", "learn_nothing", "diverge", "diverge_at_once")
ATTACKS = ("grab", "sessions", "squat", "garbage")
SERVER_MEMORY_MAX_MIB = 400
SETTLED_MAX_S = 240
# Far below what the honest clients pay, and above what the misers offer.
PRICE_MINIMUM = "0.5"
ONE_BLOCK = """\
    - {name: repeat, choices: [1, 2]}
"""
# More networks than can be trained in the hour.
MORE_WIDTHS = ONE_BLOCK + """\
    - {name: last_width, choices: [2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24]}
    - {name: last_kernel, choices: [3, 5, 7]}
"""
# Ten widths of which only the smallest fit the limits: hardly any network can be
# built, and nobody can go through them all.
ENDLESS_DIMENSIONS = "".join(
    f"    - {{name: w{i}, choices: [1, "
    f"{', '.join(str(width) for width in range(1000, 1063))}]}}\n"
    for i in range(10))
CPUS = sorted(os.sched_getaffinity(0))


def resident_mib(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as status:
        for line in status:
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
    return 0


class HostileHourTest(unittest.TestCase):
    def setUp(self):
        # The pool and the honest on one processor, the hostile on another.
        os.sched_setaffinity(0, {CPUS[0]})
        self.addCleanup(os.sched_setaffinity, 0, set(CPUS))
        self.troubles = Troubles(PROGRAMS)
        self.addCleanup(self.troubles.close)
        self.pool = Pool("--silence-term", "20s", "--audit-term", "20s",
                         "--upload-term", "30s", "--price-minimum",
                         PRICE_MINIMUM, server_env=self.troubles.server.env,
                         makes_cluster=True)
        self.addCleanup(self.pool.close)
        self.hostile = []
        self.sockets = []
        self.addCleanup(lambda: [one.close() for one in self.sockets])
        self.addCleanup(self.let_the_sick_go_on)

    # Who is there.

    def add_honest(self):
        self.tasks = []
        for client in ("client", "carol", "dave"):
            self.pool.add_client(client)
            path = self.pool.write_task(
                trials=100_000, reward=100, time_limit="3h", subspaces=64,
                widths=", ".join(str(width) for width in range(2, 130, 2)))
            text = path.read_text().replace(
                "core_seconds: 1000", "core_seconds: 100000")
            text = text.replace(ONE_BLOCK, MORE_WIDTHS)
            path.write_text(text.replace(
                "repeat: $repeat}",
                "repeat: $repeat}\n          - {operation: conv, "
                "kernel: $last_kernel, width: $last_width}"))
            self.tasks.append(
                (client, self.pool.command(client, "task", "submit",
                                           path)["task_id"]))
        self.pool.add_verifier("verifier")
        self.pool.add_verifier("another", env=self.troubles.new_machine().env)
        for i in range(HONEST):
            port = env = None
            if i in ON_SLOW_LINES:
                port = self.troubles.new_line(self.pool.port)
            if i in WITH_WRONG_CLOCKS:
                env = self.troubles.new_machine().env
            self.pool.add_worker(f"honest-{i}", trial_ms=TRIAL_MS, port=port,
                                 env=env)

    def add_hostile(self):
        apart = CPUS[-1]
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {apart})
        try:
            for i in range(2):
                for cheat in CHEATS:
                    name = f"cheat-{i}-{cheat.replace('_', '-')}"
                    self.pool.add_worker(name, trial_ms=1000, cheat=cheat)
                    self.hostile.append(name)
            for i in range(4):
                for attack in ATTACKS:
                    name = f"{attack}-{i}"
                    self.pool.create_account(name, "miner")
                    self.pool.start(
                        name, "archpool-hostile", "--server",
                        f"127.0.0.1:{self.pool.port}", "--token-file",
                        self.pool.token_file(name), "--attack", attack,
                        "--seconds", HOUR_S + 60)
                    self.hostile.append(name)
            # All at once, as they would.
            with concurrent.futures.ThreadPoolExecutor() as clients:
                refused = [clients.submit(self.add_miser, f"miser-{i}")
                           for i in range(7)]
                refused += [clients.submit(self.add_client_of_nothing,
                                           f"endless-{i}") for i in range(3)]
                for one in refused:
                    one.result()
        finally:
            os.sched_setaffinity(0, before)
        for _ in range(200):
            self.sockets.append(
                socket.create_connection(("127.0.0.1", self.pool.port)))

    def add_miser(self, name):
        """Wants the pool's whole capacity for next to nothing."""
        self.pool.add_client(name, coins=1)
        path = self.pool.write_task(reward="0.000001", trials=1000,
                                    time_limit="3h", file=f"{name}.yaml")
        for _ in range(20):
            with self.assertRaises(Refused) as refused:
                self.pool.command(name, "task", "submit", path)
            self.assertIn("PRICE_TOO_LOW", str(refused.exception))

    def add_client_of_nothing(self, name):
        """Would have the pool look for networks that nobody can build."""
        self.pool.add_client(name, coins=1000)
        path = self.pool.write_task(trials=1000, time_limit="3h", subspaces=512,
                                    file=f"{name}.yaml")
        text = path.read_text()
        begin = text.index("    - {name: operation")
        end = text.index("  template:")
        text = text[:begin] + ENDLESS_DIMENSIONS + text[end:]
        block = text.index("          - {operation: $operation")
        text = text[:block] + "".join(
            f"          - {{operation: conv, kernel: 3, width: $w{i}}}\n"
            for i in range(10)) + text[text.index("recipe:"):]
        path.write_text(text + "limits: {parameters: 3000}\n")
        for _ in range(4):
            with self.assertRaises(Refused) as refused:
                self.pool.command(name, "task", "submit", path)
            self.assertIn("NO_POSSIBLE_ARCHITECTURE", str(refused.exception))

    # What is measured.

    def honest_trials(self):
        accepted = 0
        for client, task_id in self.tasks:
            for share in self.pool.command(client, "task", "show",
                                           task_id)["shares"]:
                if share["account"].startswith("honest-"):
                    accepted += share["trials_accepted"]
        return accepted

    def throughput(self, seconds, on_look=None):
        begin, before = time.monotonic(), self.honest_trials()
        peak = 0
        while (elapsed_s := time.monotonic() - begin) < seconds:
            if on_look:
                on_look(elapsed_s)
            time.sleep(1)
            peak = max(peak, resident_mib(self.pool.processes["server"].pid))
            self.shake_the_sick()
        trials = self.honest_trials() - before
        return trials / (time.monotonic() - begin), peak

    def shake_the_sick(self):
        """A verifier that freezes, goes on and dies in turn."""
        name = "sick"
        process = self.pool.processes.get(name)
        if process is None or process.poll() is not None:
            self.pool.processes.pop(name, None)
            self.pool.add_verifier(name)
        else:
            turn = int(time.monotonic()) // 2 % 4
            process.send_signal((signal.SIGSTOP, signal.SIGSTOP, signal.SIGCONT,
                                 signal.SIGKILL)[turn])

    def test_the_honest_do_not_notice(self):
        self.add_honest()
        time.sleep(10)
        baseline, _ = self.throughput(BASELINE_S)
        self.add_hostile()
        time.sleep(10)
        beside, peak_mib = self.throughput(HOUR_S, self.troubles.go_on)
        print(f"honest trials/s: {baseline:.2f} alone, {beside:.2f} beside "
              f"{len(self.hostile) + 10} hostile accounts "
              f"({100 * beside / baseline:.0f} %); server {peak_mib:.0f} MiB",
              file=sys.stderr)
        if beside < 0.9 * baseline:
            # A machine that does something else meanwhile, and the pool's own
            # trouble, are no fault of theirs.
            for name in self.hostile:
                self.pool.kill(name)
            time.sleep(10)
            after, _ = self.throughput(BASELINE_S, self.troubles.go_on)
            print(f"and {after:.2f} once they were gone, with the trouble",
                  file=sys.stderr)
            baseline = min(baseline, after)
        self.troubles.end()
        self.check_verdicts()
        self.check_log()
        self.assertLess(peak_mib, SERVER_MEMORY_MAX_MIB)
        self.assertGreaterEqual(beside, 0.9 * baseline)

    def let_the_sick_go_on(self):
        sick = self.pool.processes.get("sick")
        if sick is not None and sick.poll() is None:
            sick.send_signal(signal.SIGCONT)

    def end_tasks(self):
        """Each task's shares once nothing of it waits for a verdict any more: its
        end audits what was not drawn before."""
        for client, task_id in self.tasks:
            self.pool.command(client, "task", "cancel", task_id)
        shares = []
        for client, task_id in self.tasks:
            def ended(client=client, task_id=task_id):
                task = self.pool.command(client, "task", "show", task_id)
                return task if task["state"] == "cancelled" else None
            shares += wait_for(f"the end of task {task_id}", ended,
                               SETTLED_MAX_S)["shares"]
        return shares

    def check_verdicts(self):
        self.let_the_sick_go_on()
        paid = collections.Counter()
        for share in self.end_tasks():
            paid[share["account"]] += micro(share["payout"])
            if share["account"].startswith("honest-"):
                self.assertEqual(share["trials_rejected"], 0, share)
        for i in range(HONEST):
            self.assertGreater(paid[f"honest-{i}"], 0, f"honest-{i}")
        for account in self.pool.command("operator", "account", "list"):
            if account["name"].startswith("honest-"):
                self.assertEqual(account["state"], "active", account)
        for name in self.hostile:
            explained = self.pool.command("operator", "explain", "--miner", name)
            self.assertTrue(explained, name)
        check = self.pool.command("operator", "ledger", "check")
        self.assertEqual(check["violations"], [])

    def check_log(self):
        """The pool saw its own trouble, said so, and lives."""
        self.assertIsNone(self.pool.processes["server"].poll())
        log = self.pool.log("server")
        # Two steps between two looks of the pool's are one to it.
        self.assertGreaterEqual(log.count("event=clock_was_set "),
                                self.troubles.server_steps - 2)
        self.assertIn("No space left on device", log)
        self.assertIn("event=disk_failing", log)
        self.assertIn("event=disk_recovered", log)


if __name__ == "__main__":
    unittest.main()
