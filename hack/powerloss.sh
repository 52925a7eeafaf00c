#!/usr/bin/env bash
# Cuts the power of the store's disk, as far as a disk image can: needs root, for loop devices.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

[ "$(id -u)" = 0 ] || echo "without root this skips: it mounts disk images; run it as sudo -E make powerloss" >&2
go test -count=1 -v ./test/powerloss
