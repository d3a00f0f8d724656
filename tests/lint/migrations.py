"""Migrations are numbered without gaps and hold to the ledger's types."""

import re

NAME = re.compile(r"^migrations/V(\d{3})__[a-z0-9_]+\.sql$")
TYPES = (
    (r"\b(double\s+precision|float[48]?|real|money)\b",
     "amounts and work are bigint, never floating point"),
    (r"\btimestamp\b(?!\s*with\s+time\s+zone)(?!tz)", "use timestamptz"),
    (r"\b(var)?char\s*\(", "text with a named CHECK on its length"),
    (r"\bcreate\s+(or\s+replace\s+)?trigger\s+(?!\w+_append_only\b)",
     "no business rules in triggers; x_append_only may refuse changes"),
    (r"^\s*(begin|commit)\s*;", "the runner opens the transaction"),
)


def check(tree):
    findings, numbers = [], []
    for path in [p for p in tree.paths(".sql") if p.startswith("migrations/")]:
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
    return findings


BAD = (
    ("must be named", {"migrations/V1__a.sql": ""}),
    ("without a gap", {"migrations/V001__a.sql": "",
                       "migrations/V003__b.sql": ""}),
    ("without a gap", {"migrations/V001__a.sql": "",
                       "migrations/V001__b.sql": ""}),
    ("floating point", {"migrations/V001__a.sql":
                        "CREATE TABLE a (x double precision);\n"}),
    ("no business rules", {"migrations/V001__a.sql":
                           "CREATE TRIGGER pay_miner\n"}),
    ("timestamptz", {"migrations/V001__a.sql":
                     "CREATE TABLE a (t timestamp);\n"}),
)
GOOD = {"migrations/V001__a.sql":
        "-- The real work, in float's stead.\n"
        "CREATE TABLE a (x bigint NOT NULL, t timestamptz);\n"
        "CREATE TRIGGER a_append_only BEFORE UPDATE ON a\n"}
