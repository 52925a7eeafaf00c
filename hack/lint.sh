#!/usr/bin/env bash
# Checks style and the direction of dependencies. Any finding is a failure.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
. hack/lib/cache.sh

linter=$(hack/tool.sh golangci-lint)
bad=0
# Another clone may run the linter at the same time.
"$linter" run --allow-parallel-runners ./... || bad=1

# golangci-lint cannot tell a sleep in fake time from one that wastes real time and still races.
sleeping=$(grep -rl --include='*_test.go' 'time\.Sleep(' . | xargs grep -L '"testing/synctest"' || true)
if [ -n "$sleeping" ]; then
	echo "$sleeping"
	say "these sleep in real time; wait for what is meant: a channel, Eventually, or testing/synctest"
	bad=1
fi
exit $bad
