"""A header opens with its contract and guards itself by its path."""

import re


def guard_of(path):
    return "ARCHPOOL_" + re.sub(r"[/.]", "_", path).upper() + "_"


def check(tree):
    findings = []
    for path in tree.paths(".h"):
        lines = tree.lines(path)
        guard = guard_of(path)
        directives = [l for l in lines if l.startswith("#")]
        if not lines[0].startswith("//"):
            findings.append(f"{path}:1: no opening comment: what is it, and "
                            "which threads may use it?")
        if directives[:2] != [f"#ifndef {guard}", f"#define {guard}"]:
            findings.append(f"{path}:1: the guard must be {guard}")
        elif lines[-2:] != [f"#endif  // {guard}", ""]:
            findings.append(f"{path}:{len(lines)}: must end with "
                            f"'#endif  // {guard}'")
    return findings


_BODY = "#ifndef ARCHPOOL_A_B_H_\n#define ARCHPOOL_A_B_H_\nint x;\n"
BAD = (
    ("no opening comment", {"a/b.h": _BODY + "#endif  // ARCHPOOL_A_B_H_\n"}),
    ("guard must be", {"a/c.h": "// C.\n" + _BODY +
                                "#endif  // ARCHPOOL_A_B_H_\n"}),
    ("guard must be", {"a/b.h": "// B.\n#pragma once\n"}),
    ("must end with", {"a/b.h": "// B.\n" + _BODY + "#endif\n"}),
)
GOOD = {"a/b.h": "// B.\n" + _BODY + "#endif  // ARCHPOOL_A_B_H_\n"}
