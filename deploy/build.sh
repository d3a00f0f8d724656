#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds archpool. The programs land in build/release/bin/.
#
#   deploy/build.sh [--preset NAME] [--all] [TARGET...]
#
#   --preset NAME  a preset of CMakePresets.json; default: release
#   --all          the tests and benchmarks too, not the programs alone
#
# Installs what is missing first. ARCHPOOL_JOBS sets how many compilations run
# at once; by default one per core, as far as the memory goes.
set -euo pipefail
# shellcheck source=deploy/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

preset=release
targets=()
while [ $# -gt 0 ]; do
  case $1 in
    --preset) preset=${2:?--preset needs a name}; shift ;;
    --all) targets+=(all) ;;
    -h | --help) print_usage "$0"; exit 0 ;;
    -*) die "unknown option $1 (try --help)" ;;
    *) targets+=("$1") ;;
  esac
  shift
done
if [ ${#targets[@]} = 0 ]; then targets=(programs); fi

"$ARCHPOOL_ROOT/deploy/install-deps.sh"
cd "$ARCHPOOL_ROOT"
build_dir=build/$preset

# Ninja runs CMake again where a CMakeLists.txt changed; the presets it does
# not know about.
configured=$build_dir/.configured
if [ ! -e "$build_dir/build.ninja" ] || [ CMakePresets.json -nt "$configured" ]
then
  step "Configuring the $preset build"
  run_logged "configure-$preset" cmake --preset "$preset"
  touch "$configured"
fi

step "Building ${targets[*]} ($preset, $(build_jobs) at a time)"
export NINJA_STATUS='[%f/%t, %e s] '
build=(cmake --build --preset "$preset" -j "$(build_jobs)" --target "${targets[@]}")
if [ -t 1 ]; then "${build[@]}"; else "${build[@]}" | thin_progress; fi
step "Built in $build_dir/bin"
