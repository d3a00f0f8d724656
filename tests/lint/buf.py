# SPDX-License-Identifier: Apache-2.0
"""`buf lint` finds nothing, where Buf is installed: npm has it, Debian has not,
so nothing waits for it. What Buf finds beyond the lint of protos is style; what
would break programs is found by the lint of the API, everywhere."""

import shutil

import external
from tree import Tree


def skip_reason():
    return None if shutil.which("buf") else (
        "no buf (npm install @bufbuild/buf, and its node_modules/.bin in PATH)")


def check(tree):
    paths = tree.paths(".proto", "buf.yaml")
    read = Tree({path: tree.files[path] for path in paths})
    return external.findings_of(read, ["proto"], ["buf", "lint"])


def _sample(field, package="a.v1"):
    return {"proto/buf.yaml": "version: v2\nlint:\n  use: [STANDARD, COMMENTS]\n",
            "proto/a/v1/a.proto": f'syntax = "proto3";\npackage {package};\n'
                                  f"// A message.\nmessage M {{\n{field}}}\n"}


FIELD = "  // A field.\n  int64 lease_id = 1;\n"
BAD = (("lower_snake_case", _sample(FIELD.replace("lease_id", "leaseId"))),
       ("non-empty comment", _sample(FIELD.split("\n", 1)[1])),
       ("must be within a directory", _sample(FIELD, "b.v1")),
       ("a.proto", _sample("no field\n")))
GOOD = _sample(FIELD)
