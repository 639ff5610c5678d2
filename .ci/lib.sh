# Functions that the scripts of this directory share. Sourced, not run.

# say prints a line that can be found in a long log.
say() { printf '\n==> %s\n' "$*"; }

# die ends the run with a reason.
die() {
	printf '==> FAILED: %s\n' "$*" >&2
	exit 1
}

# seconds_since prints the whole seconds since an earlier value of $EPOCHSECONDS.
seconds_since() { echo "$((EPOCHSECONDS - $1))"; }

# port_taken tells whether somebody listens on a port of this machine.
port_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# need_free_ports ends the run if somebody listens on one of the ports.
need_free_ports() {
	local port
	for port in "$@"; do
		if port_taken "$port"; then
			die "port $port of this machine is in use; this test needs it"
		fi
	done
}
