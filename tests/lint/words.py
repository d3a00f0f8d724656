# SPDX-License-Identifier: Apache-2.0
"""Unfinished work, machine paths, and identifiers with a better replacement."""

import re

TEXT = (".cc", ".h", ".inc", ".proto", ".sql", ".sh", ".py", ".md", ".txt", ".cmake",
        ".yaml", ".yml", ".json", ".service", ".toml")

# In pieces, so that this file does not find itself.
EVERYWHERE = (
    (r"^(<{7}|>{7}) ", "a merge that was not finished"),
    (r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b", "finish it or leave it out"),
    (r"\bnot " r"implemented\b|\bunimple" r"mented\b", "finish it"),
    (r"\bin a real (sys" r"tem|deplo" r"yment)\b", "this is the real one"),
    (r"(?<![\w.$}~-])/(wo" r"rk|tm" r"p|ro" r"ot|fa" r"rm|ho" r"me)/[a-z]",
     "a path of one machine"),
    (r"\b(AI assis" r"tant|language mo" r"del|previous ses" r"sion)\b",
     "says nothing about the software"),
)
CODE = (
    (r"\bstd::string_view\b", "absl::string_view: Debian 12's Abseil does not "
     "convert between the two"),
    (r"\babsl::(optional|nullopt|make_optional|variant|make_unique|any)\b",
     "the std:: one"),
    (r"\bstd::(format|expected|print)\b", "GCC 12 has none"),
    (r"\b(EXPECT|ASSERT)_TRUE\(true\)", "a test that cannot fail"),
    (r"\bDISABLED_\w|\bGTEST_SKIP\b", "a test that does not run"),
    (r"\b(torch::(jit::)?load|THPUtils|pickle_load)\s*\(",
     "common/data/safetensors.h: nothing from outside is unpickled"),
    (r"\bstd::(rand|srand|random_device|mt19937\w*)\b",
     "common/base/counter_rng.h or common/crypto/random.h"),
    (r"\busing namespace std;", "names in full"),
    (r"\bstrcpy\(|\bsprintf\(|\bgets\(", "absl::StrCat or absl::StrFormat"),
)
PYTHON = (
    (r"@unittest\.ski" r"p|\.skipTe" r"st\(", "a test that does not run"),
)


def check(tree):
    findings = []
    for path in tree.paths(*TEXT) + [p for p in tree.files
                                     if p.endswith("CMakeLists.txt")]:
        rules = EVERYWHERE
        if path.endswith((".cc", ".h", ".inc")):
            rules += CODE
        elif path.endswith(".py"):
            rules += PYTHON
        for number, line in enumerate(tree.lines(path), 1):
            if rules is not EVERYWHERE and line.lstrip().startswith("//"):
                line_rules = EVERYWHERE
            else:
                line_rules = rules
            for pattern, better in line_rules:
                match = re.search(pattern, line)
                if match:
                    findings.append(f"{path}:{number}: '{match.group(0)}': "
                                    f"{better}")
    return sorted(set(findings))


BAD = (
    ("not finished", {"a/CMakeLists.txt": "<" * 7 + " HEAD\n"}),
    ("finish it", {"a.cc": "// TO" "DO: more\n"}),
    ("finish it", {"a.md": "This is not " "implemented.\n"}),
    ("one machine", {"a.sh": "cd /ro" "ot/src\n"}),
    ("one machine", {"a.md": "See `/tm" "p/x`.\n"}),
    ("Abseil", {"a.h": "void F(std::string_view text);\n"}),
    ("the std:: one", {"a.cc": "absl::optional<int> x;\n"}),
    ("GCC 12", {"a.cc": 'auto s = std::format("{}", 1);\n'}),
    ("cannot fail", {"a_test.cc": "  EXPECT_TRUE(true);\n"}),
    ("does not run", {"a_test.cc": "TEST(A, DISABLED_B) {\n"}),
    ("does not run", {"a_test.py": "@unittest.ski" "pIf(x, 'no')\n"}),
    ("unpickled", {"a.cc": "torch::load(model, path);\n"}),
    ("counter_rng", {"a.cc": "std::mt19937_64 g(1);\n"}),
)
GOOD = {
    "a.cc": "// Not std::string_view, see STYLE.\nabsl::string_view x;\n",
    "a.sh": 'dir=${TMPDIR:-/tm' 'p}/archpool\n',
    "a.md": "A link: https://example.org/wo" "rk/a and usr/share/ro" "ot/x.\n",
}
