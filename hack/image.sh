#!/usr/bin/env bash
# Writes the operator's image as an OCI archive into dist/, without a container engine, and
# prints the archive's path. ARCH (default: this machine's), TAG and OUT may be set.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
. hack/lib/cache.sh

arch=${ARCH:-$(go env GOARCH)}
tag=${TAG:-ghcr.io/travishook/travishook:dev}
for certificates in "${SSL_CERT_FILE:-}" /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem; do
	[ ! -f "$certificates" ] || break
done
[ -f "$certificates" ] || die "no certificates of public authorities on this machine; install ca-certificates, or set SSL_CERT_FILE"

out=${OUT:-$root/dist/travishook-linux-$arch.tar}
mkdir -p "$(dirname "$out")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
progress "compiling the operator for linux/$arch" env GOOS=linux GOARCH="$arch" \
	go build -ldflags "-s -w" -o "$work/travishook" ./cmd/manager
go -C hack/tools/image build -o "$work/image" .
"$work/image" -binary "$work/travishook" -certificates "$certificates" \
	-arch "$arch" -tag "$tag" -out "$out"
echo "$out"
