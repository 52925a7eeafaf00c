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

folder=$(mktemp -d)
simulation=""
finish() {
	[ -z "$simulation" ] || kill -- -"$simulation" 2>/dev/null || true
	rm -rf "$folder"
}
trap finish EXIT
trap 'exit 130' INT TERM
go build -o "$folder/testsummary" ./hack/testsummary
if [ $# -eq 0 ]; then
	# Two thousand seeds of the simulated store, with a runtime in which a seed does the same each time. It takes
	# what the suites leave of the processors: they wait for servers most of the time.
	set -m # a process group of its own, which can be ended as a whole
	RUN='^TestSeeds$' nice -n 19 hack/simulate.sh >"$folder/simulation" 2>&1 </dev/null &
	simulation=$!
	set +m
	# The longest suites first, so that none of them runs alone at the end.
	set -- ./test/e2e ./test/chart/install ./test/hostile ./test/cli ./test/docs/... ./test/soak ./...
fi
say "running the tests (the first time this compiles for some minutes) ..."
# Once for all suites that run them.
go build -o bin/ ./cmd/kubectl-travis && go build -o bin/travishook ./cmd/manager
# Suites mostly wait for servers: two more than there are processors keep these busy.
failed=0
go test -json -p $(($(getconf _NPROCESSORS_ONLN) + 2)) -shuffle=on -timeout 15m "$@" 2>&1 | "$folder/testsummary" || failed=1
if [ -n "$simulation" ]; then
	say "waiting for the simulation of the store ..."
	wait "$simulation" || failed=1
	simulation=""
	cat "$folder/simulation"
fi
exit $failed
