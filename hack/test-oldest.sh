#!/usr/bin/env bash
# Runs the suites whose result depends on the API server's version on the oldest supported version: the
# installation by Helm and kustomize, every rule of the CRDs, and the operator from the outside. Run it before you
# change that version, and before a release.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
. hack/lib/cache.sh

KUBEBUILDER_ASSETS=$(KUBERNETES=oldest hack/control-plane.sh)
TRAVISHOOK_HELM=$(hack/tool.sh helm)
export KUBEBUILDER_ASSETS TRAVISHOOK_HELM
say "on $(basename "$KUBEBUILDER_ASSETS"); this takes about five minutes ..."
go test -count=1 -p 1 -timeout 15m ./test/chart/install ./test/cel ./test/e2e
