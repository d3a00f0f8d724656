#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Kernels come to the same bits on other processors and from other compilers.

Builds the inner library alone, with each compiler and optimisation and for
64-bit ARM, and compares what its programs print: digests of every kind of
layer, of trainings, and of networks drawn at random. ARM runs in QEMU.

  kernel_digests.py [--layers N]
"""

import argparse
import concurrent.futures
import glob
import os
import platform
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
# As in cmake/Archpool.cmake.
FLAGS = ["-std=c++20", "-ffp-contract=off", "-I."]
ARM = "aarch64-linux-gnu-g++"
# Compiler, flags of compiling, flags of linking, and what runs the program.
# The slowest first: others fill the time that is left.
BUILDS = [
    # Highway's headers are no ARM headers, but they are the same.
    (ARM, ["-O2", "-idirafter", "/usr/include"], ["-static"], ["qemu-aarch64"]),
    ("g++", ["-O1"], [], []),
    # With --all: the trees of tests/run.sh compile as these do, and hold the
    # same digests in self_check_test.
    ("g++", ["-O3"], [], []),
    ("clang++", ["-O2"], [], []),
]
DEFAULT_BUILDS = 2


def sources():
    inner = [path for path in glob.glob("common/kernels/inner/*.cc")
             if not path.endswith("_test.cc")]
    return inner + ["common/base/counter_rng.cc", "common/base/check.cc"]


def simds_of(compiler):
    if compiler == ARM or platform.machine() != "x86_64":
        return ["neon", "scalar"]
    with open("/proc/cpuinfo", encoding="ascii") as file:
        flags = file.read()
    found = ["scalar"]
    if " avx2" in flags and " fma" in flags:
        found.append("avx2")
    if " avx512dq" in flags and " avx512vl" in flags:
        found.append("avx512")
    return found


def compile_one(folder, compiler, flags, source):
    target = os.path.join(folder, source.replace("/", "_") + ".o")
    subprocess.run([compiler, *FLAGS, *flags, "-c", source, "-o", target],
                   check=True)
    return target


def runs_of(number):
    """(instructions, threads): three threads everywhere, one once."""
    simds = simds_of(BUILDS[number][0])
    return [(simd, "3") for simd in simds] + (
        [(simds[-1], "1")] if number == 1 else [])


def compute(pool, folder, layers):
    """What each program prints, by name, in the order of BUILDS."""
    compiled = []
    for number, (compiler, flags, _, _) in enumerate(BUILDS):
        own = os.path.join(folder, str(number))
        os.mkdir(own)
        compiled.append([pool.submit(compile_one, own, compiler, flags, source)
                         for source in sources()])
    printed = {}
    for number, (compiler, flags, links, runner) in enumerate(BUILDS):
        objects = [future.result() for future in compiled[number]]
        program = os.path.join(folder, str(number), "program")
        subprocess.run([compiler, *links, *objects, "-o", program, "-lpthread"],
                       check=True)
        for simd, threads in runs_of(number):
            name = f"{compiler} {flags[0]}, {simd}, {threads} threads"
            printed[name] = pool.submit(
                subprocess.run, [*runner, program, simd, threads, layers],
                check=True, stdout=subprocess.PIPE, text=True)
    return {name: future.result().stdout for name, future in printed.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--layers", type=int, default=120,
                        help="how many networks to draw at random")
    parser.add_argument("--all", action="store_true",
                        help="build with every compiler and optimisation")
    arguments = parser.parse_args()
    layers = str(arguments.layers)
    if not arguments.all:
        del BUILDS[DEFAULT_BUILDS:]
    os.chdir(ROOT)
    for compiler, _, _, runner in BUILDS:
        for needed in [compiler, *runner]:
            if shutil.which(needed) is None:
                sys.exit(f"{needed} is missing; run "
                         "deploy/install-deps.sh --test")
    with tempfile.TemporaryDirectory() as folder, \
            concurrent.futures.ThreadPoolExecutor(
                len(os.sched_getaffinity(0))) as pool:
        outputs = compute(pool, folder, layers)
    expected = next(iter(outputs.values()))
    failed = [name for name, output in outputs.items() if output != expected]
    for name, output in outputs.items():
        print(f"{'differs' if name in failed else 'equal  '}  {name}")
        if name in failed:
            print(output)
    print(expected, end="")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
