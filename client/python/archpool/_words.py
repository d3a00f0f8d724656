# SPDX-License-Identifier: Apache-2.0
"""Fields of messages as Python has them."""

from __future__ import annotations

import datetime
from typing import Any, Optional


def word_of(enum: Any, value: int) -> Optional[str]:
    """The word that people and JSON have for an enum's value: "active" for
    TASK_STATE_ACTIVE. None for the unspecified one. A value of a later version has
    its number."""
    if value == 0:
        return None
    try:
        name: str = enum.Name(value)
    except ValueError:
        return str(value)
    prefix = enum.Name(0).removesuffix("UNSPECIFIED")
    return name.removeprefix(prefix).lower()


def share_of(message: Any, field: str) -> Optional[float]:
    """Millionths as a fraction."""
    return getattr(message, field) / 1e6 if message.HasField(field) else None


def time_of(message: Any, field: str) -> Optional[datetime.datetime]:
    """In UTC."""
    if not message.HasField(field):
        return None
    plain: datetime.datetime = getattr(message, field).ToDatetime()
    return plain.replace(tzinfo=datetime.timezone.utc)
