#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The life cycle of sandboxes from the command line, behind every wall: exit statuses,
# signals, input and output, environment, users, mounts, limits, names, logs.
# The terminal is tty-test.py's.
#
# run as: root range plain
# time: 600

. "$(dirname "$0")/lib.sh"
. "$here/life-lib.sh"

me=$(id -u)
# Does this user have subordinate ids? Without them the sandbox's only user is its root.
single=false
[ "$me" = 0 ] || grep -q "^$(id -un):" /etc/subuid || single=true
inside_uid=$me
$single && inside_uid=0
inside_home=${HOME:-/}

# r ARG...: run with --rm behind $wall; the name carries the tag of this run.
r() {
	brig run --rm --wall "$wall" "$@"
}

sh_rc() { # sh_rc STATUS SCRIPT [OPTION...]
	local want=$1 script=$2
	shift 2
	ends "$want" r "$@" -- sh -c "$script"
}

exit_statuses() {
	local t=$W/plain
	printf 'no program' >"$t"
	check "[$wall] a command's exit status 0 is brig's" sh_rc 0 'exit 0'
	check "[$wall] a command's exit status 7 is brig's" sh_rc 7 'exit 7'
	check "[$wall] a command's exit status 255 is brig's" sh_rc 255 'exit 255'
	check "[$wall] a command that isn't there gives 127" ends 127 r -- no-such-program
	check "[$wall] a command by a path that isn't there gives 127" ends 127 r -- /no/such
	check "[$wall] a file that can't be executed gives 126" ends 126 r -- "$t"
	check "[$wall] a directory as command gives 126" ends 126 r -- /usr
	check "[$wall] a command killed by TERM gives 143" sh_rc 143 'kill -TERM $$'
	check "[$wall] a command killed by KILL gives 137" sh_rc 137 'kill -KILL $$'
	check "[$wall] a segmentation fault gives 139" sh_rc 139 'kill -SEGV $$'
	check "[$wall] --timeout gives 124" sh_rc 124 'sleep 30' --timeout 300ms
	check "[$wall] --timeout gives 124 to a command that ends well on TERM" \
		sh_rc 124 'trap "exit 0" TERM; sleep 30 & wait' --timeout 300ms
	check "[$wall] --timeout leaves a quicker command alone" sh_rc 3 'exit 3' --timeout 20
	check "[$wall] run -d of a command that isn't there gives 127" \
		ends 127 r -d -- no-such-program
	check "[$wall] ... and leaves no sandbox behind" says "" brig ls -q
}

signal_test() { # signal_test SIGNAL STATUS
	local pid i
	rm -f "$W/up"
	brig run --rm --wall "$wall" -- sh -c \
		"trap 'exit 42' $1; : >up; while :; do sleep 0.02; done" </dev/null &
	# timeout(1) is in between: signal brig itself
	pid=$!
	until_true 20 [ -e "$W/up" ] || return 1
	i=$(pgrep -P "$(pgrep -P $pid timeout || echo $pid)" || true)
	kill "-$1" "${i:-$pid}"
	wait $pid
	i=$?
	[ $i = 42 ] || {
		echo "ended with $i"
		return 1
	}
}

signals() {
	local s
	for s in TERM INT HUP QUIT USR1 USR2 ALRM; do
		check "[$wall] SIG$s sent to brig reaches the command" signal_test $s
	done
}

pipe_sum() {
	local want got
	want=$(sha256sum <"$T/big")
	got=$(r -i -- cat <"$T/big" | sha256sum)
	[ "$want" = "$got" ] || {
		echo "$want / $got"
		return 1
	}
}

no_stdin_hang() { # the command doesn't read: the end comes all the same
	ends 5 r -i -- sh -c 'exit 5' <"$T/big"
}

closed_output() {
	r -- sh -c 'while :; do echo y; done' 2>/dev/null | head -n 1 >"$O"
	[ "${PIPESTATUS[0]}" = 141 ] && [ "$(cat "$O")" = y ]
}

two_streams() {
	r -- sh -c 'echo a; echo b >&2' >"$O" 2>"$E"
	[ "$(cat "$O")$(cat "$E")" = ab ]
}

streams() {
	check "[$wall] the end of standard input is the command's" \
		with_input one says one r -i -- cat
	check "[$wall] without a terminal input is kept open by itself" with_input two says two r -- cat
	check "[$wall] standard output and error are kept apart" two_streams
	check "[$wall] 100 MB through cat and back are the same" pipe_sum
	check "[$wall] a command that doesn't read its input ends when it ends" no_stdin_hang
	check "[$wall] output that nobody reads any more ends the command" closed_output
	check "[$wall] a child that keeps the output open doesn't keep brig waiting" \
		says hi timeout 10 "$BRIG" run --rm --wall "$wall" -- sh -c 'sleep 20 & echo hi'
	check "[$wall] what was written last arrives" \
		says "$(head -c 100000 /dev/zero | tr '\0' x)" \
		r -- sh -c 'head -c 100000 /dev/zero | tr "\0" x'
}

