# SPDX-License-Identifier: Apache-2.0
"""A task's result as a folder of files."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._access import PathText
from ._command import absolute
from .errors import ArchpoolError

if TYPE_CHECKING:
    import torch

__all__ = ["Result", "as_torch_module"]

MODEL_FILE = "model.py"


def as_torch_module(directory: PathText) -> "torch.nn.Module":
    """The best network of a result folder, with its weights, in PyTorch.

    Runs the folder's ``model.py``, which the command ``archpool`` wrote there:
    take it from folders alone that you, or those that you trust, have fetched.

    MODEL_FILE_MISSING: the folder has none. TORCH_MISSING: PyTorch, or what else
    the file imports, is not installed. MODEL_UNUSABLE: the file does not load.
    """
    folder = absolute(directory)
    file = folder / MODEL_FILE
    if not file.is_file():
        raise ArchpoolError(
            "MODEL_FILE_MISSING", f"there is no {MODEL_FILE} in {folder}: fetch the "
            "result again with a command `archpool` that writes it (archpool task "
            "result, or Task.result), or read architecture.json as docs/networks.md "
            "says")
    # Under no name that is kept: each folder has its own.
    spec = importlib.util.spec_from_file_location("archpool_result_model", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except ImportError as error:
        raise ArchpoolError(
            "TORCH_MISSING", f"{file} needs {error.name or error}: install it "
            "(Debian: python3-torch; otherwise pip install torch)") from error
    load = getattr(module, "load", None)
    if not callable(load):
        raise ArchpoolError("MODEL_UNUSABLE", f"{file} has no function load: it was "
                            "changed, or written by another version; fetch the "
                            "result again")
    model: "torch.nn.Module" = load()  # the weights that lie beside it
    return model


@dataclass(frozen=True)
class Result:
    """A result's folder: what `archpool task result` and `archpool search` leave."""

    directory: Path

    def _read(self, name: str) -> Any:
        path = self.directory / name
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ArchpoolError(
                "RESULT_UNREADABLE", f"{path} cannot be read ({error}): fetch the "
                "result again") from error

    @property
    def summary(self) -> Any:
        """What the task came to (summary.json)."""
        return self._read("summary.json")

    @property
    def architecture(self) -> Any:
        """The best network's layers (architecture.json)."""
        return self._read("architecture.json")

    @property
    def weights(self) -> Path:
        """The best network's weights, in safetensors."""
        return self.directory / "weights.safetensors"

    def as_torch_module(self) -> "torch.nn.Module":
        """See :func:`as_torch_module`."""
        return as_torch_module(self.directory)
