# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL's clusters for tests: initdb runs once in each test program, and every
further cluster is a copy."""

import atexit
import functools
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

# What tests kill are processes: what they wrote is safe with the kernel. Waiting for
# the disk as well took most of a test's time.
CONFIGURATION = "fsync = off\n"


def _has_programs(folder):
    return (folder / "initdb").exists() and (folder / "postgres").exists()


def find_versions():
    """The folders of initdb and postgres by major version, where their names tell it;
    the newest first."""
    folders = {int(path.parent.name): path
               for path in Path("/usr/lib/postgresql").glob("[0-9]*/bin")
               if path.parent.name.isdecimal() and _has_programs(path)}
    return dict(sorted(folders.items(), reverse=True))


def find_programs():
    """The folder of initdb and postgres, of the newest version there is."""
    for folder in [*find_versions().values(),
                   *map(Path, os.environ["PATH"].split(":"))]:
        if _has_programs(folder):
            return folder
    raise AssertionError("initdb and postgres are not installed")


def choose_user():
    """How to start a child as a user that PostgreSQL accepts: never root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    raise AssertionError("there is neither a user 'postgres' nor 'nobody'")


@functools.cache
def _template(programs):
    folder = Path(tempfile.mkdtemp(prefix="archpool-it-template-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    child = choose_user()
    if child:
        os.chown(folder, child["user"], child["group"])
    cluster = folder / "cluster"
    made = subprocess.run(
        [programs / "initdb", "-D", cluster, "--username=archpool",
         "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync",
         "--no-instructions"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, cwd="/", check=False, **child)
    if made.returncode != 0:
        raise AssertionError(f"initdb failed: {made.stdout}")
    with open(cluster / "postgresql.conf", "a", encoding="utf-8") as configuration:
        configuration.write(CONFIGURATION)
    return cluster


def make_cluster(path, programs=None):
    """An empty cluster at `path`, whose folder exists; made by the `programs` in that
    folder, or the newest."""
    subprocess.run(["cp", "--archive", _template(programs or find_programs()), path],
                   check=True)
