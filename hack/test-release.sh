#!/usr/bin/env bash
# Builds a release twice, reads it as an installer would, and compares both byte for byte. PLATFORMS limits
# what is built; make release builds all platforms.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
. hack/lib/cache.sh

for tool in validate-krew-manifest cyclonedx-gomod crane govulncheck operator-verify; do hack/tool.sh "$tool" >/dev/null; done
TRAVISHOOK_HELM=$(hack/tool.sh helm)
export TRAVISHOOK_HELM TRAVISHOOK_TEST_RELEASE=1
say "making a release twice; this takes some minutes the first time ..."
go test -v -count=1 -timeout 30m ./test/release
