#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# run.sh PREFIX SANITIZED [NAME...] - every test there is, or those whose names hold a NAME.
#
# PREFIX is a tree as 'make install' makes it, SANITIZED a build folder with ASan and UBSan
# for the unit tests. The scripts *-test.sh, *-test.py and hostile*/run.sh run once as root, and once as
# each of two ordinary users, "range" with subordinate ids and "plain" without. A line
# "# run as: root range" in a script, which is also the default, says as which; "# time: 600"
# gives it more than 300 seconds, "# also: NAME=VALUE" runs it once more with that. Run by an ordinary user, a script runs once, as that user,
# and the others count as skipped.
#
# Root's runs and those of the ordinary users go on side by side, as they have nothing in common;
# a script with "# alone: yes" then has the machine for itself, or shares it with the other kind of
# ordinary user at most.
#
# The last line is the sum: N passed, N failed, N skipped. Status 1 if anything failed.
set -u

here=$(cd "$(dirname "$0")" && pwd)
prefix=$(cd "$1" && pwd -P) || exit 1
sanitized=$2
shift 2
only=("$@")

work=$(mktemp -d /tmp/brig-check.XXXXXX) || exit 1
chmod 755 "$work"
running=
lanes=()

end_running() {
	[ -z "$running" ] || kill -KILL -- "-$running" 2>/dev/null
}

