#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes corpora of rail_fuzz, backup_fuzz, receipt_fuzz, numpy_fuzz: ... FOLDER_OF_ALL.

What a rail answers, what a backup holds, what receipts say and what IDX and
CIFAR-100 files hold when all is well, and each with one thing wrong. Other files of the folders are left alone: they
are finds, or written otherwise.
"""

import gzip
import hashlib
import json
import pathlib
import struct
import sys


def key(place):
    return hashlib.sha256(str(place).encode()).hexdigest()


# The payouts of rail_fuzz.cc.
def payout(place, **changes):
    coins = {1: "0.5", 2: "1"}.get(place, "1.5")
    return {"key": key(place), "address": f"addr-{place}", "coins": coins,
            **changes}


def rail():
    yield "settled", payout(1, state="settled", reference="tx-1")
    yield "sent", payout(1, state="sent", reference="")
    yield "refused", payout(1, state="refused", reason="ADDRESS_UNKNOWN")
    yield "never_seen", {"key": key(1), "state": "never_seen"}
    yield "other_coins", payout(1, state="settled", reference="t", coins="9")
    yield "nul", payout(1, state="settled", reference="a\0b", address="a\0b")
    yield "page", {"payouts": [payout(1, state="settled", reference="tx-1"),
                               payout(2, state="sent")], "next": key(2)}
    yield "page_nul", {"payouts": [payout(1, address="a\0b", state="sent")]}
    yield "page_negative", {"payouts": [payout(1, coins="-1", state="sent")]}
    yield "batch", {"batch": "0123456789abcdef", "total": "1.5", "payouts": [
        payout(1, account_id=1, payout="payout-1"),
        payout(2, account_id=2**63, payout="payout-2")]}
    yield "batch_nul", {"payouts": [payout(1, account_id=1, address="a\0b")]}
    yield "result", {key(1): {"state": "settled", "reference": "bank 7"},
                     key(2): {"state": "refused", "reason": "NOT_FOUND"}}
    yield "result_wrong", {key(1): {"state": "settled"}, key(2): []}
    yield "by_hand", [{"account": "alice", "address": "bank 7",
                       "coins": "12.5", "reference": "r-1"},
                      {"account": "", "key": key(1)}]
    yield "by_hand_nul", [{"account": "alice", "address": "a\0b",
                           "coins": "12.5", "reference": "r-1"}]
    yield "deep", "[" * 2000
    yield "cut", '{"key": "'


def manifest(**changes):
    return {"format": 1, "id": "000001-20260101T000000Z",
            "program_version": "1.0", "snapshot_time_us": 1,
            "end_time_us": 2, "schema_version": 20, "postgres_major": 15,
            "schema": "archpool", "secret_fingerprint": "",
            "files": [{"path": "database.dump", "size_bytes": 3,
                       "sha256": hashlib.sha256(b"abc").hexdigest()}],
            "blob_count": 0, "blob_bytes": 0, "lost_blobs": [key(1)],
            **changes}


def with_path(path):
    return manifest(files=[{"path": path, "size_bytes": 3,
                            "sha256": hashlib.sha256(b"abc").hexdigest()}])


def backup():
    body = json.dumps(manifest(), indent=2) + "\n"
    digest = hashlib.sha256(body.encode()).hexdigest()
    yield "whole", f"{body}sha256 {digest}\n"
    yield "spoilt", f"{body}sha256 {key(1)}\n"
    yield "body", manifest()
    yield "out", with_path("../database.dump")
    yield "nul", with_path("database.dump\0x")
    yield "absolute", with_path("/etc/passwd")
    yield "too_new", manifest(format=2)
    yield "huge", manifest(snapshot_time_us=2**64 - 1, blob_count=-1,
                           postgres_major=2**40)
    yield "lost", manifest(lost_blobs=[7])
    yield "blobs", "".join(f"{digest} {i}\n" for i, digest in
                           enumerate(sorted([key(1), key(2), key(3)])))
    yield "blobs_unordered", f"{key(2)} 1\n{key(2)} 1\n"
    yield "blobs_cut", f"{key(1)} 12"
    yield "blobs_negative", f"{key(1)} -1\n"


# As common/crypto/canonical.h has it.
def number(value):
    return value.to_bytes(8, "little", signed=True)


def text(value):
    return number(len(value.encode())) + value.encode()


def receipts(account, bodies):
    out = text("archpool/receipts/v1")
    for place, (kind, *fields) in enumerate(bodies):
        one = text("archpool/receipt/v1") + b"".join(
            map(number, (place + 1, account, kind)))
        for field in fields:
            one += (field if isinstance(field, bytes) else
                    text(field) if isinstance(field, str) else number(field))
        out += number(len(one)) + one
    return out


def books():
    """The kinds are the places in ReceiptBody (common/model/receipt.h)."""
    transfer, payout, carried, address, operator = 3, 4, 5, 6, 7
    digest = bytes.fromhex(key(1))
    yield "operators", receipts(0, [
        (operator, 4, "deposit", "client", "5 coins, transfer-1", 1),
        (transfer, 1, "outside", "account:2", 5_000_000, "deposit", 0, 0, 2),
        (operator, 4, "suspend", "miner", "", 3),
        (operator, 4, "create_token", "reader", "read", 4),
        (operator, 4, "void_trial", "trial-7", "", 5)])
    yield "paid_out", receipts(3, [
        (carried, 2_000_000), (address, "bank-7", "in_force", 1),
        (transfer, 2, "account:3", "payouts", 2_000_000, "payout", 0, 1, 2),
        (payout, 1, 2_000_000, "bank-7", digest, "waiting", "", ""),
        (payout, 1, 2_000_000, "bank-7", digest, "settled", "tx-1", "")])
    yield "too_much", receipts(3, [
        (carried, 2**63 - 1), (carried, 2**63 - 1),
        (transfer, 1, "outside", "account:3", 2**63 - 1, "deposit", 0, 0, 2),
        (transfer, 2, "outside", "account:3", -2**63, "deposit", 0, 0, 2)])


def idx(kind, extents, items):
    return (bytes([0, 0, kind, len(extents)])
            + struct.pack(f">{len(extents)}I", *extents) + items)


# The modes of numpy_fuzz.cc, and how each one's two files are joined.
IDX, CIFAR100, COARSE = 3, 5, 7


def pair(mode, first, second):
    return bytes([mode]) + struct.pack("<H", len(first)) + first + second


def arrays():
    labels = idx(8, [2], b"\0\1")
    for kind, code in ((8, "B"), (9, "b"), (0x0b, "h"), (0x0c, "i"), (0x0d, "f"),
                       (0x0e, "d")):
        yield f"idx_{kind:02x}", pair(
            IDX, idx(kind, [2, 1, 2], struct.pack(f">4{code}", 0, 1, 99, 127)),
            labels)
    colours = idx(0x0b, [2, 5, 1, 3], bytes(60))
    yield "idx_colours", pair(IDX, colours, labels)
    yield "idx_gzip", pair(IDX, gzip.compress(colours, mtime=0), labels)
    yield "idx_wide_labels", pair(
        IDX, colours, idx(0x0c, [2], struct.pack(">2i", 7, 255)))
    yield "idx_huge", pair(IDX, idx(0x0e, [2**32 - 1] * 3, b""), labels)
    yield "idx_cut", pair(IDX, colours[:-1], labels)
    record = bytes([3, 77]) + bytes(i % 256 for i in range(3072))
    other = bytes([19, 99]) + record[2:]
    yield "cifar100", pair(CIFAR100, record, other)
    yield "cifar100_coarse", pair(COARSE, gzip.compress(record + other, mtime=0),
                                  b"")
    yield "cifar100_twice", pair(CIFAR100, record, record)
    yield "cifar100_label", pair(CIFAR100, bytes([3, 100]) + record[2:], other)


def main():
    folder = pathlib.Path(sys.argv[1]) / "numpy"
    for case, content in arrays():
        (folder / case).write_bytes(content)
    folder = pathlib.Path(sys.argv[1]) / "receipt"
    for case, encoding in books():
        (folder / case).write_bytes(encoding)
    for name, texts in (("rail", rail()), ("backup", backup())):
        folder = pathlib.Path(sys.argv[1]) / name
        folder.mkdir(parents=True, exist_ok=True)
        for case, content in texts:
            if not isinstance(content, str):
                content = json.dumps(content)
            (folder / case).write_text(content)


if __name__ == "__main__":
    main()
