#!/usr/bin/env bash
# Compiles the operator into bin/.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
. hack/lib/cache.sh

mkdir -p bin
progress "compiling the operator" go build -o bin/travishook ./cmd/manager
