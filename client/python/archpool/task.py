# SPDX-License-Identifier: Apache-2.0
"""One task: following it, and fetching what it came to."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Iterator, Optional

from . import _command
from ._access import PathText
from ._task_file import TaskLike, as_file
from ._words import share_of, time_of, word_of
from .errors import ArchpoolError
from .result import Result
from .v1 import task_pb2, trial_pb2

if TYPE_CHECKING:
    import pandas

    from .pool import Pool

__all__ = ["Status", "Task", "Trial"]

_PAGE_SIZE_MAX = 1000
ENDED = ("succeeded", "failed", "cancelled")


@dataclass(frozen=True)
class Trial:
    """One network that was, or is, trained. Accuracies are fractions, amounts
    millionths of a coin; None: not there, or not yet."""

    trial_id: int
    task_id: int
    account: str
    state: str  # assigned, committed, uploaded, accepted, rejected, abandoned
    reason: Optional[str]  # why it was rejected
    basis: Optional[str]
    architecture_id: Optional[str]
    choices: tuple[int, ...]
    description: Optional[str]
    parameters: int
    macs: int
    work_units: int
    rung: int
    claimed_accuracy: Optional[float]
    measured_accuracy: Optional[float]
    verified_accuracy: Optional[float]
    is_at_chance: bool
    pay_micros: int
    finders_bonus_micros: int
    create_time: Optional[datetime.datetime]

    @staticmethod
    def from_message(message: trial_pb2.Trial) -> "Trial":
        return Trial(
            trial_id=message.trial_id, task_id=message.task_id,
            account=message.account_name,
            state=word_of(trial_pb2.TrialState, message.state) or "",
            reason=message.reason or None,
            basis=word_of(trial_pb2.TrialBasis, message.basis),
            architecture_id=message.architecture_id.hex() or None,
            choices=tuple(message.choices), description=message.description or None,
            parameters=message.parameters, macs=message.macs,
            work_units=message.work_units, rung=message.rung,
            claimed_accuracy=share_of(message, "claimed_accuracy_ppm"),
            measured_accuracy=share_of(message, "measured_accuracy_ppm"),
            verified_accuracy=share_of(message, "verified_accuracy_ppm"),
            is_at_chance=message.is_at_chance, pay_micros=message.pay_micros,
            finders_bonus_micros=message.finders_bonus_micros,
            create_time=time_of(message, "create_time"))


@dataclass(frozen=True)
class Status:
    """A task as it was at one moment. ``message`` has all that the pool says."""

    task_id: int
    name: str
    state: str  # active, finishing, succeeded, failed, cancelled
    end_reason: Optional[str]
    trials_pending: int
    trials_accepted: int
    trials_rejected: int
    work_units_accepted: int
    budget_work_units: int
    best: Optional[Trial]
    front: tuple[Trial, ...]
    message: task_pb2.Task

    @property
    def has_ended(self) -> bool:
        return self.state in ENDED

    @staticmethod
    def from_message(message: task_pb2.Task) -> "Status":
        return Status(
            task_id=message.task_id, name=message.spec.name,
            state=word_of(task_pb2.TaskState, message.state) or "",
            end_reason=word_of(task_pb2.EndReason, message.end_reason),
            trials_pending=message.trials_pending,
            trials_accepted=message.trials_accepted,
            trials_rejected=message.trials_rejected,
            work_units_accepted=message.work_units_accepted,
            budget_work_units=message.spec.budget_work_units,
            best=(Trial.from_message(message.best)
                  if message.HasField("best") else None),
            front=tuple(map(Trial.from_message, message.front)), message=message)


class Task:
    """A task of a pool. Made by :meth:`Pool.submit` and :meth:`Pool.task`;
    thread-safe. All methods raise :class:`ArchpoolError`."""

    def __init__(self, pool: "Pool", task_id: int, is_new: bool = False) -> None:
        self._pool = pool
        self.task_id = task_id
        # Whether this call of submit opened it, or an earlier one.
        self.is_new = is_new

    def __repr__(self) -> str:
        return f"<archpool task {self.task_id} at {self._pool.address}>"

    def status(self) -> Status:
        """The task as it is now."""
        answer = self._pool.call("TaskService/GetTask",
                                 task_pb2.GetTaskRequest(task_id=self.task_id),
                                 task_pb2.GetTaskResponse)
        return Status.from_message(answer.task)

    def watch(self) -> Iterator[Status]:
        """The task now, and again at each change, up to its end.

        Where the server goes away, the watch continues once it is back; it gives up
        when nothing was heard for the pool's ``patience_s``. Leave the loop when you
        like.
        """
        last: Optional[task_pb2.Task] = None
        while True:
            opened = self._pool._line.retry(self._open_watch)
            for message in opened:
                if message.task == last:
                    continue
                last = message.task
                status = Status.from_message(message.task)
                yield status
                if status.has_ended:
                    return

    def _open_watch(self) -> Iterator[task_pb2.WatchTaskResponse]:
        """A stream that has answered once. Where it breaks later it ends, and
        the next one gets the whole patience again."""
        stream = self._pool._line.stream(
            "TaskService/WatchTask", task_pb2.WatchTaskRequest(task_id=self.task_id),
            task_pb2.WatchTaskResponse)
        first = next(stream, None)
        if first is None:
            raise ArchpoolError("SERVER_UNREACHABLE", "the server ended the watch "
                                "before it said anything", code="UNAVAILABLE")
        return _until_it_breaks(first, stream)

    def wait(self) -> Status:
        """Waits for the end. The state says which: ``failed`` is one, too."""
        status = None
        for status in self.watch():
            pass
        assert status is not None  # a watch ends with the task's end
        return status

    def trials(self) -> list[Trial]:
        """All trials, oldest first."""
        found: list[Trial] = []
        request = task_pb2.ListTrialsRequest(task_id=self.task_id,
                                             page_size=_PAGE_SIZE_MAX)
        while True:
            page = self._pool.call("TaskService/ListTrials", request,
                                   task_pb2.ListTrialsResponse)
            found += map(Trial.from_message, page.trials)
            if not page.next_page_token:
                return found
            request.page_token = page.next_page_token

    def trials_dataframe(self) -> "pandas.DataFrame":
        """All trials as a table of pandas, a row for each, by ``trial_id``.
        PANDAS_MISSING."""
        try:
            import pandas
        except ImportError as error:
            raise ArchpoolError(
                "PANDAS_MISSING", "pandas is not installed (Debian: python3-pandas; "
                "otherwise pip install pandas); trials() does without it") from error
        names = list(Trial.__dataclass_fields__)
        rows = [[getattr(trial, name) for name in names] for trial in self.trials()]
        return pandas.DataFrame(rows, columns=names).set_index("trial_id")

    def cancel(self) -> str:
        """Ends the task: what was reported is still verified and paid, the rest is
        refunded. Answers the state; harmless where it has ended before."""
        answer = self._pool.call("TaskService/CancelTask",
                                 task_pb2.CancelTaskRequest(task_id=self.task_id),
                                 task_pb2.CancelTaskResponse)
        return word_of(task_pb2.TaskState, answer.state) or ""

    def result(self, directory: PathText, *, task: Optional[TaskLike] = None,
               folder: Optional[PathText] = None) -> Result:
        """Saves the best network and the front as files, with the command
        `archpool`. ``task``: what was submitted; of a folder of pictures the names
        of the classes are then saved, too. NO_RESULT, FILE_EXISTS..."""
        target = _command.absolute(directory)
        words: list[object] = ["task", "result", self.task_id, "--output", target]
        if task is None:
            self._pool._run(words)
        else:
            with as_file(task, folder) as file:
                self._pool._run([*words, "--task-file", file])
        return Result(target)


def _until_it_breaks(first: Any, stream: Iterator[Any]) -> Iterator[Any]:
    yield first
    try:
        yield from stream
    except ArchpoolError as error:
        # Anything else is for the caller: a token that is over, for instance.
        if error.code not in ("UNAVAILABLE", "DEADLINE_EXCEEDED", "ABORTED"):
            raise
