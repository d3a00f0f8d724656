# SPDX-License-Identifier: Apache-2.0
"""A folder includes from its own row and the rows below, never in a circle."""

import re

ROWS = {
    "common/base": 0, "common/crypto": 0,
    "common/log": 1, "common/tls": 1,
    "common/model": 1, "common/nas": 1, "proto": 1,
    # Two headers that the kernels themselves and those who use them share.
    "common/kernels/arithmetic.h": 1.4, "common/kernels/simd.h": 1.4,
    "common/kernels/inner": 1.5,
    "common/data": 2, "common/wire": 2,
    "common/export": 2.95,
    # The stairs of the core's rooms.
    "server/core/records": 2.1, "server/core/rules": 2.2,
    "server/core/leaves": 2.3, "server/core/commands": 2.4,
    "server/core/views": 2.4, "server/core/books": 2.4,
    "server/core/state": 2.5,
    "server/core/search": 2.6, "server/core/money": 2.6,
    "server/core/work": 2.7, "server/core/proof": 2.7,
    "server/core/tasks": 2.7, "server/core/accounts": 2.7,
    "server/core": 2.8,
    "common/kernels": 2.9,
    "common/channel": 3, "common/nn": 3, "server/storage": 3,
    "common/nas/search": 1,
    "server/backup": 4, "server/engine": 4, "server/intake": 4, "server/tls": 4,
    "worker/train": 4,
    "server/observability": 5, "server/payout": 5, "server/receipts": 5,
    "server/rpc": 5, "server/search": 5, "worker/agent": 5,
    "client/import": 5,
    "client": 6, "simulator": 6, "server": 6, "verifier": 6, "worker": 6,
    "tests": 7,
}

# What may not meet although the rows allow it, and why.
APART = (
    ("server/core", "common/wire", "the core knows no protobuf"),
    ("server/core", "common/data", "the core knows manifests and no images"),
    ("server", "worker", "a server and a worker share common/ only"),
    ("server", "client", "a server and a client share common/ only"),
    ("worker", "server", "a worker and a server share common/ only"),
    ("worker", "client", "a worker and a client share common/ only"),
    ("client", "server", "a client and a server share common/ only"),
    ("client", "worker", "a client and a worker share common/ only"),
    ("verifier", "server", "a verifier stands away from the ledger"),
    ("verifier", "worker", "a verifier and a worker share common/ only"),
    ("verifier", "client", "a verifier and a client share common/ only"),
    ("server", "verifier", "a server and a verifier share common/ only"),
    ("worker", "verifier", "a worker and a verifier share common/ only"),
    ("client", "verifier", "a client and a verifier share common/ only"),
    ("server", "common/nn", "the server does not link LibTorch"),
    ("worker", "common/nn", "a worker does not link LibTorch"),
)

# Include prefixes, and the only folders that may name them. "programs" stands
# for the files directly in server/ and worker/, which put the parts together.
OWNERS = (
    (("torch/", "ATen/", "c10/"), ("common/nn",)),
    (("pqxx/",), ("server/storage/postgres", "tests")),
    (("openssl/",), ("common/crypto", "common/tls")),
    (("spdlog/",), ("common/log",)),
    # Decoders of what strangers made stay away from servers and workers.
    (("png.h", "jpeglib.h", "zip.h"), ("client/import", "tests")),
    (("grpcpp/support/status.h",),
     ("common/wire", "common/channel", "server/rpc", "verifier",
      "worker/agent", "client", "tests", "programs")),
    (("grpcpp/", "grpc/"),
     ("common/channel", "server/rpc", "verifier", "worker/agent",
      "client", "tests", "programs")),
    (("archpool/onnx/",), ("common/export",)),
    (("archpool/v1/",),
     ("common/wire", "common/channel", "server/rpc", "verifier",
      "worker/agent", "client", "tests", "programs")),
    # Rows may hold a message's bytes, written by common/wire.
    (("google/protobuf/",),
     ("common/wire", "common/channel", "server/rpc", "verifier",
      "server/storage/postgres", "worker/agent", "client", "tests",
      "programs")),
)

