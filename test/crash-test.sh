#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Nothing is lost: any process of brig is killed at any moment, the disk is full or read-only,
# records are broken. Afterwards ls tells the truth, prune leaves nothing behind, and the
# workspace is whole and was looked through.
#
# run as: root range plain
# time: 600
# also: WALLS=sentry

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=life-lib.sh
. "$here/life-lib.sh"

me=$(id -u)
wall=container
state=$BRIG_HOME/state/sandboxes

# What the workspace has to hold whatever happens.
fill_workspace() {
	rm -rf "$W"
	mkdir -p "$W/deep/er"
	(cd "$W" && seq 1 5000 >numbers && echo x >deep/er/file && ln -s numbers link &&
		git init -q . 2>/dev/null && git -c user.name=n -c user.email=e commit -q --allow-empty -m one)
	cd "$W" || exit 1
	sum=$(workspace_sum)
}

workspace_sum() {
	(cd "$W" && find . -path ./.git -prune -o -type f -print0 | sort -z | xargs -0 sha256sum; git -C "$W" rev-parse HEAD) |
		sha256sum
}

# The process of a sandbox by its role: keeper, init; the command line's by its id.
pid_of() { # pid_of ROLE NAME
	case $1 in
	keeper) pgrep -f "^brig-keeper $2\$" | head -n 1 ;;
	init) sed -n 's/^ *"init": *\([1-9][0-9]*\).*/\1/p' "$state/$2/run.json" 2>/dev/null ;;
	esac
}

# What must hold after a crash of a sandbox with --rm.
all_clean() {
	local said bad=0
	# ls first: it has to tell the truth by itself
	said=$(brig ls --json) || {
		echo "ls fails: $said"
		return 1
	}
	if grep -q '"status": *"\(running\|paused\|crashed\)"' <<<"$said" &&
		[ -z "$(leftover_processes)" ]; then
		echo "ls says: $said"
		bad=1
	fi
	brig prune >"$O" 2>"$E" || {
		echo "prune fails:"
		cat "$O" "$E"
		bad=1
	}
	nothing_left || bad=1
	if [ -n "$(ls -A "$state" 2>/dev/null)" ]; then
		echo "still there: $(ls -A "$state"/*)"
		bad=1
	fi
	[ "$(workspace_sum)" = "$sum" ] || {
		echo "the workspace has changed"
		bad=1
	}
	return $bad
}

# kill_at MS ROLE: run a sandbox, and kill that process after so long.
kill_at() {
	local ms=$1 role=$2 name=$TAG-$2-$1 cli pid
	"$BRIG" run -q --rm --wall $wall --name "$name" -- sh -c 'sleep 0.15; exit 0' >/dev/null 2>&1 </dev/null &
	cli=$!
	sleep "$(printf '%d.%03d' $((ms / 1000)) $((ms % 1000)))"
	case $role in
	cli) pid=$cli ;;
	stage) # whatever child of the keeper there is, be it stage, init or a cleaner
		pid=$(pgrep -P "$(pid_of keeper "$name" || echo 0)" 2>/dev/null | head -n 1) ;;
	*) pid=$(pid_of "$role" "$name") ;;
	esac
	[ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null
	wait $cli 2>/dev/null
	[ "$role" = cli ] && until_true 20 has_status "$name" none
	all_clean
}

kill_along() { # kill_along ROLE STEP END: at many moments, one test
	local ms said bad=0
	for ms in $(seq 0 "$2" "$3"); do
		said=$(kill_at "$ms" "$1") || {
			echo "after $ms ms: $said"
			bad=1
			break
		}
	done
	return $bad
}

crashes() {
	check "[$wall] the keeper killed at many moments leaves nothing" kill_along keeper 12 240
	check "[$wall] the warder killed at many moments leaves nothing" kill_along init 20 240
	check "[$wall] stage, or whatever the keeper has begun, killed leaves nothing" \
		kill_along stage 6 60
	check "[$wall] the command line killed at many moments leaves nothing" kill_along cli 20 240
}

# A sandbox that isn't to be removed: what ls says, and its end.
keeper_killed_while_running() {
	local name=$TAG-r
	brig run -q -d --wall $wall --name $name -- sh -c 'echo note >$HOME/note; while :; do date >>ticks; sleep 0.05; done' \
		>/dev/null || return 1
	until_true 10 [ -s "$W/ticks" ] || return 1
	kill -KILL "$(pid_of keeper $name)"
	until_true 10 has_status $name exited || return 1
	until_true 10 no_ticks || return 1
	says 137 brig wait $name || return 1
	brig inspect $name | grep -q "keeper was killed" || return 1
	brig prune >/dev/null || return 1
	nothing_left || return 1
	has_status $name exited || return 1
	# and what it wrote is still its own
	says note brig exec $name -- sh -c 'cat $HOME/note' || return 1
	rm -f "$W/ticks"
	brig rm $name
}

