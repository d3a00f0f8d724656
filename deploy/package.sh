#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds archpool and makes its Debian packages: build/release/packages/*.deb.
#
#   deploy/package.sh
#
# The packages are for the Debian that they are made on. `apt install` takes
# them by their paths:
#
#   apt install ./build/release/packages/archpool-worker_*.deb
set -euo pipefail
# shellcheck source=deploy/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

case ${1:-} in
  -h | --help) print_usage "$0"; exit 0 ;;
  ?*) die "unknown option $1 (try --help)" ;;
esac

"$ARCHPOOL_ROOT/deploy/install-deps.sh" --package
"$ARCHPOOL_ROOT/deploy/build.sh"
cd "$ARCHPOOL_ROOT"
packages=build/release/packages
# Of an earlier version, or of another Debian.
rm -rf "$packages"
step "Packing"
run_logged package cpack --preset release
step "Packed in $packages"
