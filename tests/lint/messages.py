# SPDX-License-Identifier: Apache-2.0
"""Error messages have one style: they begin in lower case and end without a full
stop, because a printer puts the program before them and the reason behind."""

import re

MAKERS = re.compile(
    r"\b(?:InvalidArgument|NotFound|FailedPrecondition|Unavailable|Internal|"
    r"ResourceExhausted|OutOfRange|AlreadyExists|PermissionDenied|Unauthenticated|"
    r"DeadlineExceeded|Aborted|DataLoss|MakeError)\(\s*"
    r"(?:absl::StatusCode::\w+,\s*)?(?:\"[A-Z0-9_]+\"|reason|k[A-Z]\w+),\s*")
LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"')
FIRST = re.compile(r'\s*(?:absl::Str(?:Cat|Format)\()?\s*"([A-Z][A-Za-z]*)')
NAMES = ("PostgreSQL", "LibTorch", "SHA", "GET", "NAME", "KEY")


def argument_at(text, begin):
    """The text from `begin` to the bracket that closes the call; brackets inside
    of literals do not count."""
    depth, at = 1, begin
    while at < len(text) and depth:
        if text[at] == '"':
            match = LITERAL.match(text, at)
            at = match.end() if match else at + 1
            continue
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        at += 1
    return text[begin:at - 1]


def check(tree):
    findings = []
    for path in tree.paths(".cc", ".h"):
        if path.startswith("tests/") or path.endswith("_test.cc"):
            continue
        text = tree.files[path]
        for match in MAKERS.finditer(text):
            argument = argument_at(text, match.end())
            line = text.count("\n", 0, match.start()) + 1
            first = FIRST.match(argument)
            if first and first.group(1) not in NAMES:
                findings.append(f"{path}:{line}: '{first.group(1)}': a message "
                                "begins in lower case")
            literals = LITERAL.findall(argument)
            if literals and re.search(r"(?<!\.)\.$", literals[-1]):
                findings.append(f"{path}:{line}: '{literals[-1][-20:]}': a message "
                                "ends without a full stop")
    return findings


BAD = (
    ("lower case", {"a.cc": 'return NotFound("TASK_UNKNOWN", "There is no task");\n'}),
    ("lower case", {"a.cc": 'return InvalidArgument(\n    reason, absl::StrCat("Field ",'
                            ' name, " is empty"));\n'}),
    ("full stop", {"a.h": 'return Internal("X",\n   absl::StrCat("(a) is ", b, "."));\n'}),
    ("full stop", {"a.cc": 'return MakeError(absl::StatusCode::kAborted, "X", "it '
                           'ended.");\n'}),
)
GOOD = {
    "a.cc": 'return Unavailable("STORE_UNREACHABLE", "PostgreSQL is away");\n'
            'return NotFound("NONE", absl::StrCat(id, " is (not) there: see ..."));\n',
    "a_test.cc": 'const auto status = NotFound("NONE", "None.");\n',
}
