#!/usr/bin/env bash
# Runs the simulation of the store. SEEDS is one seed or a range (1-500), DURATION continues from the first
# seed for that long, and TRACE=1 prints all events. Each seed always produces the same run: for that,
# a deterministic Go runtime is compiled, which takes a minute the first time.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
. hack/lib/cache.sh

overlay=$cache/simulate
make_folder "$overlay"
go run ./hack/simulate "$(go env GOROOT)" "$overlay"
say "compiling the simulation ..."
go test -overlay "$overlay/overlay.json" -tags exact -count 1 -timeout 0 -v -run "${RUN:-^TestSeed}" ./internal/queue/simulation