clean() {
	end_running
	[ ${#lanes[@]} = 0 ] || { kill "${lanes[@]}" && wait "${lanes[@]}"; } 2>/dev/null
	# mounts of a sandbox live in its own namespaces, so this is all
	rm -rf "$work"
}
trap clean EXIT
trap 'exit 130' INT TERM

wanted() {
	local name
	[ ${#only[@]} -gt 0 ] || return 0
	for name in "${only[@]}"; do
		[[ $1 != *$name* ]] || return 0
	done
	return 1
}

# take NAME LOG STATUS: add what a script counted, and what it could not. What it shows goes out
# in one piece, as there may be another at the same time.
take() {
	local shown
	shown=$(sum_up "$@")
	printf '%s\n' "$shown"
}

sum_up() {
	local name=$1 log=$2 status=$3 line p f s
	line=$(grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$log" | tail -n 1)
	if [ -n "$line" ]; then
		read -r p _ f _ s _ <<<"${line//,/}"
	else
		p=$(grep -c '^ok ' "$log") f=$(grep -c '^not ok ' "$log") s=0
		f=$((f + 1))
		if [ "$status" = 124 ] || [ "$status" = 137 ]; then
			echo "not ok - $name did not end in time" >>"$log"
		else
			echo "not ok - $name ended with $status and no sum" >>"$log"
		fi
		tail -n 15 "$log" | sed 's/^/#   /' >"$log.tail" && cat "$log.tail" >>"$log"
	fi
	if [ "$f" = 0 ] && [ "$status" != 0 ]; then
		echo "not ok - $name ended with $status" >>"$log"
		f=1
	fi
	echo "$p $f $s" >>"$work/sums"
	printf '%-36s %5d passed %4d failed %4d skipped %5d s\n' "$name" "$p" "$f" "$s" \
		$((SECONDS - began))
	grep '# SKIP' "$log" | sed -E 's/^ok [0-9]+ (- )?/    skipped: /'
	awk -v name="$name" '/^not ok/ { on = 1; print $0 " [" name "]"; next }
		/^ok|^[0-9]+ passed/ { on = 0 } on' "$log" >>"$work/failures"
}

# go NAME SECONDS COMMAND...: in a session of its own, its output in a file, so that nothing
# it leaves behind can hold up the rest.
go() {
	local name=$1 log=$work/log/${1//[\/ ]/-} status began=$SECONDS
	mkdir -p "$work/log"
	run_into "$log" "${@:2}"
	status=$?
	if unsteady "$log" "$status" && [ -n "${again:-}" ]; then
		mv "$log" "$log.first"
		run_into "$log" "${@:2}"
		status=$?
		if ! unsteady "$log" "$status"; then
			echo "    UNSTEADY: $name failed, and passed when it was run again:"
			# not as a failure is written: whoever looks for those shall find them
			grep -A 4 '^not ok' "$log.first" | sed 's/^not ok/failed/; s/^/    | /'
		fi
	fi
	take "$name" "$log" "$status"
}

# run_into LOG SECONDS COMMAND...
run_into() {
	local log=$1 seconds=$2 status
	shift 2
	setsid timeout --kill-after=10 "$seconds" "$@" >"$log" 2>&1 </dev/null &
	running=$!
	wait "$running"
	status=$?
	running=
	return "$status"
}

# Did something fail in this log?
unsteady() {
	[ "$2" != 0 ] || grep -q '^not ok' "$1"
}

# An ordinary user of this name, with subordinate ids or without.
make_user() {
	local name=$1 range=$2 file
	id -u "$name" >/dev/null 2>&1 || useradd --no-log-init -m -s /bin/bash "$name" || return 1
	for file in /etc/subuid /etc/subgid; do
		[ -e "$file" ] || : >"$file"
		if [ "$range" = no ]; then
			sed -i "/^$name:/d" "$file"
		elif ! grep -q "^$name:" "$file"; then
			awk -F: -v n="$name" '{ e = $2 + $3; if (e > m) m = e }
				END { if (m < 1000000) m = 1000000; print n ":" m ":65536" }' \
				"$file" >>"$file.new" && cat "$file.new" >>"$file"
			rm -f "$file.new"
		fi
	done
}

# as USER COMMAND...: with an environment that says nothing of the caller's.
as() {
	local user=$1 home=$work/home-$1
	shift
	mkdir -p "$home"
	chown "$user:" "$home"
	chmod 700 "$home"
	local env=(env -i "PATH=$work/prefix/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
		"HOME=$home" "USER=$user" "LOGNAME=$user" "SHELL=/bin/bash" "TERM=dumb" "LC_ALL=C.UTF-8"
		"TMPDIR=/tmp" "BRIG_HOME=$home/brig" "BRIG=$work/prefix/bin/brig"
		"BRIG_IMAGE=$work/prefix/libexec/brig/brig-image")
	[ ! -x "$work/sanitized/brig-vmm" ] || env+=("SANITIZED=$work/sanitized")
	# how this machine reaches the npm registry, for the test of a real agent
	local name
	for name in npm_config_registry NODE_EXTRA_CA_CERTS SSL_CERT_FILE {http,https,no}_proxy \
		{HTTP,HTTPS,NO}_PROXY; do
		[ -z "${!name:-}" ] || env+=("$name=${!name}")
	done
	env+=("$@")
	if [ "$user" = "$(id -un)" ]; then
		"${env[@]}"
	else
		setpriv --reuid "$user" --regid "$(id -g "$user")" --init-groups "${env[@]}"
	fi
}

setting() {
	sed -n "s/^# $2: *//p" "$1" | head -n 1
}

# black_box SCRIPT USER [NAME=VALUE]: as a user of that kind.
black_box() {
	local script=$1 user=$2 with=${3:-} name seconds shell=bash
	name=${script#"$here"/}
	[[ $name != *.py ]] || shell=python3
	seconds=$(setting "$script" 'time')
	if [ "$(id -u)" != 0 ]; then
		[ "$user" = "${mine:-}" ] || {
			echo "ok 1 - $name as $user # SKIP run by $(id -un)
0 passed, 0 failed, 1 skipped" >"$work/skip-$user"
			began=$SECONDS take "$name ($user)" "$work/skip-$user" 0
			return
		}
		user=$(id -un)
	elif [ "$user" != root ]; then
		user=brig-$user
	fi
	# a machine that is busy or ill can break a test of many processes; twice it doesn't
	again=yes go "$name (${user#brig-}${with:+ ${with#*=}})" "${seconds:-300}" "$BASH" -c "$(declare -f as); work=$work
		as '$user' $with $shell '$work/source/test/$name'"
}

# black_boxes ALONE USER...: every script that is wanted of those that have to be alone, or of
# those that needn't.
black_boxes() {
	local alone=$1 script user users with
	shift
	for script in "$here"/*-test.sh "$here"/*-test.py "$here"/hostile*/run.sh; do
		[ -f "$script" ] && wanted "${script#"$here"/}" || continue
		[ "$(setting "$script" 'alone')" = "$alone" ] || continue
		users=$(setting "$script" 'run as')
		for user in "$@"; do
			[[ " ${users:-root range} " == *" $user "* ]] || continue
			black_box "$script" "$user"
			with=$(setting "$script" 'also')
			[ -z "$with" ] || black_box "$script" "$user" "$with"
		done
	done
}

no_black_boxes() {
	! wanted unit || go unit 1800 python3 "$here/unit.py" "$sanitized"
	for script in layers style; do
		! wanted "$script.sh" || go "$script.sh" 300 bash "$here/$script.sh" "$prefix"
	done
}

# The tests must be readable for everybody, wherever the source is.
mkdir -p "$work/source"
cp -r "$prefix" "$work/prefix"
cp -r "$here" "$work/source/test"
# what attacks of guests are tried on as well
[ ! -x "$sanitized/src/vmm/brig-vmm" ] || install -D -t "$work/sanitized" "$sanitized/src/vmm/brig-vmm"
for folder in src kernel scripts; do
	[ ! -d "$here/../$folder" ] || cp -r "$here/../$folder" "$work/source/$folder"
done
cp "$here/../meson.build" "$here/../README.md" "$work/source/"
chmod -R a+rX "$work/prefix" "$work/source"
[ ! -d "$work/sanitized" ] || chmod -R a+rX "$work/sanitized"

mine=range
if [ "$(id -u)" = 0 ]; then
	make_user brig-range yes && make_user brig-plain no || {
		echo "make users to test with: failed"
		exit 1
	}
elif ! grep -q "^$(id -un):" /etc/subuid 2>/dev/null; then
	mine=plain
fi

# lane COMMAND...: beside the others.
lane() {
	(
		lanes=()
		trap end_running EXIT
		trap 'exit 143' TERM
		"$@"
	) &
	lanes+=($!)
}

ordinary() {
	no_black_boxes
	black_boxes '' range plain
}

lane black_boxes '' root
lane ordinary
wait "${lanes[@]}"
lanes=()
black_boxes yes root
lane black_boxes yes range
lane black_boxes yes plain
wait "${lanes[@]}"
lanes=()

# what a script that was ended had no time to end
for home in "$work"/home-*; do
	[ ! -d "$home/brig" ] || as "${home#*/home-}" timeout 60 brig rm --all --force >/dev/null 2>&1
done

if [ -s "$work/failures" ]; then
	echo
	echo "What failed:"
	cat "$work/failures"
fi
echo
awk '{ p += $1; f += $2; s += $3 }
	END { print p + 0 " passed, " f + 0 " failed, " s + 0 " skipped"; exit f || !p }' "$work/sums"
