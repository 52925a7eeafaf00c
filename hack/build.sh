#!/usr/bin/env bash
# Compiles the operator and the kubectl plugin into bin/.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
. hack/lib/cache.sh

mkdir -p bin
progress "compiling ./cmd/..." go build -o bin/ ./cmd/...
