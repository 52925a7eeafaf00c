#!/usr/bin/env bash
# Runs every test, after getting what the suites need. Arguments go to go test.
# With CI=true a suite that is skipped because a server is missing is a failure.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
. hack/lib/cache.sh

hack/test-deps.sh
KUBEBUILDER_ASSETS=$(hack/control-plane.sh)
TRAVISHOOK_HELM=$(hack/tool.sh helm)
export KUBEBUILDER_ASSETS TRAVISHOOK_HELM
# The PATH of many users lacks Debian's folder for servers.
export PATH=$PATH:/usr/sbin:/usr/local/sbin

summary=$(mktemp)
trap 'rm -f "$summary"' EXIT
go build -o "$summary" ./hack/testsummary
# Two thousand seeds of the simulated store, with a runtime in which a seed does the same each time.
if [ $# -eq 0 ]; then
	RUN='^TestSeeds$' hack/simulate.sh
	set -- ./...
fi
say "running the tests (the first time this compiles for some minutes) ..."
go test -json -shuffle=on -timeout 15m "$@" 2>&1 | "$summary"
