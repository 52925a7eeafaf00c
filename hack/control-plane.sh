#!/usr/bin/env bash
# Prints the directory with kube-apiserver, etcd and kubectl. If necessary, first downloads or compiles them.
#
# They come from, in this order: KUBEBUILDER_ASSETS, if set; the user's cache; a download by setup-envtest,
# which is stopped after DOWNLOAD_SECONDS (default 60; 0 skips it); else they are compiled from the modules
# pinned in hack/tools. The cache keeps them by version, for the next clone.
# With KUBERNETES=oldest they are those of the oldest supported Kubernetes, and KUBEBUILDER_ASSETS is ignored.
# Only the directory goes to standard output; progress goes to standard error.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
. "$root/hack/lib/cache.sh"
. "$root/hack/lib/kube.sh"

names=(etcd kube-apiserver kubectl)
complete() { local n; for n in "${names[@]}"; do [ -x "$1/$n" ] || return 1; done; }

case ${KUBERNETES:-} in
"") module=kube ;;
oldest) module=kube-oldest && unset KUBEBUILDER_ASSETS ;;
*) die "KUBERNETES=$KUBERNETES: only oldest is known; without it, the version of hack/tools/kube is used" ;;
esac
if [ -n "${KUBEBUILDER_ASSETS:-}" ]; then
	complete "$KUBEBUILDER_ASSETS" || die "KUBEBUILDER_ASSETS=$KUBEBUILDER_ASSETS lacks one of: ${names[*]}. Unset it, or point it at a folder that has them."
	echo "$KUBEBUILDER_ASSETS"
	exit 0
fi

kube=$(module_version "$module" k8s.io/kubernetes)
etcd=$(module_version etcd go.etcd.io/etcd/server/v3)
dir=$cache/control-plane/kubernetes-$kube-etcd-$etcd-$(go env GOOS)-$(go env GOARCH)
if complete "$dir"; then
	echo "$dir"
	exit 0
fi
lock "$dir" # two builds at once would take each other's processor time
if complete "$dir"; then
	echo "$dir"
	exit 0
fi

say "Kubernetes' API server and etcd are not on this machine yet; getting them once, into $dir"
tmp=$(mktemp -d "$dir.tmp.XXXXXX")
trap 'chmod -R u+w "$tmp" 2>/dev/null || true; rm -rf "$tmp"' EXIT

download() {
	local secs=${DOWNLOAD_SECONDS:-60} tool got
	[ "$secs" != 0 ] || return 1
	tool=$("$root/hack/tool.sh" setup-envtest) || return 1
	say "  trying a download ($secs s at most) ..."
	# Ready-made ones exist for some patch releases only; any of the same minor will do.
	within "$secs" "$tool" use "$(sed -E 's/^v([0-9]+\.[0-9]+).*/\1.x/' <<<"$kube")" --bin-dir "$tmp/download" -p path >"$tmp/path" 2>"$tmp/log" || return 1
	got=$(cat "$tmp/path")
	complete "$got" && cp "$got"/* "$tmp/" || return 1
	chmod -R u+w "$tmp" && rm -rf "$tmp/download" "$tmp/path" "$tmp/log"
}

if ! download; then
	chmod -R u+w "$tmp" && rm -rf "$tmp"/*
	say "  no download to be had; compiling them from source, about 6 minutes on two cores"
	compile "$tmp" go.etcd.io/etcd/server/v3 etcd etcd -ldflags "-s -w"
	compile_kube "$tmp" kube-apiserver "$module"
	compile_kube "$tmp" kubectl "$module"
fi
chmod 755 "$tmp"
if ! complete "$dir"; then # another clone may have been quicker, where there is no flock
	rm -rf "$dir"
	mv "$tmp" "$dir"
fi
say "  done"
echo "$dir"
