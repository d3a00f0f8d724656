#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs Debian packages of archpool in a fresh Debian that has never seen the
# project, and runs what they bring: every program says its version, a worker's
# check passes, a server makes a pool with a PostgreSQL of its own, and a
# verifier with LibTorch joins it.
#
#   tests/packages/fresh_install.sh [FOLDER]
#
# FOLDER holds the packages; by default deploy/package.sh makes them first. The
# fresh Debian is of this machine's release, in a temporary folder that goes away
# again: it needs root, debootstrap and a mirror. ARCHPOOL_DEBIAN_MIRROR names
# another one. Exits with 77 where root or debootstrap are missing.
set -euo pipefail
# shellcheck source=deploy/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../deploy/lib.sh"

skip() { printf 'skipped: %s\n' "$*"; exit 77; }

case ${1:-} in
  -h | --help) print_usage "$0"; exit 0 ;;
  -*) die "unknown option $1 (try --help)" ;;
esac
[ "$(id -u)" = 0 ] || skip "only root can enter another Debian"
command -v debootstrap >/dev/null || skip "debootstrap is not installed"

packages=${1:-$ARCHPOOL_ROOT/build/release/packages}
if [ $# = 0 ]; then "$ARCHPOOL_ROOT/deploy/package.sh"; fi
compgen -G "$packages/*.deb" >/dev/null || die "there is no package in $packages"

release=$(. /etc/os-release && echo "$VERSION_CODENAME")
mirror=${ARCHPOOL_DEBIAN_MIRROR:-http://deb.debian.org/debian}
root=$(mktemp -d "${TMPDIR:-/tmp}/archpool-fresh.XXXXXX")
clean_up() {
  # debootstrap leaves them.
  local mount
  for mount in proc sys; do
    if mountpoint -q "$root/$mount"; then umount --lazy "$root/$mount"; fi
  done
  rm -rf --one-file-system "$root"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
chmod 755 "$root"

step "Making a fresh Debian ($release)"
run_logged fresh-debian debootstrap --variant=minbase "$release" "$root" "$mirror"
# How this machine reaches its mirror.
cp -r /etc/apt/apt.conf.d/. "$root/etc/apt/apt.conf.d/"
cp /etc/resolv.conf /etc/hosts "$root/etc/"
# Nothing is started by installing it.
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
mkdir "$root/packages"
cp "$packages"/*.deb "$ARCHPOOL_ROOT/tests/packages/use_programs.sh" \
  "$root/packages/"

# Processes and mounts of its own, which end with it.
step "Installing the packages and using them"
# shellcheck disable=SC2016  # the inner shell expands it
unshare --mount --pid --fork --kill-child bash -euc '
  mount -t proc proc "$1/proc"
  mkdir -p "$1/dev/shm"
  mount -t tmpfs -o mode=1777 tmpfs "$1/dev/shm"
  exec chroot "$1" bash /packages/use_programs.sh' inside "$root"
step "The packages install and run"
