# SPDX-License-Identifier: Apache-2.0
"""A pool, as one account sees it."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Iterator, Optional, Sequence, TypeVar

from . import _access, _command
from ._access import PathText
from ._line import Line
from ._task_file import TaskLike, as_file
from .errors import ArchpoolError
from .task import Task
from .v1 import account_pb2, task_pb2

__all__ = ["Pool"]

Answer = TypeVar("Answer")


class Pool:
    """A connection to a pool's server under an account. Thread-safe; a context
    manager. Made by :meth:`connect`.

    Where the server is away, calls are tried again for ``patience_s`` seconds, then
    raise SERVER_UNREACHABLE with the code UNAVAILABLE. Each can be asked again: none
    does anything twice. A token that is over is read from its file again.
    """

    def __init__(self, line: Line, token_file: PathText,
                 program: Optional[PathText]) -> None:
        self._line = line
        self._token_file = _command.absolute(token_file)
        self._program = program
        answer = self.call("AccountService/WhoAmI", account_pb2.WhoAmIRequest(),
                           account_pb2.WhoAmIResponse)
        if not answer.server_version:
            raise ArchpoolError(
                "SERVER_TOO_OLD", "the server is of version 0.1.0 or older: wait "
                "until the pool's operator has updated it")
        #: The account's name.
        self.account: str = answer.account.name
        #: The version of the server, "0.2.0" for instance.
        self.server_version: str = answer.server_version

    @staticmethod
    def connect(address: str, token_file: PathText, *,
                server_pin: Optional[str] = None, plaintext: bool = False,
                patience_s: float = 15.0,
                program: Optional[PathText] = None) -> "Pool":
        """Connects, and asks whose token it is.

        ``address``: HOST:PORT. ``token_file``: the account's token in its first line,
        the server's pin in the second one. ``server_pin``: another pin, or "system":
        this system's authorities decide; ``plaintext``: do not encrypt (for a server
        on this machine). Both are as the flags of `archpool`. ``program``: where the
        command `archpool` is, which submits tasks and saves results; by default
        ARCHPOOL_PROGRAM, or from the PATH.

        SERVER_UNREACHABLE; SERVER_PIN_MISMATCH or SERVER_UNTRUSTED: another server
        answers there, and nothing was sent to it; TOKEN_UNKNOWN, TOKEN_EXPIRED,
        TOKEN_REVOKED; the reasons of files and addresses that are not right.
        """
        site = _access.Address.parse(address)
        token, found = _access.read_token_file(token_file)
        trust = _access.decide_trust(site, server_pin, plaintext, found, token_file)
        line = Line(site, trust, token, token_file, patience_s)
        try:
            return Pool(line, token_file, program)
        except BaseException:
            line.close()
            raise

    @property
    def address(self) -> str:
        return str(self._line.address)

    def close(self) -> None:
        """Ends the connection, and the watches under way."""
        self._line.close()

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, kind: Optional[type[BaseException]],
                 value: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        self.close()

    def submit(self, task: TaskLike, *, request_id: Optional[str] = None,
               folder: Optional[PathText] = None) -> Task:
        """Sends a task's dataset and opens the task.

        ``task``: a task file, or a mapping with what it would say, whose paths begin
        at ``folder`` (the current one). What is open from the same task already is
        answered again (``is_new`` is False), so a call that was cut off can be
        repeated; a second task of the same takes a ``request_id`` of its own.

        The pool's reasons, BALANCE_TOO_LOW for instance; those of task files name
        the line that is wrong.
        """
        words: list[object] = []
        if request_id is not None:
            words += ["--request-id", request_id]
        with as_file(task, folder) as file:
            answer = self._run(["task", "submit", file, *words])
        return Task(self, answer["task_id"], answer["is_new"])

    def check(self, task: TaskLike, *, folder: Optional[PathText] = None) -> Any:
        """What `archpool task check` says of a task and its images; sends nothing."""
        with as_file(task, folder) as file:
            return self._run(["task", "check", file])

    def task(self, task_id: int) -> Task:
        """A task by its number. TASK_UNKNOWN comes with the first question."""
        return Task(self, task_id)

    def tasks(self) -> Iterator[Task]:
        """The tasks that the account may see, newest first."""
        request = task_pb2.ListTasksRequest()
        while True:
            page = self.call("TaskService/ListTasks", request,
                             task_pb2.ListTasksResponse)
            for summary in page.tasks:
                yield Task(self, summary.task_id)
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def call(self, method: str, request: Any, response_type: type[Answer]) -> Answer:
        """Any unary call of the API with its messages of :mod:`archpool.v1`, e.g.
        ``pool.call("LedgerService/ListBalances", ledger_pb2.ListBalancesRequest(),
        ledger_pb2.ListBalancesResponse)``."""
        return self._line.call(method, request, response_type)

    def _run(self, words: Sequence[object]) -> Any:
        """The command's answer, under this connection's account and trust."""
        trust = self._line.trust
        if trust.is_plaintext:
            trusts: list[object] = ["--plaintext"]
        else:
            trusts = ["--server-pin", trust.pin or _access.SYSTEM]
        return _command.run(
            _command.find_program(self._program),
            ["--server", self.address, "--token-file", self._token_file,
             "--patience", min(self._line.patience_s, 86_400.0), *trusts, *words])
