# SPDX-License-Identifier: Apache-2.0
"""Makes the messages of the API out of the repository's protos, and takes the
version of the programs. All else is in pyproject.toml."""

import pathlib
import re
import shutil
import subprocess
import sys

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROTOS = ROOT / "proto"
HERE = pathlib.Path(__file__).resolve().parent


def version():
    """The one that CMakeLists.txt gives to every program."""
    text = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    return re.search(r"^project\(archpool VERSION ([\d.]+)", text, re.M).group(1)


def make_messages(target):
    protoc = shutil.which("protoc")
    if protoc is None:
        sys.exit("there is no protoc: install protobuf-compiler")
    subprocess.run(
        [protoc, f"--proto_path={PROTOS}", f"--python_out={target}",
         f"--pyi_out={target}",
         *sorted(str(path) for path in (PROTOS / "archpool/v1").glob("*.proto"))],
        check=True)
    (target / "archpool/v1/__init__.py").write_text(
        '"""The messages of archpool\'s API, as protoc makes them."""\n')
    (target / "archpool/_version.py").write_text(
        f'"""Made with the package."""\n\nVERSION = "{version()}"\n')


class BuildWithMessages(build_py):
    """Writes what is made into the build alone, never beside the sources."""

    def find_package_modules(self, package, package_dir):
        if package == "archpool.v1":
            return []
        return super().find_package_modules(package, package_dir)

    def get_package_dir(self, package):
        # Checked for existence; archpool.v1 has no folder of its own here.
        return super().get_package_dir(
            "archpool" if package == "archpool.v1" else package)

    def find_data_files(self, package, src_dir):
        if package == "archpool.v1":
            return []
        return super().find_data_files(package, src_dir)

    def run(self):
        super().run()
        target = pathlib.Path(self.build_lib)
        (target / "archpool").mkdir(parents=True, exist_ok=True)
        make_messages(target)


if not (PROTOS / "archpool/v1").is_dir():
    sys.exit("the package is built in archpool's repository, whose protos "
             f"({PROTOS}) it needs")

setup(version=version(), cmdclass={"build_py": BuildWithMessages})
