# SPDX-License-Identifier: Apache-2.0
"""The wire's conventions: AIP and Buf, as far as a few lines can check them."""

import os
import re

BLOCK = re.compile(r"^\s*(message|enum|service|oneof|extend)\s+(\w+)\s*\{")
FIELD = re.compile(r"^\s*(?:repeated\s+|optional\s+)?(map<[^>]*>|[\w.]+)\s+"
                   r"(\w+)\s*=\s*\d+\s*[;\[]")
VALUE = re.compile(r"^\s*([A-Za-z]\w*)\s*=\s*(-?\d+)\s*[;\[]")
RPC = re.compile(r"^\s*rpc\s+(\w+)\s*\(\s*(?:stream\s+)?([\w.]+)\s*\)\s*"
                 r"returns\s*\(\s*(stream\s+)?([\w.]+)\s*\)", re.S)
UNSIGNED = {"uint32", "uint64", "fixed32", "fixed64"}


def upper_snake(name):
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_",
                  name).upper()


class ProtoFile:
    """One pass over the lines, with the open blocks on a stack."""

    def __init__(self, path, lines):
        self.path, self.lines = path, lines
        self.findings, self.blocks = [], []

    def report(self, number, text):
        self.findings.append(f"{self.path}:{number}: {text}")

    def documented(self, number):
        """Whether the line or the one above carries a comment."""
        before = self.lines[number - 2].strip() if number > 1 else ""
        return "//" in self.lines[number - 1] or before.startswith("//")

    def check(self):
        self.check_package()
        for number, line in enumerate(self.lines, 1):
            code = line.split("//", 1)[0]
            block = BLOCK.match(code)
            if block:
                self.open_block(number, *block.groups())
            elif self.blocks:
                self.check_member(number, code)
            for _ in range(code.count("{") - (1 if block else 0)):
                self.blocks.append(("other", "", []))
            for _ in range(code.count("}")):
                if self.blocks:
                    self.blocks.pop()
        return self.findings

    def check_package(self):
        text = "\n".join(self.lines)
        folder = os.path.dirname(self.path)
        match = re.search(r"^package ([\w.]+);", text, re.M)
        package = match.group(1) if match else ""
        if not folder.endswith(package.replace(".", "/")) or not re.search(
                r"\.v\d+$", package):
            self.report(1, f"package '{package}' must be its folder's path "
                           "and end in a version")
        if 'syntax = "proto3";' not in text:
            self.report(1, 'no syntax = "proto3"')

    def open_block(self, number, kind, name):
        if kind in ("message", "enum", "service") and not self.documented(
                number):
            self.report(number, f"{kind} {name} has no comment")
        if kind == "service" and not name.endswith("Service"):
            self.report(number, f"{name} must end in Service")
        self.blocks.append((kind, name, []))

    def check_member(self, number, code):
        kind, name, seen = self.blocks[-1]
        if kind == "enum":
            value = VALUE.match(code)
            if value:
                self.check_value(number, name, seen, *value.groups())
        elif kind == "service" and re.match(r"\s*rpc\b", code):
            self.check_rpc(number)
        elif kind in ("message", "oneof"):
            field = FIELD.match(code)
            if field:
                self.check_field(number, *field.groups())

    def check_value(self, number, enum, seen, name, value):
        prefix = upper_snake(enum) + "_"
        # A value stands in its enum's enclosing scope: the prefix keeps it
        # from clashing with its neighbours.
        if not name.startswith(prefix):
            self.report(number, f"{name} must start with {prefix}")
        if not seen and (name != prefix + "UNSPECIFIED" or value != "0"):
            self.report(number, f"the first value must be "
                                f"{prefix}UNSPECIFIED = 0")
        seen.append(name)

    def check_field(self, number, kind, name):
        if not self.documented(number):
            self.report(number, f"field {name} has no comment")
        if kind in UNSIGNED:
            self.report(number, f"field {name} is unsigned (AIP-141)")
        if name != name.lower():
            self.report(number, f"field {name} is not lower_snake_case")
        if re.search(r"expired?_at$|_at$", name):
            self.report(number, f"field {name}: a time ends in _time (AIP-142)")

    def check_rpc(self, number):
        if not self.documented(number):
            self.report(number, "an rpc has no comment")
        match = RPC.match("\n".join(self.lines[number - 1:number + 3]))
        if not match:
            self.report(number, "an rpc that cannot be read")
            return
        name, request, stream, response = match.groups()
        # A stream may carry what others carry too: chunks, a task's states.
        own_response = stream or response == name + "Response"
        if request != name + "Request" or not own_response:
            self.report(number, f"{name} needs {name}Request and "
                                f"{name}Response of its own")


def check(tree):
    findings = []
    for path in tree.paths(".proto"):
        findings += ProtoFile(path, tree.lines(path)).check()
    return findings


def _sample(body):
    return {"proto/archpool/v1/a.proto":
            'syntax = "proto3";\npackage archpool.v1;\n' + body}


BAD = (
    ("must be its folder", {"proto/archpool/v1/a.proto":
                            'syntax = "proto3";\npackage other.v1;\n'}),
    ("must be its folder", {"proto/archpool/a.proto":
                            'syntax = "proto3";\npackage archpool;\n'}),
    ("first value", _sample("// E.\nenum Kind {\n  KIND_A = 0;\n}\n")),
    ("must start with", _sample("// E.\nenum LeaseState {\n"
                                "  LEASE_STATE_UNSPECIFIED = 0;\n"
                                "  ACTIVE = 1;\n}\n")),
    ("field x has no", _sample("// M.\nmessage M {\n\n  int64 x = 1;\n}\n")),
    ("field y has no", _sample("// M.\nmessage M {\n  oneof z {\n\n"
                               "    string y = 1;\n  }\n}\n")),
    ("unsigned", _sample("// M.\nmessage M {\n  // X.\n  uint64 x = 1;\n}\n")),
    ("_time", _sample("// M.\nmessage M {\n  // X.\n  int64 read_at = 1;\n}\n")),
    ("message M has", _sample("\nmessage M {\n}\n")),
    ("end in Service", _sample("// S.\nservice Pool {\n}\n")),
    ("of its own", _sample("// S.\nservice PoolService {\n  // Gets.\n"
                           "  rpc Get(GetRequest) returns (Task);\n}\n")),
)
GOOD = _sample("""
// A lease.
message Lease {
  // Who may do what.
  enum State {
    STATE_UNSPECIFIED = 0;
    STATE_ACTIVE = 1;  // Set by the pool.
  }
  // Output only.
  State state = 1;
  // Labels.
  map<string, int64> labels = 2;
  reserved 3;
}
// Works.
service PoolService {
  // Gets a lease.
  rpc GetLease(GetLeaseRequest)
      returns (stream Lease) {}
}
""")