no_leak() {
	BRIG_TEST_SECRET=hush LD_LIBRARY_PATH=/nowhere r -- env >"$O" || return 1
	# besides: where certificates are, in a sandbox with a gate
	! grep -Ev '^(PATH|HOME|USER|LOGNAME|SHELL|LANG|BRIG_SANDBOX|PWD|SHLVL|_|OLDPWD)=|=/run/brig/ca[a-z-]*\.pem$|^JAVA_TOOL_OPTIONS=-Djavax' "$O"
}

environment() {
	printf '# comment\nA=file\n\nB=two words\nPASSED\n' >"$T/envs"
	check "[$wall] none of the caller's variables leak" no_leak
	check "[$wall] -e K=V sets" says x=1 r -e V=x=1 -- sh -c 'echo "$V"'
	check "[$wall] -e K hands on the caller's" says own \
		env V=own timeout 60 "$BRIG" run --rm --wall "$wall" -e V -- sh -c 'echo "$V"'
	check "[$wall] -e K without such a variable sets nothing" says unset \
		r -e NO_SUCH_THING -- sh -c 'echo "${NO_SUCH_THING-unset}"'
	check "[$wall] --env-file sets, -e wins over it" says "me two words given" \
		env PASSED=given timeout 60 "$BRIG" run --rm --wall "$wall" --env-file "$T/envs" \
		-e A=me -- sh -c 'echo "$A $B $PASSED"'
	check "[$wall] a missing --env-file is named" fails "no-such-file" \
		r --env-file "$T/no-such-file" -- true
	check "[$wall] -e =x is an error" fails "no variable" r -e =x -- true
	check "[$wall] HOME is a directory of the user's own" \
		says "$inside_home yes" r -- sh -c 'echo "$HOME $(test -O "$HOME" && echo yes)"'
	check "[$wall] PATH finds the system's programs" r -- sh -c 'command -v ls && command -v env'
	check "[$wall] BRIG_SANDBOX is the name" says "$TAG-named" \
		r --name "$TAG-named" -- sh -c 'echo $BRIG_SANDBOX'
}

users() {
	local other=0
	check "[$wall] the user inside is the caller, or root without subordinate ids" \
		says "$inside_uid" r -- id -u
	if $single; then
		skip "[$wall] -u takes another user" "no subordinate ids"
	else
		[ "$me" = 0 ] && other=65534
		check "[$wall] -u takes another user" says "$other" r -u $other -- id -u
		check "[$wall] -u takes user and group" says "12 34" \
			r -u 12:34 -- sh -c 'echo $(id -u) $(id -g)'
		check "[$wall] -u takes a name" says "$(id -u daemon)" r -u daemon -- id -u
	fi
	check "[$wall] an unknown user is named" ends 126 r -u nobody-like-this -- true
	check "[$wall] ... in the message" grep -q nobody-like-this "$E"
}

places() {
	check "[$wall] the working directory is the current one" says "$W" r -- pwd
	check "[$wall] -w takes another" says /usr r -w /usr -- pwd
	check "[$wall] a relative -w is an error" fails "must be absolute" r -w usr -- true
	check "[$wall] a -w that isn't there is named" ends 126 r -w /no/where -- true
	check "[$wall] ... in the message" grep -q /no/where "$E"
	if [ "$wall" = chroot ]; then
		check "[$wall] the host name is the host's" says "$(uname -n)" r -- uname -n
	else
		check "[$wall] --hostname sets the host name" says box r --hostname box -- uname -n
		check "[$wall] the host's own name stays" test "$(uname -n)" != box
	fi
	check "[$wall] a --hostname with a slash is an error" fails "no host name" \
		r --hostname a/b -- true
}

owned() {
	rm -rf "$W/made"
	r -- sh -c 'mkdir made && echo x >made/file' || return 1
	[ "$(stat -c %u "$W/made/file")" = "$me" ] && rm -r "$W/made"
}

ro_refuses() { ! r -v "$T/share:/mnt/s:ro" -- sh -c 'echo x >/mnt/s/new' 2>/dev/null; }
rw_writes() { r -v "$T/share:/mnt/s" -- sh -c 'echo x >/mnt/s/new' && [ -s "$T/share/new" ]; }

