#!/usr/bin/env bash
# Writes all files of a release to dist/VERSION (or OUT): the plugin's archives, the manifest for krew, the
# image of both architectures, the chart, the manifests, the SBOMs and the checksums. It publishes nothing.
# The same commit produces the same bytes on every machine with the same version of Go.
# VERSION is required, such as v1.2.3; PLATFORMS limits what is built ("linux/amd64").
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
. hack/lib/cache.sh
. hack/lib/render.sh

version=${VERSION:-}
# Semantic versions as Go and Helm both read them.
[[ $version =~ ^v(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(-[0-9A-Za-z.-]+)?$ ]] ||
	die "VERSION is '$version'; set it to a semantic version, as in: make release VERSION=v1.2.3"
number=${version#v} # what charts and image tags have
platforms=${PLATFORMS:-linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64}
commit=$(git rev-parse HEAD 2>/dev/null) || die "a release is made from a commit, and this is no git checkout"
if [ -n "$(git status --porcelain)" ] && [ -z "${UNCOMMITTED:-}" ]; then
	die "a release is made from a commit, and files differ from $commit: commit them, or set UNCOMMITTED=1 to try"
fi
seconds=$(git log -1 --format=%ct)
out=${OUT:-$root/dist/$version}
# Whoever may read the checkout may read the release, whatever the umask.
umask 022
rm -rf "$out"
mkdir -p "$out"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

helm=$(hack/tool.sh helm)
sbom=$(hack/tool.sh cyclonedx-gomod)
go -C hack/tools/licenses build -o "$work/licenses" .
go -C hack/tools/image build -o "$work/image" .
"$work/licenses" -notices "$work/NOTICES" ./cmd/manager ./cmd/kubectl-travis

# compile OS ARCH PACKAGE FILE
compile() {
	progress "compiling $3 for $1/$2" env GOOS="$1" GOARCH="$2" go build -buildvcs=false \
		-ldflags "-s -w -X github.com/travishook/travishook/internal/version.release=$version" -o "$4" "$3"
	# Neither a time nor a random number goes into it.
	"$sbom" bin -json -noserial -notimestamp -std -version "$version" -output "$out/$(basename "${4%.exe}")-$1-$2.cdx.json" "$4"
}

images=()
for platform in $platforms; do
	os=${platform%/*} arch=${platform#*/}
	suffix=""
	[ "$os" != windows ] || suffix=.exe
	mkdir -p "$work/plugin/$os-$arch" "$work/operator/$arch"
	compile "$os" "$arch" ./cmd/kubectl-travis "$work/plugin/$os-$arch/kubectl-travis$suffix"
	[ "$os" = linux ] || continue
	compile "$os" "$arch" ./cmd/manager "$work/operator/$arch/travishook"
	images+=("$work/operator/$arch/travishook")
done
"$work/image" -tag "ghcr.io/travishook/travishook:$number" -version "$version" -revision "$commit" -time "$seconds" \
	-notices "$work/NOTICES" -out "$out/travishook-image.tar" "${images[@]}"

# Helm packs the times of the files.
mkdir "$work/chart"
cp -R charts/travishook "$work/chart/"
stamp=$(TZ=UTC git log -1 --format=%cd --date=format-local:%Y%m%d%H%M.%S)
find "$work/chart" -exec env TZ=UTC touch -t "$stamp" {} +
"$helm" package "$work/chart/travishook" --version "$number" --app-version "$number" -d "$out" >&2
# Apart, as in config: whoever deletes the operator's objects keeps all routes, and the claim of the store.
template=("$helm" template travishook "$out/travishook-$number.tgz" --namespace travishook-system --no-hooks)
{
	cat config/setup/namespace.yaml "$work"/chart/travishook/crds/*.yaml
	"${template[@]}" --show-only templates/claim.yaml | without_helm
} >"$out/setup.yaml"
"${template[@]}" --set store.existingClaim=travishook-store | without_helm >"$out/install.yaml"

cat "$out/setup.yaml" "$out/install.yaml" >"$work/manifests.yaml"
go run ./hack/bundle -manifests "$work/manifests.yaml" -version "$number" -out "$work/bundle" \
	-created "$(TZ=UTC git log -1 --format=%cd --date=format-local:%Y-%m-%dT%H:%M:%SZ)"

go run ./hack/release -bundle "$work/bundle" -version "$version" -time "$seconds" -programs "$work/plugin" -notices "$work/NOTICES" -out "$out"
echo "$out"
