#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# run.sh [NAME...] - every attempt of this folder to get past the gate, or those whose names
#	hold a NAME, on every wall that has one.
# run.sh --markdown - a table of the attempts.
#
# An attempt is a Python program that runs inside of a sandbox (trick.py), or a bash script
# that runs outside and makes sandboxes of its own (functions box, inside, verdict below). It
# ends with 0 when it got out, 1 when it was stopped, 77 when it can't be tried here. What
# counts is what the judge (judge.py) saw leave the host meanwhile. Its first comment says:
#
#	Trick:	what is done
#	Gain:	what it would be good for
#	Rules:	of the sandbox: locked (the default), open, none (not one packet may leave)
#	Fresh:	yes: in a sandbox of its own, that has looked nothing up
#	Control: beside the sandbox (the default), or "open": in one whose rules allow
#		everything. There the judge must find it escaped, else the attempt is worth
#		nothing. "none" and the reason where there can be no such thing
#	Power:	network: over the sandbox's network namespace, with every capability, more
#		than root inside has
#	Once:	yes: on one wall, as one user
#
# A world of network namespaces takes root, so this runs as root, and does for two ordinary
# users what they would do: one with subordinate ids and one without.
#
# run as: root
# time: 900
set -u
folder=$(cd "$(dirname "$0")" && pwd)

field() { # field NAME FILE: its text, joined
	awk -v name="# $1:" '
		index($0, name) == 1 { on = 1; text = substr($0, length(name) + 2); next }
		on && !/^#\t/ { exit }
		on { text = text " " substr($0, 3) }
		END { print text }' "$2"
}

# What is no attempt has no Trick.
attempts() { grep -l '^# Trick:' "$folder"/*.py "$folder"/*.bash | LC_ALL=C sort; }

if [ "${1:-}" = --markdown ]; then
	echo "| attempt | what is tried |"
	echo "|---|---|"
	for file in $(attempts); do
		name=${file##*/}
		trick=$(field Trick "$file")
		echo "| \`${name%.*}\` | ${trick//|/\\|} |"
	done
	exit
fi

. "$folder/../lib.sh"
. "$folder/../net/world.sh"

# ---- the world

REAL=real-$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')-secret

addresses_of_world() {
	local addr
	for addr in 10.0.0.5/32 172.16.0.1/32 192.168.1.1/32 100.64.0.1/32 169.254.169.254/32 \
		100.100.100.200/32 8.8.8.8/32 1.1.1.1/32 fd00:ec2::254/128 fd00::5/128; do
		nsenter -t "$world_far" -n ip addr add "$addr" dev lo 2>/dev/null
	done
}

# A certificate for NAME alone at ADDRESS; with "signed" of the CA that is trusted.
own_certificate() { # own_certificate NAME ADDRESS [signed]
	local by=()
	[ "${3:-}" != signed ] || by=(-CA ca.pem -CAkey ca.key)
	(cd "$world_dir" && umask 022 &&
		openssl req -x509 "${by[@]}" -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 \
			-subj "/CN=$1" -addext "subjectAltName=DNS:$1" -keyout own.key -out own.pem &&
		cat own.key own.pem >"cert-$2.pem") 2>/dev/null
}

