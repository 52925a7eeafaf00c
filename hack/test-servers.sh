#!/usr/bin/env bash
# Runs the tests that need servers which start slowly or must be compiled. Most of them need a NATS cluster: the
# store's contract on three real servers, the loss of each and of all, several operators that share the store, and
# half a minute of `make soak` on it. Others connect chat services to real servers. `make test` does not run them.
# Most of the time is spent waiting for elections, so two suites run at once.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
. hack/lib/cache.sh

hack/test-deps.sh
hack/tool.sh nats-server >/dev/null
hack/tool.sh dendrite >/dev/null
export TRAVISHOOK_TEST_SERVERS=1
export PATH=$PATH:/usr/sbin:/usr/local/sbin
KUBEBUILDER_ASSETS=$(hack/control-plane.sh)
export KUBEBUILDER_ASSETS
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
go build -o "$work/summary" ./hack/testsummary

# tests prints the events of go test, also if it could not run.
failed=0
tests() { go test -json -count=1 "$@" 2>&1 || failed=1; }

operators() {
	tests -timeout 4m ./test/nats
	tests -timeout 3m ./internal/notify/email -run Postfix
	tests -timeout 3m ./internal/notify/irc -run Inspircd
	tests -timeout 4m ./internal/notify/matrix -run Dendrite
	tests -timeout 8m ./test/e2e -ginkgo.focus 'NATS cluster'
	tests -timeout 8m ./test/soak -run Replicas
	return $failed
}

say "losing servers and replicas; this takes about two minutes ..."
operators >"$work/operators" &
tests -timeout 8m ./internal/queue/cluster >"$work/cluster"
wait $! || failed=1
# One summary of both, so that what failed comes last.
cat "$work/operators" "$work/cluster" | "$work/summary" || failed=1
exit $failed
