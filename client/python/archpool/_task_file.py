# SPDX-License-Identifier: Apache-2.0
"""A task that was written in Python, as the YAML that the command reads. Nothing
here knows the keys: the command checks them, and names those that are wrong."""

from __future__ import annotations

import contextlib
import json
import math
import os
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any, Iterator, Mapping, Optional, Union

from ._access import PathText
from ._command import absolute
from .errors import ArchpoolError

TaskLike = Union[PathText, Mapping[str, Any]]


def _refuse(where: str, what: str) -> ArchpoolError:
    return ArchpoolError("TASK_VALUE_MALFORMED",
                         f"the task's value at {where or 'its top'} {what}")


def _number(value: float, where: str) -> str:
    if not math.isfinite(value):
        raise _refuse(where, f"is {value}, which is no number")
    # The command reads decimals, not exponents.
    return format(Decimal(repr(value)), "f")


def to_yaml(value: Any, where: str = "") -> str:
    """`value` in YAML's flow style. TASK_VALUE_MALFORMED: something that YAML has
    no word for."""
    if isinstance(value, Mapping):
        parts = []
        for key, item in value.items():
            if not isinstance(key, str):
                raise _refuse(where, f"has the key {key!r}, which is no text")
            name = f"{where}.{key}" if where else key
            parts.append(f"{json.dumps(key, ensure_ascii=False)}: "
                         f"{to_yaml(item, name)}")
        return "{" + ", ".join(parts) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(to_yaml(item, f"{where}[{i}]")
                               for i, item in enumerate(value)) + "]"
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _number(value, where)
    plain = getattr(value, "tolist", None)  # NumPy's numbers and arrays
    if callable(plain):
        return to_yaml(plain(), where)
    raise _refuse(where, f"is a {type(value).__name__}: a task has texts, numbers, "
                         "booleans, lists and mappings")


@contextlib.contextmanager
def as_file(task: TaskLike, folder: Optional[PathText]) -> Iterator[Path]:
    """The task's file. Of a mapping one is made, in `folder` (the current one),
    because the paths in a task begin at the file's folder; it is removed again."""
    if not isinstance(task, Mapping):
        yield absolute(task)
        return
    text = to_yaml(task) + "\n"
    where = absolute(folder or os.curdir)
    try:
        handle, name = tempfile.mkstemp(prefix=".archpool-task-", suffix=".yaml",
                                        dir=where)
    except OSError as error:
        raise ArchpoolError(
            "FOLDER_UNWRITABLE", f"the task's file cannot be made in {where} "
            f"({error.strerror}), where the paths in the task begin: name another "
            "folder with folder=, or save the task yourself") from error
    try:
        with open(handle, "w", encoding="utf-8") as file:
            file.write(text)
        yield Path(name)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(name)
