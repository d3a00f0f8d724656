# SPDX-License-Identifier: Apache-2.0
"""Architecture decisions have the form that the first of them decided, and
docs/adr/README.md lists each of them."""

import re

FOLDER = "docs/adr/"
INDEX = FOLDER + "README.md"
NAME = re.compile(r"docs/adr/(\d{4})-[a-z0-9-]+\.md$")
HEAD = re.compile(r"# (?P<number>\d{4}): [A-Z][^\n]*[^.\n]\n\n"
                  r"- Status: (?:proposed|accepted|superseded)\b[^\n]*\n(?:  [^\n]*\n)*"
                  r"- Date: \d{4}-\d{2}-\d{2}\n\n## Context\n")
SECTIONS = ["Context", "Decision", "Alternatives", "Consequences"]


def check(tree):
    findings = []
    index = tree.files.get(INDEX, "")
    numbers = set()
    for path in tree.paths(".md"):
        named = NAME.match(path)
        if not named:
            continue
        number = named.group(1)
        text = tree.files[path]
        head = HEAD.match(text)
        if not head:
            findings.append(f"{path}:1: must begin as docs/adr/template.md: title, "
                            "status, date, context")
        elif head["number"] != number:
            findings.append(f"{path}:1: calls itself {head['number']}")
        if re.findall(r"^## (.*)$", text, re.M) != SECTIONS:
            findings.append(f"{path}:1: its sections must be {', '.join(SECTIONS)}")
        if number in numbers:
            findings.append(f"{path}:1: there are two of {number}")
        numbers.add(number)
        if f"| [{number}]({path[len(FOLDER):]}) |" not in index:
            findings.append(f"{path}:1: {INDEX} does not list it")
    return findings


_TEXT = ("# 0001: Do it\n\n- Status: accepted; amended by\n  0002\n- Date: 2026-01-31\n\n"
         + "".join(f"## {section}\n\nWords.\n\n" for section in SECTIONS))
_INDEX = "| [0001](0001-do-it.md) | Do it | accepted |\n"


def _sample(text, index=_INDEX):
    return {"docs/adr/0001-do-it.md": text, INDEX: index}


BAD = (
    ("must begin as", _sample(_TEXT.replace("0001:", "1."))),
    ("must begin as", _sample(_TEXT.replace("- Date: 2026-01-31\n", ""))),
    ("must begin as", _sample(_TEXT.replace("accepted", "fine"))),
    ("calls itself 0002", _sample(_TEXT.replace("0001:", "0002:"))),
    ("its sections must be", _sample(_TEXT.replace("## Alternatives\n", ""))),
    ("does not list it", _sample(_TEXT, "")),
    ("there are two", {**_sample(_TEXT), "docs/adr/0001-again.md": _TEXT}),
)
GOOD = _sample(_TEXT)