world_start() {
	local zone
	world_up api.example.com=93.184.216.34,2606:2800::34 \
		evil.example.com=93.184.216.35,2606:2800::35 shared.example.com=93.184.216.34 \
		paths.example.com=93.184.216.36 key.example.com=93.184.216.37,2606:2800::37 \
		badcert.example.com=93.184.216.38 flip.example.com=93.184.216.40 \
		raw.example.com=93.184.216.41 chat.example.com=93.184.216.42 private.rebind.example.com=10.0.0.5 \
		loop.rebind.example.com=127.0.0.1,::1 meta.rebind.example.com=169.254.169.254 \
		own.rebind.example.com=11.0.0.2 six.rebind.example.com=fd00:ec2::254 \
		mapped.rebind.example.com=::ffff:10.0.0.5 nat.rebind.example.com=64:ff9b::a00:5 \
		mixed.rebind.example.com=93.184.216.40,10.0.0.5,127.0.0.1 dns.google=8.8.8.8 || {
		not_ok "a world to test in" "$(cat "$world_dir/log")"
		finish
	}
	addresses_of_world
	own_certificate badcert.example.com 93.184.216.38
	own_certificate evil.example.com 93.184.216.35 signed
	own_certificate evil.example.com 2606:2800::35 signed
	: >"$world_dir/connections"
	zone=$(jq '.["flip.example.com"] = [["93.184.216.40"], ["127.0.0.1"], ["10.0.0.5"]] | .ttl = 1' \
		"$world_dir/zone.json")
	echo "$zone" >"$world_dir/zone.json"
	coproc JUDGE { in_host python3 "$folder/judge.py" "$world_dir" "$REAL" 2>"$T/judge.log"; }
	# a coprocess's own descriptors are closed in subshells
	exec 8>&"${JUDGE[1]}" 9<&"${JUDGE[0]}"
	ask_judge ready
	[ "$REPLY" = ready ] || { not_ok "the judge starts" "$(cat "$T/judge.log")"; finish; }
}

ask_judge() { # the answer to $REPLY
	echo "$1" >&8 && read -r -t 20 REPLY <&9 && return
	echo "Bail out! the judge is gone: $(tail -n 3 "$T/judge.log")"
	kill $$
}

# ---- sandboxes

be() { # be ROLE USER: whose sandboxes they are from now on
	ROLE=$1 home=$T/$2
	mkdir -p "$home/ws"
	chown -R "$2:" "$home"
	me=(env -i "PATH=$PATH" "HOME=$home" "USER=$2" "LC_ALL=C.UTF-8" "BRIG_HOME=$home/brig"
		"BRIG_SECRET_KEY=file" "SSL_CERT_FILE=$(world_ca)")
	[ -z "${BRIG_LIBEXEC:-}" ] || me+=("BRIG_LIBEXEC=$BRIG_LIBEXEC")
	[ -z "${BRIG_DATADIR:-}" ] || me+=("BRIG_DATADIR=$BRIG_DATADIR")
	[ "$2" = root ] ||
		me=(setpriv --reuid "$2" --regid "$(id -g "$2")" --init-groups "${me[@]}")
	AS=()
	[ "$1" != user-root ] || AS=(-u root)
	printf '%s\n' "$REAL" | "${me[@]}" brig secret set net --host key.example.com \
		--host badcert.example.com --env NET_KEY >/dev/null 2>&1
}

# What judge.py knows as "locked".
LOCKED=(--net locked --allow api.example.com --allow key.example.com --allow badcert.example.com
	--allow flip.example.com --allow '*.rebind.example.com' --allow raw.example.com:22
	--allow 'https://paths.example.com/ok/** GET' --allow 'http://paths.example.com/ok/** GET')
OPEN=(--net open)
ALL=(--net open --allow host.brig.internal:1-65535)
for range in 10.0.0.0/8 127.0.0.0/8 169.254.0.0/16 100.64.0.0/10 11.0.0.0/24 fc00::/7 ::1 2a00:11::/64; do
	ALL+=(--allow "$range")
done

# box NAME OPTIONS...: a sandbox that runs.
box() {
	local name=$1
	shift
	unbox "$name"
	in_host "${me[@]}" timeout 30 brig run -d -q --name "$ROLE-$name" --wall "$WALL" --secret net \
		-v "$folder:/hostile:ro" "$@" "$home/ws" -- sleep 3000 >"$T/box" 2>&1 </dev/null 8>&- 9<&- ||
		{ echo "brig run ended with $?" >>"$T/box" && return 1; }
}

unbox() { "${me[@]}" timeout 30 brig rm --force "${@/#/$ROLE-}" >/dev/null 2>&1 </dev/null; }

# inside NAME COMMAND...: in a sandbox.
inside() {
	local name=$1
	shift
	"${me[@]}" timeout -k 5 60 brig exec "${AS[@]}" "$ROLE-$name" -- "$@" </dev/null
}

state_of() { echo "$home/brig/state/sandboxes/$ROLE-$1"; }

