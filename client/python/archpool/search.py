# SPDX-License-Identifier: Apache-2.0
"""Searching on this machine alone, with `archpool search`."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

from . import _command
from ._access import PathText
from ._task_file import TaskLike, as_file
from .errors import ArchpoolError
from .result import Result

__all__ = ["search"]


def search(task: TaskLike, directory: PathText, *, threads: Optional[int] = None,
           again: bool = False, folder: Optional[PathText] = None,
           program: Optional[PathText] = None) -> Result:
    """Runs a whole pool here for one task, to its end, and answers its result.

    ``task`` is a task file, or a mapping with what it would say, whose paths begin
    at ``folder`` (the current one). Everything is kept in ``directory``: after
    Ctrl-C or a power cut the same call continues, and after the end it answers at
    once. ``again`` begins another search there. ``threads``: of all trainings
    together. See docs/one-machine.md.

    The reasons of ``archpool search``: TASK_CHANGED, TASK_FAILED, PROGRAM_ENDED...
    """
    place = _command.absolute(directory)
    words: list[object] = ["--folder", place]
    if threads is not None:
        words += ["--threads", threads]
    if again:
        words.append("--again")
    with as_file(task, folder) as file:
        answer = _command.run(_command.find_program(program),
                              ["search", file, *words])
    return _result_of(place, answer["task_id"])


def _result_of(place: Path, task_id: int) -> Result:
    """The results of a search's tasks lie side by side, each with its summary."""
    for folder in sorted(place.glob("result*")):
        found = Result(folder)
        if found.weights.is_file() and found.summary["task_id"] == task_id:
            return found
    raise ArchpoolError("RESULT_UNREADABLE", f"the result of task {task_id} is not in "
                        f"{place}: it was removed, and again=True searches again")
