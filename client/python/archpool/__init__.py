# SPDX-License-Identifier: Apache-2.0
"""Client of archpool, the mining pool for neural architectures.

    import archpool

    with archpool.Pool.connect("pool.example.org:7070", "acme.token") as pool:
        task = pool.submit("fashion-mnist.yaml")
        for status in task.watch():
            print(status.state, status.trials_accepted)
        model = task.result("result").as_torch_module()

docs/python.md says more.
"""

from . import dataset
from ._version import VERSION as __version__
from .errors import ArchpoolError
from .pool import Pool
from .result import Result, as_torch_module
from .search import search
from .task import Status, Task, Trial

__all__ = ["ArchpoolError", "Pool", "Result", "Status", "Task", "Trial",
           "__version__", "as_torch_module", "dataset", "search"]
