#!/usr/bin/env bash
# Tests image and chart in a real cluster under load, and prints how many webhooks were refused during each event.
#
# Without KUBECONFIG it creates a cluster of one node (hack/node.sh), which needs root and some Debian packages; if
# they are missing it says so and exits with 77. KEEP=1 keeps the cluster. With KUBECONFIG it uses that cluster, in its
# own namespaces, and needs IMAGE, which the cluster can pull, and ADDRESS, at which its pods reach this machine.
# STEPS is a regular expression that selects events by name, such as '^(upgrade|rollback)$'. With WRITE=1 a full pass
# writes the table into docs/operations/gaps.md.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
. hack/lib/cache.sh
PATH=$PATH:/usr/sbin:/usr/local/sbin

export IMAGE=${IMAGE:-} ADDRESS=${ADDRESS:-} NODE_PORT=${NODE_PORT:-30780}
if [ -z "${KUBECONFIG:-}" ]; then
	missing=$(hack/node.sh check) || { say "e2e-cluster is SKIPPED on this machine: $missing" && exit 77; }
elif [ -z "$IMAGE" ] || [ -z "$ADDRESS" ]; then
	die "with KUBECONFIG, set IMAGE (which the cluster can pull) and ADDRESS (at which its pods reach this machine)"
fi

work=$(mktemp -d)
ours="" # the node, once it is
clean() {
	[ -z "$ours" ] || [ -n "${KEEP:-}" ] || hack/node.sh down
	rm -rf "$work"
}
trap 'cd "$root"; clean' EXIT
trap 'exit 130' INT TERM

TRAVISHOOK_HELM=$(hack/tool.sh helm)
export TRAVISHOOK_HELM
progress "compiling the trial" go test -c -o "$work/trial" ./test/cluster
progress "compiling the kubectl plugin" go build -o "$work/plugin/kubectl-travis" ./cmd/kubectl-travis
export PLUGIN=$work/plugin
trial=("$work/trial" -test.v -test.timeout 40m)
if [ -n "${KUBECONFIG:-}" ]; then
	KUBECTL=$(command -v kubectl || echo "$(hack/control-plane.sh)/kubectl")
	export KUBECTL
	cd test/cluster
	"${trial[@]}"
	exit
fi

PROGRAMS=$(hack/node-programs.sh)
export PROGRAMS NODE=${NODE:-/tmp/travishook-node}
[ ! -e "$NODE" ] || die "$NODE exists: end it with hack/node.sh down first"
archive=$(OUT=$work/operator.tar hack/image.sh)
say "starting the node ..."
ours=1
hack/node.sh up
go -C hack/tools/image build -o "$work/image" .
"$work/image" -notices LICENSE -tag node.local/nats:1 -out "$work/nats.tar" "$(hack/tool.sh nats-server)"
hack/node.sh load "$archive" "$work/nats.tar" >&2
hack/node.sh volume store0 2G >&2
cd test/cluster
"$root/hack/node.sh" x env KUBECONFIG="$NODE/kubeconfig.admin" KUBECTL="$PROGRAMS/kubectl" NODE_SCRIPT="$root/hack/node.sh" \
	NATS_IMAGE=node.local/nats:1 IMAGE=ghcr.io/travishook/travishook:dev ADDRESS=10.90.0.2 "${trial[@]}"
