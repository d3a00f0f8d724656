#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/pictures.md draws the core's rooms as layers.py has them and the states as
docs/protocol.md has them, and names every lock of the server and the worker.

    tests/lint/pictures.py --write    redraws rooms and states
"""

import os
import re
import sys

import layers
import tree as lint_tree

PAGE = "docs/pictures.md"
PROTOCOL = "docs/protocol.md"  # whose tables transitions_test holds
ROOMS = "The rooms of the core"
BLOCK = re.compile(r"^(#+) ([^\n]+)\n((?:(?!^#)[^\n]*\n)*?)```mermaid\n(.*?)^```\n",
                   re.M | re.S)
ROW = re.compile(r"^\| (new|`\w+`) \| `(\w+)` \| (\w+) \| .* \|$")
LOCK = re.compile(r"^\s*(?:mutable )?(?:absl::Mutex|std::mutex) \w+_(?:\s|;)", re.M)
LOCKED = ("server/", "worker/", "verifier/")


def rooms():
    """The stairs: a room may include what its step's arrow leads to."""
    steps = {}
    for folder, row in layers.ROWS.items():
        if folder.startswith(layers.CORE + "/"):
            steps.setdefault(row, []).append(folder.split("/")[-1])
    lines = ["flowchart TD", '  pool["pool, reactions, settle, tick, away"]']
    names = ["pool"]
    for number, row in sorted(enumerate(sorted(steps), 1), reverse=True):
        names.append(f"step{number}")
        lines.append(f'  subgraph {names[-1]}["step {number}"]')
        lines += [f"    {room}" for room in sorted(steps[row])]
        lines.append("  end")
    lines.append("  " + " --> ".join(names))
    return "\n".join(lines) + "\n"


def states_of(tree):
    """{'A task': picture}, from the tables of the protocol."""
    tables, title = {}, None
    for line in tree.lines(PROTOCOL) if PROTOCOL in tree.files else ():
        if line.startswith("#"):
            title = line.lstrip("# ")
        match = ROW.match(line)
        if match:
            tables.setdefault(title, []).append(match.groups())
    return {title: picture_of(steps) for title, steps in tables.items()}


def picture_of(steps):
    causes = {}
    for before, after, cause in steps:
        before = "[*]" if before == "new" else before.strip("`")
        causes.setdefault((before, after), []).append(cause)
    lines = ["stateDiagram-v2"]
    lines += [f"  {before} --> {after}: {', '.join(by)}"
              for (before, after), by in causes.items()]
    left = {before for before, _ in causes}
    ends = dict.fromkeys(after for _, after in causes if after not in left)
    lines += [f"  {end} --> [*]" for end in ends]
    return "\n".join(lines) + "\n"


def wanted(tree):
    return {ROOMS: rooms(), **states_of(tree)}


def unnamed_locks(tree):
    page = tree.files[PAGE]
    for path in tree.paths(".h", ".cc"):
        stem = os.path.splitext(path)[0]
        if (path.startswith(LOCKED) and not path.endswith("_test.cc")
                and LOCK.search(tree.files[path]) and f"`{stem}`" not in page):
            yield f"{path}:1: its lock is not in {PAGE}: say which threads take it"


def check(tree):
    if PAGE not in tree.files:
        return []
    findings = []
    drawn = {m.group(2): m.group(4) for m in BLOCK.finditer(tree.files[PAGE])}
    for title, picture in wanted(tree).items():
        if title not in drawn:
            findings.append(f"{PAGE}:1: no picture under '{title}'")
        elif drawn[title] != picture:
            findings.append(f"{PAGE}:1: the picture under '{title}' is not what "
                            "there is (tests/lint/pictures.py --write draws it)")
    return findings + list(unnamed_locks(tree))


def write():
    tree = lint_tree.load_repository()
    pictures = wanted(tree)

    def redrawn(match):
        begin, end = (place - match.start() for place in match.span(4))
        picture = pictures.get(match.group(2), match.group(4))
        return match.group(0)[:begin] + picture + match.group(0)[end:]

    text = BLOCK.sub(redrawn, tree.files[PAGE])
    with open(os.path.join(lint_tree.REPOSITORY, PAGE), "w",
              encoding="utf-8") as stream:
        stream.write(text)


def _page(picture, rest=""):
    return (f"## {ROOMS}\n\n```mermaid\n{rooms()}```\n\n### A task\n\n"
            f"```mermaid\n{picture}```\n{rest}")


_PROTOCOL = ("### A task\n\n| From | To | By | Why |\n|---|---|---|---|\n"
             "| new | `active` | client | submitted |\n"
             "| `active` | `failed` | client | cancelled |\n"
             "| `active` | `failed` | pool | over |\n")
_PICTURE = ("stateDiagram-v2\n  [*] --> active: client\n"
            "  active --> failed: client, pool\n  failed --> [*]\n")
BAD = (
    ("under 'A task' is not", {PROTOCOL: _PROTOCOL, PAGE: _page("stateDiagram-v2\n")}),
    ("no picture under 'A task'", {PROTOCOL: _PROTOCOL, PAGE: "# Pictures\n"}),
    (f"no picture under '{ROOMS}'", {PAGE: "# Pictures\n"}),
    ("its lock is not in", {PAGE: _page(_PICTURE),
                            "server/a.h": "  absl::Mutex mutex_;\n"}),
    ("its lock is not in", {PAGE: _page(_PICTURE),
                            "worker/agent/a.cc": "  mutable std::mutex own_ X;\n"}),
)
GOOD = {
    PROTOCOL: _PROTOCOL,
    PAGE: _page(_PICTURE, "Locked: `server/a`.\n"),
    "server/a.h": "  absl::Mutex mutex_;\n",
    "server/b.cc": "void F(absl::Mutex& mutex);\n",
    "common/c.h": "  absl::Mutex mutex_;\n",
}

if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        write()
    else:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
