#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing, builds, and runs every test.
#
#   tests/run.sh [--soak] [--bench] [--only LABEL] [--quick]
#
#   --soak        the long runs too (label soak): hours
#   --bench       the benchmarks too (label bench)
#   --only LABEL  only the tests with this label: unit sim integration adversary
#                 ledger e2e fuzz lint bench soak
#   --quick       the release build alone
#
# Two builds are tested: release (GCC, with LibTorch), and fuzz (clang with its
# thread-safety analysis, AddressSanitizer, UBSan and the fuzzers; without
# LibTorch). Two tests of label integration build the kernels by themselves: for
# 64-bit ARM and with other compilers, and under ThreadSanitizer. CTest runs on
# one tree after the other and sums each up; a failure in either fails the whole.
# `cmake --workflow --preset release` does the same for one tree, with the same
# presets. Whatever was started is ended, and temporary files are removed.
set -euo pipefail
# shellcheck source=deploy/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../deploy/lib.sh"

trees=(release fuzz)
excluded=(bench soak)
only=
include() {
  local kept=() label
  for label in "${excluded[@]}"; do
    if [ "$label" != "$1" ]; then kept+=("$label"); fi
  done
  excluded=("${kept[@]}")
}
while [ $# -gt 0 ]; do
  case $1 in
    --soak) include soak ;;
    --bench) include bench ;;
    --only) only=${2:?--only needs a label}; include "$only"; shift ;;
    --quick) trees=(release) ;;
    -h | --help) print_usage "$0"; exit 0 ;;
    *) die "unknown option $1 (try --help)" ;;
  esac
  shift
done

cd "$ARCHPOOL_ROOT"
deploy/install-deps.sh --test

# Tests that run as root drop to an unprivileged user for PostgreSQL, who must
# be able to enter this folder; a unix socket's path must stay short.
TMPDIR=$(mktemp -d "${TMPDIR:-/tmp}/archpool.XXXXXX")
export TMPDIR
chmod 1777 "$TMPDIR"
child=
clean_up() {
  trap - EXIT INT TERM HUP
  if [ -n "$child" ]; then
    kill -TERM "$child" 2>/dev/null || true
    wait "$child" 2>/dev/null || true
  fi
  rm -rf "$TMPDIR"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# In the background, so that a signal is not kept waiting for the command; and
# not a function of the shell's, whose subshell would end before the supervisor.
run_contained() {
  python3 "$ARCHPOOL_ROOT/deploy/contained.py" "$@" &
  child=$!
  local status=0
  wait "$child" || status=$?
  child=
  return "$status"
}

for tree in "${trees[@]}"; do
  run_contained deploy/build.sh --preset "$tree" --all
done

# In place of the labels that the presets leave out.
selection=(-LE "^($(IFS='|' && echo "${excluded[*]}"))\$")
if [ -n "$only" ]; then selection+=(-L "^$only\$"); fi
# Some labels are in one of the trees alone.
has_tests() {
  ctest --preset "$1" -N "${selection[@]}" |
    grep '^Total Tests: [1-9]' >/dev/null
}

failed=
ran=
for tree in "${trees[@]}"; do
  if ! has_tests "$tree"; then continue; fi
  ran=1
  step "Running the tests ($tree)"
  # Two jobs for each core: see archpool_add_test.
  run_contained ctest --preset "$tree" -j "$((2 * $(nproc)))" "${selection[@]}" ||
    failed="$failed $tree"
done
[ -n "$ran" ] || die "no test has the label $only"
[ -z "$failed" ] || die "tests failed in:$failed"
step "All tests passed"
