# Sourced by the scripts that get tools: where tools are kept, and how progress is shown.
# Works with bash 3.2, as macOS has it.
export GOTOOLCHAIN=local
# The same flags everywhere: what one command compiled, the next finds in Go's cache.
export CGO_ENABLED=0
case " ${GOFLAGS:-} " in *" -trimpath "*) ;; *) export GOFLAGS="${GOFLAGS:+$GOFLAGS }-trimpath" ;; esac

say() { printf '%s\n' "$*" >&2; }
die() {
	say "travishook: $*"
	exit 1
}

if [ -z "${TRAVISHOOK_CACHE:-}${XDG_CACHE_HOME:-}${HOME:-}" ]; then
	die "there is no home folder for tools; set TRAVISHOOK_CACHE to a writable folder"
fi
cache=${TRAVISHOOK_CACHE:-${XDG_CACHE_HOME:-${HOME:-}/.cache}/travishook}

# make_folder PATH: like mkdir -p, with a sentence when that is not allowed.
make_folder() {
	mkdir -p "$1" 2>/dev/null && [ -w "$1" ] ||
		die "cannot write in $1; set TRAVISHOOK_CACHE to a folder that can be written"
}

# module_version MODULE PATH: the version that hack/tools/MODULE pins.
module_version() {
	go -C "$root/hack/tools/$1" list -mod=readonly -m -f '{{.Version}}' "$2" ||
		die "hack/tools/$1 does not load; run 'go -C hack/tools/$1 mod tidy' and look at what it says"
}

# lock PATH: one process at a time makes PATH. The lock goes with the process. Without flock
# two may make it, which costs time only: each makes its own copy and puts it in place whole.
lock() {
	make_folder "$(dirname "$1")"
	command -v flock >/dev/null || return 0
	exec 9>"$1.lock"
	flock -n 9 || { say "  waiting for another process that is making $1 ..." && flock 9; }
	# A killed process may have left this behind; no other process is creating it now.
	chmod -R u+w "$1".tmp.* 2>/dev/null || true
	rm -rf "$1".tmp.*
}

# within SECONDS COMMAND...: runs it, and ends it when the time is up (macOS has no timeout).
within() {
	local seconds=$1 pid start=$SECONDS
	shift
	"$@" 9>&- &
	pid=$!
	while kill -0 "$pid" 2>/dev/null; do
		if [ $((SECONDS - start)) -ge "$seconds" ]; then
			kill "$pid" 2>/dev/null
			wait "$pid" 2>/dev/null
			return 124
		fi
		sleep 0.2
	done
	wait "$pid"
}

# progress TEXT COMMAND...: runs it, says TEXT and how long it has been at it, shows its output if it fails.
progress() {
	local text=$1 start=$SECONDS told=0 now log pid
	shift
	log=$(mktemp)
	"$@" >"$log" 2>&1 9>&- &
	pid=$!
	# A background process does not hear the terminal's Ctrl-C.
	trap 'kill "$pid" 2>/dev/null; rm -f "$log"; exit 130' INT TERM
	say "$text ..."
	while kill -0 "$pid" 2>/dev/null; do
		sleep 0.2
		now=$(((SECONDS - start) / 10 * 10))
		if [ "$now" -gt "$told" ]; then
			told=$now
			say "$text ... $told s"
		fi
	done
	trap - INT TERM
	if ! wait "$pid"; then
		cat "$log" >&2
		rm -f "$log"
		die "${text#"${text%%[! ]*}"}: that did not work; its own words are above"
	fi
	rm -f "$log"
}
