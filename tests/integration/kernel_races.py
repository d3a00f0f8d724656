#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The threads of a training share nothing without waiting for each other.

Builds the inner library under ThreadSanitizer, with the test of its threads
and the program that prints test vectors, and runs both: every kind of layer is
trained and evaluated by four threads, on every set of instructions.
"""

import concurrent.futures
import os
import subprocess
import sys
import tempfile

import kernel_digests

COMPILER = "g++"
# More optimisation would leave fewer accesses of memory to be watched.
FLAGS = ["-O1", "-g1", "-fsanitize=thread"]
TEAM_TEST = "common/kernels/inner/team_test.cc"
PRINTER = "common/kernels/inner/print_vectors.cc"
RANDOM_LAYERS = "20"


def link(objects, program, libraries):
    subprocess.run([COMPILER, "-fsanitize=thread", *objects, "-o", program,
                    *libraries, "-lpthread"], check=True)


def run(command):
    return subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "TSAN_OPTIONS": "halt_on_error=1"}).stdout


def main():
    os.chdir(kernel_digests.ROOT)
    with tempfile.TemporaryDirectory() as folder, \
            concurrent.futures.ThreadPoolExecutor(
                len(os.sched_getaffinity(0))) as pool:
        compiled = {source: pool.submit(kernel_digests.compile_one, folder,
                                        COMPILER, FLAGS, source)
                    for source in kernel_digests.sources() + [TEAM_TEST]}
        objects = {source: one.result() for source, one in compiled.items()}
        shared = [objects[source] for source in objects
                  if source not in (TEAM_TEST, PRINTER)]
        printer = os.path.join(folder, "print_vectors")
        link(shared + [objects[PRINTER]], printer, [])
        team_test = os.path.join(folder, "team_test")
        link(shared + [objects[TEAM_TEST]], team_test,
             ["-lgtest", "-lgtest_main"])
        print(run([team_test]))
        outputs = {
            simd: run([printer, simd, "4", RANDOM_LAYERS])
            for simd in kernel_digests.simds_of(COMPILER)}
    print("no races on " + ", ".join(outputs))
    if len(set(outputs.values())) != 1:
        for simd, output in outputs.items():
            print(f"{simd}:\n{output}")
        sys.exit("the instructions differ in what they compute")


if __name__ == "__main__":
    main()
