# SPDX-License-Identifier: Apache-2.0
"""The one exception of this package."""

from __future__ import annotations

__all__ = ["ArchpoolError"]


class ArchpoolError(Exception):
    """Something that was asked for was refused, or could not be done.

    ``reason`` is for programs: a stable word such as ``BALANCE_TOO_LOW``, the
    pool's where it said one. ``sentence`` is for people; its words may change.
    ``code`` is the name of gRPC's status code (``UNAVAILABLE``) where a call
    failed, and empty otherwise.
    """

    def __init__(self, reason: str, sentence: str, *, code: str = "") -> None:
        super().__init__(reason, sentence, code)
        self.reason = reason
        self.sentence = sentence
        self.code = code

    def __str__(self) -> str:
        return f"{self.sentence} ({self.reason})"

    def __reduce__(self) -> tuple[object, ...]:
        return _again, (self.reason, self.sentence, self.code)


def _again(reason: str, sentence: str, code: str) -> ArchpoolError:
    return ArchpoolError(reason, sentence, code=code)
