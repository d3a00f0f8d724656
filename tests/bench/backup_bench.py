# SPDX-License-Identifier: Apache-2.0
"""How long backups of a pool take: the first one, and one more after little has
changed, against pg_dump and cp alone, in one run.

    ARCHPOOL_PROGRAMS=build/release/bin python3 tests/bench/backup_bench.py \\
        --trials 1000000 --blob-mib 10240

It makes a real pool, fills its tables and its folder of blobs with made-up rows and
files, and starts it again, so that it numbers on behind them. Beside everything that is
measured workers train a task (`--workers 0`: nobody does). Prints one line of JSON;
ratios are to pg_dump and cp one after the other, of the same database and files,
measured just before. `incremental_beside_dump_s` is what a second backup takes beyond
its dump, which is written as a whole each time.

Exits with 1 where the first backup takes more than 1.5 times as long as the two, the
second one more than 5 s beyond its dump, or the task came to its end meanwhile. The
folder of temporary files needs room for three times the blobs. Without flags it takes a
tenth of the rows and files, and a few minutes."""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "integration"))
from harness import PROGRAMS, Pool  # noqa: E402
from postgres_cluster import find_programs  # noqa: E402

# As wide as the rows of a pool that works.
ROWS = """
INSERT INTO dataset SELECT decode(lpad('d', 64, 'd'), 'hex'), 1, 1, 8, 8, 4, 1, 1, 1,
 decode(repeat('01', 32), 'hex'), decode(repeat('02', 32), 'hex'),
 decode(repeat('03', 32), 'hex'), 0, 1;
-- Its files are not there: it is one that was dropped.
UPDATE dataset SET drop_time = now() WHERE train_digest = decode(repeat('01', 32), 'hex');
INSERT INTO task (id, client_id, request_id, spec, name, dataset_id, reward, secret,
 cost_table_version, state, end_reason, create_time, deadline, end_time, fee_pot,
 bonus_pot, work_pot, fee, refund)
 SELECT n, 1, 'bench-' || n, repeat('x', 900)::bytea, 'bench',
 decode(lpad('d', 64, 'd'), 'hex'), 10, decode(repeat('0a', 32), 'hex'), 1,
 'succeeded', 'budget', now(), now(), now(), 1, 1, 8, 1, 0
 FROM generate_series(1, {tasks}) n;
INSERT INTO subspace (id, task_id, allowed, state, attempt)
 SELECT n, n, ARRAY[1, 2, 3, 4], 'completed', 1 FROM generate_series(1, {tasks}) n;
INSERT INTO session (id, account_id, worker_name, threads, arithmetic, state,
 create_time) VALUES (1, 1, 'w1', 1, 'fp32-fma/1', 'closed', now());
INSERT INTO lease (id, task_id, subspace_id, session_id, account_id, attempt, role,
 state, trial_ids, create_time, expire_time)
 SELECT n, n, n, 1, 1, 1, 'primary', 'completed', ARRAY[n], now(), now()
 FROM generate_series(1, {tasks}) n;
INSERT INTO trial (id, task_id, subspace_id, lease_id, account_id, architecture,
 architecture_id, parameters, macs, work_units, state, create_time, weights_digest,
 weights_size_bytes, claimed_correct, train_time_ns, reason, pay, finders_bonus,
 checkpoint_root, signature, session_id, draw_ppm, basis, arithmetic)
 SELECT n, 1 + n % {tasks}, 1 + n % {tasks}, 1 + n % {tasks}, 1,
 sha256(n::text::bytea), sha256(('a' || n)::bytea), n, n, n, 'accepted', now(),
 sha256(('w' || n)::bytea), 1000, 5, 1, '', 1, 0, sha256(('c' || n)::bytea),
 sha256(n::text::bytea) || sha256(n::text::bytea), 1, 250000, 'sampled_out',
 'fp32-fma/1' FROM generate_series(1, {trials}) n;
INSERT INTO receipt SELECT n, 1, sha256(n::text::bytea) || repeat('r', 150)::bytea
 FROM generate_series(1000, 1000 + {trials}) n;
"""
FULL_TO_DUMP_AND_CP_MAX = 1.5
INCREMENTAL_BESIDE_DUMP_S_MAX = 5
# Beside the blobs and both copies of them.
ROOM_FOR_REST = 4 << 30
# So many networks that a task of them lasts longer than the bench.
WIDTHS = ", ".join(str(width) for width in range(2, 66))

BLOBS = """
INSERT INTO stored_file SELECT 1, decode(unnest(string_to_array('{list}', ',')),
 'hex'), {size}, now();
"""


def timed(call):
    start = time.monotonic()
    call()
    return time.monotonic() - start


