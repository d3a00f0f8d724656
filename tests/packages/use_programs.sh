#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What fresh_install.sh runs inside the fresh Debian, as root.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
cd /packages

apt-get -q update >/dev/null
# With what is recommended, as an operator does it; each package by itself, so
# that none borrows what another brings.
for package in archpool-doc archpool-worker archpool-cli archpool-simulator \
  archpool-verifier archpool-server; do
  printf 'installing %s\n' "$package"
  apt-get -q -y install ./"$package"_*.deb >"/packages/$package.log" 2>&1 || {
    tail -n 30 "/packages/$package.log" >&2
    exit 1
  }
done

fail() { printf 'use_programs.sh: %s\n' "$*" >&2; exit 1; }

version=$(dpkg-query -W -f '${Version}' archpool-cli)
for program in archpool archpool-server archpool-verifier archpool-worker \
  archpool-sim; do
  said=$("$program" --version | head -n 1)
  printf '%s\n' "$said"
  [[ $said == "$program ${version%%-*} ("*")" ]] ||
    fail "$program --version says '$said'; its package is $version"
done
for daemon in server verifier worker; do
  grep -qx "/etc/default/archpool-$daemon" \
    "/var/lib/dpkg/info/archpool-$daemon.conffiles" ||
    fail "the settings of archpool-$daemon are no conffile"
done
test -e /usr/share/doc/archpool/deploy/examples/fashion-mnist.yaml ||
  fail "archpool-doc brings no examples"
archpool task schema | cmp - /usr/share/doc/archpool/deploy/task.schema.json ||
  fail "archpool-cli brings another schema than archpool task schema prints"

archpool-worker check >/packages/check.log || fail "archpool-worker check fails"

# As the unit does it: the user is the package's, and so is the folder.
install -d -o archpool -g archpool -m 700 /var/lib/archpool
setpriv --reuid archpool --regid archpool --init-groups \
  archpool-server --data-dir /var/lib/archpool --listen 127.0.0.1:0 \
  --port-file /var/lib/archpool/port >server.log 2>&1 &
server=$!
for _ in $(seq 300); do
  if [ -s /var/lib/archpool/port ]; then break; fi
  kill -0 "$server" 2>/dev/null || { cat server.log; fail "no server"; }
  sleep 0.2
done
[ -s /var/lib/archpool/port ] || { cat server.log; fail "the server hangs"; }
head -n 1 server.log | grep -q "archpool-server ${version%%-*} (" ||
  fail "the server's log does not begin with its version"
ARCHPOOL_SERVER=127.0.0.1:$(cat /var/lib/archpool/port)
export ARCHPOOL_SERVER
archpool --token-file /var/lib/archpool/operator-token account create \
  --name victor --role verifier --token-out victor.token

archpool-verifier --server "$ARCHPOOL_SERVER" --token-file victor.token \
  --name v1 --work-dir v1 >verifier.log 2>&1 &
verifier=$!
is_heard() {
  archpool --token-file /var/lib/archpool/operator-token verifier list |
    grep -q v1
}
for _ in $(seq 150); do
  if is_heard; then break; fi
  kill -0 "$verifier" 2>/dev/null || { cat verifier.log; fail "no verifier"; }
  sleep 0.2
done
is_heard || { cat verifier.log; fail "the pool hears of no verifier"; }
grep -q "no second opinion" verifier.log &&
  fail "the verifier was built without LibTorch"
# The server last: a verifier that is alone says so with its exit code.
kill -TERM "$verifier"
wait "$verifier" || { cat verifier.log; fail "the verifier ended badly"; }
kill -TERM "$server"
wait "$server" || { cat server.log; fail "the server ended badly"; }
