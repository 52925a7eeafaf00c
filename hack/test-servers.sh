#!/usr/bin/env bash
# Runs what needs a NATS cluster: the store's contract on three real servers, the loss of each and
# of all, three operators that share the store, and half a minute of `make soak` on it. `make test`
# leaves it out.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
. hack/lib/cache.sh

hack/tool.sh nats-server >/dev/null
export TRAVISHOOK_TEST_SERVERS=1
KUBEBUILDER_ASSETS=$(hack/control-plane.sh)
export KUBEBUILDER_ASSETS
go test -v -count=1 -timeout 10m ./internal/queue/jetstream -run 'External|Replica|OneEventAt|ALease|ASetting|Faults'
go test -count=1 -timeout 10m ./test/e2e -ginkgo.focus 'NATS cluster'
go test -v -count=1 -timeout 10m ./test/soak -run 'Replicas'