# The keeper of a sandbox of this user: others may run this test as well.
keeper_of() {
	local pid
	for pid in $(pgrep -f "^brig-keeper $ROLE-$1$"); do
		if readlink "/proc/$pid/fd"/* | grep -q "^$home/"; then
			echo "$pid"
			return
		fi
	done
}

# The first process of a sandbox of this user: the warder, or a kernel that it is in.
init_of() { "${me[@]}" brig inspect "$ROLE-$1" 2>/dev/null | jq -r '.. | .init? // empty' | head -n 1; }

# The process of a role that serves a sandbox of this user.
role_of() { # role_of brig-gate NAME
	pgrep -P "$(pgrep -P "$(keeper_of "$2")" -x brig-starter)" -x "$1" 2>/dev/null
}

# ---- for attempts that run outside

escaped() { echo "escaped: $*"; exit 0; }
stopped() { echo "stopped: $*"; exit 1; }
untried() { echo "untried: $*"; exit 77; }
# verdict MODE: the judge's, in the middle of an attempt.
verdict() {
	ask_judge "check $1"
	[ "$REPLY" = ok ] || escaped "${REPLY#escape: }"
}

# ---- one attempt

# What came out of it, whatever it says itself; nothing when all is well.
damage() { # damage MODE
	ask_judge "check $1"
	[ "$REPLY" = ok ] || echo "${REPLY#escape: }"
	! grep -aqF -e "$REAL" -e "$(printf %s "$REAL" | base64 -w 0 | cut -c1-30)" "$T/out" ||
		echo "the secret was seen inside"
	[ ! -s "$home/ws/other" ] || { echo "another sandbox was reached"; : >"$home/ws/other"; }
}

judge() { # judge NAME STATUS MODE: sets result and detail
	local harm
	detail=$(tr -d '\r' <"$T/out" | grep -aE '^(escaped|stopped|untried): ' | tail -n 1)
	detail=${detail#*: }
	harm=$(damage "$3" | head -n 1)
	case $2 in
	0) result=escapes ;;
	1) result=stops ;;
	77) result=untried ;;
	*) result=broken ;;
	esac
	[ -n "$detail" ] || result=broken
	[ -z "$harm" ] || { result=escapes detail=$harm; }
	[ -n "$detail" ] || detail="ended with $2: $(tail -c 1500 "$T/out" | tr -cd '[:print:]\n')"
}

# try FILE BOX MODE OPTIONS...: the OPTIONS are for a box of its own
try() {
	local file=$1 name=$2 mode=$3 status fresh=() attempt=${1##*/} since=$EPOCHREALTIME
	shift 3
	attempt=${attempt%.*}
	[ "$(field Fresh "$file")" != yes ] || {
		fresh=(FRESH=1)
		box fresh "$@"
		name=fresh
	}
	# shellcheck disable=SC1090 # an attempt
	case $file-$(field Power "$file") in
	*-network) nsenter -t "$(init_of "$name")" -n env FRESH=1 \
		NAME_SERVER=100.127.255.249 PYTHONDONTWRITEBYTECODE=1 timeout 60 python3 "$file" \
		>"$T/out" 2>&1 </dev/null && status=0 || status=$? ;;
	*.py-) inside "$name" env "${fresh[@]}" PYTHONDONTWRITEBYTECODE=1 python3 "/hostile/$attempt.py" \
		>"$T/out" 2>&1 && status=0 || status=$? ;;
	*) (. "$file") >"$T/out" 2>&1 && status=0 || status=$? ;;
	esac
	judge "$attempt" "$status" "$mode"
	[ "$name" != fresh ] || unbox fresh
	took=$(((${EPOCHREALTIME/./} - ${since/./}) / 1000))
}

report() { # report FILE
	local name=${1##*/}
	name=${name%.*}
	[ -z "${HOSTILE_RESULTS:-}" ] ||
		printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$ROLE" "$WALL" "$name" "$result" "$took" "$detail" >>"$HOSTILE_RESULTS"
	case $result in
	stops)
		ok "$name: $WALL stops, as $ROLE"
		echo "#   $detail"
		;;
	untried) skip "$name against $WALL, as $ROLE" "$detail" ;;
	*) not_ok "$name: $WALL stops, as $ROLE" "it $result: $detail" ;;
	esac
}

