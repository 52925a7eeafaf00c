#!/usr/bin/env bash
# Prints the path of a pinned tool. If necessary, first compiles it into the user's cache.
# usage: hack/tool.sh NAME     (NAME is the last element of a `tool` line in hack/tools/*/go.mod)
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
. "$root/hack/lib/cache.sh"

name=${1:?usage: hack/tool.sh NAME}
# The module that names the tool, and the package it is.
line=$(grep -E "^(tool )?[[:space:]]*[^[:space:]]+/$name(/v[0-9]+)?\$" "$root"/hack/tools/*/go.mod | head -n1) ||
	die "no tool module under hack/tools has a tool called $name"
module=$(basename "$(dirname "${line%%:*}")")
package=$(sed 's/^tool //; s/^[[:space:]]*//' <<<"${line#*:}")
version=$(go -C "$root/hack/tools/$module" list -mod=readonly -f '{{.Module.Version}}' "$package") ||
	die "hack/tools/$module does not load; run 'go -C hack/tools/$module mod tidy' and look at what it says"
# Without the clouds' service discoveries, which no check of alerts needs, promtool compiles in a third of the time.
tags=""
[ "$name" != promtool ] || tags=remove_all_sd
bin=$cache/tools/$name-$version-$(go env GOVERSION)/$name
if [ ! -x "$bin" ]; then
	lock "$bin"
	if [ ! -x "$bin" ]; then
		new=$(mktemp "$bin.tmp.XXXXXX")
		trap 'rm -f "$new"' EXIT
		progress "  compiling $name $version" env CGO_ENABLED=0 GOFLAGS="-mod=readonly -buildvcs=false" \
			go -C "$root/hack/tools/$module" build -trimpath -tags "$tags" -ldflags "-s -w" -o "$new" "$package"
		mv "$new" "$bin"
	fi
fi
echo "$bin"
