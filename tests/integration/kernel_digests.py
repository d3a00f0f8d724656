#!/usr/bin/env python3
"""Kernels come to the same bits on other processors and from other compilers.

Builds the inner library alone, with each compiler and optimisation and for
64-bit ARM, and compares what its programs print: digests of every kind of
layer, of trainings, and of networks drawn at random. ARM runs in QEMU.

  kernel_digests.py [--layers N]
"""

import argparse
import glob
import os
import platform
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
FLAGS = ["-std=c++20", "-ffp-contract=off", "-I."]
ARM = "aarch64-linux-gnu-g++"
# Compiler, flags, and what the program is run by.
BUILDS = [
    ("g++", ["-O1"], []),
    ("g++", ["-O3"], []),
    ("clang++", ["-O2"], []),
    # Highway's headers are no ARM headers, but they are the same.
    (ARM, ["-O2", "-static", "-idirafter", "/usr/include"], ["qemu-aarch64"]),
]


def sources():
    inner = [path for path in glob.glob("common/kernels/inner/*.cc")
             if not path.endswith("_test.cc")]
    return inner + ["common/base/counter_rng.cc", "common/base/check.cc"]


def simds_of(compiler):
    if compiler == ARM:
        return ["neon", "scalar"]
    if platform.machine() != "x86_64":
        return ["neon", "scalar"]
    with open("/proc/cpuinfo", encoding="ascii") as file:
        flags = file.read()
    found = ["scalar"]
    if " avx2" in flags and " fma" in flags:
        found.append("avx2")
    if " avx512dq" in flags and " avx512vl" in flags:
        found.append("avx512")
    return found


def build(folder, compiler, flags):
    program = os.path.join(folder, compiler + "".join(flags[:1]))
    subprocess.run([compiler, *FLAGS, *flags, *sources(), "-o", program,
                    "-lpthread"], check=True)
    return program


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--layers", type=int, default=120)
    layers = str(parser.parse_args().layers)
    os.chdir(ROOT)
    outputs = {}
    with tempfile.TemporaryDirectory() as folder:
        for compiler, flags, runner in BUILDS:
            for needed in [compiler, *runner]:
                if shutil.which(needed) is None:
                    sys.exit(f"{needed} is missing; run "
                             "deploy/install-deps.sh --test")
            program = build(folder, compiler, flags)
            for simd in simds_of(compiler):
                for threads in ["1", "3"]:
                    name = f"{compiler} {flags[0]}, {simd}, {threads} threads"
                    outputs[name] = subprocess.run(
                        [*runner, program, simd, threads, layers], check=True,
                        stdout=subprocess.PIPE, text=True).stdout
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
