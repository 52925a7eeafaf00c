#!/usr/bin/env bash
# Stops the API server of a running operator for AWAY (default 10m), while webhooks arrive and then
# across a restart.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
. hack/lib/cache.sh

KUBEBUILDER_ASSETS=$(hack/control-plane.sh)
export KUBEBUILDER_ASSETS TRAVISHOOK_AWAY=${AWAY:-10m}
go test -count=1 -v -timeout 2h ./test/e2e -ginkgo.focus 'API server is unavailable' -ginkgo.timeout 2h -ginkgo.v
