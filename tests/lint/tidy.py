# SPDX-License-Identifier: Apache-2.0
"""C++ has none of the faults that .clang-tidy names.

It reads the compile commands of the newest build and takes seconds a file, so it
looks at the core and at what changed since main alone, and at files that are
compiled together in one go: most of those seconds go to headers that they share.
ARCHPOOL_SOAK=1 in the environment: at every file, by itself. What includes LibTorch
is left out: its headers take a minute each.
"""

import concurrent.futures
import json
import os
import re
import subprocess
import tempfile

import external
import unity
from tree import REPOSITORY

IS_SLOW = True  # `run.py all` leaves it out
VERSION = "14"  # versions differ in what they find; this is Debian 12's
BUILDS = ("build/fuzz", "build/release")
CORE = "server/core/"
CHANGED_MAX = 60  # files beside the core, of some four seconds each
FOLDERS = "client|common|server|simulator|tests|verifier|worker"
# The release tree compiles files together and reads headers in advance; each file
# is looked at by itself.
TOGETHER = "/Unity/"
PRECOMPILED = re.compile(r" (?:-Winvalid-pch|-fpch-preprocess"
                         r"|-include \S*cmake_pch\.hxx)(?= )")
MEMBER = re.compile(r'^#include "(/[^"]+)"', re.M)
TORCH = re.compile(r'^\s*#\s*include\s*[<"](torch|ATen|c10)/', re.M)
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.M)
FINDING = re.compile(r"^(?P<place>[^\s:]+:\d+):\d+: (?:warning|error): (?P<what>.*)$")


def by_file(entries):
    """The compile commands, one for each file."""
    commands = {}
    for entry in entries:
        files = [entry["file"]]
        if TOGETHER in entry["file"]:
            with open(entry["file"], encoding="utf-8") as stream:
                files = MEMBER.findall(stream.read())
        command = PRECOMPILED.sub("", entry["command"])
        for path in files:
            commands[os.path.relpath(path, REPOSITORY)] = {
                "directory": entry["directory"], "file": path,
                "command": command.replace(entry["file"], path)}
    return commands


def commands_of_build():
    """The newest build and its compile commands by file, or None."""
    paths = [os.path.join(REPOSITORY, build, "compile_commands.json")
             for build in BUILDS]
    paths = sorted(filter(os.path.exists, paths), key=os.path.getmtime)
    if not paths:
        return None
    with open(paths[-1], encoding="utf-8") as stream:
        return os.path.dirname(paths[-1]), by_file(json.load(stream))


def skip_reason():
    reason = external.missing("clang-tidy")
    if reason:
        return reason
    answer = subprocess.run(["clang-tidy", "--version"], text=True,
                            capture_output=True, check=True).stdout
    version = re.search(r"version (\d+)", answer).group(1)
    if version != VERSION:
        return f"clang-tidy is version {version}, the checks are {VERSION}'s"
    if commands_of_build() is None:
        return "no build has compile commands (deploy/build.sh makes one)"
    return None


def includes_torch(tree):
    """The files that LibTorch's headers reach, through others as well."""
    reached = {p for p in tree.paths(".h", ".cc") if TORCH.search(tree.files[p])}
    includes = {p: set(INCLUDE.findall(tree.files[p]))
                for p in tree.paths(".h", ".cc")}
    size = -1
    while size != len(reached):
        size = len(reached)
        reached |= {p for p, named in includes.items() if named & reached}
    return reached


def changed_files():
    """Paths that differ from main, or from the last commit where this is main."""
    def git(*arguments):
        answer = subprocess.run(
            ["git", "-c", "safe.directory=*", *arguments], cwd=REPOSITORY,
            text=True, capture_output=True, check=False)
        return answer.stdout.split() if answer.returncode == 0 else []

    head = git("rev-parse", "HEAD")
    base = (git("merge-base", "HEAD", "origin/main") or
            git("merge-base", "HEAD", "main"))
    if not base or base == head:
        base = git("rev-parse", "HEAD~1")
    if not base:
        return set()
    return set(git("diff", "--name-only", *base)) | set(
        git("ls-files", "--others", "--exclude-standard"))


def chosen(paths, changed):
    """Of `paths`, the core's and those whose file or header has changed."""
    stems = {os.path.splitext(path)[0] for path in changed}
    core = [path for path in paths
            if path.startswith(CORE) and not path.endswith("_test.cc")]
    others = [path for path in paths
              if path not in core and os.path.splitext(path)[0] in stems]
    if len(others) > CHANGED_MAX:
        print(f"tidy: {len(others) - CHANGED_MAX} changed files are left to the soak")
    return core + others[:CHANGED_MAX]


