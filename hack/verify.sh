#!/usr/bin/env bash
# Fails if a generated, formatted or derived file is out of date, and says which command fixes it.
# It works on a copy and changes nothing here.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
. hack/lib/cache.sh

bad=0
# wrong FIX: the check failed, and FIX fixes it.
wrong() {
	say "  that is wrong; '$1' fixes it"
	bad=1
}

say "gofmt"
unformatted=$(git ls-files -co --exclude-standard -- '*.go' | while read -r f; do [ ! -f "$f" ] || echo "$f"; done | xargs gofmt -l)
[ -z "$unformatted" ] || { echo "$unformatted" && wrong "gofmt -w ."; }

say "go mod tidy"
for mod in . hack/tools/*/; do
	go -C "$mod" mod tidy -diff || wrong "go -C ${mod%/} mod tidy"
done

say "workflows"
"$(hack/tool.sh actionlint)" || wrong "an edit of .github/workflows"

say "licenses"
# Built rather than run: with go -C it would look for the programs beside itself.
licenses=$(mktemp)
go -C hack/tools/licenses build -o "$licenses" .
"$licenses" ./cmd/manager ./cmd/kubectl-travis || wrong "another module, or a license in hack/tools/licenses/main.go that is worth it"
rm -f "$licenses"

say "generated files"
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
# Committed or not, all that git would take.
git ls-files -co --exclude-standard | while read -r f; do [ ! -f "$f" ] || echo "$f"; done | tar -cf - -T - | tar -xf - -C "$copy"
cp -R "$copy" "$copy.before"
trap 'rm -rf "$copy" "$copy.before"' EXIT
"$copy/hack/generate.sh"
(cd "$copy.before" && diff -ru . "$copy") || wrong "make generate"

exit $bad
