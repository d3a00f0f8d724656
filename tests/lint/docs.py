"""Links resolve, and the commands that documents name exist; so do all files
that a how-to names.
"""

import os
import re

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)"
                  r"|!\[[^\]]*\]\(([^)\s]+)\)")
SCRIPT = re.compile(r"(?<![\w./-])(?:\./)?((?:deploy|tests|\.ci)/[\w./-]*\w)")
PROGRAM = re.compile(r"build/[\w-]+/bin/([\w-]+)")
PRESET = re.compile(r"--preset[ =]([\w-]+)")

FILE = re.compile(r"`((?:[\w.-]+/)+[\w-]+\.\w+)`")


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


def names_of(tree, function):
    names = set()
    for path in tree.files:
        if path.endswith("CMakeLists.txt"):
            names |= set(re.findall(rf"{function}\([^()]*\bNAME\s+([\w-]+)",
                                    tree.files[path]))
    return names


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
                         if not tree.exists(name)
                         and not tree.exists(name + ".cc")]
            problems += [f"nothing builds {name}"
                         for name in PROGRAM.findall(line)
                         if name not in programs]
            problems += [f"there is no preset {name}"
                         for name in PRESET.findall(line)
                         if name not in presets]
            if path.startswith("docs/how-to/"):
                problems += [f"there is no {name}" for name in FILE.findall(line)
                             if not tree.exists(name)]
            findings += [f"{path}:{number}: {p}" for p in problems if p]
    return findings + check_glossary(tree)


BAD = (
    ("leads nowhere", {"a.md": "[x](b.md)\n"}),
    ("leads nowhere", {"docs/a.md": "[x](a.md)\n![y](b.png)\n"}),
    ("no heading", {"a.md": "# One\n[x](#two)\n"}),
    ("there is no deploy/x.sh", {"a.md": "Run `deploy/x.sh`.\n"}),
    ("there is no tests/y.sh", {"a.md": "```\nbash tests/y.sh --soak\n```\n"}),
    ("nothing builds archpool-x", {"a.md": "`build/release/bin/archpool-x`\n"}),
    ("there is no a/b.cc", {"docs/how-to/c.md": "Name it in `a/b.cc`.\n"}),
    ("two entries", {"docs/glossary.md": "**A.** x\n\n**A.** y\n"}),
    ("stands after", {"docs/glossary.md": "**B.** x\n\n**A.** y\n"}),
    ("no preset", {"a.md": "`cmake --preset nope`\n"}),
)
GOOD = {
    "docs/a.md": "# A `b` c\n[x](../b.md#two-words) [y](#a-b-c) "
                 "[z](https://example.org)\n```\n[not](alink)\n```\n"
                 "`deploy/x.sh` and `build/release/bin/archpool-y`, "
                 "`--preset dev`, [c](../deploy)\n",
    "docs/how-to/c.md": "Name it in `deploy/x.sh`, by `a/b` or `c.cc`.\n",
    "b.md": "## Two words\n",
    "docs/glossary.md": "# Words\n\n**A.** x\n\n**B c.** y\n",
    "deploy/x.sh": "",
    "CMakePresets.json": '{"name": "dev"}',
    "CMakeLists.txt": "archpool_program(NAME archpool-y SRCS y.cc)\n",
}
