#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing, builds, and runs every test.
#
#   tests/run.sh [--soak] [--bench] [--only LABEL] [--quick]
#
#   --soak        the long runs too (label soak), and every test in both builds:
#                 hours
#   --bench       the benchmarks too (label bench)
#   --only LABEL  only the tests with this label: unit sim integration adversary
#                 ledger e2e fuzz lint bench soak
#   --quick       the release build alone
#
# Two builds are tested: release (GCC, with LibTorch), and fuzz (clang with its
# thread-safety analysis, AddressSanitizer, UBSan and the fuzzers; without
# LibTorch). Unit tests, the fuzzers' files and most tests of label integration run
# in the second alone (label again), but for those of the code that trains, of
# LibTorch and of the sandbox.
# Two tests of label integration build the kernels by themselves: for
# 64-bit ARM and with other compilers, and under ThreadSanitizer. CTest runs on
# one tree after the other and sums each up; a failure in either fails the whole.
# `cmake --workflow --preset release` does the same for one tree, with the same
# presets. Whatever was started is ended, and temporary files are removed.
set -euo pipefail
# shellcheck source=deploy/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../deploy/lib.sh"

trees=(release fuzz)
excluded=(bench soak again)
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
    --soak) include soak; include again ;;
    --bench) include bench ;;
    --only) only=${2:?--only needs a label}; include "$only"; shift ;;
    --quick) trees=(release); include again ;;
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

# The release tree as far as the other does not do the same.
is_distinct=
if [[ " ${excluded[*]} " == *' again '* ]]; then is_distinct=1; fi
preset_of() {
  if [ -n "$is_distinct" ] && [ "$1" = release ]; then
    echo distinct
  else
    echo "$1"
  fi
}
for tree in "${trees[@]}"; do
  target=--all
  if [ "$(preset_of "$tree")" = distinct ]; then target=distinct; fi
  run_contained deploy/build.sh --preset "$tree" "$target"
done

names_of() { ctest --preset "$@" -N | sed -n 's/^ *Test *#[0-9]*: //p'; }
# What is passed over in one tree is in the other.
if [ -n "$is_distinct" ]; then
  there=$(names_of fuzz)
  for name in $(names_of release -L '^again$'); do
    grep -qxF "$name.sanitized" <<<"$there" ||
      die "no tree runs $name (see OF_RELEASE in cmake/Archpool.cmake)"
  done
fi

# Of what the presets leave out, that which nobody asked for.
selection=(-LE "^($(IFS='|' && echo "${excluded[*]}"))\$")
if [ -n "$only" ]; then selection+=(-L "^$only\$"); fi
# Some labels are in one of the trees alone.
has_tests() {
  ctest --preset "$(preset_of "$1")" -N "${selection[@]}" |
    grep '^Total Tests: [1-9]' >/dev/null
}

failed=
ran=
for tree in "${trees[@]}"; do
  if ! has_tests "$tree"; then continue; fi
  ran=1
  step "Running the tests ($tree)"
  # Two jobs for each core: see archpool_add_test.
  run_contained ctest --preset "$(preset_of "$tree")" -j "$((2 * $(nproc)))" \
    "${selection[@]}" || failed="$failed $tree"
done
[ -n "$ran" ] || die "no test has the label $only"
[ -z "$failed" ] || die "tests failed in:$failed"
step "All tests passed"
