# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# walls.sh - how a command gets behind each of the walls that workloads.sh compares: started with
# a new sandbox, or into one that runs; and what many idle ones take. Sourced by workloads.sh,
# which sets work, brig, prefix and walls.
# shellcheck disable=SC2154,SC2034 # these are workloads.sh's, and it reads

words=() wall_words=() idle_pids=()
declare -A told_once
told() { [ -n "${told_once[$1]:-}" ] || { told_once[$1]=yes && skip "$1"; }; }

brig_here() {
	env -i PATH="$PATH" HOME=/root USER=root LOGNAME=root BRIG_HOME="$work/home" \
		BRIG_LIBEXEC="$prefix/libexec/brig" BRIG_DATADIR="$prefix/share/brig" "$brig" "$@"
}

# brig_words WALL: the words of 'brig run' for it.
brig_words() {
	words=(env -i "PATH=$PATH" HOME=/root USER=root LOGNAME=root "BRIG_HOME=$work/home"
		"BRIG_LIBEXEC=$prefix/libexec/brig" "BRIG_DATADIR=$prefix/share/brig" "$brig")
	wall_words=(--wall "$1")
}

bwrap_words() { # bwrap_words WALL
	words=(bwrap --unshare-all --die-with-parent --ro-bind / / --proc /proc --dev /dev --tmpfs /root
		--bind "$work/ws-$1" "$work/ws-$1" --chdir "$work/ws-$1" --setenv HOME /root)
}

# An OCI bundle for runsc: the machine's root, read-only, and the workspace.
bundle_words() { # bundle_words NAME COMMAND...: sets words
	local dir=$work/oci/$1 args
	args=$(printf '"%s", ' "${@:2}")
	mkdir -p "$dir"
	cat >"$dir/config.json" <<EOF
{ "ociVersion": "1.0.0", "hostname": "bench", "root": { "path": "/", "readonly": true },
  "process": { "user": { "uid": 0, "gid": 0 }, "cwd": "$work/ws-runsc", "args": [${args%, }],
    "env": ["PATH=$PATH", "HOME=/root"], "noNewPrivileges": true },
  "mounts": [ { "destination": "/proc", "type": "proc", "source": "proc" },
    { "destination": "/tmp", "type": "tmpfs", "source": "tmpfs" },
    { "destination": "/root", "type": "tmpfs", "source": "tmpfs" },
    { "destination": "/dev", "type": "tmpfs", "source": "tmpfs" },
    { "destination": "$work/ws-runsc", "type": "bind", "source": "$work/ws-runsc", "options": ["rbind", "rw"] } ],
  "linux": { "namespaces": [ { "type": "pid" }, { "type": "network" }, { "type": "ipc" },
    { "type": "uts" }, { "type": "mount" } ] } }
EOF
	words=("$runsc" --root "$work/runsc" --network=none --platform=systrap --ignore-cgroups)
}

# start_words WALL ROUND COMMAND...: sets words: a new sandbox that runs the command.
start_words() {
	local wall=$1 round=$2
	shift 2
	case $wall in
	native) words=("$@") ;;
	bwrap) bwrap_words bwrap && words+=("$@") ;;
	runsc)
		bundle_words start "$@"
		words+=(run -bundle "$work/oci/start" "start-$$-$round")
		;;
	*)
		brig_words "$wall"
		words+=(run --rm -q --net none "${wall_words[@]}" "$work/ws-$wall" -- "$@")
		;;
	esac
}

# enter_words WALL: sets words: before a command that shall run in the sandbox that is there.
enter_words() {
	case $1 in
	native) words=(env -i "PATH=$PATH" "HOME=$work/home-native") ;;
	# it has none to enter: each is a new one, timed inside all the same
	bwrap) bwrap_words bwrap ;;
	runsc)
		bundle_words enter
		words+=(exec -cwd "$work/ws-runsc" "bench-$$")
		;;
	*)
		brig_words "$1"
		words+=(exec -w "$work/ws-$1" "bench-$1" --)
		;;
	esac
}

begin_one() { # begin_one WALL: its sandbox; status 1 if it can't be had
	case $1 in
	native) mkdir -p "$work/home-native" ;;
	bwrap) command -v bwrap >/dev/null ;;
	runsc)
		find_runsc
		[ "$runsc" != none ] || { echo "no Debian package of it could be had" && return 1; }
		bundle_words enter /bin/sleep 100000
		timeout 60 "${words[@]}" run -detach -bundle "$work/oci/enter" "bench-$$" </dev/null >"$work/why" 2>&1
		;;
	*)
		brig_words "$1"
		timeout 60 "${words[@]}" run -d -q --net none --name "bench-$1" "${wall_words[@]}" "$work/ws-$1" -- \
			/bin/sleep 100000 </dev/null >"$work/why" 2>&1
		;;
	esac || { tail -n 1 "$work/why" 2>/dev/null && return 1; }
	enter_words "$1" && (cd "$work/ws-$1" && timeout 30 "${words[@]}" ./brig-measure nothing </dev/null 2>&1)
}

