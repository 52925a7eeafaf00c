#!/usr/bin/env bash
# Kills the processes that take webhooks, again and again, and shows that nothing is lost: on the
# embedded store, and then on a NATS cluster with several replicas. ENGINE=embedded or external runs
# one of them. DURATION is how long each takes; more arguments go to test/soak (-help lists them).
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
. hack/lib/cache.sh

soak=$(mktemp)
trap 'rm -f "$soak"' EXIT
(progress "compiling" go build -o "$soak" ./test/soak)
"$soak" -engine "${ENGINE:-both}" -duration "${DURATION:-10m}" "$@"
