#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The API is frozen: what stands in its reference stays as it is.

    tests/lint/api.py --update    writes the reference anew, after an addition

`proto/archpool/v1.reference.txt` has a line for each field, value and method.
An addition is a line more: it is added by --update, in the same commit. A line
that goes, or says something else, breaks programs that are out there. A field or
a value may go where its number and its name are reserved; nothing else may.

Beside that, a few rules for what is added: lists are paged, money says its unit,
an id that may be missing is `optional`, and a method says who may call it.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

from tree import Tree, load_repository

ROOT = "proto/"
FOREIGN = "proto/archpool/onnx/"  # a format of others, who freeze it
REFERENCE = "proto/archpool/v1.reference.txt"
UPDATE = "run tests/lint/api.py --update"
DESCRIPTOR = "google/protobuf/descriptor.proto"
MONEY = re.compile(r"(^|_)(amount|balance|bonus|debits?|credits?|fee|paid|pay"
                   r"|payout|price|refund|reward|threshold)(_m(in|ax))?$")
ID_COMMENT = re.compile(r"//[^\n]*(?:\b0(?: for|:)|-1 )[^\n]*\n"
                        r"(?:\s*//[^\n]*\n)*\s*(?:optional )?int64 (\w*_id) =")
LABELS = {"LABEL_REPEATED": "repeated "}


def skip_reason():
    return None if shutil.which("protoc") else "protoc is not installed"


def parse(text):
    """protoc's text form of a message: {name: [value or message, ...]}."""
    stack = [{}]
    for line in text.split("\n"):
        line = line.strip()
        if line.endswith("{"):
            block = {}
            stack[-1].setdefault(line[:-1].strip(), []).append(block)
            stack.append(block)
        elif line == "}":
            stack.pop()
        elif ": " in line:
            name, value = line.split(": ", 1)
            stack[-1].setdefault(name, []).append(value.strip('"'))
    return stack[0]


def describe(tree):
    """The FileDescriptorSet of the tree's protos; the error, where there is
    one."""
    paths = [path for path in tree.paths(".proto")
             if not path.startswith(FOREIGN)]
    with tempfile.TemporaryDirectory() as folder:
        for path in paths:
            full = os.path.join(folder, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "w", encoding="utf-8") as stream:
                stream.write(tree.files[path])
        include = ["-I", os.path.join(folder, ROOT)]
        names = [path[len(ROOT):] for path in paths]
        binary = os.path.join(folder, "set")
        made = subprocess.run(
            ["protoc", *include, f"--descriptor_set_out={binary}", *names],
            capture_output=True, text=True, check=False)
        if made.returncode != 0:
            return {}, made.stderr.strip()
        with open(binary, "rb") as stream:
            shown = subprocess.run(
                ["protoc", *include, "--decode=google.protobuf."
                 "FileDescriptorSet", DESCRIPTOR,
                 *(name for name in names if name.endswith("roles.proto"))],
                stdin=stream, capture_output=True, check=True)
    return parse(shown.stdout.decode()), None


def one(block, name, default=""):
    return block.get(name, [default])[0]


def type_of(field):
    kind = one(field, "type").removeprefix("TYPE_").lower()
    named = one(field, "type_name").lstrip(".")
    label = ("optional " if one(field, "proto3_optional") else
             LABELS.get(one(field, "label"), ""))
    return label + (named or kind)


