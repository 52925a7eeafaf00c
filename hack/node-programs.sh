#!/usr/bin/env bash
# Prints the directory with the programs of the node of hack/node.sh. If necessary, first compiles them: about three
# minutes on two cores, in addition to hack/control-plane.sh. The user's cache keeps them for the next clone.
# Only the directory goes to standard output; progress goes to standard error.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
. "$root/hack/lib/cache.sh"
. "$root/hack/lib/kube.sh"

kube=$(module_version kube k8s.io/kubernetes)
coredns=$(module_version coredns github.com/coredns/coredns)
dir=$cache/node/kubernetes-$kube-coredns-$coredns-$(go env GOARCH)
control=$("$root/hack/control-plane.sh")
if [ ! -d "$dir" ]; then
	lock "$dir"
fi
if [ ! -d "$dir" ]; then
	tmp=$(mktemp -d "$dir.tmp.XXXXXX")
	trap 'rm -rf "$tmp"' EXIT
	for name in kube-controller-manager kube-scheduler kubelet kube-proxy; do compile_kube "$tmp" "$name"; done
	compile "$tmp" github.com/coredns/coredns coredns coredns -ldflags "-s -w"
	progress "  compiling pause" go -C "$root" build -ldflags "-s -w" -o "$tmp/pause" ./test/cluster/pause
	progress "  compiling image" go -C "$root/hack/tools/image" build -o "$tmp/image" .
	for name in pause coredns; do "$tmp/image" -notices "$root/LICENSE" -tag "node.local/$name:1" -out "$tmp/$name.tar" "$tmp/$name"; done
	for name in etcd kube-apiserver kubectl; do cp "$control/$name" "$tmp/$name"; done
	chmod 755 "$tmp"
	rm -rf "$dir"
	mv "$tmp" "$dir"
fi
echo "$dir"
