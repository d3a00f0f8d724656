# SPDX-License-Identifier: Apache-2.0
"""Documents, comments, helps, logs and errors are in whole, plain sentences: the
patterns over which a tired reader stumbles are kept out. Of code, tests are left
alone, and so are the protos, whose comments another lint reads."""

import re

from docs import without_fences

HISTORY = ("CHANGELOG.md",)  # what was published stays as it was
CODE = re.compile(r"`[^`]*`|\]\([^)]*\)|<!--.*?-->", re.S)
WORDS = (
    (r"for ever", "for good, endlessly, at every time"),
    (r"whoever|whomever", "name them: a miner that ..., people who ..."),
    (r"so many(?! [\w ]*\bthat)", "this many"),
    (r"(?:is|are|was|were|be|been) looked (?:at|through|after)",
     "examined, checked, audited"),
    (r"what (?:becomes|became|will become) of", "what happens to, how it ended"),
    (r"mend(?:s|ed|ing)?", "fix"),
    (r"truths", "booleans"),
    (r"at (?:its|their) word", "provisionally, without a check"),
    (r"for the time being", "provisionally, until then"),
    (r"(?:is|are|was|were) not to be \w+ed", "cannot be"),
    (r"the poorer|the richer", "loses, gains"),
    (r"he|him|his|himself|she|her|hers|herself", "they, its"),
    (r"dear(?:er|est)?", "expensive"),
    (r"anew", "again"),
    (r"(?:go|goes|went|gone|going) on", "continue"),
    (r"all the same", "anyway"),
    (r"(?:lay|lays|laid|laying) (?:\w+ ){0,2}open", "reveal"),
    (r"behind (?:its|their) backs?", "afterwards"),
    (r"has not (?:what|a|the)", "lacks, has no"),
    (r"to be (?:sure|certain) of it", "to verify it"),
)
PATTERNS = [(re.compile(rf"\b(?:{words})\b", re.I), better)
            for words, better in WORDS]
# "What is not drawn is accepted." A title or a question may begin so.
RELATIVE = re.compile(r"(?:(?<=[.;] )|(?<=\n\n)|\A)(What|Whatever) (?!if\b)[^.?!|:\n]*"
                      r"(?:\n[^.?!|:\n]+)*\.(?=\s)")
# "// Of a primary: ..." leaves out what the field or the function is.
FRAGMENT = re.compile(r"\s*// (Of|Whose|By whom|To whom|For whom|From whom) ")
# The first "//" that is not inside a literal.
COMMENT = re.compile(r'(?<![:"/])//(?=(?:[^"]*"[^"]*")*[^"]*$)')
LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"')
NOT_CODE = "tests/"
NAMES = ("He",)  # of a paper and its initialisation
NOT_PROSE = re.compile(r"^(?:#|\||    |```|-+$).*$", re.M)


def blank(match):
    return re.sub(r"[^\n]", " ", match.group(0))


def prose_of(text):
    """The text with everything blanked that is no prose; lines keep their numbers."""
    return CODE.sub(lambda match: re.sub(r"[^\n]", "x", match.group(0)),
                    without_fences(text))


def said_by(line):
    """What a line of C++ says to people: its literals and its comment."""
    code, _, comment = COMMENT.sub("\0", line, count=1).partition("\0")
    return " | ".join(LITERAL.findall(code) + [comment])


def check_code(tree):
    findings = []
    for path in tree.paths(".cc", ".h"):
        if path.startswith(NOT_CODE) or path.endswith("_test.cc"):
            continue
        before = ""
        for number, line in enumerate(tree.lines(path), 1):
            match = FRAGMENT.match(line)
            if match and not before.lstrip().startswith("//"):
                findings.append((path, number, f"a comment begins with "
                                 f"'{match.group(1)}': name what it is"))
            before = line
    for path in tree.paths(".cc", ".h", ".inc"):
        if path.startswith(NOT_CODE) or path.endswith("_test.cc"):
            continue
        for number, line in enumerate(tree.lines(path), 1):
            said = said_by(line)
            for pattern, better in PATTERNS:
                for match in pattern.finditer(said):
                    if match.group(0) not in NAMES:
                        findings.append((path, number,
                                         f"'{match.group(0)}': {better}"))
    return findings


def check(tree):
    findings = check_code(tree)
    for path in tree.paths(".md"):
        if path in HISTORY:
            continue
        text = prose_of(tree.files[path])
        for pattern, better in PATTERNS:
            for match in pattern.finditer(text):
                findings.append((path, text.count("\n", 0, match.start()) + 1,
                                 f"'{match.group(0)}': {better}"))
        for match in RELATIVE.finditer(NOT_PROSE.sub(blank, text)):
            findings.append((path, text.count("\n", 0, match.start()) + 1,
                             f"a sentence begins with '{match.group(1)}': name its "
                             "subject"))
    return [f"{path}:{line}: {what}" for path, line, what in sorted(set(findings))]


BAD = (
    ("'for ever': ", {"a.md": "It then asks for ever.\n"}),
    ("'Whoever': ", {"docs/a.md": "Whoever asks is told.\n"}),
    ("'so many': ", {"a.md": "At most so many.\n"}),
    ("'is looked at': ", {"a.md": "A trial is looked at again.\n"}),
    ("'what became of': ", {"a.md": "It says what became of it.\n"}),
    ("'mended': ", {"a.md": "This was mended.\n"}),
    ("'truths': ", {"a.md": "| x | truths as 0 or 1 |\n"}),
    ("'at its word': ", {"a.md": "It is accepted at its word.\n"}),
    ("'is not to be reached': ", {"a.md": "The database is not to be reached.\n"}),
    ("'his': ", {"a.md": "A client plants a fake in a task of his own.\n"}),
    ("'goes on': ", {"a.md": "The search goes on.\n"}),
    ("'lays one segment open': ", {"a.md": "It lays one segment open.\n"}),
    ("'has not what': ", {"a.md": "It has not what it needs.\n"}),
    ("a.md:3: a sentence begins with 'What'", {
        "a.md": "# A\n\nWhat wins\nis replayed whole. More.\n"}),
    ("a.h:2: 'whoever': ", {"a.h": "// A.\n// Is for whoever asks.\n"}),
    ("a.h:2: a comment begins with 'Of'", {"a.h": "int x;\n// Of a task.\n"}),
    ("a.cc:1: 'goes on': ", {"a.cc": "int x;  // it goes on\n"}),
    ("a.cc:2: 'so many': ", {"a.cc": 'Add("--limit",\n    "At most so many");\n'}),
    ("begins with 'Whatever'", {"a.md": "Good. Whatever does not is named.\n"}),
)
GOOD = {
    "CHANGELOG.md": "It goes on for ever.\n",
    "a.cc": "int she = 1;  // He et al., https://example.org/x\n",
    "a.h": "// The share\n// Of a task.\n",
    "a_test.cc": "// Whoever asks.\n",
    "a.md": "# What is checked\n\n| What | Whom |\n\nWhat does it cost? So many files "
            "exist that `for ever` is short.\n\n```\nfor ever\n```\n"
            "What can be done: nothing. Somebody says what they want.\n",
}
