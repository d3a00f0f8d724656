# SPDX-License-Identifier: Apache-2.0
"""A connection under one account: calls, what they carry, and trying again."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from typing import Any, Callable, Iterator, Optional, TypeVar

import grpc

from . import _access, _tls
from ._version import VERSION
from .errors import ArchpoolError
from .v1 import error_pb2

Answer = TypeVar("Answer")

CALL_DEADLINE_S = 20.0
# The server says something at least every ten seconds.
WATCH_DEADLINE_S = 24 * 3600.0
_PAUSE_MIN_S, _PAUSE_MAX_S = 0.2, 2.0
_TRANSIENT = ("UNAVAILABLE", "DEADLINE_EXCEEDED", "ABORTED")
_TOKEN_OVER = ("TOKEN_EXPIRED", "TOKEN_REVOKED", "TOKEN_UNKNOWN")
# As common/channel/remote.cc.
_OPTIONS = (
    ("grpc.min_reconnect_backoff_ms", 5_000),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 5_000),
    ("grpc.keepalive_time_ms", 300_000),
    # Pools are addressed directly; a proxy for the web must not get in between.
    ("grpc.enable_http_proxy", 0),
    ("grpc.max_receive_message_length", 8 << 20),
)


def error_of(failed: grpc.RpcError, address: object) -> ArchpoolError:
    """What a call that ended so came to: the reason and the sentence that the
    server put into the status's details, else what gRPC says."""
    code = failed.code().name
    for key, value in failed.trailing_metadata() or ():
        if key != "grpc-status-details-bin":
            continue
        detail = error_pb2.ErrorDetail()
        try:
            detail.ParseFromString(value)
        except Exception:  # the decoder's, of which there are two kinds
            break
        if detail.reason:
            return ArchpoolError(detail.reason, detail.message, code=code)
    if code == "UNAVAILABLE":
        return ArchpoolError(
            "SERVER_UNREACHABLE", f"the server at {address} cannot be reached "
            f"({failed.details()}); check its address and try again", code=code)
    if code == "DEADLINE_EXCEEDED":
        return ArchpoolError("CALL_TIMED_OUT", "the server did not answer in time; "
                             "try again", code=code)
    if code == "UNIMPLEMENTED":
        return ArchpoolError(
            "SERVER_TOO_OLD", "the server does not know this call: it is of an "
            "earlier version than this program; ask its operator to update it",
            code=code)
    return ArchpoolError(code, str(failed.details()), code=code)


@contextlib.contextmanager
def _closed_said() -> Iterator[None]:
    """gRPC says ValueError of a channel that was closed."""
    try:
        yield
    except ValueError as error:
        raise ArchpoolError("CONNECTION_CLOSED", "the connection was closed by this "
                            "program: connect again") from error


