#!/usr/bin/env bash
# Repeatedly kills the processes that receive webhooks, and shows that nothing is lost: on the
# embedded store, and then on a NATS cluster with several replicas. ENGINE=embedded or external runs
# one of them. DURATION is the duration of each run; other arguments go to test/soak (-help lists them).
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
. hack/lib/cache.sh

soak=$(mktemp)
trap 'rm -f "$soak"' EXIT
(progress "compiling" go build -o "$soak" ./test/soak)
"$soak" -engine "${ENGINE:-both}" -duration "${DURATION:-10m}" "$@"
