# SPDX-License-Identifier: Apache-2.0
"""Files and functions that fit into a reader's head."""

import re

# Suffix: (lines worth a remark, lines that fail).
LIMITS = {".cc": (400, 500), ".h": (200, 250), ".proto": (500, 500),
          ".py": (400, 500), ".sh": (300, 400), ".sql": (400, 500)}
# By a test that compares it: as long as what it shows.
GENERATED = ("migrations/schema.sql",)
FUNCTION_LINES_MAX = 70
TEST_LINES_MAX = 120  # a test's table of cases is read line by line

CONTAINER = re.compile(
    r"^(?:\s*(?:inline|export|template\s*<.*>)\s*)*"
    r"(namespace|class|struct|union|enum|extern)\b", re.S)
RAW_STRING = re.compile(r'R"(\w*)\((.*?)\)\1"', re.S)
# Longest first: a quote inside a comment is no string, and the other way round.
NOISE = re.compile(
    r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\""
    r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'", re.S)
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.M)


def blank(match):
    """Keeps the line breaks: what remains must keep its line numbers."""
    return re.sub(r"[^\n]", " ", match.group(0))


def plain_code(text):
    text = RAW_STRING.sub(blank, text)
    text = NOISE.sub(blank, text)
    return DIRECTIVE.sub(blank, text)


def functions(text):
    """Yields (line of the head, number of lines) of each function."""
    code = plain_code(text)
    inside = []  # of each open brace: "container", "other" or a start line
    head_start, line = 0, 1
    depth = 0  # of parentheses: a lambda passed as an argument is no function
    for position, char in enumerate(code):
        if char == "\n":
            line += 1
        elif char in "()":
            depth += 1 if char == "(" else -1
        elif char == ";" and depth == 0:
            head_start = position + 1
        elif char == "{":
            head = code[head_start:position].strip()
            at_container = all(i == "container" for i in inside)
            if at_container and CONTAINER.match(head):
                inside.append("container")
            elif at_container and "(" in head and depth == 0:
                inside.append(line - head.count("\n"))
            else:
                inside.append("other")
            head_start = position + 1
        elif char == "}" and inside:
            start = inside.pop()
            if isinstance(start, int):
                yield start, line - start + 1
            head_start = position + 1


def check(tree):
    findings = []
    for suffix, (remark, limit) in LIMITS.items():
        for path in tree.paths(suffix):
            if path in GENERATED:
                continue
            count = tree.files[path].count("\n")
            if count > limit:
                findings.append(f"{path}:1: {count} lines, at most {limit}: "
                                "split it by what it is about")
            elif count > remark:
                print(f"{path}:1: remark: {count} lines, better {remark}")
    for path in tree.paths(".cc", ".h"):
        limit = TEST_LINES_MAX if path.endswith(
            "_test.cc") else FUNCTION_LINES_MAX
        for start, count in functions(tree.files[path]):
            if count > limit:
                findings.append(f"{path}:{start}: a function of {count} "
                                f"lines, at most {limit}")
    return findings


def _long_function(head, calls=69):
    return head + " {\n" + "  Call();\n" * calls + "}\n"


BAD = (
    ("501 lines", {"a.cc": "int x;\n" * 501}),
    ("251 lines", {"a.h": "int x;\n" * 251}),
    ("a.cc:2: a function of 71 lines",
     {"a.cc": "\n" + _long_function("void Long()")}),
    ("a function of 72 lines",
     {"a.cc": "namespace a {\nclass B {\n" +
              _long_function("  int Long(\n    int x) const") + "};\n}\n"}),
    ("a function of 121 lines",
     {"a_test.cc": 'const char* kText = R"({{)";\nchar c = \'{\'; // {\n' +
                   _long_function("TEST(A, B)", 119)}),
)
GOOD = {
    "a.cc": "namespace a {\n" + "void F() {\n  G([] { H(); });\n}\n" * 100 +
            "}\n",
    "b.cc": "constexpr int kTable[] = {\n" + "  1,\n" * 200 + "};\n",
    "c.h": "struct A {\n" + "  int x = 1'000'000;\n" * 100 + "};\n",
}
