#!/usr/bin/env bash
# Pushes the image and the chart of a release that make release wrote, and prints their names and digests.
# usage: hack/publish.sh FOLDER
# REGISTRY (ghcr.io/travishook), REGISTRY_USER and REGISTRY_PASSWORD may be set.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
. hack/lib/cache.sh

dist=${1:?usage: hack/publish.sh FOLDER}
registry=${REGISTRY:-ghcr.io/travishook}
(cd "$dist" && sha256sum --check --quiet checksums.txt) >&2 || die "the files in $dist are not those that checksums.txt lists"
chart=("$dist"/travishook-*.tgz)
number=${chart[0]##*/travishook-}
number=${number%.tgz}
crane=$(hack/tool.sh crane)
helm=$(hack/tool.sh helm)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# The credentials go with the script.
export DOCKER_CONFIG=$work HELM_REGISTRY_CONFIG=$work/config.json
if [ -n "${REGISTRY_USER:-}" ]; then
	"$crane" auth login "${registry%%/*}" --username "$REGISTRY_USER" --password-stdin <<<"${REGISTRY_PASSWORD:?is not set}" >&2
fi
# Only a registry on this machine may do without TLS.
plain=()
case ${registry%%/*} in 127.0.0.1:* | localhost:*) plain=(--plain-http) ;; esac

# exists NAME: the registry has it. A version is published once.
exists() { "$crane" digest "$1" >/dev/null 2>&1; }
! exists "$registry/travishook:$number" || die "$registry/travishook:$number is published; a version is never published twice"

mkdir "$work/image"
tar -xf "$dist/travishook-image.tar" -C "$work/image"
"$crane" push --index "$work/image" "$registry/travishook:$number" >&2
"$helm" push "${chart[0]}" "oci://$registry/charts" ${plain[@]+"${plain[@]}"} >&2

echo "image=$registry/travishook"
echo "image-digest=$("$crane" digest "$registry/travishook:$number")"
echo "chart=$registry/charts/travishook"
echo "chart-digest=$("$crane" digest "$registry/charts/travishook:$number")"