class Api:
    """The lines of the reference, and what the rules need beside them."""

    def __init__(self, descriptors):
        self.lines = {}      # key -> what is said of it
        self.reserved = set()  # (owner, number), (owner, name)
        self.messages, self.methods = {}, []
        for file in descriptors.get("file", []):
            package = one(file, "package")
            for message in file.get("message_type", []):
                self.add_message(package, message)
            for enum in file.get("enum_type", []):
                self.add_enum(package, enum)
            for service in file.get("service", []):
                self.add_service(package, service)

    def add_reserved(self, owner, block, past):
        for names in block.get("reserved_range", []):
            first = int(one(names, "start", "0"))
            for number in range(first, int(one(names, "end")) + past):
                self.reserved.add((owner, str(number)))
        for name in block.get("reserved_name", []):
            self.reserved.add((owner, name))

    def add_message(self, scope, message):
        owner = f"{scope}.{one(message, 'name')}"
        self.add_reserved(owner, message, 0)
        oneofs = [one(x, "name") for x in message.get("oneof_decl", [])]
        self.messages[owner] = {}
        self.lines[f"message {owner}"] = ""
        for field in message.get("field", []):
            name, number = one(field, "name"), one(field, "number")
            self.messages[owner][name] = (number, type_of(field))
            said = f"{type_of(field)} {name}"
            index = one(field, "oneof_index")
            if index and not one(field, "proto3_optional"):
                said += f" in oneof {oneofs[int(index)]}"
            self.lines[f"message {owner} field {number}"] = said
        for enum in message.get("enum_type", []):
            self.add_enum(owner, enum)
        for nested in message.get("nested_type", []):
            self.add_message(owner, nested)

    def add_enum(self, scope, enum):
        owner = f"{scope}.{one(enum, 'name')}"
        self.add_reserved(owner, enum, 1)
        self.lines[f"enum {owner}"] = ""
        for value in enum.get("value", []):
            self.lines[f"enum {owner} value {one(value, 'number')}"] = (
                one(value, "name"))

    def add_service(self, package, service):
        owner = f"{package}.{one(service, 'name')}"
        self.lines[f"service {owner}"] = ""
        for method in service.get("method", []):
            name = one(method, "name")
            asks = one(method, "input_type").lstrip(".")
            answers = one(method, "output_type").lstrip(".")
            options = one(method, "options", {})
            roles = one(options, "[archpool.v1.roles]", {}).get("allow", [])
            self.methods.append((owner, name, asks, answers, roles))
            said = " ".join((
                *(("stream",) if one(method, "client_streaming") else ()),
                asks, "->",
                *(("stream",) if one(method, "server_streaming") else ()),
                answers))
            self.lines[f"service {owner} method {name}"] = said

    def text(self):
        return "".join(f"{key}: {said}\n" if said else f"{key}\n"
                       for key, said in sorted(self.lines.items()))

    def may_go(self, key, said):
        """A field or a value whose number and name are reserved."""
        words = key.split()
        if len(words) != 4 or words[2] not in ("field", "value"):
            return False
        name = said.split(" in oneof ")[0].split()[-1]
        return ((words[1], words[3]) in self.reserved and
                (words[1], name) in self.reserved)


def broken(api, reference):
    """What of the reference is not so any more."""
    findings = []
    for line in filter(None, reference.split("\n")):
        key, _, said = line.partition(": ")
        now = api.lines.get(key)
        if now == said or (now is None and api.may_go(key, said)):
            continue
        if now is None:
            findings.append(
                f"{REFERENCE}: {line}: is gone; programs that are out there use "
                "it (a field or a value may go where its number and its name "
                "are reserved)")
        else:
            findings.append(f"{REFERENCE}: {key}: was '{said}' and is '{now}': "
                            "programs that are out there read it as before")
    return findings


def check_additions(api, reference):
    known = {line.partition(": ")[0] for line in reference.split("\n")}
    return [f"{REFERENCE}: {key} is not in it: {UPDATE}"
            for key in sorted(api.lines) if key not in known]


def check_rules(api):
    findings = []
    for owner, name, asks, answers, roles in api.methods:
        where = f"proto: {owner}.{name}"
        if not roles:
            findings.append(f"{where} says no (archpool.v1.roles)")
        if not name.startswith("List"):
            continue
        request, response = api.messages[asks], api.messages[answers]
        if (request.get("page_size") != ("1", "int64") or
                request.get("page_token") != ("2", "string") or
                response.get("next_page_token") != ("2", "string")):
            findings.append(f"{where} is a list without page_size = 1, "
                            "page_token = 2 and next_page_token = 2")
        if not any(number == "1" and kind.startswith("repeated ")
                   for number, kind in response.values()):
            findings.append(f"{where} is a list whose items are not field 1")
    for owner, fields in api.messages.items():
        for name, (_, kind) in fields.items():
            if kind.endswith("int64") and MONEY.search(name):
                findings.append(f"proto: {owner}.{name} is money without a "
                                "unit: end it in _micros")
    return findings


def check_comments(tree):
    return [f"{path}: the comment of {match.group(1)} gives a number the "
            "meaning of none: make it optional"
            for path in tree.paths(".proto")
            for match in ID_COMMENT.finditer(tree.files[path])]


