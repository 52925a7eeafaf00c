#!/usr/bin/env bash
# Kills the process that takes webhooks, again and again, and shows that nothing is lost. DURATION is
# how long; more arguments go to test/soak (-help lists them).
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
. hack/lib/cache.sh

soak=$(mktemp)
trap 'rm -f "$soak"' EXIT
(progress "compiling" go build -o "$soak" ./test/soak)
"$soak" -duration "${DURATION:-10m}" "$@"
