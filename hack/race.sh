#!/usr/bin/env bash
# Runs the tests of every package that starts goroutines or shares memory, under the race detector.
# The tests of the store, the receiver, the dispatcher and the services also fail if goroutines or
# descriptors leak.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
. hack/lib/cache.sh

command -v "$(go env CC)" >/dev/null || die "the race detector needs a C compiler ($(go env CC)), and there is none"
packages=$(grep -rlE --include='*.go' '^[[:space:]]*go (func|[a-zA-Z_.]+\()|"sync"|"sync/atomic"|"testing/synctest"|errgroup' internal controllers |
	xargs -n1 dirname | sort -u | sed 's|^|./|')
KUBEBUILDER_ASSETS=$(hack/control-plane.sh)
export KUBEBUILDER_ASSETS PATH=$PATH:/usr/sbin:/usr/local/sbin
# shellcheck disable=SC2086 # a list of packages
CGO_ENABLED=1 go test -race -shuffle=on -timeout 20m $packages
