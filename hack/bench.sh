#!/usr/bin/env bash
# Measures performance, and writes the figures to docs/performance.md. Arguments go to the benchmark.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
. hack/lib/cache.sh

mkdir -p bin
progress "compiling the benchmark" go build -o bin/bench ./test/bench
# The latency measurement compares with Alertmanager, if its binary can be built.
if [ -z "${TRAVISHOOK_ALERTMANAGER:-}" ]; then
	TRAVISHOOK_ALERTMANAGER=$(hack/alertmanager.sh) || say "Alertmanager cannot be compiled here and is left out"
	export TRAVISHOOK_ALERTMANAGER
fi
[ $# -gt 0 ] || set -- -write docs/performance.md
exec bin/bench "$@"
