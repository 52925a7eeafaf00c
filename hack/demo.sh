#!/usr/bin/env bash
# Runs the demo, after getting the API server and compiling the operator.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
. hack/lib/cache.sh

KUBEBUILDER_ASSETS=$(hack/control-plane.sh)
export KUBEBUILDER_ASSETS
mkdir -p bin
progress "compiling the operator (some minutes, the first time)" go build -o bin/travishook ./cmd/manager
progress "compiling the demo" go build -o bin/demo ./test/demo
exec bin/demo