# Rooms that do not know each other, although they stand on one step.
CORE = "server/core"
INNER = "common/kernels/inner"
PURE = (CORE, "common/nas", "common/model")
IMPURE = (
    (r"\babsl::(Now|GetCurrentTimeNanos)\b", "reads a clock"),
    (r"\bstd::chrono::\w+_clock\b|<chrono>|\b(time|clock)\(\s*(0|NULL|nullptr"
     r")?\s*\)", "reads a clock"),
    (r"\bSleepFor\b|\bsleep_(for|until)\b", "sleeps"),
    (r"<random>|\brandom_device\b|\bmt19937|\babsl::BitGen\b|\b(s?rand)\(",
     "draws random numbers"),
    (r"<(thread|mutex|shared_mutex|condition_variable|future|atomic)>"
     r"|\bstd::(jthread|thread|mutex)\b|absl/synchronization/|\babsl::Mutex\b",
     "has threads in it"),
    (r"\bunordered_(map|set)\b|\bflat_hash_(map|set)\b|\bnode_hash_(map|set)\b",
     "uses a hash map, whose order is no one's decision"),
    (r"<(fstream|iostream|filesystem)>|\bgetenv\b", "touches the outside"),
)
# Doubles are + - * / and sqrt alone in the core: libm differs between machines.
LIBM = re.compile(r"\bstd::(exp|exp2|expm1|log|log2|log10|log1p|pow|sin|cos|tan"
                  r"|sinh|cosh|tanh|erf|erfc|lgamma|tgamma|cbrt|hypot|fma)\(")

# What a program that operators run must not know.
TEST_SWITCH = re.compile(r"\bARCHPOOL_TEST_")

INCLUDE = re.compile(r'^\s*#\s*include\s*["<]([^">]+)[">]')


TESTS = ("_test.cc", "_conformance.cc", "_conformance.h", "_benchmark.cc",
         "_fuzz.cc", "/test_maps.h")


def under(path, folder):
    return path == folder or path.startswith(folder + "/")


def folder_of(path):
    """The longest folder of ROWS that holds `path`, or None."""
    holders = [f for f in ROWS if under(path, f)]
    return max(holders, key=len) if holders else None


def without_comment(line):
    return line.split("//", 1)[0]


def owned(path, allowed):
    if re.match(r"(server|worker)/[^/]+$", path) and "programs" in allowed:
        return True
    return any(under(path, folder) for folder in allowed)


def check_include(path, folder, included):
    for prefixes, allowed in OWNERS:
        if included.startswith(prefixes):
            if owned(path, allowed):
                break
            return f"only {', '.join(allowed)} may include <{included}>"
    target = folder_of(included)
    if target is None or folder == "tests":
        return None
    if target == "tests":
        return None if path.endswith(TESTS) else (
            f'"{included}": only tests may include from tests/')
    if under(folder, CORE) and path.endswith(TESTS):
        folder = CORE  # the tests beside a room have the whole pool
    if under(folder, INNER) and path.endswith(TESTS):
        folder = "common/kernels"  # the plain loops to compare with
    if (under(target, CORE) and folder not in (target, CORE) and
            under(folder, CORE) and ROWS[target] == ROWS[folder]):
        return (f'"{included}": {folder} and {target} do not know each other; '
                "state a fact (server/core/reactions.cc)")
    if ROWS[target] > ROWS[folder]:
        return (f'"{included}": {target} lies above {folder} '
                "(the rows are in tests/lint/layers.py)")
    for source, forbidden, why in APART:
        if under(path, source) and under(included, forbidden):
            return f'"{included}": {why}'
    return None


def check_pure(path, line):
    code = without_comment(line)
    for pattern, what in IMPURE:
        if re.search(pattern, code):
            return f"the pure core {what}: {code.strip()}"
    if under(path, "server/core") and LIBM.search(code):
        return f"libm differs between machines: {code.strip()}"
    return None


def find_circle(edges):
    """A list of folders that lead back to the first, or None."""
    done = set()

    def visit(folder, trail):
        if folder in trail:
            return trail[trail.index(folder):] + [folder]
        if folder in done:
            return None
        done.add(folder)
        for target in sorted(edges.get(folder, ())):
            circle = visit(target, trail + [folder])
            if circle:
                return circle
        return None

    for start in sorted(edges):
        circle = visit(start, [])
        if circle:
            return circle
    return None


def check(tree):
    findings, edges = [], {}
    for path in tree.paths(".h", ".cc"):
        folder = folder_of(path)
        if folder is None:
            findings.append(f"{path}:1: its folder has no row in "
                            "tests/lint/layers.py")
            continue
        is_test = path.endswith(TESTS)
        for number, line in enumerate(tree.lines(path), 1):
            match = INCLUDE.match(line)
            problem = None
            if match:
                problem = check_include(path, folder, match.group(1))
                target = folder_of(match.group(1))
                if target and not is_test and target != folder:
                    edges.setdefault(folder, set()).add(target)
            if not problem and not is_test and any(
                    under(folder, pure) for pure in PURE):
                problem = check_pure(path, line)
            if (not problem and folder != "tests" and not is_test
                    and TEST_SWITCH.search(without_comment(line))):
                problem = ("a switch for tests belongs to a program of theirs "
                           "(tests/support)")
            if problem:
                findings.append(f"{path}:{number}: {problem}")
    circle = find_circle(edges)
    if circle:
        findings.append("a circle of folders: " + " -> ".join(circle))
    return findings


