# SPDX-License-Identifier: Apache-2.0
"""A machine in trouble, for one program: a test sets its system's clock and fills
its disk while it runs. What the program loads is troubled_machine.c."""

import os
import struct
import tempfile


class TroubledMachine:
    def __init__(self, programs, full_disk_files=""):
        """`programs`: the build's bin/. `full_disk_files`: a pattern of the files
        that a full disk takes no bytes for; bash's, over whole paths."""
        self.file = tempfile.NamedTemporaryFile(prefix="archpool-trouble-")
        self._steer(0, 0)
        library = programs / "archpool_troubled_machine.so"
        self.env = {"LD_PRELOAD": str(library.resolve()),
                    "TROUBLE_FILE": self.file.name,
                    "FULL_DISK_FILES": full_disk_files}

    def close(self):
        self.file.close()

    def set_clock(self, skew_s):
        """To as much beside the truth, however it was set before."""
        self._steer(0, skew_s)

    def fill_disk(self, is_full):
        self._steer(8, is_full)

    def _steer(self, offset, value):
        os.pwrite(self.file.fileno(), struct.pack("=q", value), offset)
