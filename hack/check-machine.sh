#!/usr/bin/env bash
# Checks, before anything is built, whether this machine has what the build needs; if not, says in one sentence what is missing.
# usage: hack/check-machine.sh [MAKE_VERSION]
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
. "$root/hack/lib/cache.sh"

# older A B: whether version A (as in 1.26.8) comes before B.
older() {
	awk -v a="$1" -v b="$2" 'BEGIN {
		n = split(a, x, "."); m = split(b, y, ".")
		for (i = 1; i <= (n > m ? n : m); i++) if (x[i] + 0 != y[i] + 0) exit !(x[i] + 0 < y[i] + 0)
		exit 1
	}'
}

[ -z "${1:-}" ] || ! older "$1" 3.81 || die "make $1 is too old; install GNU make 3.81 or newer"

want=$(awk '$1 == "go" { print $2; exit }' "$root/go.mod")
command -v go >/dev/null || die "Go is not installed, or not in PATH; install Go $want or newer from https://go.dev/dl"
have=$(cd / && go version | grep -Eo 'go1[0-9.]*' | head -n1)
! older "${have#go}" "$want" || die "Go ${have#go} is too old; install Go $want or newer from https://go.dev/dl"
command -v git >/dev/null || die "git is not installed, or not in PATH"
