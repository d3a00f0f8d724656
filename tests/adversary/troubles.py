# SPDX-License-Identifier: Apache-2.0
"""What happens to honest machines while nobody means harm: clocks that are set,
a disk that is full for a moment, lines that are slow."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from tcp_gate import SlowLine  # noqa: E402
from troubled_machine import TroubledMachine  # noqa: E402

STEP_EVERY_S = 15
# How wrong a clock is in turn: steps of minutes and hours, forward and back.
SKEWS_S = (3600, 0, -600, 3 * 3600, 0, -3600)
DISK_EVERY_S = 40
DISK_FULL_S = 3
# All that the pool writes for its callers; not its database, which is private
# to it and gets nothing of its environment.
BLOB_FILES = "*/@(blobs|checkpoints)/*"
# A quarter of what the pool reckons with when it asks for answers: it waits for
# what comes all the same. Many answers of few bytes take their round trips.
LINE_BYTES_PER_S = 16 << 10
LINE_DELAY_MAX_S = 0.3


class Troubles:
    """`go_on` makes what is due; before the first call all is well."""

    def __init__(self, programs):
        self.programs = programs
        self.server = TroubledMachine(programs, BLOB_FILES)
        self.machines = [self.server]
        self.lines = []
        self.skews_s = {}
        self.server_steps = 0

    def close(self):
        for one in self.machines + self.lines:
            one.close()

    def new_machine(self):
        """Of a worker or a verifier; its clock is wrong at other times."""
        machine = TroubledMachine(self.programs)
        self.machines.append(machine)
        return machine

    def new_line(self, port):
        """To that port, at the port that is returned."""
        self.lines.append(SlowLine(port, LINE_BYTES_PER_S, LINE_DELAY_MAX_S,
                                   seed=len(self.lines)))
        return self.lines[-1].port

    def go_on(self, elapsed_s):
        turn = int(elapsed_s / STEP_EVERY_S)
        for i, machine in enumerate(self.machines):
            self._set_clock(machine, SKEWS_S[(turn + i) % len(SKEWS_S)])
        # Last in its turn: by then somebody is in the middle of a file.
        self.server.fill_disk(elapsed_s % DISK_EVERY_S >=
                              DISK_EVERY_S - DISK_FULL_S)

    def end(self):
        """All is well again."""
        for machine in self.machines:
            self._set_clock(machine, 0)
        self.server.fill_disk(False)

    def _set_clock(self, machine, skew_s):
        if self.skews_s.get(machine, 0) == skew_s:
            return
        self.skews_s[machine] = skew_s
        self.server_steps += machine is self.server
        machine.set_clock(skew_s)
