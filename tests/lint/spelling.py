# SPDX-License-Identifier: Apache-2.0
"""No misspelt words, as far as codespell knows them."""

import external

# British spelling is meant; these are names or words of ours. The second line
# is for Debian 13's codespell, which splits what ends with "In".
ALLOWED = ("ot,nd,te,fo,unparseable,ans,inout,crate,mis,kernal,shwo,get's,"
           "arithmetics,countin,limitin,recordin")


def skip_reason():
    return external.missing("codespell")


def check(tree):
    paths = tree.paths(".cc", ".h", ".proto", ".sql", ".sh", ".py", ".md",
                       ".cmake", ".txt", ".html", ".js", ".css", ".yaml")
    # This file's own samples must be allowed to misspell.
    paths = [p for p in paths if p != "tests/lint/spelling.py"]
    return external.findings_of(tree, paths,
                                ["codespell", "--ignore-words-list", ALLOWED])


BAD = (("recieve", {"a.cc": "// We recieve it.\n"}),
       ("seperate", {"a.md": "A seperate process.\n"}))
GOOD = {"a.md": "We receive a separate behaviour, colour and licence.\n"}
