# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the scripts share: step lines, root, clean endings, progress. Source it;
# it changes nothing by itself. It needs bash and coreutils only, so that it
# works before anything is installed.

ARCHPOOL_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# Scripts that call each other count from the start of the outermost one.
export ARCHPOOL_START_SECONDS=${ARCHPOOL_START_SECONDS:-$(date +%s)}
# shellcheck disable=SC2034  # for the scripts that source this file
ARCHPOOL_LOG_DIR=$ARCHPOOL_ROOT/build/logs

elapsed() {
  local seconds=$(($(date +%s) - ARCHPOOL_START_SECONDS))
  printf '%d:%02d' $((seconds / 60)) $((seconds % 60))
}

# One line per thing that the script sets out to do.
step() { printf '[%5s] %s\n' "$(elapsed)" "$*"; }

die() {
  printf '%s: error: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

# Whether as_root can work at all.
can_be_root() { [ "$(id -u)" = 0 ] || command -v sudo >/dev/null; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# Prints the usage text of a script: its leading comment block, less its licence.
print_usage() {
  sed -n '2,/^[^#]/{/^#/!d;/SPDX-License-Identifier/d;s/^# \{0,1\}//;p}' "$1"
}

# run_logged NAME COMMAND...: silent while it works; the end of its output and
# where the rest is when it fails.
run_logged() {
  local log=$ARCHPOOL_LOG_DIR/$1.log
  shift
  mkdir -p "$ARCHPOOL_LOG_DIR"
  if "$@" >"$log" 2>&1; then return 0; fi
  tail -n 40 "$log" >&2
  printf 'The whole output is in %s\n' "$log" >&2
  return 1
}

# How many compilations at once: one per core, but 2 GiB of memory for each,
# which is what a file that includes LibTorch takes.
build_jobs() {
  local cores memory_gib
  cores=$(nproc)
  memory_gib=$(awk '/^MemAvailable/ {print int($2 / 1048576)}' /proc/meminfo)
  if [ $((memory_gib / 2)) -lt "$cores" ]; then cores=$((memory_gib / 2)); fi
  if [ "$cores" -lt 1 ]; then cores=1; fi
  echo "${ARCHPOOL_JOBS:-$cores}"
}

# Ninja rewrites one line on a terminal; elsewhere it prints a line for every
# file. This filter keeps one status line in ten seconds, and all other lines.
thin_progress() {
  local line next=0
  while IFS= read -r line; do
    if [[ $line =~ ^\[[0-9]+/[0-9]+ ]]; then
      if [ "$SECONDS" -lt "$next" ]; then continue; fi
      next=$((SECONDS + 10))
    fi
    printf '%s\n' "$line"
  done
}