def findings_in(output, root):
    found = set()
    for line in output.split("\n"):
        match = FINDING.match(line)
        if match:
            place = os.path.relpath(match["place"], root) if root else match["place"]
            found.add(f"{place}: {match['what']}")
    return found


def together(tree, paths):
    """`paths`, in groups that compile as one file."""
    groups = []
    left = set(paths)
    for group in unity.groups(tree):
        groups.append([path for path in group if path in left])
        left -= set(group)
    groups += [[path] for path in sorted(left)]
    # The largest first, so that no core waits long for another in the end.
    return sorted(filter(None, groups), key=len, reverse=True)


def joined(number, group, commands, folder):
    """The compile command of the group; the file that it names is made."""
    if len(group) == 1:
        return commands[group[0]]
    first = commands[group[0]]
    path = os.path.join(folder, f"{number}.cc")
    with open(path, "w", encoding="utf-8") as stream:
        stream.writelines(f'#include "{os.path.join(REPOSITORY, one)}"\n'
                          for one in group)
    return {**first, "file": path,
            "command": first["command"].replace(first["file"], path)}


def look_at(path, folder):
    answer = subprocess.run(
        ["clang-tidy", "--quiet", "-p", folder,
         f"--header-filter=^{re.escape(REPOSITORY)}/({FOLDERS})/",
         # GCC's commands name warnings that clang does not know.
         "--extra-arg=-Wno-unknown-warning-option", "--extra-arg=-Wno-error",
         # A file that joins others lies elsewhere.
         f"--config-file={os.path.join(REPOSITORY, '.clang-tidy')}", path],
        cwd=REPOSITORY, text=True, capture_output=True, check=False)
    found = findings_in(answer.stdout, REPOSITORY)
    if answer.returncode != 0 and not found:
        found.add(f"{path}:1: clang-tidy failed: {answer.stderr.strip()[-300:]}")
    return found


def check_repository(tree):
    build, commands = commands_of_build()
    paths = sorted(set(commands) & set(tree.paths(".cc")) - includes_torch(tree))
    if not paths:
        return [f"{build}: its compile commands are of another source tree"]
    if os.environ.get("ARCHPOOL_SOAK") != "1":
        paths = chosen(paths, changed_files())
        groups = together(tree, paths)
    else:
        groups = [[path] for path in paths]
    print(f"tidy: {len(paths)} files")
    with tempfile.TemporaryDirectory() as folder:
        units = [joined(number, group, commands, folder)
                 for number, group in enumerate(groups)]
        with open(os.path.join(folder, "compile_commands.json"), "w",
                  encoding="utf-8") as stream:
            json.dump(units, stream)
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            found = list(pool.map(lambda unit: look_at(unit["file"], folder), units))
    return sorted(set().union(*found))


def check(tree):
    if tree.is_repository:
        return check_repository(tree)
    with open(os.path.join(REPOSITORY, ".clang-tidy"), encoding="utf-8") as stream:
        tree.files.setdefault(".clang-tidy", stream.read())
    _, output = external.run_over(tree, tree.paths(".cc"), ["clang-tidy", "--quiet"],
                                  ["--", "-std=c++20", "-I."])
    return sorted(findings_in(output, None))


# No sample of bugprone-dangling-handle: version 14 misses it in C++20.
BAD = (
    ("bugprone-use-after-move", {"a.cc": """#include <string>
#include <utility>
size_t F(std::string s) { std::string t = std::move(s); return s.size(); }
"""}),
    ("google-explicit-constructor", {"a.cc": "struct Id { Id(long value); };\n"}),
    ("bugprone-exception-escape", {
        "a.cc": "void F() noexcept { throw 1; }\n"}),
    ("performance-unnecessary-value-param", {"a.cc": """#include <string>
bool F(const std::string s) { return s.empty(); }
"""}),
    ("performance-for-range-copy", {"a.cc": """#include <string>
#include <vector>
size_t F(const std::vector<std::string>& all) {
  size_t sum = 0;
  for (const auto one : all) sum += one.size();
  return sum;
}
"""}),
    ("readability-inconsistent-declaration-parameter-name", {
        "a.cc": "int F(int task);\nint F(int id) { return id; }\n"}),
)
GOOD = {"a.cc": """#include <string>
#include <utility>
struct Id { explicit Id(long value); };
std::string F(std::string s) { return std::move(s) + "t"; }
"""}
