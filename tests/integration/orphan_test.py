# SPDX-License-Identifier: Apache-2.0
"""A verifier that is killed takes its examinations along."""

import os
import unittest

from harness import PoolTestCase, wait_for


def children_of(pid):
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


def is_running(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class OrphanTest(PoolTestCase):
    def test_a_killed_verifier_takes_its_children_along(self):
        self.pool.add_client()
        self.pool.add_verifier()
        self.pool.add_worker("alice")
        task_id = self.pool.submit(trials=4)
        self.pool.wait_for_end(task_id)
        verifier = self.pool.processes["verifier"].pid
        children = children_of(verifier)
        self.assertTrue(children)
        self.pool.kill("verifier")
        wait_for("the end of its children",
                 lambda: not any(is_running(child) for child in children), 10)


if __name__ == "__main__":
    unittest.main()
