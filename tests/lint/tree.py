# SPDX-License-Identifier: Apache-2.0
"""The files that lints read: those of the repository, or a sample in memory."""

import os
import subprocess

REPOSITORY = os.path.dirname(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SKIPPED_FOLDERS = {".git", "build", "demo-output", "__pycache__"}


class Tree:
    """Texts by path, relative to the root, with forward slashes."""

    def __init__(self, files, is_repository=False):
        self.files = files
        self.is_repository = is_repository  # not a sample

    def paths(self, *suffixes):
        return sorted(p for p in self.files if p.endswith(suffixes))

    def lines(self, path):
        return self.files[path].split("\n")

    def exists(self, path):
        """Whether there is such a file, or a folder with a file in it."""
        path = path.rstrip("/")
        return path in self.files or any(
            known.startswith(path + "/") for known in self.files)


def _listed():
    # A clone may belong to another user than the one who runs the tests.
    answer = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached",
         "--others", "--exclude-standard"],
        cwd=REPOSITORY, capture_output=True, check=False)
    if answer.returncode == 0:
        return [p for p in answer.stdout.decode().split("\0") if p]
    found = []
    for folder, folders, names in os.walk(REPOSITORY):
        folders[:] = [f for f in folders if f not in SKIPPED_FOLDERS]
        found += [os.path.relpath(os.path.join(folder, n), REPOSITORY)
                  for n in names]
    return found


def load_repository():
    files = {}
    for path in _listed():
        full = os.path.join(REPOSITORY, path)
        if not os.path.isfile(full) or os.path.islink(full):
            continue
        with open(full, "rb") as stream:
            data = stream.read()
        # Binary files exist for links' sake; no lint reads into them.
        text = "" if b"\0" in data else data.decode("utf-8", "replace")
        files[path] = text
    return Tree(files, is_repository=True)
