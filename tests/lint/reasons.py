# SPDX-License-Identifier: Apache-2.0
"""Every reason for which a miner's trial is rejected, or a worker gets no work, is
explained: server/core/views/explain_reasons.cc has it, with what helps."""

import re

TABLE = "server/core/views/explain_reasons.cc"
# Where the reason is written out. Work that there is none of is explained apart.
SAID = (
    re.compile(r"\bReject(?:Trial)?\([^;]*?\"([A-Z][A-Z0-9_]+)\""),
    re.compile(r"\bBlame\([^;]*?\"([A-Z][A-Z0-9_]+)\""),
    re.compile(r"\b(?:TrainingRefuted|WeightsUnusable)\{\"([A-Z][A-Z0-9_]+)\"\}"),
    re.compile(r"\.idle_reason = \"([A-Z][A-Z0-9_]+)\""),
    re.compile(r"\bIdle\(\s*\"([A-Z][A-Z0-9_]+)\""),
)
# Errors that a verifier takes for the files' own (verifier/examination.cc).
ABOUT_FILES = re.compile(
    r"InvalidArgument\(\s*\"((?:WEIGHTS|CHECKPOINT|SAFETENSORS)_[A-Z_]+)\"")
READERS = re.compile(r"^(common/nn|common/kernels|common/data|verifier)/")
# Refusals of a session.
SESSIONS = re.compile(
    r"(?:FailedPrecondition|ResourceExhausted)\(\s*"
    r"\"((?:SESSIONS|WORKER_NAME|TOO_MANY_SESSIONS|ARITHMETIC)[A-Z_]*)\"")
ELSEWHERE = {"NO_OPEN_TASK"}


def reasons_in(path, text):
    patterns = SAID + (SESSIONS,)
    if READERS.match(path):
        patterns += (ABOUT_FILES,)
    return {reason for pattern in patterns for reason in pattern.findall(text)}


def check(tree):
    explained = set(re.findall(r"\{\"([A-Z][A-Z0-9_]+)\"", "\n".join(
        tree.lines(TABLE)) if TABLE in tree.files else ""))
    findings = []
    for path in tree.paths(".cc"):
        if path.endswith("_test.cc") or not path.startswith(
                ("server/", "common/", "verifier/")):
            continue
        for reason in sorted(reasons_in(path, "\n".join(tree.lines(path)))):
            if reason not in explained | ELSEWHERE:
                findings.append(f"{path}: {reason} is not explained: say what it "
                                f"means and what helps in {TABLE}")
    return findings


BAD = (
    ("NEW_ONE is not explained", {
        "server/core/a.cc": 'internal::RejectTrial(s, p, t, "NEW_ONE", f, n);\n'}),
    ("NOT_YET is not explained", {
        "server/core/a.cc": 'return {.grant = {},\n .idle_reason = "NOT_YET"};\n',
        TABLE: '{"OTHER", "x"},\n'}),
    ("NO_LUCK is not explained", {
        "server/core/a.cc": 'return Idle(\n    "NO_LUCK", "x");\n'}),
    ("WEIGHTS_ODD is not explained", {
        "common/nn/a.cc": 'return InvalidArgument(\n "WEIGHTS_ODD", "x");\n'}),
    ("SESSIONS_NEVER is not explained", {
        "server/core/a.cc": 'return ResourceExhausted(\n "SESSIONS_NEVER", "x");\n'}),
    ("END_ODD is not explained", {
        "verifier/a.cc": 'return TrainingRefuted{"END_ODD"};\n'}),
)
GOOD = {
    "server/core/a.cc": 'Reject(s, std::move(t), "KNOWN");\n'
                        'r = {.idle_reason = "NO_OPEN_TASK"};\n',
    "server/core/a_test.cc": 'Reject(s, t, "ANY");\n',
    TABLE: '    {"KNOWN", "what it is", "what helps"},\n',
}
