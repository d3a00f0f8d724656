# SPDX-License-Identifier: Apache-2.0
"""Runs the command `archpool`: it alone reads task files, cuts datasets, sends
files and saves results, so that there is one of each."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Optional, Sequence

from ._access import PathText
from .errors import ArchpoolError

# What the command ends with, by its exit code, where it says no reason.
_CODES = {2: "INVALID_ARGUMENT", 3: "FAILED_PRECONDITION", 4: "UNAVAILABLE"}
# "archpool: the sentence (REASON)", and perhaps "  what to do" below.
_ERROR = re.compile(
    r"^archpool: (?P<sentence>(?:(?!^archpool: ).)*?) \((?P<reason>[A-Z0-9_]{1,64})\)$"
    r"(?P<advice>(?:\n  [^\n]*)*)\s*\Z", re.M | re.S)


def find_program(program: Optional[PathText]) -> str:
    """The command's path: `program`, else ARCHPOOL_PROGRAM, else from the PATH.
    PROGRAM_MISSING."""
    wanted = os.fspath(program or os.environ.get("ARCHPOOL_PROGRAM") or "archpool")
    found = shutil.which(wanted)
    if found is None:
        raise ArchpoolError(
            "PROGRAM_MISSING", f"there is no command {wanted!r}: install the package "
            "archpool-cli, or name the command with program= or in ARCHPOOL_PROGRAM")
    return found


def error_of(exit_code: int, said: str) -> ArchpoolError:
    """The error that the command wrote to stderr, as the last thing."""
    found = None
    for found in _ERROR.finditer(said):
        pass
    code = _CODES.get(exit_code, "")
    if found is None:
        end = " ".join(said.split()[-60:]) or "it said nothing"
        return ArchpoolError(
            "COMMAND_FAILED", f"archpool ended with exit code {exit_code}: {end}",
            code=code)
    sentence = found["sentence"]
    advice = " ".join(found["advice"].split())
    if advice:
        sentence = f"{sentence}; {advice}"
    return ArchpoolError(found["reason"], sentence, code=code)


def _start(words: Sequence[str], stdout: Any, stderr: Any) -> "subprocess.Popen[bytes]":
    # A terminal's Ctrl-C reaches this process alone, which passes it on once: a
    # second one would cut off what the command still has to put in order. And
    # where this process is killed, the kernel asks the command to end.
    keeper = shutil.which("setpriv")
    prefix = [keeper, "--pdeathsig", "TERM"] if keeper else []
    return subprocess.Popen([*prefix, *words], stdin=subprocess.DEVNULL,
                            stdout=stdout, stderr=stderr, start_new_session=True)


def run(program: str, words: Sequence[object]) -> Any:
    """The command's answer with --json. Ctrl-C ends it in order, then is raised.

    The command's errors, with its reason; COMMAND_FAILED where it said none.
    """
    line = [program, "--json", *map(str, words)]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = _start(line, out, err)
        try:
            exit_code = process.wait()
        except KeyboardInterrupt:
            process.send_signal(signal.SIGINT)
            process.wait()
            raise
        except BaseException:
            process.terminate()
            process.wait()
            raise
        err.seek(0)
        said = err.read().decode("utf-8", "replace")
        out.seek(0)
        answer = out.read()
    if exit_code != 0:
        raise error_of(exit_code, said)
    try:
        return json.loads(answer)
    except ValueError as error:
        raise ArchpoolError(
            "COMMAND_FAILED", f"{program} did not answer in JSON: is it archpool's "
            "command, of this version?") from error


def absolute(path: PathText) -> Path:
    """Not resolved: links mean what they mean to the command."""
    return Path(os.path.abspath(os.fspath(path)))
