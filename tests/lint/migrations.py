# SPDX-License-Identifier: Apache-2.0
"""Migrations are numbered without gaps, hold to the ledger's types, and make
no constraint that the store in memory lacks."""

import re

NAME = re.compile(r"^migrations/V(\d{3})__[a-z0-9_]+\.sql$")
# What the migrations come to: schema_test writes and compares it.
GENERATED = "migrations/schema.sql"
TYPES = (
    (r"\b(double\s+precision|float[48]?|real|money)\b",
     "amounts and work are bigint, never floating point"),
    (r"\btimestamp\b(?!\s*with\s+time\s+zone)(?!tz)", "use timestamptz"),
    (r"\b(var)?char\s*\(", "text with a named CHECK on its length"),
    (r"\bcreate\s+(or\s+replace\s+)?trigger\s+"
     r"(?!\w+_(append_only|immutable_\w+)\b)",
     "no business rules in triggers; x_append_only and x_immutable_y may "
     "refuse changes"),
    (r"^\s*(begin|commit)\s*;", "the runner opens the transaction"),
    (r"\brename\s+(column|to)\b"
     r"|\balter\s+column\s+\w+\s+(set\s+data\s+)?type\b",
     "the server before may still write it: add a column beside it "
     "(docs/adr/0033-grow-then-shrink.md)"),
)

MEMORY = ("server/storage/memory_constraints.cc",
          "server/storage/memory_transaction.cc")
CONSTRAINT = re.compile(
    r"\b(DROP\s+)?(?:CONSTRAINT|UNIQUE\s+INDEX)\s+(?:IF\s+EXISTS\s+)?(\w+)",
    re.I)
# What the types of records hold, or the maps that they are kept in.
HELD_BY_TYPES = re.compile(r"_(pkey|known|sizes?|is_bool|single|filled)$")
# Tables that hold no records: the store in memory keeps none of their rows.
NOT_OF_RECORDS = ("id_floor_", "pool_head_", "pool_identity_", "pool_restore_",
                  "receipt_epoch_", "receipt_statement_")


def unknown_in_memory(tree, paths):
    """The constraints there are after all migrations, less those in memory."""
    alive = {}
    for path in paths:
        for number, line in enumerate(tree.lines(path), 1):
            for match in CONSTRAINT.finditer(line.split("--", 1)[0]):
                if match.group(1):
                    alive.pop(match.group(2), None)
                else:
                    alive[match.group(2)] = f"{path}:{number}"
    known = set(re.findall(r'"(\w+)"', "".join(tree.files.get(p, "")
                                               for p in MEMORY)))
    return [f"{place}: the store in memory lacks {name}: name it in "
            f"{MEMORY[0]}" for name, place in alive.items()
            if name not in known and not HELD_BY_TYPES.search(name)
            and not name.startswith(NOT_OF_RECORDS)]


def check(tree):
    findings, numbers = [], []
    paths = [p for p in tree.paths(".sql")
             if p.startswith("migrations/") and p != GENERATED]
    for path in paths:
        match = NAME.match(path)
        if not match:
            findings.append(f"{path}:1: must be named V001__what_it_does.sql")
            continue
        numbers.append(int(match.group(1)))
        for number, line in enumerate(tree.lines(path), 1):
            code = line.split("--", 1)[0]
            for pattern, better in TYPES:
                if re.search(pattern, code, re.I):
                    findings.append(f"{path}:{number}: {better}")
    if numbers != list(range(1, len(numbers) + 1)):
        findings.append(f"migrations: numbers {numbers} must run from 1 "
                        "without a gap")
    return findings + unknown_in_memory(tree, paths)


BAD = (
    ("must be named", {"migrations/V1__a.sql": ""}),
    ("without a gap", {"migrations/V001__a.sql": "",
                       "migrations/V003__b.sql": ""}),
    ("without a gap", {"migrations/V001__a.sql": "",
                       "migrations/V001__b.sql": ""}),
    ("floating point", {"migrations/V001__a.sql":
                        "CREATE TABLE a (x double precision);\n"}),
    ("add a column beside it", {"migrations/V001__a.sql":
                                "ALTER TABLE a RENAME COLUMN x TO y;\n"}),
    ("add a column beside it", {"migrations/V001__a.sql":
                                "ALTER TABLE a ALTER COLUMN x TYPE text;\n"}),
    ("no business rules", {"migrations/V001__a.sql":
                           "CREATE TRIGGER pay_miner\n"}),
    ("V001__a.sql:2: the store in memory lacks a_positive",
     {"migrations/V001__a.sql": "CREATE TABLE a (\n"
                                "CONSTRAINT a_positive CHECK (x > 0));\n"}),
    ("the store in memory lacks a_unique",
     {"migrations/V001__a.sql": "CREATE UNIQUE INDEX a_unique ON a (x);\n"}),
    ("timestamptz", {"migrations/V001__a.sql":
                     "CREATE TABLE a (t timestamp);\n"}),
)
GOOD = {
    "migrations/V001__a.sql":
        "-- The real work, in float's stead.\n"
        "CREATE TABLE a (x bigint NOT NULL, t timestamptz,\n"
        "  CONSTRAINT a_pkey PRIMARY KEY (x),\n"
        "  CONSTRAINT a_small CHECK (x < 9), CONSTRAINT a_x CHECK (x > 0));\n"
        "CREATE TRIGGER a_append_only BEFORE UPDATE ON a\n"
        "CREATE TRIGGER a_immutable_terms BEFORE UPDATE ON a\n",
    "migrations/schema.sql": "CREATE TABLE a (CONSTRAINT a_new CHECK (x));\n",
    "migrations/V002__b.sql": "ALTER TABLE a DROP CONSTRAINT a_small;\n",
    "server/storage/memory_constraints.cc": 'x > 0, "a_x"\n',
}
