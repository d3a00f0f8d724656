# SPDX-License-Identifier: Apache-2.0
"""A disk without a free byte, on which the database and the files both lie: the
pool frees it by itself, a start on it as well as a server that runs, and what it
freed is the database's. The disk is a real one, of memory: it takes the right to
mount."""

import os
import pathlib
import subprocess
import tempfile
import unittest

from harness import PoolTestCase, Pool, Refused, wait_for

MIB = 1 << 20
DISK_MIB = 640
# A tenth of the disk, which is less than an eighth of --disk-reserve-mib.
RESERVE_MIB = 64
# Parts of a file that are sent before the disk is full.
KEEP_S = 2


class SmallDisk:
    def __init__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="archpool-disk-"))
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m,mode=0755", "tmpfs",
             self.path], stdin=subprocess.DEVNULL, capture_output=True, check=False)
        if mounted.returncode != 0:
            self.path.rmdir()
            raise unittest.SkipTest("a disk of its own takes the right to mount")
        self.ballast = self.path / "ballast"

    def close(self):
        # Whoever still has a file open there keeps nothing but the memory.
        subprocess.run(["umount", "--lazy", self.path], check=True)
        self.path.rmdir()

    def free_bytes(self):
        disk = os.statvfs(self.path)
        return disk.f_bavail * disk.f_frsize

    def fill(self):
        """To the last byte, as somebody else's program does."""
        with open(self.ballast, "ab") as file:
            try:
                while True:
                    os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size,
                                       max(self.free_bytes(), 4096))
            except OSError as full:
                if full.errno != 28:  # ENOSPC
                    raise

    def empty(self):
        self.ballast.unlink()


class FullDiskTest(PoolTestCase):
    server_flags = (*PoolTestCase.server_flags, "--keep-results", f"{KEEP_S}s",
                    "--keep-other-weights", "1s", "--keep-unused-datasets",
                    f"{KEEP_S}s", "--keep-cut-files", "1s", "--keep-unclaimed",
                    "1s", "--collect-interval", "1s")

    def make_pool(self):
        self.disk = SmallDisk()
        self.addCleanup(self.disk.close)
        before = tempfile.tempdir
        tempfile.tempdir = str(self.disk.path)
        try:
            return Pool(*self.server_flags)
        finally:
            tempfile.tempdir = before

    def setUp(self):
        super().setUp()
        self.pool.add_client()
        self.reserve = self.pool.directory / "server" / "postgresql" / "reserve"

    def files(self):
        blobs = self.pool.directory / "server" / "blobs" / "blobs"
        return [path for path in blobs.rglob("*") if path.is_file()]

    def stored(self, who):
        return self.pool.command(who, "account", "quota")["stored_bytes"]["held"]

    def wait_for_reserve(self):
        wait_for("the reserve", lambda: self.reserve.exists()
                 and self.reserve.stat().st_blocks * 512 >= RESERVE_MIB * MIB)

    def finish_a_task(self):
        self.pool.add_verifier()
        self.pool.add_worker("alice")
        self.pool.wait_for_end(self.pool.submit())
        self.pool.stop("alice")
        self.pool.stop("verifier")

    def assert_is_whole(self):
        self.assertEqual(
            self.pool.command("operator", "ledger", "check")["violations"], [])
        self.assertNotIn("PANIC", (self.pool.directory / "server" / "postgresql"
                                   / "postgres.log").read_text(errors="replace"))

    def test_a_start_on_a_full_disk_frees_it(self):
        self.wait_for_reserve()
        # Longer than what is kept by the start that follows.
        self.pool.stop("server")
        self.pool.server_flags = PoolTestCase.server_flags
        self.pool.start_server()
        self.finish_a_task()
        self.assertGreater(len(self.files()), 3)
        self.pool.stop("server")
        self.disk.fill()
        self.assertEqual(self.disk.free_bytes(), 0)

        self.pool.server_flags = self.server_flags
        self.pool.start_server()
        self.assertFalse(self.reserve.exists())
        wait_for("the files to go", lambda: not self.files())
        wait_for("their bytes to be given back",
                 lambda: self.stored("client") == 0 and self.stored("alice") == 0)
        self.assertIn("event=database_reserve_given_up", self.pool.log("server"))
        self.assertGreater(self.disk.free_bytes(), 0)

        # What it gave is for the database: files wait.
        with self.assertRaises(Refused) as refused:
            self.pool.submit(trials=4)
        self.assertIn("STORAGE_", refused.exception.text)
        self.disk.empty()
        self.wait_for_reserve()
        wait_for("the line", lambda: "event=database_reserve_made" in
                 self.pool.log("server").rpartition("given_up")[2])
        self.pool.submit(trials=4)
        self.assert_is_whole()

    def test_a_server_that_runs_goes_on_when_the_disk_fills(self):
        self.wait_for_reserve()
        self.finish_a_task()
        self.disk.fill()
        wait_for("the reserve to be given up", lambda: not self.reserve.exists(), 20)
        # Many commits, each in the log of the database.
        for number in range(5):
            self.pool.create_account(f"account{number}", "client")
        wait_for("the files to go", lambda: not self.files())
        self.assert_is_whole()
        self.disk.empty()
        self.wait_for_reserve()
        self.pool.submit(trials=4)


if __name__ == "__main__":
    unittest.main()
