# SPDX-License-Identifier: Apache-2.0
"""Datasets out of NumPy arrays, in the form that `archpool` reads."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING, Any, Optional

from ._access import PathText
from ._command import absolute
from .errors import ArchpoolError

if TYPE_CHECKING:
    import numpy

__all__ = ["from_numpy"]

# Of 100 images, how many are drawn for a split where nobody says it.
_PERCENT = 10


def _as_array(name: str, values: Any) -> "numpy.ndarray[Any, Any]":
    try:
        import numpy
    except ImportError as error:
        raise ArchpoolError("NUMPY_MISSING", "NumPy is not installed (Debian: "
                            "python3-numpy; otherwise pip install numpy)") from error
    array: "numpy.ndarray[Any, Any]" = numpy.asarray(values)
    if array.dtype.hasobject or array.ndim == 0:
        raise ArchpoolError(
            "ARRAY_MALFORMED", f"{name} is no array of numbers (its type is "
            f"{array.dtype}, its shape {array.shape})")
    return array


def _pair(names: tuple[str, str], images: Any, labels: Any) -> dict[str, Any]:
    pair = {name: _as_array(name, values)
            for name, values in zip(names, (images, labels))}
    counts = [len(array) for array in pair.values()]
    if counts[0] != counts[1]:
        raise ArchpoolError("ARRAY_MALFORMED", f"there are {counts[0]} images and "
                            f"{counts[1]} labels in {' and '.join(names)}")
    return pair


def _save(path: PathText, arrays: dict[str, Any]) -> str:
    """The whole file or none, also where the power fails."""
    import numpy

    target = absolute(path)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}-", dir=target.parent)
    try:
        with open(handle, "wb") as file:
            numpy.savez(file, **arrays)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, target)
    except BaseException:
        os.unlink(name)
        raise
    return str(target)


def _umask() -> int:
    """Read without setting it: other threads make files meanwhile."""
    with open("/proc/self/status", encoding="ascii", errors="replace") as file:
        for line in file:
            if line.startswith("Umask:"):
                return int(line.split()[1], 8)
    return 0o077


def from_numpy(images: Any, labels: Any, *, path: PathText,
               held_out_images: Any = None, held_out_labels: Any = None,
               validation_count: Optional[int] = None,
               held_out_count: Optional[int] = None) -> dict[str, Any]:
    """Saves arrays as an .npz file at ``path``, and answers the section
    ``dataset`` of a task that names it.

    ``images`` are count x height x width, or with the channels before or behind
    height and width; integers from 0 to 255, or floats from 0 to 1 or from 0 to 255.
    ``labels`` are integers from 0 on (docs/datasets.md). The pool draws
    ``validation_count`` of the images for validation, and holds out
    ``held_out_count``, a tenth each unless stated, or the images that are given for
    that. What the arrays hold is checked by `archpool`, when the task is submitted.

    ARRAY_MALFORMED, NUMPY_MISSING; OSError where the file cannot be written.
    """
    path = os.fspath(path)
    if not str(path).endswith(".npz"):
        raise ArchpoolError("ARRAY_MALFORMED",
                            f"{path!r} does not end in .npz, as archives of arrays do")
    if (held_out_images is None) != (held_out_labels is None):
        raise ArchpoolError("ARRAY_MALFORMED", "held-out images and held-out labels "
                            "are given both, or neither")
    arrays = _pair(("x_train", "y_train"), images, labels)
    tenth = max(1, len(arrays["x_train"]) * _PERCENT // 100)
    section: dict[str, Any] = {
        "validation_count": tenth if validation_count is None else validation_count}
    if held_out_images is not None:
        if held_out_count is not None:
            raise ArchpoolError("ARRAY_MALFORMED", "held_out_count is for images that "
                                "the pool draws, and some are given")
        arrays |= _pair(("x_test", "y_test"), held_out_images, held_out_labels)
    else:
        section["held_out_count"] = tenth if held_out_count is None else held_out_count
    section["arrays"] = _save(path, arrays)
    return section