overlay_holds() {
	local name=$TAG-over
	brig run --wall "$wall" --name $name -v "$T/share:/mnt/s:overlay" -- \
		sh -c 'echo x >/mnt/s/over && rm /mnt/s/old' || return 1
	[ -e "$T/share/over" ] && return 1
	[ -e "$T/share/old" ] || return 1
	says "x gone" brig exec $name -- \
		sh -c 'echo $(cat /mnt/s/over) $(test -e /mnt/s/old || echo gone)' || return 1
	fails "not applied" brig rm $name || return 1
	brig rm -f $name
}

rm_keeps() {
	local name=$TAG-keep
	brig run --rm --wall "$wall" --name $name -v "$T/share:/mnt/s:overlay" -- \
		sh -c 'echo x >/mnt/s/over' 2>"$E" || return 1
	grep -q "kept '$name'" "$E" || {
		cat "$E"
		return 1
	}
	has_status $name exited || return 1
	# nor does a start that fails throw it away
	mv "$T/share" "$T/share.away"
	brig start $name 2>/dev/null && return 1
	mv "$T/share.away" "$T/share"
	has_status $name exited || return 1
	says x brig exec $name -- cat /mnt/s/over || return 1
	has_status $name exited || return 1
	brig rm -f $name
}

# A server outside, of which each connection first asks for something by a line.
socket_server() { # socket_server PATH
	python3 -c '
import hashlib, socket, sys, threading
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(1); s.settimeout(60)
def serve(c):
    word, f = None, c.makefile("rb", buffering=0)
    word = f.readline().split()
    if word[:1] == [b"hello"]:
        c.sendall(b"hello from outside\n")
    elif word[:1] == [b"give"]:
        c.sendall(b"x" * int(word[1]))
    elif word[:1] == [b"sum"]: # until the other side has said all
        h = hashlib.sha256()
        while d := c.recv(65536):
            h.update(d)
        c.sendall(h.hexdigest().encode())
    f.close(); c.close()
while True:
    threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()' "$1" &
	server=$!
	until_true 10 [ -S "$1" ]
}

# What uses it, inside: SCRIPT has conn(LINE), a connection, and rest(CONNECTION).
socket_client() { # socket_client SCRIPT
	r -v "$T/sock:/run/x.sock" -- /usr/bin/python3 -c '
import hashlib, os, socket, threading, time
def conn(line=b""):
    s = socket.socket(socket.AF_UNIX); s.connect("/run/x.sock"); s.sendall(line + b"\n")
    return s
def rest(s):
    d = b""
    while x := s.recv(65536):
        d += x
    return d
'"$1"
}

unix_socket() {
	says "hello from outside" socket_client 'print(rest(conn(b"hello")).decode(), end="")'
}

# The second reads late: what the server said before it closed has to wait somewhere.
unix_socket_much() {
	says "4000000 2000000" socket_client '
a = len(rest(conn(b"give 4000000")))
s = conn(b"give 2000000"); time.sleep(0.5)
print(a, len(rest(s)))'
}

unix_socket_half_close() {
	says True socket_client '
d = os.urandom(3000000); s = conn(b"sum"); s.sendall(d); s.shutdown(socket.SHUT_WR)
print(rest(s).decode() == hashlib.sha256(d).hexdigest())'
}

unix_socket_parallel() {
	says "100 True" socket_client '
got = []
def one(i):
    s = conn(b"give %d" % (1000 * i)); got.append(len(rest(s)) == 1000 * i)
ts = [threading.Thread(target=one, args=(i,)) for i in range(100)]
[t.start() for t in ts]; [t.join() for t in ts]
print(len(got), all(got))'
}

# Refused by the host's kernel, or accepted by a guest's and ended at once.
unix_socket_alone() {
	says "nobody" socket_client '
try:
    print("nobody" if rest(conn(b"hello")) == b"" else "somebody")
except OSError:
    print("nobody")'
}

unix_sockets() {
	local server
	socket_server "$T/sock" || {
		check "[$wall] a server listens at a unix socket" false
		return
	}
	check "[$wall] -v passes a unix socket" unix_socket
	check "[$wall] ... with megabytes from the host" unix_socket_much
	check "[$wall] ... whose client says all and then hears the answer" unix_socket_half_close
	check "[$wall] ... with 100 connections at the same time" unix_socket_parallel
	kill $server
	wait $server 2>/dev/null
	check "[$wall] ... and a client hears that the server is gone" unix_socket_alone
	rm -f "$T/sock"
}

