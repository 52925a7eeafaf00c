#!/usr/bin/env bash
# Runs every fuzz target for FUZZTIME (default 30s), one after the other. go test keeps failing inputs
# in the package's testdata/fuzz, to be committed with the fix.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
. hack/lib/cache.sh

targets=$(grep -rnoE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' . | sed -E 's/:[0-9]+:func /:/')
[ -n "$targets" ] || die "there is no fuzz target"
failed=()
for target in $targets; do
	name=${target##*:}
	package=$(dirname "${target%:*}")
	say "$name in $package"
	go test -run='^$' -fuzz="^$name\$" -fuzztime="${FUZZTIME:-30s}" "$package" || failed+=("$package $name")
done
[ ${#failed[@]} = 0 ] || die "found something: $(printf '%s; ' "${failed[@]}")"
