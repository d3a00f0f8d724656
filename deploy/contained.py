#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a command and ends whatever it leaves behind.

    deploy/contained.py COMMAND [ARGUMENT...]

A process group is not enough: servers and PostgreSQL start sessions of their
own and outlive a killed parent. This process becomes the "subreaper": orphans
below it become its children instead of init's, so it can find and end them.
Returns the command's exit status; 128 + signal after a signal.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time

PR_SET_CHILD_SUBREAPER = 36
PR_SET_PDEATHSIG = 1
GRACE_SECONDS = 10


def descendants(root):
    """The ids of all living processes below `root`, itself excluded."""
    children = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as stat:
                # The command's name is in parentheses and may contain any byte.
                fields = stat.read().rpartition(b")")[2].split()
        except OSError:
            continue
        if fields[0] != b"Z":
            children.setdefault(int(fields[1]), []).append(int(name))
    found, queue = [], [root]
    while queue:
        below = children.get(queue.pop(), [])
        found += below
        queue += below
    return found


def reap():
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                return
        except ChildProcessError:
            return


def wait_for(child):
    """The child's exit status. Orphans are reaped as they die, as init would:
    to others a zombie still runs."""
    while True:
        pid, raw = os.waitpid(-1, 0)
        if pid == child.pid:
            child.returncode = os.waitstatus_to_exitcode(raw)
            break
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


def end_descendants():
    """SIGTERM, then SIGINT (PostgreSQL's "disconnect all"), then SIGKILL."""
    start = time.monotonic()
    sent = {}
    while True:
        reap()
        below = descendants(os.getpid())
        if not below:
            return
        waited = time.monotonic() - start
        wanted = signal.SIGTERM
        if waited > GRACE_SECONDS:
            wanted = signal.SIGKILL
        elif waited > GRACE_SECONDS / 5:
            wanted = signal.SIGINT
        for pid in below:
            if sent.get(pid) == wanted and wanted != signal.SIGKILL:
                continue
            sent[pid] = wanted
            try:
                os.kill(pid, wanted)
            except ProcessLookupError:
                pass
            except PermissionError:
                # Another user's, started through sudo: its parent ends it.
                if wanted == signal.SIGKILL:
                    return
        time.sleep(0.05)


class Stopped(Exception):
    def __init__(self, number):
        super().__init__()
        self.number = number


def stop(number, _frame):
    raise Stopped(number)


def main(command):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")
    # A caller that is killed outright must not leave us behind either.
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    try:
        status = wait_for(subprocess.Popen(command))
    except Stopped as stopped:
        status = 128 + stopped.number
    except OSError as error:
        print(f"contained.py: {command[0]}: {error.strerror}", file=sys.stderr)
        status = 127
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    end_descendants()
    return status


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1:]))
