# SPDX-License-Identifier: Apache-2.0
"""C++ and protos are as clang-format leaves them."""

import re
import subprocess

import external

# Versions differ in details; this is Debian 12's.
VERSION = "14"
STYLE = {".clang-format": "BasedOnStyle: Google\nStandard: c++20\n"}


def skip_reason():
    reason = external.missing("clang-format")
    if reason:
        return reason
    answer = subprocess.run(["clang-format", "--version"], text=True,
                            capture_output=True, check=True).stdout
    version = re.search(r"version (\d+)", answer).group(1)
    if version == VERSION:
        return None
    return f"clang-format is version {version}, the style is {VERSION}'s"


def check(tree):
    lines = external.findings_of(
        tree, tree.paths(".cc", ".h", ".proto"),
        ["clang-format", "--dry-run", "--Werror"])
    places = [line.split(": error:")[0] for line in lines if " error: " in line]
    first = {place.split(":")[0]: place for place in reversed(places)}
    return [f"{place}: run clang-format -i on it"
            for place in sorted(first.values())] or lines


BAD = (("a.cc:1", {"a.cc": "int  x ;\n", **STYLE}),
       ("a.proto:1", {"a.proto": "message  A {}\n", **STYLE}))
GOOD = {"a.cc": "int x;\n", "b.h": "void F(int x);\n", **STYLE}
