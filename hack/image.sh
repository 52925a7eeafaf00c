#!/usr/bin/env bash
# Writes the operator's image as an OCI archive into dist/, without a container engine, and prints the
# archive's path. ARCH (default: this machine's; several: "amd64 arm64"), TAG and OUT may be set. The same
# commit produces the same image on every machine with the same version of Go.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
. hack/lib/cache.sh

arch=${ARCH:-$(go env GOARCH)}
tag=${TAG:-ghcr.io/travishook/travishook:dev}
out=${OUT:-$root/dist/travishook-linux-${arch// /-}.tar}
mkdir -p "$(dirname "$out")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
programs=()
for a in $arch; do
	progress "compiling the operator for linux/$a" env GOOS=linux GOARCH="$a" \
		go build -ldflags "-s -w" -o "$work/travishook-$a" ./cmd/manager
	programs+=("$work/travishook-$a")
done
go -C hack/tools/image build -o "$work/image" .
go -C hack/tools/licenses build -o "$work/licenses" .
"$work/licenses" -notices "$work/NOTICES" ./cmd/manager
"$work/image" -tag "$tag" -out "$out" -notices "$work/NOTICES" "${programs[@]}"
echo "$out"
