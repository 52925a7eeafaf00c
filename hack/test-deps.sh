#!/usr/bin/env bash
# Installs the servers that suites run against, where Debian's package manager can be used
# without asking for a password. Otherwise it installs nothing, and those suites print SKIPPED.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
. "$root/hack/lib/cache.sh"

PATH=$PATH:/usr/sbin:/usr/local/sbin
missing=()
command -v prosody >/dev/null || missing+=(prosody)
command -v nginx >/dev/null || missing+=(nginx-light)
command -v ngircd >/dev/null || missing+=(ngircd)
command -v inspircd >/dev/null || missing+=(inspircd)
command -v atheme-services >/dev/null || missing+=(atheme-services)
command -v postfix >/dev/null || missing+=(postfix)
[ ${#missing[@]} -gt 0 ] || exit 0

# as_root COMMAND...: as root, or not at all.
as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		sudo -n "$@"
	fi
}

if ! command -v apt-get >/dev/null || ! as_root true 2>/dev/null; then
	say "cannot install ${missing[*]} here (no apt-get, or no rights without a password); what needs them is skipped"
	exit 0
fi

install() {
	# A package may want to start its server at once; the suites start their own.
	local quiet=(env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -y -q --no-install-recommends)
	as_root "${quiet[@]}" update && as_root "${quiet[@]}" install "${missing[@]}"
}
if ! (progress "installing ${missing[*]}" install); then
	say "could not install ${missing[*]}; what needs them is skipped"
fi
