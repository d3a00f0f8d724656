#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every source file says under which licence it is.

    tests/lint/licences.py --add    writes the line where it is missing

Left out are files without comments, files whose bytes count (migrations, of
which every pool's database holds a digest; goldens; corpora), and prose.
"""

import os
import re
import sys

import tree as lint_tree

LICENCE = "SPDX-License-Identifier: Apache-2.0"
LINES = 4  # where it stands: on top, below a line that must be the first
EXEMPT = ("migrations/", "tests/golden/", "tests/fuzz/corpus/", "docs/")
COMMENTS = {
    "//": (".cc", ".h", ".c", ".inc", ".proto", ".js", ".cc.in", ".h.in"),
    "#": (".py", ".sh", ".cmake", ".yaml", ".yml", ".toml", ".dict", ".supp",
          ".service", ".conf", "CMakeLists.txt", ".ci/run", ".clang-format",
          ".clang-tidy", ".editorconfig", ".gitignore"),
    "--": (".sql",),
}
BLOCKS = {".css": "/* {} */", ".html": "<!-- {} -->"}


def comment_for(path, text):
    """The line as `path` has to have it, or None where it needs none."""
    if not text or path.startswith(EXEMPT):
        return None
    for sign, suffixes in COMMENTS.items():
        if path.endswith(suffixes):
            return f"{sign} {LICENCE}"
    for suffix, form in BLOCKS.items():
        if path.endswith(suffix):
            return form.format(LICENCE)
    return f"# {LICENCE}" if text.startswith("#!") else None


def has_it(text):
    return any(LICENCE in line for line in text.split("\n", LINES)[:LINES])


def check(tree):
    return [f"{path}:1: no line '{comment_for(path, tree.files[path])}' "
            "(tests/lint/licences.py --add writes it)"
            for path in sorted(tree.files)
            if comment_for(path, tree.files[path])
            and not has_it(tree.files[path])]


def with_it(path, text):
    line = comment_for(path, text) + "\n"
    first = re.match(r"(#!|<!DOCTYPE)[^\n]*\n", text, re.I)
    end = first.end() if first else 0
    return text[:end] + line + text[end:]


def add():
    tree = lint_tree.load_repository()
    count = 0
    for path, text in tree.files.items():
        if comment_for(path, text) and not has_it(text):
            full = os.path.join(lint_tree.REPOSITORY, path)
            with open(full, "w", encoding="utf-8", newline="") as stream:
                stream.write(with_it(path, text))
            count += 1
    print(f"{count} files have the line now")


BAD = (
    ("a.cc:1: no line '// ", {"a.cc": "int x;\n"}),
    ("b.py:1: no line '# ", {"b.py": "#!/usr/bin/env python3\nx = 1\n"}),
    ("run:1: no line '# ", {"run": "#!/bin/sh\n"}),
    ("c.css:1: no line '/* ", {"c.css": "a {}\n"}),
    # Too far down to be seen.
    ("d.h:1", {"d.h": "\n" * 9 + "// " + LICENCE + "\n"}),
)
GOOD = {
    "a.cc": with_it("a.cc", "int x;\n"),
    "b.sh": with_it("b.sh", "#!/usr/bin/env bash\ntrue\n"),
    "c.html": with_it("c.html", "<!DOCTYPE html>\n<p>\n"),
    "migrations/V001__a.sql": "CREATE TABLE a ();\n",
    "README.md": "# Words\n",
    "data.json": "{}\n",
    "__init__.py": "",
}

if __name__ == "__main__":
    if sys.argv[1:] == ["--add"]:
        add()
    else:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