class Line:
    """Thread-safe."""

    def __init__(self, address: _access.Address, trust: _access.Trust, token: str,
                 token_file: _access.PathText, patience_s: float) -> None:
        self.address = address
        self.trust = trust
        self.patience_s = patience_s
        self._token_file = token_file
        self._lock = threading.Lock()
        self._token = token
        self._channel: Optional[grpc.Channel] = None
        credentials = self.retry(lambda: _tls.make_credentials(address, trust))
        options: list[tuple[str, Any]] = list(_OPTIONS)
        if credentials.target_name:
            options.append(("grpc.ssl_target_name_override",
                            credentials.target_name))
        if credentials.channel is None:
            self._channel = grpc.insecure_channel(str(address), options)
        else:
            self._channel = grpc.secure_channel(str(address), credentials.channel,
                                                options)

    def close(self) -> None:
        if self._channel is not None:
            self._channel.close()

    def retry(self, attempt: Callable[[], Answer]) -> Answer:
        """Tries again while the server is away, for `patience_s` at most. The
        pauses double; each is drawn from the upper half of its range."""
        give_up = time.monotonic() + self.patience_s
        pause_max = _PAUSE_MIN_S
        while True:
            try:
                return attempt()
            except ArchpoolError as error:
                pause = pause_max * random.uniform(0.5, 1.0)
                if (error.code not in _TRANSIENT
                        or time.monotonic() + pause > give_up):
                    raise self._say_more(error) from error.__cause__
            self._pause(pause)
            pause_max = min(2 * pause_max, _PAUSE_MAX_S)

    def _pause(self, seconds: float) -> None:
        """Sleeps. A lost connection is made again in steps, which gRPC takes while
        somebody looks, and calls that fail at once do not look for long enough."""
        end = time.monotonic() + seconds
        if self._channel is not None:
            ready = grpc.channel_ready_future(self._channel)
            try:
                ready.result(timeout=seconds)
            except grpc.FutureTimeoutError:
                pass
            finally:
                ready.cancel()
        # What refuses calls, connected as it is, is not asked at once.
        time.sleep(max(0.0, end - time.monotonic()))

    def call(self, method: str, request: Any, response_type: type[Answer],
             deadline_s: float = CALL_DEADLINE_S) -> Answer:
        """One unary call, e.g. "TaskService/GetTask"."""
        make = self._open().unary_unary(
            f"/archpool.v1.{method}",
            request_serializer=type(request).SerializeToString,
            response_deserializer=response_type.FromString)  # type: ignore

        def attempt() -> Answer:
            def once(token: str) -> Answer:
                with _closed_said():
                    answer: Answer = make(request, timeout=deadline_s,
                                          metadata=self._metadata(token))
                return answer

            return self._with_token(once)

        return self.retry(attempt)

    def stream(self, method: str, request: Any,
               response_type: type[Answer]) -> Iterator[Answer]:
        """The messages of one call, to its end; not tried again. ArchpoolError
        where it breaks. Closing the iterator ends the call."""
        make = self._open().unary_stream(
            f"/archpool.v1.{method}",
            request_serializer=type(request).SerializeToString,
            response_deserializer=response_type.FromString)  # type: ignore
        with self._lock:
            token = self._token
        with _closed_said():
            running = make(request, timeout=WATCH_DEADLINE_S,
                           metadata=self._metadata(token))
        try:
            yield from running
        except grpc.RpcError as failed:
            error = error_of(failed, self.address)
            if error.reason in _TOKEN_OVER and self._read_again(token):
                error = ArchpoolError(error.reason, error.sentence,
                                      code="UNAVAILABLE")
            raise error from failed
        finally:
            running.cancel()

    def _open(self) -> grpc.Channel:
        assert self._channel is not None  # made with the line
        return self._channel

    def _metadata(self, token: str) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {token}"),
                ("archpool-client-version", VERSION))

    def _with_token(self, once: Callable[[str], Answer]) -> Answer:
        with self._lock:
            token = self._token
        try:
            return once(token)
        except grpc.RpcError as failed:
            error = error_of(failed, self.address)
            if error.reason not in _TOKEN_OVER or not self._read_again(token):
                raise error from failed
        with self._lock:
            token = self._token
        try:
            return once(token)
        except grpc.RpcError as failed:
            raise error_of(failed, self.address) from failed

    def _read_again(self, used: str) -> bool:
        """Whether the file, or another thread, has another token than the one
        that is over. The pin stays: another pool is another connection."""
        with self._lock:
            if self._token != used:
                return True
            try:
                token, _ = _access.read_token_file(self._token_file)
            except ArchpoolError:
                return False
            self._token = token
            return token != used

    def _say_more(self, error: ArchpoolError) -> ArchpoolError:
        """gRPC does not say that another server answers in the pool's place."""
        if error.reason != "SERVER_UNREACHABLE" or self.trust.pin is None:
            return error
        why: Optional[ArchpoolError] = None
        try:
            _tls.check_pin(_tls.fetch_chain(self.address), self.trust, self.address)
        except ArchpoolError as found:
            why = found
        return why if why and why.reason != "SERVER_UNREACHABLE" else error
