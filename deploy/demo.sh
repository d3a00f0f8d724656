#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The whole pool on this machine: a client's search on Fashion-MNIST, done by two
# honest miners and one that overstates, verified by the pool, paid in full. One
# worker is killed in the middle of a promising box, and a backup finishes it.
#
#   deploy/demo.sh [--no-build] [--output DIR] [TASK.yaml]
#
# Installs what is missing, builds, runs the task to its end (four to seven minutes
# on two cores) and leaves summary.json, the best network and the logs in DIR, by
# default demo-output/. Whatever it starts, it stops, on Ctrl-C too.
set -euo pipefail
# shellcheck source=deploy/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

build=1
output=$ARCHPOOL_ROOT/demo-output
task_file=$ARCHPOOL_ROOT/deploy/examples/fashion-mnist.yaml
while [ $# -gt 0 ]; do
  case $1 in
    --no-build) build= ;;
    --output) output=$(realpath "${2:?--output needs a folder}"); shift ;;
    -h | --help) print_usage "$0"; exit 0 ;;
    -*) die "unknown option $1 (try --help)" ;;
    *) task_file=$(realpath "$1") ;;
  esac
  shift
done

bin=$ARCHPOOL_ROOT/build/release/bin
run=$output/run
pids=()

stop_all() {
  local status=$?
  trap - EXIT INT TERM
  # Workers first, so that they give their leases back; the server last, which
  # stops its database.
  local i
  for ((i = ${#pids[@]} - 1; i >= 0; i--)); do
    kill -TERM "${pids[i]}" 2>/dev/null || true
  done
  for ((i = ${#pids[@]} - 1; i >= 0; i--)); do
    wait "${pids[i]}" 2>/dev/null || true
  done
  exit "$status"
}
trap stop_all EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# start NAME PROGRAM ARGS...: in the background, its output in the logs.
start() {
  local name=$1
  shift
  "$@" >"$output/logs/$name.log" 2>&1 &
  pids+=($!)
}

pool() { "$bin/archpool" --server "$address" --token-file "$run/$1.token" "${@:2}"; }

# new_account NAME ROLE: its token goes to a file that only we may read, with the
# pin by which whoever uses it knows the server.
new_account() {
  (
    umask 077
    pool operator account create --name "$1" --role "$2" --json |
      python3 -c 'import json, sys
made = json.load(sys.stdin)
print(made["token"], made["server_pin"], sep="\n")' \
        >"$run/$1.token"
  )
}

start_worker() {
  start "worker-$1" "$2" --server "$address" --token-file "$run/$1.token" \
    --name "$1" --work-dir "$run/$1"
}

# leases_show FILTER: whether any lease (`it`) passes the filter, in Python.
leases_show() {
  pool client lease list --all --json 2>/dev/null | python3 -c "
import json, sys
sys.exit(not any($1 for it in json.load(sys.stdin)))"
}

# As a power cut: no goodbye, in the middle of a promising box. The miner comes
# back when somebody else has taken over what was left.
pull_the_plug_on() {
  local name=$1 pid=$2
  until leases_show "it['account'] == '$name' and it['high_reward'] and \
      it['state'] == 'active'"; do sleep 0.5; done
  kill -KILL "$pid" 2>/dev/null || true
  for ((tries = 0; tries < 60; tries++)); do
    if leases_show "it['role'] == 'backup'"; then break; fi
    sleep 0.5
  done
  exec "$bin/archpool-worker" --server "$address" \
    --token-file "$run/$name.token" --name "$name" --work-dir "$run/$name" \
    >>"$output/logs/worker-$name.log" 2>&1
}

if [ -n "$build" ]; then "$ARCHPOOL_ROOT/deploy/build.sh" programs; fi
for program in archpool archpool-server archpool-verifier archpool-worker; do
  [ -x "$bin/$program" ] || die "$bin/$program is missing; run deploy/build.sh"
done

# A folder that is no earlier run's is not ours to empty.
if [ -e "$output" ] && [ ! -d "$output/run" ]; then
  [ -z "$(ls -A "$output")" ] || die "$output is not empty; choose another --output"
fi
rm -rf "$output"
mkdir -p "$output/logs" "$run"

step "Starting the pool's server, with a PostgreSQL of its own"
start server "$bin/archpool-server" --data-dir "$run/server" \
  --listen 127.0.0.1:0 --port-file "$run/port" --silence-term 12s \
  --receipt-interval 5s
for ((tries = 0; ; tries++)); do
  if [ -s "$run/port" ]; then break; fi
  if ! kill -0 "${pids[0]}" 2>/dev/null || [ "$tries" -ge 600 ]; then
    tail -n 20 "$output/logs/server.log" >&2
    die "the server did not start; its log is $output/logs/server.log"
  fi
  sleep 0.1
done
address=127.0.0.1:$(cat "$run/port")
ln -s "$run/server/operator-token" "$run/operator.token"

step "Making accounts: a client, two verifiers, three miners"
new_account client client
new_account verifier verifier
new_account another verifier
for miner in alice bob mallory; do
  new_account "$miner" miner
  pool "$miner" account visibility public >/dev/null
done
pool operator ledger deposit --account client --amount 1000 >/dev/null

step "Starting two verifiers, two honest workers and one that overstates"
# Nobody is found false on the word of one.
for verifier in verifier another; do
  start "$verifier" "$bin/archpool-verifier" --server "$address" \
    --token-file "$run/$verifier.token" --name "$verifier" \
    --work-dir "$run/$verifier"
done
start_worker alice "$bin/archpool-worker"
start_worker bob "$bin/archpool-worker"
bob_pid=${pids[-1]}
start_worker mallory "$bin/archpool-adversary"

step "Submitting $(basename "$task_file") as the client"
task=$(pool client task submit "$task_file" --json |
  python3 -c 'import json, sys; print(json.load(sys.stdin)["task_id"])')
pull_the_plug_on bob "$bob_pid" &
pids+=($!)
pool client task watch "$task"
pool client task show "$task"
pool client lease list --all
pool client task result "$task" --output "$output" >/dev/null
pool operator ledger check

step "Checking alice's pay by its receipts alone, with the pool's key"
key=$(pool alice account terms --json |
  python3 -c 'import json, sys; print(json.load(sys.stdin)["receipt_key"])')
sleep 6 # until what the task's end did is sealed
pool alice receipt fetch "$output/receipts" >/dev/null
"$bin/archpool" receipt verify "$output/receipts" --pool-key "$key"

step "Done. $output has summary.json, architecture.json, weights.safetensors and logs/"
