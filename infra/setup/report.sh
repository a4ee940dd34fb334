# Sourced by setup: what it says, and how a step is run and timed.

started=$(date +%s)
ticker=

say() {
	printf '%s\n' "$*" >&2
}

# Stops with what is missing and what to do; each argument is a line.
give_up() {
	say "weir cannot be set up here:"
	for line in "$@"; do say "  $line"; done
	exit 1
}

elapsed_since() {
	seconds=$(($(date +%s) - $1))
	if [ "$seconds" -ge 60 ]; then
		echo "$((seconds / 60)) min $((seconds % 60)) s"
	else
		echo "$seconds s"
	fi
}

# Shows that a long step is alive: each second on a terminal, else a line every 30 s.
tick() {
	begun=$(date +%s)
	while sleep 1; do
		passed=$(($(date +%s) - begun))
		if [ -t 2 ]; then
			printf '\r        %s s ' "$passed" >&2
		elif [ $((passed % 30)) = 0 ]; then
			say "        $passed s ..."
		fi
	done
}

stop_ticker() {
	[ -z "$ticker" ] && return 0
	kill "$ticker" 2>/dev/null || :
	wait "$ticker" 2>/dev/null || :
	ticker=
	[ -t 2 ] && printf '\r                \r' >&2
	return 0
}
trap stop_ticker EXIT
trap 'stop_ticker; say "setup: interrupted; run it again to go on"; exit 130' INT TERM

# step "what" "why" command...: output goes to the log, whose end is shown when the command fails.
step() {
	what=$1
	why=$2
	shift 2
	say "[$number/$total] $what: $why"
	printf '\n== %s\n+ %s\n' "$what" "$*" >>"$log"
	begun=$(date +%s)
	tick &
	ticker=$!
	if "$@" >>"$log" 2>&1 </dev/null; then
		stop_ticker
		say "        done in $(elapsed_since "$begun")"
	else
		status=$?
		stop_ticker
		say "setup: this failed with exit code $status: $*"
		say "The end of $log:"
		tail -n 25 "$log" | sed 's/^/    /' >&2
		exit 1
	fi
}

# Digest of the contents of the named files and folders, without what is built or installed there.
digest() {
	find "$@" -type f ! -path '*/build/*' ! -path '*/node_modules/*' ! -name '*.md' 2>/dev/null |
		LC_ALL=C sort | xargs sha256sum 2>/dev/null | sha256sum | cut -c1-64
}

# is_fresh NAME DIGEST: was the step last done for exactly this?
is_fresh() {
	[ -f "$stamps/$1.stamp" ] && [ "$(cat "$stamps/$1.stamp")" = "$2" ]
}

stamp() {
	printf '%s\n' "$2" >"$stamps/$1.stamp"
}
