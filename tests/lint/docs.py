# SPDX-License-Identifier: Apache-2.0
"""Links resolve, and the commands that documents name exist, with their flags; so
do all files, types, functions and tests that a how-to names.
"""

import os
import re

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)"
                  r"|!\[[^\]]*\]\(([^)\s]+)\)")
SCRIPT = re.compile(r"(?<![\w./-])(?:\./)?((?:deploy|tests|\.ci)/[\w./-]*\w)")
PROGRAM = re.compile(r"build/[\w-]+/bin/([\w-]+)")
PRESET = re.compile(r"--preset[ =]([\w-]+)")
# A command up to the end of its code span or line, and where its flags are
# written out.
COMMAND = re.compile(r"(?<![\w-])(archpool(?:-server|-worker|-verifier|-sim)?)"
                     r"( [^`|\n]*)")
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]+")
FLAGS_OF = {"archpool": "client/", "archpool-server": "server/",
            "archpool-worker": "worker/", "archpool-verifier": "verifier/",
            "archpool-sim": "simulator/"}
EVERYWHERE = {"--help", "--version"}

HOW_TO = "docs/how-to/"
FILE = re.compile(r"`((?:[\w.-]+/)+[\w-]+\.\w+)`")
PLACEHOLDER = "NAME"  # in the name of a file that is to be made
# A type, function, constant, reason or test: no word that prose would write so.
SYMBOL = re.compile(r"`((?:\w+(?:::|\.))*"
                    r"(?:[A-Z]\w*[A-Za-z]\w*|k[A-Z]\w+|\w+_test|lint_\w+))`")
WORD = re.compile(r"\w+")
CODE = (".cc", ".h", ".inc", ".proto", ".py", ".sql", ".cmake", "CMakeLists.txt")


def without_fences(text):
    """Blanks code blocks, keeping the lines."""
    return re.sub(r"^```.*?^```", lambda m: re.sub(r"[^\n]", "", m.group(0)),
                  text, flags=re.M | re.S)


def anchors(text):
    """The anchors that GitHub makes of headings."""
    found = set()
    for heading in re.findall(r"^#+ +(.*)$", without_fences(text), re.M):
        plain = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        anchor = re.sub(r"[^\w\- ]", "", plain.strip().lower())
        anchor = anchor.replace(" ", "-")
        count = 1
        while anchor in found:
            anchor = re.sub(r"-\d+$", "", anchor) + f"-{count}"
            count += 1
        found.add(anchor)
    return found


def check_link(tree, path, target):
    if re.match(r"[a-z]+:", target):
        return None
    name, _, anchor = target.partition("#")
    linked = path if not name else os.path.normpath(
        os.path.join(os.path.dirname(path), name))
    if not tree.exists(linked):
        return f"the link {target} leads nowhere"
    if anchor and linked.endswith(".md") and anchor not in anchors(
            tree.files[linked]):
        return f"{linked} has no heading #{anchor}"
    return None


def check_glossary(tree, path="docs/glossary.md"):
    """One entry a word, in alphabetical order."""
    findings, before = [], ""
    for number, line in enumerate(tree.lines(path) if path in tree.files
                                  else (), 1):
        match = re.match(r"\*\*([^*]+)\.\*\* ", line)
        if not match:
            continue
        word = match.group(1).lower()
        if word == before:
            findings.append(f"{path}:{number}: '{word}' has two entries")
        elif word < before:
            findings.append(f"{path}:{number}: '{word}' stands after "
                            f"'{before}'")
        before = word
    return findings


def words_of_code(tree):
    """Every identifier of the code, and the names of its tests."""
    words = {f"lint_{os.path.splitext(os.path.basename(p))[0]}"
             for p in tree.files if p.startswith("tests/lint/")}
    for path in tree.paths(*CODE):
        words.update(WORD.findall(tree.files[path]))
        words.add(os.path.splitext(os.path.basename(path))[0])
    return words


def check_how_to(tree, path, number, line, words):
    problems = [f"there is no {name}" for name in FILE.findall(line)
                if PLACEHOLDER not in name and not tree.exists(name)]
    for name in SYMBOL.findall(line):
        if PLACEHOLDER not in name and not words.issuperset(WORD.findall(name)):
            problems.append(f"no code has the name {name}")
    return [f"{path}:{number}: {problem}" for problem in problems]


def check_how_tos(tree):
    pages = [p for p in tree.paths(".md") if p.startswith(HOW_TO)]
    if not pages:
        return []
    findings, words = [], words_of_code(tree)
    for path in pages:
        for number, line in enumerate(tree.lines(path), 1):
            findings += check_how_to(tree, path, number, line, words)
    index = tree.files.get(HOW_TO + "README.md", "")
    findings += [f"{path}:1: {HOW_TO}README.md does not name this page"
                 for path in pages if not path.endswith("README.md")
                 and f"]({os.path.basename(path)})" not in index]
    return findings


def names_of(tree, function):
    names = set()
    for path in tree.files:
        if path.endswith("CMakeLists.txt"):
            names |= set(re.findall(rf"{function}\([^()]*\bNAME\s+([\w-]+)",
                                    tree.files[path]))
    return names


