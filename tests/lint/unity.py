# SPDX-License-Identifier: Apache-2.0
"""Files that are compiled together share no private name with another's text.

Within one translation unit, a name in one file's unnamed namespace hides the
same name of `namespace archpool` in all that follows: another file would
compile, and mean something else. Functions that take a type of archpool's are
exempt: those are found by their arguments as well.
"""

import os
import re

from build_files import commands, expand

TOGETHER = "archpool_library", "archpool_program"
KEYWORDS = {"NAME", "COMPONENT", "SRCS", "DEPS", "PRIVATE_DEPS", "HEADERS",
            "ALONE", "UNITY"}
UNNAMED = re.compile(r"^namespace \{\n(.*?)^\}  // namespace$", re.M | re.S)
TYPE = re.compile(r"^(?:struct|class|enum class|enum) (\w+)", re.M)
ALIAS = re.compile(r"^using (\w+) = ([^;]*);", re.M)
VARIABLE = re.compile(r"^(?:inline |static )?(?:constexpr|const|thread_local)\b"
                      r"[^;{}()]*?\b(\w+)(?:\[\w*\])?(?: =|\{|;)", re.M)
FUNCTION = re.compile(r"^(?!return\b|using\b|namespace\b)[A-Za-z][\w:<>,&* ]*?"
                      r"[\s&*](\w+)\(([^()]*)\)", re.M)


def without_comments(text):
    text = re.sub(r"//[^\n]*", "", text)
    return re.sub(r'"(?:[^"\\\n]|\\.)*"', '""', text)


def is_found_by_arguments(parameters):
    rest = re.sub(r"\b(?:std|absl|pqxx|grpc)::\w+", "", parameters)
    return re.search(r"\b[A-Z]\w*[a-z]", rest) is not None


def private_names(text):
    """What the file declares in its unnamed namespaces, and may hide."""
    names = set()
    for block in UNNAMED.findall(text):
        block = without_comments(block)
        names.update(TYPE.findall(block))
        names.update(VARIABLE.findall(block))
        names.update(name for name, of in ALIAS.findall(block)
                     if of.split("::")[-1] != name)
        names.update(name for name, parameters in FUNCTION.findall(block)
                     if not is_found_by_arguments(parameters))
    return names


def groups(tree):
    """The files of each library that are compiled together."""
    for path in tree.paths("CMakeLists.txt"):
        text = expand(tree.files[path])
        folder = os.path.dirname(path)
        added = {words[0] for words in commands(text, "archpool_unity")}
        for command in TOGETHER:
            for words in commands(text, command):
                parts, at = {}, None
                for word in words:
                    if word in KEYWORDS:
                        at = parts.setdefault(word, [])
                    elif at is not None:
                        at.append(word)
                name = parts.get("NAME", [""])[0]
                if "UNITY" not in parts and name not in added:
                    continue
                alone = set(parts.get("ALONE", ()))
                yield [os.path.join(folder, source)
                       for source in parts.get("SRCS", ())
                       if source not in alone]


def public_functions(tree):
    """Functions that a header declares outside classes."""
    return {name for path in tree.paths(".h")
            for name, _ in FUNCTION.findall(without_comments(tree.files[path]))}


def check(tree):
    findings = []
    public = public_functions(tree)
    for files in groups(tree):
        bare = {f: without_comments(tree.files[f])
                for f in files if f in tree.files}
        private = {f: private_names(tree.files[f]) for f in bare}
        for path, names in private.items():
            functions = {n for n, _ in FUNCTION.findall(bare[path])}
            for name in sorted(names):
                if name in functions and name not in public:
                    continue  # others that call it mean a member
                said = re.compile(rf"(?<![\w.:>]){name}\b")
                for other, body in bare.items():
                    # Two of the same kind do not compile.
                    if name in private[other] or not said.search(body):
                        continue
                    if re.search(rf"^  (?:struct|class) {name}\b", body, re.M):
                        continue  # its own, within a class
                    findings.append(
                        f"{path}:1: its private {name} hides what {other} "
                        "calls so, and both are compiled together: rename it, "
                        "or put one of them under ALONE")
    return findings


def _library(alone, a, b):
    return {"a/CMakeLists.txt":
            f"archpool_library(NAME a UNITY\n  SRCS a.cc b.cc\n  {alone}\n"
            "  DEPS x)\n",
            "a/a.cc": f"namespace archpool {{\nnamespace {{\n{a}\n"
                      "}  // namespace\n}  // namespace archpool\n",
            "a/a.h": "int Of(int x);\nint Whole(const Task& of);\n",
            "a/b.cc": b}


BAD = (
    ("kBig hides", _library("", "constexpr int64_t kBig = 3;",
                            "int x = kBig;\n")),
    ("Of hides", _library("", "std::vector<int> Of(int x) {\n}",
                          "int x = Of(2);\n")),
    ("Kind hides", _library("", "struct Kind {\n};", "Kind kind;\n")),
)
GOOD = _library("", "constexpr int kBig = 3;  // no kSmall\nint Mine(int x);\n"
                "int Whole(const Task& of) {\n}\nusing Align = Table::Align;\n"
                "struct Kind {\n  int Shape();\n};",
                "// kBig\nAlign align = Whole(task);\n"
                "int x = Limits::kBig + a.Of(kSmall) + Shape() + Mine(2);\n")
GOOD.update({"c/CMakeLists.txt":
             "archpool_library(NAME c UNITY SRCS d.cc e.cc ALONE e.cc)\n",
             "c/d.cc": "namespace {\nconstexpr int kBig = 3;\n"
                       "}  // namespace\n",
             "c/e.cc": "int x = kBig;\n"})
