#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the corpus of rpc_fuzz: make_rpc_corpus.py FOLDER.

Each input is a series of steps as rpc_fuzz.cc describes it. Steps without
choices are what an honest caller sends; the fuzzer departs from there. Every
method that the .proto files have is called by an account that may call it, by
one that may not, and by a stranger. Files of the folder that are not written
here are left alone: they are finds.
"""

import hashlib
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROTOS = ROOT / "proto" / "archpool" / "v1"
# The places in kCallers (prepared_pool.h).
(STRANGER, CLIENT, MINER, VERIFIER, OPERATOR, SUSPENDED, READER, WORKER,
 NOBODY, RIVAL) = range(10)
OWNERS = {"ROLE_CLIENT": CLIENT, "ROLE_MINER": MINER,
          "ROLE_VERIFIER": VERIFIER, "ROLE_OPERATOR": OPERATOR}
TIME_PASSES = 255


def methods():
    """"/archpool.v1.Service/Method" and the roles that may call it."""
    found = {}
    for path in sorted(PROTOS.glob("*.proto")):
        text = re.sub(r"//.*", "", path.read_text())
        service = re.search(r"^service (\w+)", text, re.M)
        if not service:
            continue
        for rpc in re.finditer(r"\brpc (\w+)\b.*?\(roles\) = \{(.*?)\}",
                               text, re.S):
            roles = re.findall(r"ROLE_[A-Z]+", rpc.group(2))
            found[f"/archpool.v1.{service.group(1)}/{rpc.group(1)}"] = roles
    return found


def step(who, path, choices=b""):
    mark = hashlib.sha256(path.encode()).digest()[:2]
    return bytes([who]) + mark + bytes([len(choices)]) + choices


def call(who, name, choices=b""):
    service, method = name.split(".")
    return step(who, f"/archpool.v1.{service}Service/{method}", choices)


def wait(minutes):
    return bytes([TIME_PASSES, minutes])


# What belongs together, in its order.
STORIES = {
    "train": call(MINER, "Work.OpenSession")
             + call(MINER, "Work.AcquireLease")
             + call(MINER, "Work.Heartbeat")
             + call(MINER, "Work.ReportTrials")
             + call(MINER, "Work.RevealSegment")
             + call(MINER, "Blob.BeginUpload", b"\1")
             + call(MINER, "Blob.Upload", b"\1")
             + call(MINER, "Blob.Upload", b"\2"),
    "audit": call(VERIFIER, "Verification.RenewAudit")
             + call(VERIFIER, "Verification.ReportAudit")
             + call(VERIFIER, "Verification.AcquireAudit")
             + call(OPERATOR, "Verification.VoidTrial"),
    "spend": call(OPERATOR, "Ledger.Deposit")
             + call(CLIENT, "Blob.BeginUpload") + call(CLIENT, "Blob.Upload")
             + call(CLIENT, "Task.RegisterDataset")
             + call(CLIENT, "Task.SubmitTask") + call(CLIENT, "Task.WatchTask")
             + call(CLIENT, "Task.CancelTask") + wait(1),
    "pay": call(MINER, "Payout.SetPayoutTerms") + wait(255) * 8
           + call(MINER, "Payout.RequestPayout")
           + call(MINER, "Payout.RequestPayout")
           + call(OPERATOR, "Payout.ListPayouts"),
    "join": call(STRANGER, "Invitation.Join") + call(NOBODY, "Invitation.Join")
            + call(OPERATOR, "Invitation.RevokeInvitation")
            + call(STRANGER, "Invitation.Join"),
    "silence": call(MINER, "Work.Heartbeat") + wait(30)
               + call(MINER, "Work.Heartbeat")
               + call(RIVAL, "Work.OpenSession")
               + call(RIVAL, "Work.AcquireLease") + wait(200)
               + call(CLIENT, "Task.GetTask"),
    "read": call(READER, "Task.ListTasks") + call(READER, "Task.SubmitTask")
            + call(READER, "Ledger.ListTransfers")
            + call(READER, "Token.CreateToken")
            + call(READER, "Invitation.Join"),
    "ask": call(WORKER, "Work.Heartbeat") + call(WORKER, "Payout.RequestPayout")
           + call(MINER, "Blob.Download") + call(VERIFIER, "Blob.Download")
           + call(CLIENT, "Blob.Download", b"\1")
           + call(VERIFIER, "Blob.Download", b"\2"),
    "suspended": call(SUSPENDED, "Work.OpenSession")
                 + call(SUSPENDED, "Work.AcquireLease")
                 + call(SUSPENDED, "Payout.RequestPayout")
                 + call(SUSPENDED, "Invitation.CreateInvitation"),
    "suspend": call(OPERATOR, "Account.SuspendAccount")
               + call(MINER, "Work.AcquireLease")
               + call(MINER, "Payout.RequestPayout")
               + call(OPERATOR, "Account.ReinstateAccount"),
}
# One change, two, of each way to change something: of what an honest caller
# sends.
CHANGES = [bytes([1, field, way, value]) for field in range(3)
           for way, value in ((0, 1), (1, 13), (4, 9), (7, 0))]


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, steps in STORIES.items():
        (folder / f"story_{name}").write_bytes(steps)
    services = {}
    for path, roles in methods().items():
        owner = OWNERS[roles[0]] if roles else STRANGER
        other = next((who for role, who in OWNERS.items()
                      if role not in roles), SUSPENDED)
        service = path.split(".")[-1].split("/")[0].lower()
        calls = step(owner, path) + step(other, path) + step(STRANGER, path)
        services.setdefault(service, []).append((path, owner, calls))
    for service, calls in services.items():
        for begin in range(0, len(calls), 6):
            part = calls[begin:begin + 6]
            number = begin // 6
            (folder / f"honest_{service}_{number}").write_bytes(
                b"".join(steps for _, _, steps in part))
            (folder / f"changed_{service}_{number}").write_bytes(
                b"".join(step(owner, path, CHANGES[(3 * i + j) % len(CHANGES)])
                         for i, (path, owner, _) in enumerate(part)
                         for j in range(3)))


if __name__ == "__main__":
    main()
