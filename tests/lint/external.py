# SPDX-License-Identifier: Apache-2.0
"""Runs a tool over a tree's files, which may exist in memory only."""

import os
import shutil
import subprocess
import tempfile


def missing(tool):
    if shutil.which(tool):
        return None
    return f"no {tool} (deploy/install-deps.sh --test installs it)"


def run_over(tree, paths, command, last=()):
    """(exit status, output) of `command`, `paths` and `last`, in a copy."""
    with tempfile.TemporaryDirectory() as folder:
        for path, text in tree.files.items():
            full = os.path.join(folder, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "w", encoding="utf-8") as stream:
                stream.write(text)
        if not paths:
            return 0, ""
        answer = subprocess.run([*command, *paths, *last], cwd=folder, text=True,
                                capture_output=True, check=False)
        return answer.returncode, answer.stdout + answer.stderr


def findings_of(tree, paths, command):
    status, output = run_over(tree, paths, command)
    if status == 0:
        return []
    return [line for line in output.split("\n") if line.strip()] or [
        f"{command[0]} failed with status {status}"]
