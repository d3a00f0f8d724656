# SPDX-License-Identifier: Apache-2.0
"""A header opens with its contract and guards itself by its path."""

import re


def guard_of(path):
    return "ARCHPOOL_" + re.sub(r"[/.-]", "_", path).upper() + "_"


def check_repeated(path, text):
    """Highway includes a -inl.h again for each set of instructions."""
    guard = guard_of(path)
    if (f"#if defined({guard}) == \\\n    defined(HWY_TARGET_TOGGLE)\n"
            f"#ifdef {guard}\n#undef {guard}\n"
            f"#else\n#define {guard}\n#endif\n") in text:
        return []
    return [f"{path}:1: the guard must be {guard}, compared with "
            "HWY_TARGET_TOGGLE and turned over"]


# Of what has threads or locks inside a caller must know which threads may use it.
HAS_THREADS = re.compile(r"\bMutex\b|\bmutex_|std::j?thread\b")


def check(tree):
    findings = []
    for path in tree.paths(".h"):
        lines = tree.lines(path)
        guard = guard_of(path)
        directives = [l for l in lines if l.startswith("#")]
        opening = [l for l in lines[:2] if "SPDX-License-Identifier" not in l]
        if not opening or not opening[0].startswith("//"):
            findings.append(f"{path}:1: no opening comment: what is it, and "
                            "which threads may use it?")
        comments = " ".join(l for l in lines if l.lstrip().startswith("//"))
        if (HAS_THREADS.search(tree.files[path])
                and not re.search(r"thread", comments, re.I)):
            findings.append(f"{path}:1: it has threads or locks inside; say which "
                            "threads may use it")
        if path.endswith("-inl.h"):
            findings += check_repeated(path, tree.files[path])
        elif directives[:2] != [f"#ifndef {guard}", f"#define {guard}"]:
            findings.append(f"{path}:1: the guard must be {guard}")
        elif lines[-2:] != [f"#endif  // {guard}", ""]:
            findings.append(f"{path}:{len(lines)}: must end with "
                            f"'#endif  // {guard}'")
    return findings


_BODY = "#ifndef ARCHPOOL_A_B_H_\n#define ARCHPOOL_A_B_H_\nint x;\n"
BAD = (
    ("no opening comment", {"a/b.h": _BODY + "#endif  // ARCHPOOL_A_B_H_\n"}),
    ("no opening comment", {"a/b.h": "// SPDX-License-Identifier: X\n" + _BODY +
                            "#endif  // ARCHPOOL_A_B_H_\n"}),
    ("no opening comment", {"a/b.h": "// SPDX-License-Identifier: X"}),
    ("which threads may use it", {"a/b.h": "// B.\n" + _BODY.replace(
        "int x", "absl::Mutex mutex_") + "#endif  // ARCHPOOL_A_B_H_\n"}),
    ("guard must be", {"a/c.h": "// C.\n" + _BODY +
                                "#endif  // ARCHPOOL_A_B_H_\n"}),
    ("guard must be", {"a/b.h": "// B.\n#pragma once\n"}),
    ("turned over", {"a/b-inl.h": "// B.\n#ifndef ARCHPOOL_A_B_INL_H_\n"
                     "#define ARCHPOOL_A_B_INL_H_\n#endif\n"}),
    ("must end with", {"a/b.h": "// B.\n" + _BODY + "#endif\n"}),
)
GOOD = {
    "a/b.h": "// SPDX-License-Identifier: X\n// B.\n" + _BODY + "#endif  // ARCHPOOL_A_B_H_\n",
    "a/b-inl.h": "// B.\n#if defined(ARCHPOOL_A_B_INL_H_) == \\\n"
                 "    defined(HWY_TARGET_TOGGLE)\n#ifdef ARCHPOOL_A_B_INL_H_\n"
                 "#undef ARCHPOOL_A_B_INL_H_\n#else\n"
                 "#define ARCHPOOL_A_B_INL_H_\n#endif\n#endif\n",
}
