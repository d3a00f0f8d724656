#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages that archpool needs, and only those that are
# missing; with nothing missing, apt is not touched.
#
#   deploy/install-deps.sh [--test] [--bench] [--package] [--list]
#
#   (no option)  what it takes to build and to run the pool
#   --test       also what tests/run.sh needs
#   --bench      also what the comparisons under tests/bench need
#   --package    also what deploy/package.sh needs
#   --list       print the packages and stop
#
# Debian 12 (bookworm) and 13 (trixie). Needs root or sudo.
set -euo pipefail
# shellcheck source=deploy/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

BUILD_PACKAGES=(
  g++ cmake ninja-build ccache pkgconf git ca-certificates python3
  libgrpc++-dev protobuf-compiler protobuf-compiler-grpc libprotobuf-dev
  libabsl-dev libpqxx-dev libyaml-cpp-dev nlohmann-json3-dev libcli11-dev
  libspdlog-dev libssl-dev zlib1g-dev libgtest-dev libgmock-dev
  libpng-dev libjpeg62-turbo-dev libzip-dev
  libjemalloc-dev libseccomp-dev libcpp-httplib-dev
  prometheus-cpp-dev
  libtorch-dev libhwy-dev
)
# OpenBLAS replaces Debian's default BLAS, the slow reference one.
RUN_PACKAGES=(libopenblas0-pthread postgresql dataset-fashion-mnist)
# lld, because clang's own linker call is slow on sanitised programs.
# A compiler and an emulator of 64-bit ARM, where kernels are compared. A fresh
# Debian, where packages are installed.
TEST_PACKAGES=(
  clang lld libclang-rt-dev clang-format clang-tidy codespell shellcheck
  g++-aarch64-linux-gnu qemu-user debootstrap python3-jsonschema python3-yaml
  python3-grpcio python3-protobuf python3-openssl python3-numpy
  python3-setuptools python3-pip python3-wheel mypy
)
BENCH_PACKAGES=(python3-torch)
PACKAGE_PACKAGES=(dpkg-dev file)

packages=("${BUILD_PACKAGES[@]}" "${RUN_PACKAGES[@]}")
list=
for option in "$@"; do
  case $option in
    --test) packages+=("${TEST_PACKAGES[@]}") ;;
    --bench) packages+=("${BENCH_PACKAGES[@]}") ;;
    --package) packages+=("${PACKAGE_PACKAGES[@]}") ;;
    --list) list=1 ;;
    -h | --help) print_usage "$0"; exit 0 ;;
    *) die "unknown option $option (try --help)" ;;
  esac
done
if [ -n "$list" ]; then
  printf '%s\n' "${packages[@]}"
  exit 0
fi

missing_packages() {
  local installed
  installed=$(dpkg-query -W -f '${db:Status-Abbrev}${Package}\n' \
    "${packages[@]}" 2>/dev/null | sed -n 's/^ii  *//p') || true
  printf '%s\n' "${packages[@]}" | grep -vxF -f <(printf '%s\n' "$installed")
}

# Debian's PostgreSQL package makes a database cluster and starts it. archpool
# makes clusters of its own, so a machine that had no PostgreSQL is left without
# one running. The drop-in goes away again: it is not ours to set for good.
NO_CLUSTER=/etc/postgresql-common/createcluster.d/archpool-install.conf
forbid_main_cluster() {
  if compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null; then return; fi
  trap 'as_root rm -f "$NO_CLUSTER"' EXIT
  as_root mkdir -p "$(dirname "$NO_CLUSTER")"
  echo 'create_main_cluster = false' | as_root tee "$NO_CLUSTER" >/dev/null
}

apt() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
    -o DPkg::Lock::Timeout=300 "$@"
}

command -v dpkg-query >/dev/null ||
  die "this is not Debian; install the equivalents of: ${packages[*]}"
mapfile -t missing < <(missing_packages)
if [ ${#missing[@]} = 0 ]; then
  step "All ${#packages[@]} packages are installed"
  exit 0
fi
can_be_root ||
  die "neither root nor sudo; as root run: apt-get install ${missing[*]}"
step "Reading the package lists (${#missing[@]} packages are missing)"
run_logged apt-update apt update
step "Installing ${missing[*]}"
forbid_main_cluster
run_logged apt-install apt install --no-install-recommends "${missing[@]}"
step "Installed"
