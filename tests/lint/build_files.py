# SPDX-License-Identifier: Apache-2.0
"""Every source file is built, and every test program is run by CTest."""

import os
import re


def expand(text):
    """`text` without comments, its loops over written-out lists unrolled."""
    text = re.sub(r"#[^\n]*", "", text)
    lists = {m.group(1): m.group(2).split()
             for m in re.finditer(r"\bset\((\w+)\s+([^()]*)\)", text)}

    def unroll(match):
        name, *items = match.group(1).split()
        if items[:2] == ["IN", "LISTS"]:
            items = [i for n in items[2:] for i in lists.get(n, [])]
        elif items[:2] == ["IN", "ITEMS"]:
            items = items[2:]
        items = [i for item in items for i in
                 (lists.get(item[2:-1], []) if item.startswith("${")
                  else [item])]
        return "\n".join(match.group(2).replace("${%s}" % name, item)
                         for item in items)

    return re.sub(r"\bforeach\(([^()]*)\)(.*?)\bendforeach\([^()]*\)",
                  unroll, text, flags=re.S)


def commands(text, name):
    """The arguments of each call of the CMake function `name`."""
    return [m.group(1).split()
            for m in re.finditer(rf"\b{name}\(([^()]*)\)", text)]


def owner(tree, path):
    """The nearest CMakeLists.txt at or above the file's folder."""
    folder = os.path.dirname(path)
    while True:
        candidate = os.path.join(folder, "CMakeLists.txt")
        if candidate in tree.files:
            return candidate
        if not folder:
            return None
        folder = os.path.dirname(folder)


def check(tree):
    findings = []
    rules = "".join(tree.files[p] for p in tree.paths(".cmake"))
    for path in tree.paths(".cc"):
        if f"${{PROJECT_SOURCE_DIR}}/{path}" in rules:
            continue
        cmake = owner(tree, path)
        if cmake is None:
            findings.append(f"{path}:1: no CMakeLists.txt above it")
            continue
        text = expand(tree.files[cmake])
        relative = os.path.relpath(path, os.path.dirname(cmake) or ".")
        if not re.search(rf"(?<![\w/.-]){re.escape(relative)}(?![\w.-])", text):
            findings.append(f"{path}:1: {cmake} does not build it")
        elif path.endswith("_test.cc") and not any(
                relative in arguments
                for arguments in commands(text, "archpool_test")):
            findings.append(f"{path}:1: no archpool_test in {cmake} names it")
    for path in tree.files:
        if path.endswith("CMakeLists.txt") and re.search(
                r"file\(\s*GLOB[^()]*\.(cc|h)\b", tree.files[path]):
            findings.append(f"{path}:1: globbed sources: a new file would not "
                            "be seen")
    return findings


BAD = (
    ("does not build it", {"a/x.cc": "", "a/CMakeLists.txt":
                           "archpool_library(NAME a SRCS yx.cc x.cc.in)\n"}),
    ("does not build it", {"a/z_test.cc": "", "a/CMakeLists.txt":
                           "foreach(t x y)\n  archpool_test(NAME ${t}_test "
                           "SRCS ${t}_test.cc)\nendforeach()\n"}),
    ("no archpool_test", {"a/x_test.cc": "", "a/CMakeLists.txt":
                          "add_executable(x_test x_test.cc)\n"}),
    ("no CMakeLists.txt", {"a/x.cc": ""}),
    ("globbed", {"a/CMakeLists.txt": "file(GLOB SOURCES *.cc)\n"}),
)
GOOD = {
    "CMakeLists.txt": "",
    "cmake/Rules.cmake": "target_sources(a ${PROJECT_SOURCE_DIR}/b/main.cc)\n",
    "b/main.cc": "",
    "a/CMakeLists.txt": "archpool_library(NAME a SRCS x.cc sub/y.cc)\n"
                        "archpool_test(NAME x_test\n  SRCS x_test.cc)\n"
                        "set(all v w)\nforeach(t ${all})\n"
                        "archpool_test(NAME ${t}_test SRCS ${t}_test.cc)\n"
                        "endforeach()\n",
    "a/x.cc": "", "a/sub/y.cc": "", "a/x_test.cc": "",
    "a/v_test.cc": "", "a/w_test.cc": "",
}