BAD = (
    ("lies above", {"common/nas/a.cc": '#include "common/data/dataset.h"\n'}),
    ("lies above", {"server/core/a_test.cc":
                    '#include "server/engine/engine.h"\n'}),
    ("lies above", {"server/core/state/a.cc":
                    '#include "server/core/search/search.h"\n'}),
    ("do not know each other", {"server/core/work/a.cc":
                                '#include "server/core/proof/proof.h"\n'}),
    ("do not know each other", {"server/core/search/a.cc":
                                '#include "server/core/money/money.h"\n'}),
    ("lies above", {"server/core/views/a.cc":
                    '#include "server/core/state/pool_state.h"\n'}),
    ("lies above", {"common/kernels/inner/a.cc":
                    '#include "common/kernels/training.h"\n'}),
    ("lies above", {"common/kernels/simd.h":
                    '#include "common/kernels/inner/table.h"\n'}),
    ("lies above", {"server/core/rules/a.cc":
                    '#include "common/kernels/training.h"\n'}),
    ("reads a clock", {"server/core/work/a.cc": "auto t = absl::Now();\n"}),
    ("the server does not link", {"server/engine/a.cc":
                                  '#include "common/nn/trial.h"\n'}),
    ("knows no protobuf", {"server/core/a.cc":
                           '#include "common/wire/convert.h"\n'}),
    ("share common/ only", {"client/a.cc": '#include "worker/agent/a.h"\n'}),
    ("away from the ledger", {"verifier/a.cc":
                              '#include "server/engine/engine.h"\n'}),
    ("manifests and no images", {"server/core/a.cc":
                                 '#include "common/data/dataset.h"\n'}),
    ("draws random", {"common/model/a.cc": "#include <random>\n"}),
    ("only common/nn", {"worker/train/a.cc": "#include <torch/torch.h>\n"}),
    ("only server/storage/postgres", {"server/engine/a.cc":
                                      "#include <pqxx/pqxx>\n"}),
    ("only common/channel", {"worker/train/a.cc": "#include <grpcpp/grpcpp.h>\n"}),
    ("only common/channel", {"common/wire/a.cc":
                             "#include <grpcpp/channel.h>\n"}),
    ("only common/wire", {"server/engine/a.cc":
                          '#include "archpool/v1/task.pb.h"\n'}),
    ("reads a clock", {"server/core/a.cc": "auto now = absl::Now();\n"}),
    ("draws random", {"common/nas/a.cc": "#include <random>\n"}),
    ("threads", {"server/core/a.h": "absl::Mutex mutex_;\n"}),
    ("hash map", {"server/core/a.cc": "absl::flat_hash_map<int, int> m;\n"}),
    ("libm", {"server/core/a.cc": "double x = std::exp(y);\n"}),
    ("no row", {"extra/a.cc": "int x;\n"}),
    ("only tests may", {"common/base/a.cc": '#include "tests/support/a.h"\n'}),
    ("a switch for tests", {"server/a.cc":
                            'std::getenv("ARCHPOOL_TEST_KILL_AT");\n'}),
    ("a circle", {"common/model/a.h": '#include "common/nas/a.h"\n',
                  "common/nas/a.h": '#include "common/model/b.h"\n'}),
)
GOOD = {
    "common/nn/a.cc": '#include <torch/torch.h>\n#include "common/nas/a.h"\n',
    "server/core/a.cc": "// Not absl::Now(): time is an argument.\n"
                        '#include "common/model/ids.h"\n',
    "server/core/a_test.cc": "#include <random>\n",
    "server/core/rules/a.cc": '#include "common/kernels/inner/network.h"\n',
    "common/kernels/inner/a.cc": '#include "common/kernels/simd.h"\n',
    "common/kernels/inner/a_test.cc":
        '#include "common/kernels/reference.h"\n',
    "verifier/a.cc": '#include "common/nn/trial.h"\n',
    "common/wire/a.h": "#include <grpcpp/support/status.h>\n",
    "server/archpool_server.cc": "#include <grpcpp/grpcpp.h>\n",
}