# Where there is no PID namespace the warder's descendants have to be found.
warder_killed() {
	local name=$TAG-v user=()
	# root inside can leave the mount namespace too
	[ $wall != chroot ] || user=(-u 0)
	brig run -q -d --wall $wall --name $name "${user[@]}" -- sh -c \
		'setsid unshare -m sh -c "while :; do date >>ticks; sleep 0.05; done" & setsid sh -c "while :; do date >>ticks; sleep 0.05; done" & sleep 60' \
		>/dev/null || return 1
	until_true 10 [ -s "$W/ticks" ] || return 1
	kill -KILL "$(pid_of init $name)"
	until_true 10 has_status $name exited || return 1
	no_ticks || return 1
	says 137 brig wait $name || return 1
	nothing_left || return 1
	rm -f "$W/ticks"
	brig rm $name
}

no_ticks() {
	local a
	a=$(stat -c %s "$W/ticks")
	sleep 0.3
	[ "$a" = "$(stat -c %s "$W/ticks")" ]
}

paused_killed() {
	local name=$TAG-p
	brig run -q -d --wall $wall --name $name -- sleep 60 >/dev/null || return 1
	brig pause $name 2>/dev/null || {
		brig rm -f $name
		[ $wall = chroot ]
		return
	}
	kill -KILL "$(pid_of keeper $name)"
	until_true 10 has_status $name exited || return 1
	nothing_left || return 1
	brig rm $name
}

attached_is_told() {
	local name=$TAG-a cli
	"$BRIG" run -q --wall $wall --name $name -- sleep 60 >"$O" 2>"$E" </dev/null &
	cli=$!
	until_true 10 has_status $name running || return 1
	kill -KILL "$(pid_of keeper $name)"
	wait $cli
	[ $? = 125 ] && grep -q "keeper is gone" "$E" || return 1
	until_true 10 has_status $name exited || return 1
	brig rm $name
}

client_killed_runs_on() {
	local name=$TAG-c cli
	"$BRIG" run -q --wall $wall --name $name -- sleep 60 >/dev/null 2>&1 </dev/null &
	cli=$!
	until_true 10 has_status $name running || return 1
	kill -KILL $cli
	wait $cli 2>/dev/null
	sleep 0.3
	has_status $name running || return 1
	says ok brig exec $name -- echo ok || return 1
	brig rm -f $name
}

# What would run on the host later is held back after a crash as after an end.
guard_is_done() {
	local name=$TAG-g
	brig run -q -d --wall $wall --name $name -- sh -c \
		'mkdir -p sub && cd sub && git init -q . && printf "#!/bin/sh\n" >.git/hooks/post-checkout && chmod +x .git/hooks/post-checkout; : >../made; sleep 60' \
		>/dev/null || return 1
	until_true 10 [ -e "$W/made" ] || return 1
	kill -KILL "$(pid_of keeper $name)"
	until_true 10 has_status $name exited 2>"$E" || return 1
	gone "$W/sub/.git/hooks/post-checkout" || {
		echo "the hook is still there"
		cat "$E"
		return 1
	}
	fails "held back" brig rm $name || return 1
	brig rm -f $name
	rm -rf "$W/sub" "$W/made"
}

overlay_is_kept() {
	local name=$TAG-o
	mkdir -p "$T/share"
	brig run -q -d --rm --wall $wall --name $name -v "$T/share:/mnt/s:overlay" -- \
		sh -c 'echo x >/mnt/s/over; : >made; sleep 60' >/dev/null || return 1
	until_true 10 [ -e "$W/made" ] || return 1
	rm -f "$W/made"
	kill -KILL "$(pid_of keeper $name)"
	until_true 10 has_status $name exited || return 1
	brig prune >/dev/null
	brig prune --force >/dev/null
	has_status $name exited || return 1
	says x brig exec $name -- cat /mnt/s/over || return 1
	brig rm -f $name
}

killed() {
	check "[$wall] a keeper killed: ls knows, what it wrote stays" keeper_killed_while_running
	check "[$wall] a warder killed: what ran beneath it ends" warder_killed
	check "[$wall] a keeper killed while paused leaves nothing" paused_killed
	check "[$wall] who is attached is told that the keeper is gone" attached_is_told
	check "[$wall] a client killed: the sandbox runs on" client_killed_runs_on
	check "[$wall] a keeper killed: the workspace is looked through all the same" guard_is_done
	check "[$wall] a keeper killed: --rm keeps what an overlay holds" overlay_is_kept
}

