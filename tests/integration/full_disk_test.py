# SPDX-License-Identifier: Apache-2.0
"""A disk without a free byte, on which the database and the files both lie: the
pool frees it by itself, a start on it as well as a server that runs, and what it
freed is the database's. The disk is a real one, of memory: it takes the right to
mount."""

import errno
import os
import pathlib
import subprocess
import tempfile
import unittest

from harness import Pool, PoolTestCase, Refused, wait_for, write_idx_files

MIB = 1 << 20
DISK_MIB = 640
# A tenth of the disk, which is less than an eighth of --disk-reserve-mib.
RESERVE_MIB = 64
KEEPS_NOTHING = ("--keep-results", "1s", "--keep-other-weights", "1s",
                 "--keep-unused-datasets", "1s", "--keep-cut-files", "1s",
                 "--keep-uncut-files", "1s", "--keep-unclaimed", "1s",
                 "--collect-interval", "1s")


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
                if full.errno != errno.ENOSPC:
                    raise

    def empty(self):
        self.ballast.unlink()


class FullDiskTest(PoolTestCase):
    def make_pool(self):
        self.disk = SmallDisk()
        self.addCleanup(self.disk.close)
        before = tempfile.tempdir
        tempfile.tempdir = str(self.disk.path)
        try:
            return Pool(*self.server_flags, makes_cluster=True)
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
        self.assertGreater(len(self.files()), 3)

    def assert_no_file_is_taken(self):
        write_idx_files(self.pool.directory, count=240)
        with self.assertRaises(Refused) as refused:
            self.pool.command("client", "--patience", "0", "task", "submit",
                              self.pool.write_task(trials=4))
        self.assertIn("STORAGE_", refused.exception.text)

    def assert_all_is_well_with_room(self):
        self.disk.empty()
        self.wait_for_reserve()
        self.pool.submit(trials=4)
        self.assertEqual(
            self.pool.command("operator", "ledger", "check")["violations"], [])
        database_log = self.pool.directory / "server" / "postgresql" / "postgres.log"
        self.assertNotIn("PANIC", database_log.read_text(errors="replace"))

    def test_a_start_on_a_full_disk_frees_it(self):
        self.finish_a_task()
        self.wait_for_reserve()
        self.pool.stop("server")
        self.disk.fill()
        self.assertEqual(self.disk.free_bytes(), 0)

        self.pool.server_flags = (*self.server_flags, *KEEPS_NOTHING)
        self.pool.start_server()
        self.assertFalse(self.reserve.exists())
        wait_for("the files to go", lambda: not self.files())
        wait_for("their bytes to be given back", lambda: self.stored("client") == 0
                 and self.stored("alice") == 0)
        self.assertIn("event=database_reserve_given_up", self.pool.log("server"))
        self.assertGreater(self.disk.free_bytes(), 0)
        # Of the files that are gone nearly nothing: what was given is no file's.
        self.assert_no_file_is_taken()
        self.assert_all_is_well_with_room()
        self.assertIn("event=database_reserve_made",
                      self.pool.log("server").rpartition("given_up")[2])

    def test_a_server_that_runs_goes_on_when_the_disk_fills(self):
        self.finish_a_task()
        self.wait_for_reserve()
        self.disk.fill()
        wait_for("the reserve to be given up", lambda: not self.reserve.exists(), 20)
        # Each makes tables and the database's log longer.
        for number in range(20):
            self.pool.create_account(f"account{number}", "client")
        self.assert_no_file_is_taken()
        self.pool.kill("server")  # and it comes back where it was
        self.pool.start_server()
        self.pool.create_account("another", "client")
        self.assert_all_is_well_with_room()


if __name__ == "__main__":
    unittest.main()