mounts() {
	mkdir -p "$T/share" "$T/second"
	echo old >"$T/share/old"
	echo single >"$T/one-file"
	check "[$wall] files made inside belong to the caller outside" owned
	check "[$wall] -v SRC:DST shows a directory" says old r -v "$T/share:/mnt/s" -- cat /mnt/s/old
	check "[$wall] -v SRC shows it at the same place" says old r -v "$T/share" -- cat "$T/share/old"
	check "[$wall] -v :ro fails to write" ro_refuses
	check "[$wall] -v writes through" rw_writes
	check "[$wall] -v shows a single file" says single r -v "$T/one-file:/mnt/f:ro" -- cat /mnt/f
	unix_sockets
	check "[$wall] an overlay holds changes back until they are applied" overlay_holds
	check "[$wall] --rm keeps what an overlay holds back, and says so" rm_keeps
	check "[$wall] several PATHs are all there, the first is the working directory" \
		says "$T/second old" \
		r "$T/second" "$T/share:ro" -- sh -c 'echo $(pwd) $(cat '"$T"'/share/old)'
	check "[$wall] a PATH that isn't there is named" fails "no-such-dir.*No such file" \
		r ./no-such-dir -- true
	check "[$wall] a file as PATH is refused" fails "no directory" r "$T/one-file" -- true
	check "[$wall] brig's own directory can't be shared" fails "brig's own" \
		r "$BRIG_HOME/state" -- true
	check "[$wall] nothing is mounted over the root" fails "over the sandbox's root" \
		r -v "$T/share:/" -- true
	check "[$wall] the same place given twice is an error" fails "twice" \
		r -v "$T/share:/a" -v "$T/second:/a" -- true
}

home_not_shared() {
	local said
	said=$(cd "$T/h" && HOME=$T/h r -- sh -c 'ls -A; pwd' 2>"$E") || return 1
	grep -q "is not shared" "$E" && [ "${said##*/}" != secret ] &&
		! grep -q secret <<<"$said"
}

read_only_home() {
	mkdir -p "$T/h/ro"
	chmod 555 "$T/h/ro"
	HOME=$T/h/ro r -- sh -c 'echo x >$HOME/f && cat $HOME/f'
}

homes() {
	mkdir -p "$T/h"
	: >"$T/h/secret"
	check "[$wall] the home as current directory is not shared" home_not_shared
	check "[$wall] a read-only home is no hindrance" read_only_home
}

# A kernel of its own keeps to memory and processes by itself.
limits() {
	if [ "$me" = 0 ] || [ "$wall" = sentry ]; then
		check "[$wall] -m ends what takes too much" ends 137 r -m 64m -- \
			/usr/bin/python3 -c 'x = bytearray(200 << 20)'
		check "[$wall] --pids stops a fork bomb" says True r --pids 20 -- /usr/bin/python3 -c '
import os, time
n = 0
try:
    while n < 40:
        if os.fork() == 0: time.sleep(60)
        n += 1
except BlockingIOError: pass
print(10 < n < 20)'
	fi
	if [ "$me" = 0 ]; then
		check "[$wall] --cpus slows down" slowed
	elif [ "$wall" = sentry ]; then
		check "[$wall] --cpus without delegation is an error that names it" \
			fails "limit of CPUs" r --cpus 0.5 -- true
	else
		check "[$wall] -m without delegation is an error that names it" \
			fails "limit of memory" r -m 64m -- true
		check "[$wall] --cpus without delegation is an error that names it" \
			fails "limit of CPUs" r --cpus 0.5 -- true
		check "[$wall] --pids without delegation is an error that names it" \
			fails "limit of processes" r --pids 20 -- true
		check "[$wall] ... and leaves no sandbox behind" says "" brig ls -q
	fi
}

# By the work that gets done: a kernel of its own can't tell the time that it didn't have. What
# else the machine does at that moment can slow down either: so the better of three.
slowed() {
	local work='
import time
end, n = time.monotonic() + 1.5, 0
while time.monotonic() < end: n += 1
print(n)' full less
	for _ in 1 2 3; do
		full=$(r -- /usr/bin/python3 -c "$work") &&
			less=$(r --cpus 0.2 -- /usr/bin/python3 -c "$work") || return 1
		[ $((less * 2)) -ge "$full" ] || return 0
		echo "$less instead of $full turns"
	done
	return 1
}

. "$here/run-cases.sh"

head -c 100000000 /dev/urandom >"$T/big"
options
for wall in ${WALLS:-chroot nspawn container sentry}; do
	works $wall || {
		skip "the life cycle behind $wall" "it doesn't run here: brig doctor"
		continue
	}
	exit_statuses
	signals
	streams
	environment
	users
	places
	mounts
	homes
	limits
	names
	cycle
	stopping
	logs
	check "[$wall] nothing is left behind" nothing_left
done
wall=container
many
end_leftovers
finish