attempt() { # attempt FILE
	case $(field Rules "$1") in
	open) try "$1" open open "${OPEN[@]}" ;;
	none) try "$1" locked none "${LOCKED[@]}" ;;
	*) try "$1" locked locked "${LOCKED[@]}" ;;
	esac
	report "$1"
}

wanted() {
	local name
	[ ${#only[@]} -gt 0 ] || return 0
	for name in "${only[@]}"; do
		[[ $1 != *$name* ]] || return 0
	done
	return 1
}

# ---- can an attempt get out at all?

control() { # control FILE
	local file=$1 name=${1##*/} mode status
	name=${name%.*}
	mode=$(field Rules "$file")
	case $(field Control "$file") in
	none*) return ;;
	open) inside all env PYTHONDONTWRITEBYTECODE=1 python3 "/hostile/$name.py" >"$T/out" 2>&1 &&
		status=0 || status=$? ;;
	# one thing that gets out is enough
	*) in_host env BARE=1 NET_KEY="$REAL" HOME="$T" PYTHONDONTWRITEBYTECODE=1 timeout 5 python3 "$file" \
		>"$T/out" 2>&1 </dev/null && status=0 || status=$? ;;
	esac
	judge "$name" "$status" "${mode:-locked}"
	if [ "$result" = escapes ]; then
		ok "$name: gets out where it isn't held"
		echo "#   $detail"
	else
		not_ok "$name: gets out where it isn't held" "it $result: $detail"
	fi
}

