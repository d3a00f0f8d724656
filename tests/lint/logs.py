# SPDX-License-Identifier: Apache-2.0
"""Every line of a daemon's log is an event with a name of its own, by way of
common/log, and docs/logs.md says what each event means and wants."""

import re

PAGE = "docs/logs.md"
FOLDERS = ("common/", "server/", "verifier/", "worker/", "tests/support/",
           "tests/adversary/")
WAY = "common/log/"
CALL = re.compile(r'\bLog(Debug|Info|Warn|Error)\(\s*(?=")')
RECORD = re.compile(r'(?:\.|\b\w+\.)event = "(\w+)"')
OTHER_WAY = re.compile(r"\bspdlog::|#include <spdlog/|\bgpr_log\(|\bGOOGLE_LOG\(")
LITERALS = re.compile(r'\s*((?:"(?:[^"\\]|\\.)*"\s*)+)(,|\)|\S)')
ROW = re.compile(r"^\| `(\w+)` \| ([a-z, ]+) \|", re.M)
STOPS = re.compile(r"[.!]$")


def literals(text, at):
    """The joined literals that begin at `at`, and where the next argument does;
    None where it is no literal alone."""
    match = LITERALS.match(text, at)
    if not match or match.group(2) not in ",)":
        return None, None
    return "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', match.group(1))), match.end()


def style_of(sentence):
    if re.match(r"[A-Z][a-z]", sentence) and not sentence.startswith("Postgre"):
        return "begins in lower case"
    if STOPS.search(sentence):
        return "ends without a full stop: the line goes on"
    return None


def events_in(path, text, findings):
    """[(event, level or None, sentence or None)]."""
    events = [(name, None, None) for name in RECORD.findall(text)]
    for match in CALL.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        event, at = literals(text, match.end())
        level = match.group(1).lower()
        sentence, after = literals(text, at)
        events.append((event, level, sentence))
        said = [] if sentence is None else [sentence]
        if level in ("warn", "error") and after is not None:
            advice, _ = literals(text, after)
            if advice == "":
                findings.append(f"{path}:{line}: {event} wants nothing of the "
                                "operator: say that nothing need be done")
            said += [advice] if advice else []
        for words in said:
            wrong = style_of(words)
            if wrong:
                findings.append(f"{path}:{line}: '{words}': a log's sentence "
                                f"{wrong}")
    return events


def check(tree):
    findings = []
    rows = dict(ROW.findall(tree.files.get(PAGE, "")))
    said = {}
    for path in tree.paths(".cc", ".h"):
        if not path.startswith(FOLDERS) or path.endswith("_test.cc"):
            continue
        text = tree.files[path]
        if not path.startswith(WAY):
            for match in OTHER_WAY.finditer(text):
                line = text.count("\n", 0, match.start()) + 1
                findings.append(f"{path}:{line}: '{match.group(0)}': log by way "
                                "of common/log/log.h")
        for event, level, sentence in events_in(path, text, findings):
            first = said.setdefault(event, (level, sentence))
            if first != (level, sentence):
                findings.append(f"{path}: {event} means two things: '{first}' and "
                                f"'{(level, sentence)}'")
            if event not in rows:
                if event != "unnamed":
                    findings.append(f"{path}: {event} is not in {PAGE}: say what "
                                    "it means and what it wants")
            elif level is not None and rows[event] != level:
                findings.append(f"{path}: {event} is of level {level}, and "
                                f"{PAGE} has '{rows[event]}'")
    for event in sorted(rows.keys() - said.keys()):
        findings.append(f"{PAGE}: no program logs {event}")
    return findings


_PAGE = "| Event | Level |\n|---|---|\n| `lost` | warn | x |\n"
_LOST = 'LogWarn("lost", "it is lost",\n        "look for it", {{"n", 1}});\n'
BAD = (
    ("new is not in docs/logs.md", {"server/a.cc": 'LogInfo("new", "it is new");\n'}),
    ("other is not in docs/logs.md", {"server/a.cc": '{.event = "other",\n'}),
    ("no program logs lost", {PAGE: _PAGE}),
    ("is of level error", {PAGE: _PAGE,
                           "worker/a.cc": _LOST.replace("Warn", "Error")}),
    ("means two things", {PAGE: _PAGE, "worker/a.cc": _LOST,
                          "verifier/a.cc": _LOST.replace("it is", "all is")}),
    ("by way of common/log", {"server/a.cc": 'spdlog::info("x");\n'}),
    ("by way of common/log", {"common/base/a.cc": "#include <spdlog/spdlog.h>\n"}),
    ("wants nothing", {PAGE: _PAGE,
                       "server/a.cc": 'LogWarn("lost", "it is lost", "");\n'}),
    ("lower case", {PAGE: _PAGE, "server/a.cc": _LOST.replace("it is", "It is")}),
    ("full stop", {PAGE: _PAGE, "server/a.cc": _LOST.replace("for it", "for it.")}),
)
GOOD = {
    PAGE: _PAGE + "| `told` | info, warn | x |\n| `begun` | info | x |\n",
    "server/a.cc": _LOST + 'LogInfo("begun", Describe("x"));\n',
    "server/a_test.cc": 'LogInfo("any", "Any.");\n',
    "verifier/b.cc": '{.event = "told"};\nline.event = "told";\n',
    "common/log/log.cc": "#include <spdlog/spdlog.h>\nspdlog::set_level(x);\n",
}
