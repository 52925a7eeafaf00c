# Sourced by the scripts that get tools: where they are kept, and how waiting is told.
export GOTOOLCHAIN=local
cache=${TRAVISHOOK_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/travishook}

say() { printf '%s\n' "$*" >&2; }
die() {
	say "travishook: $*"
	exit 1
}

# module_version MODULE PATH: the version that hack/tools/MODULE pins.
module_version() {
	go -C "$root/hack/tools/$1" list -mod=readonly -m -f '{{.Version}}' "$2" ||
		die "hack/tools/$1 does not load; run 'go -C hack/tools/$1 mod tidy' and look at what it says"
}

# lock NAME: one process at a time makes NAME. The lock goes with the process.
lock() {
	mkdir -p "$(dirname "$1")"
	command -v flock >/dev/null || return 0
	exec 9>"$1.lock"
	flock -n 9 || { say "  waiting for another process that is making $1 ..." && flock 9; }
}

# progress TEXT COMMAND...: runs it, says TEXT and how long it has been at it, shows its output if it fails.
progress() {
	local text=$1 start=$SECONDS log pid
	shift
	log=$(mktemp)
	"$@" >"$log" 2>&1 9>&- &
	pid=$!
	say "$text ..."
	while kill -0 "$pid" 2>/dev/null; do
		sleep 0.2
		if [ $((SECONDS - start)) -ge 10 ] && [ $(((SECONDS - start) % 10)) = 0 ] && [ "${last:-}" != $SECONDS ]; then
			last=$SECONDS
			say "$text ... $((SECONDS - start)) s"
		fi
	done
	if ! wait "$pid"; then
		cat "$log" >&2
		rm -f "$log"
		die "that failed:${text#* }"
	fi
	rm -f "$log"
}
