"""Every source file is built, and every test program is run by CTest."""

import os
import re


def commands(text, name):
    """The arguments of each call of the CMake function `name`."""
    text = re.sub(r"#[^\n]*", "", text)
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
    for path in tree.paths(".cc"):
        cmake = owner(tree, path)
        if cmake is None:
            findings.append(f"{path}:1: no CMakeLists.txt above it")
            continue
        text = tree.files[cmake]
        relative = os.path.relpath(path, os.path.dirname(cmake) or ".")
        if not re.search(rf"(?<![\w/.-]){re.escape(relative)}(?![\w.-])", text):
            findings.append(f"{path}:1: {cmake} does not build it")
        elif path.endswith("_test.cc") and not any(
                relative in arguments
                for arguments in commands(text, "archpool_test")):
            findings.append(f"{path}:1: no archpool_test in {cmake} names it")
    for path in tree.files:
        if path.endswith("CMakeLists.txt") and re.search(
                r"file\(\s*GLOB", tree.files[path]):
            findings.append(f"{path}:1: globbed sources: a new file would not "
                            "be seen")
    return findings


BAD = (
    ("does not build it", {"a/x.cc": "", "a/CMakeLists.txt":
                           "archpool_library(NAME a SRCS yx.cc x.cc.in)\n"}),
    ("no archpool_test", {"a/x_test.cc": "", "a/CMakeLists.txt":
                          "add_executable(x_test x_test.cc)\n"}),
    ("no CMakeLists.txt", {"a/x.cc": ""}),
    ("globbed", {"a/CMakeLists.txt": "file(GLOB SOURCES *.cc)\n"}),
)
GOOD = {
    "CMakeLists.txt": "",
    "a/CMakeLists.txt": "archpool_library(NAME a SRCS x.cc sub/y.cc)\n"
                        "archpool_test(NAME x_test\n  SRCS x_test.cc)\n",
    "a/x.cc": "", "a/sub/y.cc": "", "a/x_test.cc": "",
}
