#!/usr/bin/env bash
# Runs the tests, after installing what the suites need. Arguments go to go test.
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
e2e=""
finish() {
	[ -z "$simulation" ] || kill -- -"$simulation" 2>/dev/null || true
	[ -z "$e2e" ] || kill -- -"$e2e" 2>/dev/null || true
	rm -rf "$folder"
}
trap finish EXIT
trap 'exit 130' INT TERM
go build -o "$folder/testsummary" ./hack/testsummary
if [ $# -eq 0 ]; then
	# Once for all suites that run them.
	go build -o bin/travishook ./cmd/manager
	go build -o bin/kubectl-travis ./cmd/kubectl-travis
	# Two thousand seeds of the simulated store, with a runtime in which a seed does the same each time. It takes
	# what the suites leave of the processors: they wait for servers most of the time.
	set -m # a process group of its own, which can be ended as a whole
	RUN='^TestSeeds$' nice -n 10 hack/simulate.sh >"$folder/simulation" 2>&1 </dev/null &
	simulation=$!
	# The end-to-end suite mostly waits for leases and intervals: two processes share its specs, each with an API
	# server of its own.
	go build -o "$folder/ginkgo" github.com/onsi/ginkgo/v2/ginkgo
	"$folder/ginkgo" run --procs=2 --no-color --timeout=30m --gojson-report=e2e.json --output-dir="$folder" ./test/e2e >"$folder/e2e" 2>&1 </dev/null &
	e2e=$!
	set +m
	# The longest suites first, so that none of them runs alone at the end.
	# shellcheck disable=SC2046 # a list of packages
	set -- ./test/chart/install ./test/hostile ./test/cli ./test/docs/... ./test/soak $(go list ./... | grep -v '/test/e2e$')
fi
say "running the tests (the first time this compiles for some minutes) ..."
# Suites mostly wait for servers: one more than there are processors, beside the end-to-end suite, keeps these busy.
failed=0
go test -json -p $(($(getconf _NPROCESSORS_ONLN) + 1)) -shuffle=on -timeout 30m "$@" 2>&1 | "$folder/testsummary" || failed=1
if [ -n "$e2e" ]; then
	say "waiting for the end-to-end suite ..."
	wait "$e2e" || { failed=1 && cat "$folder/e2e"; }
	e2e=""
	"$folder/testsummary" <"$folder/e2e.json" || failed=1
fi
if [ -n "$simulation" ]; then
	say "waiting for the simulation of the store ..."
	wait "$simulation" || failed=1
	simulation=""
	cat "$folder/simulation"
fi
exit $failed
