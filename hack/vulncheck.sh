#!/usr/bin/env bash
# Reports known vulnerabilities in code that the programs can reach. GOVULNDB is the database: https://vuln.go.dev
# (the default), or a copy of it as file:///FOLDER. Arguments are packages (default: all).
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
. hack/lib/cache.sh

database=${GOVULNDB:-https://vuln.go.dev}
govulncheck=$(hack/tool.sh govulncheck)
[ $# -gt 0 ] || set -- ./...
said=$(mktemp)
trap 'rm -f "$said"' EXIT
result=0
"$govulncheck" -db "$database" "$@" 2>"$said" || result=$?
case $result in
0) ;;
3) die "the programs can reach code with a known vulnerability; update what is named above" ;;
*) cat "$said" >&2 && die "nothing was checked; is the database $database within reach?" ;;
esac