def flags_of(tree, program):
    found = set(EVERYWHERE)
    for path in tree.paths(".cc", ".h"):
        if path.startswith((FLAGS_OF[program], "common/")):
            found.update(FLAG.findall(tree.files[path]))
    return found


def check_flags(tree):
    """Also of commands that go over several lines."""
    known = {program: flags_of(tree, program) for program in FLAGS_OF}
    findings = []
    for path in tree.paths(".md"):
        # The releases that a changelog tells of had others.
        if path == "CHANGELOG.md":
            continue
        text = tree.files[path]
        whole = re.sub(r"\\\n", "  ", text)
        for match in COMMAND.finditer(whole):
            line = text.count("\n", 0, match.start()) + 1
            findings += [f"{path}:{line}: {match.group(1)} has no {flag}"
                         for flag in FLAG.findall(match.group(2))
                         if flag not in known[match.group(1)]]
    return findings


def check(tree):
    findings = []
    programs = names_of(tree, "archpool_program")
    programs |= names_of(tree, "archpool_bench")
    programs |= names_of(tree, "archpool_test")
    programs |= names_of(tree, "archpool_fuzzer")
    presets = set(re.findall(r'"name": "([\w-]+)"',
                             tree.files.get("CMakePresets.json", "")))
    for path in tree.paths(".md"):
        linkable = without_fences(tree.files[path]).split("\n")
        for number, line in enumerate(tree.lines(path), 1):
            problems = [check_link(tree, path, m.group(1) or m.group(2))
                        for m in LINK.finditer(linkable[number - 1])]
            problems += [f"there is no {name}" for name in SCRIPT.findall(line)
                         if PLACEHOLDER not in name and not tree.exists(name)
                         and not tree.exists(name + ".cc")]
            problems += [f"nothing builds {name}"
                         for name in PROGRAM.findall(line)
                         if name not in programs]
            problems += [f"there is no preset {name}"
                         for name in PRESET.findall(line)
                         if name not in presets]
            findings += [f"{path}:{number}: {p}" for p in problems if p]
    return (findings + check_flags(tree) + check_how_tos(tree)
            + check_glossary(tree))


BAD = (
    ("leads nowhere", {"a.md": "[x](b.md)\n"}),
    ("leads nowhere", {"docs/a.md": "[x](a.md)\n![y](b.png)\n"}),
    ("no heading", {"a.md": "# One\n[x](#two)\n"}),
    ("there is no deploy/x.sh", {"a.md": "Run `deploy/x.sh`.\n"}),
    ("there is no tests/y.sh", {"a.md": "```\nbash tests/y.sh --soak\n```\n"}),
    ("nothing builds archpool-x", {"a.md": "`build/release/bin/archpool-x`\n"}),
    ("archpool has no --gone", {"a.md": "`archpool task list --gone`\n",
                                "client/a.cc": "--limit",
                                "server/a.cc": "--gone"}),
    ("b.md:2: archpool-sim has no --gone", {
        "b.md": "\n    archpool-sim run \\\n      --gone 3\n"}),
    ("there is no a/b.cc", {"docs/how-to/c.md": "Name it in `a/b.cc`.\n"}),
    ("no code has the name kGone", {"docs/how-to/c.md": "It is `kGone`.\n"}),
    ("no code has the name a::Gone", {"docs/how-to/c.md": "It is `a::Gone`.\n",
                                      "a.cc": "namespace a {}\n"}),
    ("no code has the name gone_test", {"docs/how-to/c.md": "By `gone_test`.\n"}),
    ("does not name this page", {"docs/how-to/README.md": "",
                                 "docs/how-to/c.md": "# How\n"}),
    ("two entries", {"docs/glossary.md": "**A.** x\n\n**A.** y\n"}),
    ("stands after", {"docs/glossary.md": "**B.** x\n\n**A.** y\n"}),
    ("no preset", {"a.md": "`cmake --preset nope`\n"}),
)
GOOD = {
    "docs/a.md": "# A `b` c\n[x](../b.md#two-words) [y](#a-b-c) "
                 "[z](https://example.org)\n```\n[not](alink)\n```\n"
                 "`deploy/x.sh` and `build/release/bin/archpool-y`, "
                 "`--preset dev`, [c](../deploy)\n",
    "docs/how-to/c.md": "Name it in `deploy/x.sh`, by `a/b` or `c.cc`, as `kIt` and "
                        "`It::Does` in `a/NAME.h`; `x_test` and `lint_x` hold it.\n",
    "docs/how-to/README.md": "[c](c.md)\n",
    "docs/d.md": "`archpool-server --listen A` and `archpool-server --help`; "
                 "`systemctl enable --now archpool-server`\n"
                 "    archpool x | grep --count x\n",
    "CHANGELOG.md": "`archpool x --gone` is gone.\n",
    "server/a.cc": 'Add("--listen");\n',
    "tests/lint/x.py": "",
    "x_test.cc": "constexpr int kIt = It::Does();\n",
    "b.md": "## Two words\n",
    "docs/glossary.md": "# Words\n\n**A.** x\n\n**B c.** y\n",
    "deploy/x.sh": "",
    "CMakePresets.json": '{"name": "dev"}',
    "CMakeLists.txt": "archpool_program(NAME archpool-y SRCS y.cc)\n",
}
