#!/usr/bin/env bash
# Compiles the operator and the kubectl plugin into bin/.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
. hack/lib/cache.sh

mkdir -p bin
progress "compiling the operator" go build -o bin/travishook ./cmd/manager
progress "compiling the kubectl plugin" go build -o bin/kubectl-travis ./cmd/kubectl-travis