# with_file FILE CONTENTS...: a stopped sandbox 'b' with that file; then brig's word on it.
broken() {
	local file=$1 pattern=$2 verb
	shift 2
	brig create --wall $wall --name "$TAG-b" -- true >/dev/null || return 1
	"$@" >"$state/$TAG-b/$file" || return 1
	for verb in start "exec -d" inspect; do
		# shellcheck disable=SC2086
		if [ "$verb" = "exec -d" ]; then
			fails "$TAG-b.*$pattern|$pattern.*$TAG-b" brig $verb "$TAG-b" -- true || return 1
		else
			fails "$TAG-b.*$pattern|$pattern.*$TAG-b" brig $verb "$TAG-b" || return 1
		fi
	done
	has_status "$TAG-b" broken || return 1
	brig prune >/dev/null 2>&1
	has_status "$TAG-b" broken || {
		echo "prune has removed it"
		return 1
	}
	# the others are not in its way
	says fine brig run -q --rm --wall $wall -- echo fine || return 1
	fails "$TAG-b" brig rm "$TAG-b" || return 1
	brig rm --force "$TAG-b" && has_status "$TAG-b" none
}

good_record() { sed "$1" "$T/good.json"; }
huge() {
	printf '{"name": "'
	head -c 8000000 /dev/zero | tr '\0' x
	printf '"}'
}

records() {
	brig create --wall $wall --name "$TAG-b" -- true >/dev/null
	cp "$state/$TAG-b/record.json" "$T/good.json"
	brig rm "$TAG-b" >/dev/null
	check "an empty record is named" broken record.json "JSON" true
	check "a truncated record is named" broken record.json "JSON" head -c 300 "$T/good.json"
	check "a record of bytes is named" broken record.json "JSON" head -c 5000 /dev/urandom
	check "a huge record is named" broken record.json "larger" huge
	check "a record with an unknown key is named, and the nearest known" \
		broken record.json "unknown key 'hostnam'.*'hostname'" good_record 's/"hostname"/"hostnam"/'
	check "a record with a wrong type is named" broken record.json "'tty'" good_record 's/"tty": *[a-z]*/"tty": 3/'
	check "a record without a name is named" broken record.json "'name' is missing" good_record '/"name":/d'
	check "a record of another name is named" broken record.json "is of" good_record "s/\"$TAG-b\"/\"other\"/"
	check "a directory without a record is half-made, and pruned" half_made
	check "a bad run state is tidied up" bad_run_state
	check "a bad exit state does not hide the sandbox" bad_exit_state
}

half_made() {
	mkdir -p "$state/$TAG-h/upper"
	has_status "$TAG-h" broken || return 1
	fails "half-made" brig start "$TAG-h" || return 1
	brig prune >"$O" || return 1
	grep -q "$TAG-h" "$O" && has_status "$TAG-h" none
}

bad_run_state() {
	local text
	for text in '' '{' '{"boot_id": 3}' '{"boot_id": "x", "mnt_ns": 4026531840, "init": 1, "cgroups": ["/sys/fs/cgroup"]}' \
		'{"boot_id": "x", "what": 1}'; do
		brig create --wall $wall --name "$TAG-u" -- true >/dev/null || return 1
		printf '%s' "$text" >"$state/$TAG-u/run.json"
		if brig ls >"$O" 2>"$E"; then
			has_status "$TAG-u" exited || return 1
		else
			grep -q "$TAG-u" "$E" || return 1
		fi
		brig rm -f "$TAG-u" >/dev/null || {
			echo "with run.json: $text"
			return 1
		}
	done
}

bad_exit_state() {
	brig run -q --wall $wall --name "$TAG-x" -- true || return 1
	printf '{' >"$state/$TAG-x/exit.json"
	[ "$(status_of "$TAG-x")" != none ] || return 1
	fails "$TAG-x" brig wait "$TAG-x" || return 1
	brig start -a "$TAG-x" || return 1
	has_status "$TAG-x" exited || return 1
	brig rm "$TAG-x"
}

