# SPDX-License-Identifier: Apache-2.0
"""Shell scripts pass shellcheck, and say what to do when they fail."""

import external


def skip_reason():
    return external.missing("shellcheck")


def check(tree):
    paths = [p for p in tree.files if p.endswith(".sh") or
             tree.files[p].startswith(("#!/usr/bin/env bash", "#!/bin/sh"))]
    findings = external.findings_of(
        tree, sorted(paths), ["shellcheck", "--external-sources",
                              "--format=gcc"])
    for path in paths:
        text = tree.files[path]
        if text.startswith("#!/usr/bin/env bash") and (
                "set -euo pipefail" not in text):
            findings.append(f"{path}:1: no 'set -euo pipefail'")
    return findings


_HEAD = "#!/usr/bin/env bash\nset -euo pipefail\n"
BAD = (("SC2086", {"a.sh": _HEAD + "read -r x; rm $x\n"}),
       ("SC2086", {".ci/run": _HEAD + "read -r x; rm $x\n"}),
       ("pipefail", {"a.sh": "#!/usr/bin/env bash\ntrue\n"}))
GOOD = {"a.sh": _HEAD + 'read -r x; rm "$x"\n', "b.txt": "rm $x\n"}