def check(tree):
    descriptors, error = describe(tree)
    if error:
        return [error]
    api = Api(descriptors)
    reference = tree.files.get(REFERENCE, "")
    return (broken(api, reference) + check_additions(api, reference) +
            check_rules(api) + check_comments(tree))


def update():
    tree = load_repository()
    descriptors, error = describe(tree)
    findings = [error] if error else broken(Api(descriptors), tree.files.get(
        REFERENCE, ""))
    for finding in findings:
        print(finding)
    if findings:
        print("The reference stays as it is: a change that breaks programs is "
              "made in a package v2.")
        return 1
    with open(REFERENCE, "w", encoding="utf-8") as stream:
        stream.write(Api(descriptors).text())
    return 0


HEAD = ('syntax = "proto3";\npackage archpool.v1;\n'
        'import "google/protobuf/descriptor.proto";\n'
        'enum Role {\n  ROLE_UNSPECIFIED = 0;\n  ROLE_MINER = 1;\n}\n'
        'message MethodRoles {\n  repeated Role allow = 1;\n}\n'
        'extend google.protobuf.MethodOptions {\n'
        '  MethodRoles roles = 50917;\n}\n')
BODY = """
message Lease {
  int64 lease_id = 1;
  // Unset: none.
  optional int64 task_id = 2;
  oneof what {
    bytes data = 3;
  }
  int64 price_micros = 4;
}
message ListLeasesRequest {
  int64 page_size = 1;
  string page_token = 2;
}
message ListLeasesResponse {
  repeated Lease leases = 1;
  string next_page_token = 2;
}
service WorkService {
  rpc ListLeases(ListLeasesRequest) returns (ListLeasesResponse) {
    option (roles) = {allow: [ROLE_MINER]};
  }
}
"""


def _sample(*changes, known=BODY):
    """The sample's protos after `changes`, beside the reference of `known`."""
    body = BODY
    for before, after in changes:
        assert before in body, before
        body = body.replace(before, after)
    path = "proto/archpool/v1/roles.proto"
    files = {path: HEAD + known}
    if skip_reason() is None:
        files[REFERENCE] = Api(describe(Tree(files))[0]).text()
    files[path] = HEAD + body
    return files


FIELD = "  int64 lease_id = 1;\n"
BAD = (
    ("is gone", _sample((FIELD, ""))),
    ("is gone", _sample((FIELD, "  reserved 1;\n"))),
    ("was 'int64 lease_id' and is 'string lease_id'",
     _sample((FIELD, "  string lease_id = 1;\n"))),
    ("was 'int64 lease_id' and is 'int64 id'",
     _sample((FIELD, "  int64 id = 1;\n"))),
    ("was 'bytes data in oneof what' and is 'string data",
     _sample(("bytes data", "string data"))),
    ("field 1: int64 lease_id: is gone",
     _sample((FIELD, "  int64 lease_id = 9;\n"))),
    ("method ListLeases", _sample(("rpc ListLeases(", "rpc ListAll("))),
    ("field 5 is not in it",
     _sample((FIELD, FIELD + "  string more = 5;\n"))),
    ("is a list without", _sample(("  string next_page_token = 2;\n", ""))),
    ("is a list without", _sample(("  int64 page_size = 1;\n", ""))),
    ("says no (archpool.v1.roles)",
     _sample(("option (roles) = {allow: [ROLE_MINER]};", ""))),
    ("is money without a unit",
     _sample((FIELD, FIELD + "  int64 fee = 6;\n"))),
    ("is money without a unit",
     _sample((FIELD, FIELD + "  int64 price_min = 6;\n"))),
    ("the meaning of none",
     _sample(("  // Unset: none.\n", "  // The task's; 0 for none.\n"))),
    ("the meaning of none", _sample(("  // Unset: none.\n", "  // 0: none.\n"))),
    ("a.proto", {"proto/a.proto": "no proto\n"}),
)
GOOD = _sample((FIELD, '  reserved 1;\n  reserved "lease_id";\n'))

if __name__ == "__main__":
    os.chdir(os.path.dirname(os.path.dirname(os.path.dirname(
        os.path.abspath(__file__)))))
    if sys.argv[1:] != ["--update"]:
        sys.exit(__doc__)
    sys.exit(update())