full_disk() {
	local bad=0 name
	mkdir -p "$T/small"
	mount -t tmpfs -o size=4m,mode=711 brig-test "$T/small" || return 1
	(
		export BRIG_HOME=$T/small/home
		mkdir -p "$BRIG_HOME"
		says fine brig run -q --rm --wall $wall -- echo fine || exit 1
		brig create --wall $wall --name "$TAG-f" -- sh -c 'echo hello; exit 4' >/dev/null || exit 1
		# more than once: what the first sandbox had is still being given back
		for _ in 1 2 3 4; do
			head -c 10000000 /dev/zero >>"$T/small/fill" 2>/dev/null
			sleep 0.25
		done
		fails "No space left" brig create --wall $wall --name "$TAG-n" -- true || exit 1
		brig ls -q >"$O" || exit 1
		grep -q "$TAG-n" "$O" && {
			echo "half-made: $(ls -AR "$BRIG_HOME")"
			exit 1
		}
		fails "No space left" brig start "$TAG-f" || exit 1
		rm "$T/small/fill"
		ends 4 brig start -a "$TAG-f" || exit 1
		# full while it runs: the status comes all the same, the log is let go
		brig create --wall $wall --name "$TAG-g" -- sh -c ': >ready; while [ ! -e go ]; do sleep 0.02; done; seq 1 100000 | tail -n 1; exit 6' >/dev/null || exit 1
		rm -f "$W/go" "$W/ready"
		(
			until_true 10 [ -e "$W/ready" ]
			head -c 10000000 /dev/zero >"$T/small/fill" 2>/dev/null
			: >"$W/go"
		) &
		ends 6 brig start -a "$TAG-g" || exit 1
		grep -q 100000 "$O" || exit 1
		wait
		rm -f "$W/go" "$W/ready" "$T/small/fill"
		[ "$(status_of "$TAG-g")" = exited ] || exit 1
		brig rm "$TAG-f" "$TAG-g" >/dev/null || exit 1
	) || bad=1
	(
		export BRIG_HOME=$T/small/home
		brig rm -fa >/dev/null 2>&1
		leftover_processes
	)
	until_true 5 umount "$T/small" || bad=1
	return $bad
}

read_only_home() {
	local bad=0
	mkdir -p "$T/ro"
	(
		export BRIG_HOME=$T/ro/home
		brig create --wall $wall --name "$TAG-k" -- true >/dev/null
	) || return 1
	if [ "$me" = 0 ]; then
		mount --bind "$T/ro" "$T/ro" && mount -o remount,bind,ro "$T/ro" || return 1
	else
		find "$T/ro" -type d -exec chmod a-w {} +
	fi
	(
		export BRIG_HOME=$T/ro/home
		fails "Read-only|Permission denied" brig run -q --rm --wall $wall -- true || exit 1
		fails "Read-only|Permission denied" brig start "$TAG-k" || exit 1
		has_status "$TAG-k" created || exit 1
	) || bad=1
	if [ "$me" = 0 ]; then
		umount "$T/ro"
	else
		find "$T/ro" -type d -exec chmod u+w {} +
	fi
	(
		export BRIG_HOME=$T/ro/home
		brig rm "$TAG-k" >/dev/null
	) || bad=1
	return $bad
}

no_home() {
	fails "Permission denied|Read-only|Not a directory|No such file" \
		env BRIG_HOME=/proc/none timeout 60 "$BRIG" run -q --rm --wall $wall -- true || return 1
	(
		unset BRIG_HOME
		fails "No such file|Permission|Not a dir|can't" env HOME=/proc/none timeout 60 "$BRIG" ls ||
			says "" env HOME=/proc/none timeout 60 "$BRIG" ls -q
	)
}

missing_workspace() {
	mkdir -p "$T/away"
	(cd "$T/away" && brig create --wall $wall --name "$TAG-w" -- true >/dev/null) || return 1
	rmdir "$T/away"
	fails "$T/away" brig start "$TAG-w" || return 1
	nothing_left || return 1
	has_status "$TAG-w" created || return 1
	brig rm "$TAG-w"
}

for wall in ${WALLS:-container chroot nspawn}; do
	[ -z "${WALLS:-}" ] || works "$wall" || {
		skip "crashes behind the $wall wall" "it doesn't run here: brig doctor"
		continue
	}
	fill_workspace
	crashes
	killed
	brig rm -fa >/dev/null 2>&1
done
[ -z "${WALLS:-}" ] || {
	end_leftovers
	finish
}
wall=container
fill_workspace
records
if [ "$me" = 0 ] && unshare -m true 2>/dev/null; then
	check "a full disk is named, and nothing is half-made" full_disk
else
	skip "a full disk is named, and nothing is half-made" "only root can mount a small one"
fi
check "a read-only home is named" read_only_home
check "a home that can't be is named" no_home
check "a workspace that is gone is named" missing_workspace
check "nothing is left" nothing_left
end_leftovers
finish