controls() {
	local file
	WALL=container
	be control root
	box all "${ALL[@]}" || not_ok "a sandbox that may do everything" "$(cat "$T/box")"
	for file in $(attempts); do
		name=${file##*/}
		wanted "${name%.*}" && [[ $file = *.py ]] && control "$file"
	done
	unbox all
	ask_judge "check open"
}

# ---- all of them

# Another sandbox of the same user, that serves and says something.
OTHER='import socket, threading, time, urllib.request
def serve(family, kind, to):
    s = socket.socket(family, kind)
    s.bind(to)
    kind == socket.SOCK_STREAM and s.listen(8)
    while True:
        data, whose = s.recvfrom(2000) if kind == socket.SOCK_DGRAM else s.accept()
        open("other", "a").write(f"{whose}\n")
        kind == socket.SOCK_STREAM and (data.sendall(b"canary"), data.close())
for f, k, to in ((2, 1, ("", 7777)), (10, 2, ("::", 7777)), (1, 1, "\0brig-other-sandbox")):
    threading.Thread(target=serve, args=(f, k, to), daemon=True).start()
while True:
    try:
        urllib.request.urlopen("http://chat.example.com/from-the-other-sandbox", timeout=5).read()
    except OSError:
        pass
    time.sleep(0.2)'

other_box() {
	local how
	in_host "${me[@]}" timeout 30 brig run -d -q --name "$ROLE-other" --wall "$WALL" --net locked \
		--allow chat.example.com "$home/ws" -- python3 -c "$OTHER" >"$T/box" 2>&1 </dev/null 8>&- 9<&-
	for how in 1 2; do
		: >"$home/ws/other"
		chmod 666 "$home/ws/other"
		eventually 5 "${me[@]}" brig exec "$ROLE-other" -- python3 -c \
			'import socket; socket.create_connection(("127.0.0.1", 7777), 1).recv(9)' </dev/null
		[ -s "$home/ws/other" ] && break
	done
	if [ -s "$home/ws/other" ]; then ok "another sandbox notes who reaches it, as $ROLE"; else
		not_ok "another sandbox notes who reaches it, as $ROLE" "$(cat "$T/box")"
	fi
	: >"$home/ws/other"
}

# Nothing may be left in what is kept of a sandbox; and the gate has kept its size.
look_behind() {
	local gate size
	gate=$(role_of brig-gate locked)
	size=$(awk '/^VmHWM/ { print $2 }' "/proc/${gate:-0}/status" 2>/dev/null)
	if [ -n "$size" ] && [ "$size" -lt 200000 ]; then ok "$WALL, as $ROLE: the gate stayed small"; else
		not_ok "$WALL, as $ROLE: the gate stayed small" "gate ${gate:-none}: ${size:-?} KiB"
	fi
	check "$WALL, as $ROLE: the log's chain is whole" "${me[@]}" brig audit verify "$ROLE-locked"
	check "$WALL, as $ROLE: the log is lines of JSON and no control byte" \
		log_is_clean "$(state_of locked)/audit.jsonl"
	check "$WALL, as $ROLE: nothing of it died" nobody_died "$(state_of locked)" "$(state_of open)"
	check "$WALL, as $ROLE: what is kept of it holds no secret" no_secret "$(state_of locked)"
}

log_is_clean() { jq -e . "$1" >/dev/null && ! tr -d '\n' <"$1" | grep -aqP '[\x00-\x1f\x7f]'; }
nobody_died() { ! grep -h 'ended\|is off' "${@/%//keeper.log}"; }
no_secret() { ! grep -raqF -e "$REAL" "$1"; }

round() { # round ROLE USER
	local file once
	be "$1" "$2"
	box locked "${LOCKED[@]}" && box open "${OPEN[@]}" || {
		if grep -q 'hint\|permitted' "$T/box"; then skip "$WALL, as $ROLE" "$(head -n 1 "$T/box")"; else
			not_ok "$WALL, as $ROLE: sandboxes start" "$(cat "$T/box")"; fi
		unbox locked open
		return
	}
	other_box
	ask_judge "check open"
	for file in $(attempts); do
		name=${file##*/}
		once=$(field Once "$file")
		wanted "${name%.*}" || continue
		[ "${once:-no}" = "$([ "$ROLE" = once ] && echo yes || echo no)" ] || continue
		attempt "$file"
	done
	[ ${#only[@]} -gt 0 ] || [ "$ROLE" = once ] || look_behind
	unbox locked open other
}

# The first of these users that is there.
a_user() {
	local name
	for name in "$@"; do
		id -u "$name" >/dev/null 2>&1 && echo "$name" && return
	done
}

# ---- lanes: each of these has a world of its own, and most of the time they wait

lane() { # lane NAME USER
	world_start
	trap 'world_down; unfinished' EXIT
	if [ "$1" = controls ]; then
		controls
		WALL=container
		round once root
	else
		for WALL in ${WALLS:-container nspawn sentry}; do
			round "$1" "$2"
		done
	fi
	"${me[@]}" timeout 60 brig rm --all --force >/dev/null 2>&1
	world_down
	finish
}

# What a lane has said, with numbers of this script's.
take_lane() { # take_lane LOG
	local line
	while IFS= read -r line; do
		case $line in
		'ok '*' # SKIP '*)
			line=${line#ok * - }
			skip "${line% # SKIP *}" "${line#* # SKIP }"
			;;
		'ok '*) ok "${line#ok * - }" ;;
		'not ok '*) not_ok "${line#not ok * - }" ;;
		'#'* | 'Bail out'*) echo "$line" ;;
		esac
	done <"$1"
	tail -n 1 "$1" | grep -q '^[0-9]* passed' || not_ok "$(basename "$1" .log) runs to its end" "$(tail -n 5 "$1")"
}

# The first of these users that is there.
a_user() {
	local name
	for name in "$@"; do
		id -u "$name" >/dev/null 2>&1 && echo "$name" && return
	done
}

only=("$@")
if [ -n "${LANE:-}" ]; then
	# shellcheck disable=SC2086 # a name and a user
	lane $LANE
fi
if [ "$(id -u)" != 0 ]; then
	skip "hostile network tests" "a world of network namespaces takes root"
	finish
fi
range=$(a_user "${RANGE_USER:-brig-range}" tester)
plain=$(a_user "${PLAIN_USER:-brig-plain}")
lanes=("controls root" "root root")
if [ -n "$range" ]; then lanes+=("user $range" "user-root $range"); else
	skip "as user, as user-root" "there is no user with subordinate ids to test with"
fi
if [ -n "$plain" ]; then lanes+=("plain $plain"); else
	skip "as plain" "there is no user without subordinate ids to test with"
fi
for one in "${lanes[@]}"; do
	LANE=$one bash "$0" "$@" >"$T/${one%% *}.log" 2>&1 </dev/null &
done
wait
for one in "${lanes[@]}"; do
	take_lane "$T/${one%% *}.log"
done
finish
