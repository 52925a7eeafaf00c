#!/usr/bin/env bash
# Prints the path of Alertmanager, which `make bench` measures beside travishook. If necessary, first compiles it into
# the user's cache. Its module lacks the built web page that it embeds, so it is compiled
# from a copy with an empty page.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
. "$root/hack/lib/cache.sh"

module=github.com/prometheus/alertmanager
tools=$root/hack/tools/alertmanager
version=$(go -C "$tools" list -m -f '{{.Version}}' "$module")
bin=$cache/tools/alertmanager-$version-$(go env GOVERSION)/alertmanager
if [ ! -x "$bin" ]; then
	lock "$bin"
	if [ ! -x "$bin" ]; then
		work=$(mktemp -d)
		trap 'rm -rf "$work"' EXIT
		go -C "$tools" mod download "$module" >&2
		cp -R "$(go -C "$tools" list -m -f '{{.Dir}}' "$module")" "$work/source"
		chmod -R u+w "$work/source"
		mkdir -p "$work/source/ui/app/dist"
		echo '<!doctype html>' >"$work/source/ui/app/dist/index.html"
		cp "$tools/go.mod" "$tools/go.sum" "$work"
		go -C "$work" mod edit -replace "$module=$work/source"
		progress "  compiling alertmanager $version" env CGO_ENABLED=0 GOFLAGS="-mod=mod -buildvcs=false" \
			go -C "$work" build -trimpath -ldflags "-s -w" -o "$bin.new" "$module/cmd/alertmanager"
		mv "$bin.new" "$bin"
	fi
fi
echo "$bin"