class Bench:
    def __init__(self, arguments):
        self.arguments = arguments
        # Made-up receipts are not sealed, and made-up files not looked for, meanwhile.
        self.pool = Pool("--receipt-interval", "24h", "--collect-interval", "24h")
        self.task = None
        self.data = self.pool.directory / "server"
        self.backups = self.pool.directory / "backups"
        self.url = (f"host='{self.data}/postgresql/run' port=5432 user=archpool "
                    "dbname=archpool")

    def sql(self, text):
        subprocess.run([find_programs() / "psql", "-q", "-v", "ON_ERROR_STOP=1",
                        self.url, "-f", "-"], input=text, text=True, check=True)

    def add_blobs(self, mib):
        """Files of `--file-kib` of noise, known to the database."""
        size = self.arguments.file_kib << 10
        digests = []
        for _ in range(max(1, (mib << 20) // size)):
            noise = os.urandom(size)
            digest = hashlib.sha256(noise).hexdigest()
            folder = self.data / "blobs" / "blobs" / digest[:2]
            folder.mkdir(parents=True, exist_ok=True)
            (folder / digest).write_bytes(noise)
            digests.append(digest)
        for begin in range(0, len(digests), 10_000):
            self.sql(BLOBS.format(list=",".join(digests[begin:begin + 10_000]),
                                  size=size))

    def fill(self):
        free = shutil.disk_usage(self.pool.directory).free
        needed = 3 * (self.arguments.blob_mib << 20) + ROOM_FOR_REST
        if free < needed:
            raise SystemExit(f"{self.pool.directory} has {free >> 20} MiB free, and this "
                             f"needs {needed >> 20}: take a smaller --blob-mib, or "
                             "name another folder by TMPDIR")
        tasks = max(1, self.arguments.trials // 1000)
        self.sql("SET session_replication_role = replica;" +
                 ROWS.format(trials=self.arguments.trials, tasks=tasks))
        self.add_blobs(self.arguments.blob_mib)
        self.sql("CHECKPOINT")
        # The server gives out ids above those that it found when it started.
        self.pool.stop("server")
        self.pool.start_server()

    def accepted(self):
        return sum(trial["state"] == "accepted" for trial in self.pool.trials(self.task))

    def start_load(self):
        """Workers that train, a verifier that looks at it, and a task for them."""
        self.pool.add_client()
        self.pool.add_verifier()
        for number in range(self.arguments.workers):
            self.pool.add_worker(f"miner{number}", trial_ms=self.arguments.trial_ms)
        self.task = self.pool.submit(trials=480, subspaces=8, time_limit="1h",
                                     widths=WIDTHS)
        self.pool.wait_until(self.task, "work", lambda task: any(
            trial["state"] == "accepted" for trial in task["trials"]))

    def dump(self):
        path = self.pool.directory / "dump"
        subprocess.run([find_programs() / "pg_dump", "--format=custom",
                        f"--file={path}", f"--dbname={self.url}"], check=True)
        path.unlink()

    def copy(self):
        path = self.pool.directory / "copy"
        # Uploads under way are beside these, and may be gone before cp comes to them.
        subprocess.run(["cp", "-r", self.data / "blobs" / "blobs", path], check=True)
        os.sync()
        shutil.rmtree(path)

    def back_up(self):
        subprocess.run([PROGRAMS / "archpool-server", "backup", self.backups,
                        "--data-dir", self.data, "--log-level", "warn"], check=True)

    def run(self):
        """Whether everything is as quick as it has to be."""
        self.fill()
        has_load = self.arguments.workers > 0
        if has_load:
            self.start_load()
        before = self.accepted() if has_load else 0
        dump_s, copy_s = timed(self.dump), timed(self.copy)
        full_s = timed(self.back_up)
        self.add_blobs(self.arguments.new_mib)
        light_dump_s = timed(lambda: subprocess.run(
            [find_programs() / "pg_dump", "--format=custom", "--compress=1",
             "--no-sync", f"--file={self.pool.directory / 'dump'}",
             f"--dbname={self.url}"], check=True))
        incremental_s = timed(self.back_up)
        beside = self.accepted() - before if has_load else 0
        has_ended = has_load and self.pool.task(self.task)["state"] != "active"
        ratio = full_s / (dump_s + copy_s)
        beside_dump_s = incremental_s - light_dump_s
        print(json.dumps({
            "bench": "backup", "trials": self.arguments.trials,
            "blob_mib": self.arguments.blob_mib,
            "file_kib": self.arguments.file_kib,
            "new_mib": self.arguments.new_mib,
            "pg_dump_s": round(dump_s, 2), "cp_s": round(copy_s, 2),
            "full_s": round(full_s, 2), "incremental_s": round(incremental_s, 2),
            "incremental_beside_dump_s": round(beside_dump_s, 2),
            "full_to_dump_and_cp": round(ratio, 3),
            "incremental_to_full": round(incremental_s / full_s, 3),
            "workers": self.arguments.workers, "accepted_beside": beside,
            "has_load_ended": has_ended}))
        return (ratio <= FULL_TO_DUMP_AND_CP_MAX and not has_ended and
                beside_dump_s <= INCREMENTAL_BESIDE_DUMP_S_MAX)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=100_000)
    parser.add_argument("--blob-mib", type=int, default=1024)
    parser.add_argument("--new-mib", type=int, default=16)
    parser.add_argument("--file-kib", type=int, default=1024)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--trial-ms", type=int, default=1500)
    bench = Bench(parser.parse_args())
    try:
        is_quick = bench.run()
    finally:
        bench.pool.close()
    return 0 if is_quick else 1


if __name__ == "__main__":
    sys.exit(main())
