#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs one lint over the repository, or proves that every lint can fail.

    tests/lint/run.py NAME    one of the modules beside this file
    tests/lint/run.py all     all of them but the slow ones (tidy)
    tests/lint/run.py --self-test

A lint is a module with `check(tree) -> findings`, `BAD`: pairs of a text that a
finding must contain and the sample that must cause it, and `GOOD`: a sample
without findings. `skip_reason()`, where there is one, says why it cannot run;
`IS_SLOW` keeps it out of `all`.
"""

import importlib
import sys

from tree import Tree, load_repository

LINTS = ("adrs", "api", "buf", "build_files", "docs", "formatting", "headers",
         "kernels", "layers", "licences", "logs", "messages", "migrations", "pictures",
         "prose", "protos", "reasons", "scripts", "sizes", "spelling", "tidy",
         "unity", "words")
SKIPPED = 77  # what CTest is told to take for "skipped"


def skip_reason(lint):
    return getattr(lint, "skip_reason", lambda: None)()


def is_slow(name):
    return getattr(importlib.import_module(name), "IS_SLOW", False)


def self_test():
    failures = []
    for name in LINTS:
        lint = importlib.import_module(name)
        reason = skip_reason(lint)
        if reason:
            print(f"{name}: not tested: {reason}")
            continue
        if not lint.BAD:
            failures.append(f"{name}: has no bad sample")
        for expected, sample in lint.BAD:
            findings = lint.check(Tree(sample))
            if not any(expected in finding for finding in findings):
                failures.append(f"{name}: misses '{expected}' in "
                                f"{sorted(sample)}: {findings}")
        for finding in lint.check(Tree(lint.GOOD)):
            failures.append(f"{name}: wrongly objects: {finding}")
        print(f"{name}: {len(lint.BAD)} bad samples found")
    return failures


def run(name, tree):
    lint = importlib.import_module(name)
    reason = skip_reason(lint)
    if reason:
        print(f"{name}: skipped: {reason}")
        return None
    findings = lint.check(tree)
    print(f"{name}: {len(findings)} findings")
    return findings


def main(arguments):
    if arguments == ["--self-test"]:
        findings = self_test()
    elif len(arguments) == 1 and arguments[0] in LINTS + ("all",):
        names = arguments if arguments != ["all"] else [
            name for name in LINTS if not is_slow(name)]
        tree = load_repository()
        results = [run(name, tree) for name in names]
        if results == [None]:
            return SKIPPED
        findings = [f for result in results if result for f in result]
    else:
        print(__doc__, file=sys.stderr)
        return 2
    for finding in findings:
        print(finding, file=sys.stderr)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