begin_walls() {
	local wall why here_now=''
	mkdir "$work/data" && "$prefix/libexec/brig/brig-workloads" prepare "$work/data" &&
		cp "$measure" "$work/data/" || { note "the data could not be made" && exit 1; }
	for wall in $walls; do
		cp -a "$work/data" "$work/ws-$wall"
		[ "$wall" != runsc ] || find_runsc
		if why=$(begin_one "$wall"); then
			here_now="$here_now $wall"
		else
			skip "$wall: $why"
		fi
	done
	walls=${here_now# }
}

# ---- many that are idle

idle_start() { # idle_start WALL N
	local i end=$((SECONDS + 90))
	idle_pids=()
	mkdir -p "$work/ws-idle" && cp "$measure" "$work/ws-idle/" || return
	for ((i = 0; i < $2; i++)); do
		[ "$SECONDS" -lt "$end" ] || return 1
		case $1 in
		bwrap)
			bwrap_words bwrap
			"${words[@]}" "$measure" sleep </dev/null >/dev/null 2>&1 &
			idle_pids+=($!)
			;;
		runsc)
			bundle_words idle "$measure" sleep
			timeout 30 "${words[@]}" run -detach -bundle "$work/oci/idle" "idle-$$-$i" </dev/null >/dev/null 2>&1 ||
				return 1
			;;
		*)
			brig_words "$1"
			timeout 30 "${words[@]}" run -d -q --net none --name "idle-$i" "${wall_words[@]}" "$work/ws-idle" -- \
				"$work/ws-idle/brig-measure" sleep </dev/null >/dev/null 2>&1 || return 1
			;;
		esac
	done
}

# descendants PID...: these and all they started, one a line.
descendants() {
	ps -e -o pid=,ppid= | awk -v roots="$*" '{ up[$1] = $2 }
		END { n = split(roots, r, " "); for (i = 1; i <= n; i++) root[r[i]] = 1
			for (p in up) { q = p; while (q in up && !(q in root) && q != 0) q = up[q]
				if (q in root) print p } }'
}

# idle_pss WALL N: of everything of them, a sandbox, in MiB: what shares pages shares their weight.
idle_pss() {
	local pids
	case $1 in
	bwrap) pids=$(descendants "${idle_pids[@]}") ;;
	# sandbox and gofer of each say their bundle
	runsc) pids=$(descendants "$(grep -lsa "idle-$$-" /proc/[0-9]*/cmdline | cut -d / -f 3 | tr '\n' ' ')") ;;
	*) pids=$(descendants "$(sed -n 's/.*"keeper": *\([0-9]*\).*/\1/p' "$work"/home/state/sandboxes/idle-*/run.json |
		tr '\n' ' ')") ;;
	esac
	for pid in $pids; do
		cat "/proc/$pid/smaps_rollup" 2>/dev/null
	done | awk -v n="$2" '/^Pss:/ { sum += $2 } END { if (sum) printf "%.2f\n", sum / 1024 / n }'
}

idle_end() {
	local i
	case $1 in
	bwrap) [ ${#idle_pids[@]} = 0 ] || kill "${idle_pids[@]}" 2>/dev/null ;;
	runsc) for i in "$work"/runsc/idle-*.state; do
		[ -e "$i" ] || continue
		i=${i##*/}
		i=${i%%_sandbox*}
		"$runsc" --root "$work/runsc" delete -force "$i" >/dev/null 2>&1
	done ;;
	*) for i in "$work"/home/state/sandboxes/idle-*; do
		[ ! -d "$i" ] || echo "${i##*/}"
	done | xargs -r -n 20 env -i PATH="$PATH" HOME=/root USER=root LOGNAME=root BRIG_HOME="$work/home" \
		BRIG_LIBEXEC="$prefix/libexec/brig" "$brig" rm -f >/dev/null 2>&1 ;;
	esac
	idle_pids=()
}

end_walls() {
	[ ! -d "$work/home" ] || brig_here rm --all --force >/dev/null 2>&1
	[ -z "$runsc" ] || [ "$runsc" = none ] || {
		idle_end runsc
		"$runsc" --root "$work/runsc" delete -force "bench-$$" >/dev/null 2>&1
	}
	idle_end bwrap
	[ ! -d "$work/home" ] || brig_here prune --force >/dev/null 2>&1
}
