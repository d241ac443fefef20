# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# lib.sh - users, root file systems, rounds, memory, and the report. Sourced by run.sh, which
# sets: work (the directory of this run), brig, measure, prefix, rounds, here, everybody.
# shellcheck disable=SC2154 # these are run.sh's

skipped=''
note() { echo "bench: $*" >&2; }

# skip WHAT-AND-WHY: loud, and in the report.
skip() {
	note "SKIPPED: $*"
	skipped="$skipped
- $*"
}

# Who measures: root first, if we are root.
find_user() {
	local name
	everybody='' user=''
	if [ "$(id -u)" != 0 ]; then
		user=$(id -un)
		everybody=user
		return
	fi
	everybody=root
	for name in ${BENCH_USER:-brig-bench brig-range tester}; do
		id "$name" >/dev/null 2>&1 && user=$name && break
	done
	if [ -n "$user" ]; then
		everybody='root user'
	else
		skip 'everything as an ordinary user: there is none here (set BENCH_USER)'
	fi
}

# as WHO [K=V...] COMMAND...: with brig's directories for that one.
as() {
	local who=$1 home=$work/$1 name=root
	local -a drop=()
	shift
	if [ "$who" = user ]; then
		name=$user
		[ "$(id -u)" != 0 ] ||
			drop=(setpriv --reuid "$user" --regid "$(id -g "$user")" --init-groups)
	fi
	[ -z "${BENCH_NICE:-}" ] || drop=(nice -n "$BENCH_NICE" "${drop[@]}")
	(cd "$home/ws" && exec "${drop[@]}" env -i PATH="$PATH" HOME="$home/me" USER="$name" \
		LOGNAME="$name" XDG_RUNTIME_DIR="$home/run" BRIG_HOME="$home/home" \
		BRIG_LIBEXEC="$prefix/libexec/brig" BRIG_DATADIR="$prefix/share/brig" "$@")
}

# prepare WHO: its directories and its own copy of the root. The workspace's mount point is
# made beforehand: the owner of the root may be nobody inside.
prepare() {
	local dir=$work/$1
	mkdir -p "$dir"/{me,run,home,ws,oci} && cp -a "$work/tree" "$dir/root" &&
		mkdir -p "$dir/root$dir/ws" || return
	[ "$1" = root ] || [ "$(id -u)" != 0 ] || chown -R "$user:" "$dir"
	if as "$1" "$brig" run --rm --wall container --image "$dir/root" -- /bin/true; then
		bundle "$1"
		return 0
	fi
	skip "everything as $1: brig run fails"
	return 1
}

# A root file system of one static program and its names.
make_root() {
	local busybox name
	busybox=$(command -v busybox) && [ "$(ldd "$busybox" 2>&1 | grep -c '=>')" = 0 ] ||
		busybox=$(fetch busybox-static busybox) || return
	mkdir -p "$1"/{bin,dev,etc,proc,sys,root,run,usr,var/tmp} || return
	mkdir -m 1777 "$1/tmp"
	cp "$busybox" "$1/bin/busybox" || return
	for name in $("$1/bin/busybox" --list); do
		[ "$name" = busybox ] || ln -s busybox "$1/bin/$name"
	done
	echo 'root:x:0:0:root:/root:/bin/sh' >"$1/etc/passwd"
	echo 'root:x:0:' >"$1/etc/group"
}

# fetch PACKAGE PROGRAM: a program out of a Debian package that isn't installed; prints its path.
fetch() {
	local dir=$work/fetch-$1
	mkdir -p "$dir/x" && (cd "$dir" && timeout 90 apt-get download "$1" >/dev/null 2>&1 &&
		dpkg -x ./*.deb x) || return
	find "$dir/x" -name "$2" -type f -perm -100 | grep .
}

# tar_image ROOT TAR: as docker save would write it.
tar_image() {
	local dir=$work/save layer
	mkdir -p "$dir" && tar -C "$1" --owner=0 --group=0 -cf "$dir/layer.tar" . || return
	layer=$(sha256sum "$dir/layer.tar")
	printf '{"architecture":"amd64","os":"linux","config":{"Cmd":["/bin/sh"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
		"${layer%% *}" >"$dir/config.json"
	echo '[{"Config":"config.json","RepoTags":["bench:latest"],"Layers":["layer.tar"]}]' \
		>"$dir/manifest.json"
	tar -C "$dir" -cf "$2" manifest.json config.json layer.tar && rm -r "$dir"
}

import_image() {
	as "$1" "$prefix/libexec/brig/brig-image" import "$work/image.tar" bench \
		>/dev/null 2>"$work/why" && return
	skip "brig with an OCI image as $1: $(head -n 1 "$work/why")"
	return 1
}

# use WHO; add LABEL COMMAND...; measure NAME ROUNDS: in turns, into $work/NAME.
commands=()
use() { now=$1 commands=(); }
add() {
	[ "${#commands[@]}" = 0 ] || commands+=(:::)
	commands+=("$@")
}
measure() {
	[ "${#commands[@]}" != 0 ] || return 1
	as "$now" "$measure" turns -n "$2" -w "${warm_ups:-2}" -s "${seconds:-60}" "${commands[@]}" >"$work/$1"
	commands=()
	! cut -f 2 "$work/$1" | grep -qx 0
}

# field NAME LABEL N: a figure of what was measured.
field() { awk -F '\t' -v l="$2" -v n="$3" '$1 == l { print $n }' "$work/$1" 2>/dev/null; }

# pss_of SANDBOXES: the memory of all keepers and warders, shared pages by share, in KiB:
# "sum of keepers <TAB> sum of warders <TAB> processes".
pss_of() {
	local role pid sum n=0 out=''
	for role in keeper init; do
		sum=0
		while read -r pid; do
			sum=$((sum + $(awk '/^Pss:/ { print $2 }' "/proc/$pid/smaps_rollup" || echo 0)))
			n=$((n + 1))
		done < <(sed -n "s/.*\"$role\": *\([0-9]*\).*/\1/p" "$1"/*/run.json)
		out="$out$sum	"
	done
	echo "$out$n"
}

median_stages() {
	awk '{ name = $3; for (i = 4; i <= NF; i++) name = name " " $i
		if (!(name in n)) order[++k] = name
		v[name, n[name]++] = $1 }
	END { for (i = 1; i <= k; i++) { name = order[i]; c = n[name]
		for (a = 0; a < c; a++) for (b = a + 1; b < c; b++)
			if (v[name, b] < v[name, a]) { t = v[name, a]; v[name, a] = v[name, b]; v[name, b] = t }
		printf "| %s | %.2f |\n", name, v[name, int(c / 2)] } }'
}

# What a cold start asks of the kernel, in numbers.
count_calls() {
	local who=$1
	if ! command -v strace >/dev/null; then
		skip 'the count of system calls: strace is not installed'
		return
	fi
	as "$who" strace -f -qq -o "$work/$who/me/trace" "$brig" run --rm --wall container \
		--image "$work/$who/root" -- /bin/true >/dev/null 2>&1 || return
	awk '$2 ~ /^[a-z_0-9]+\(/ { sub(/\(.*/, "", $2); total++; n[$2]++ }
		$2 ~ /^(execve|execveat)$/ { run++ } $2 ~ /^(clone|clone3|fork|vfork)$/ { made++ }
		END { printf "%d system calls, %d processes made, %d programs executed, %d mounts attached, %d files renamed\n",
			total, made, run, n["move_mount"] + n["mount"], n["renameat"] + n["rename"] }' \
		"$work/$who/me/trace" >"$work/calls"
}

# table NAME: medians, and how they stand to runc's and bwrap's.
table() {
	[ -s "$work/$1" ] || return
	echo '| command | median ms | p10 | p90 | × runc | × bwrap | runs |'
	echo '|---|---:|---:|---:|---:|---:|---:|'
	awk -F '\t' 'NR == FNR { if ($1 ~ /^runc/) runc = $3; if ($1 ~ /^bwrap/) bwrap = $3; next }
		$2 == 0 { printf "| %s | failed | | | | | 0 |\n", $1; next }
		{ printf "| %s | %.1f | %.1f | %.1f | %s | %s | %d |\n", $1, $3 / 1000, $4 / 1000,
			$5 / 1000, times($3, runc), times($3, bwrap), $2 }
		function times(a, b) { return b > 0 ? sprintf("%.2f", a / b) : "" }' "$work/$1" "$work/$1"
}

# aim TEXT VALUE LIMIT: one line; an empty VALUE is a figure that could not be had.
aim() {
	awk -v t="$1" -v v="$2" -v l="$3" 'BEGIN {
		if (v == "") print "- " t ": not measured"
		else printf "- %s: %s (%.2f, aim %s)\n", t, v <= l ? "met" : "**not met**", v, l }'
}

ratio() { awk -v a="${1:-0}" -v b="${2:-0}" 'BEGIN { if (a > 0 && b > 0) print a / b }'; }

aims() {
	local who first=${everybody%% *} start
	for who in $everybody; do
		start=$(field "cold-$who" 'brig, container' 3)
		aim "as $who, the container wall's start, in runc's" \
			"$(ratio "$start" "$(field "cold-$who" runc 3)")" 0.5
		aim "as $who, the container wall's start, in bwrap's" \
			"$(ratio "$start" "$(field "cold-$who" bwrap 3)")" 2
		aim "as $who, exec, in milliseconds" \
			"$(ratio "$(field "exec-$who" 'brig exec' 3)" 1000)" 10
	done
	[ -s "$work/idle-$first" ] || return
	aim 'one idle sandbox, in MiB of PSS' \
		"$(awk -F '\t' 'NR == 1 { print ($4 + $5) / 1024 }' "$work/idle-$first")" 2
	aim 'flat: the memory of each with the most of them, in that of one alone' \
		"$(awk -F '\t' 'NR == 1 { one = $4 + $5 } { each = ($4 + $5) / $1 } END { print each / one }' \
			"$work/idle-$first")" 1.1
	aim 'flat: the start of one beside the most of them, in that beside 10' \
		"$(awk -F '\t' 'NR == 2 { few = $2 } END { if (few > 0) print $2 / few }' \
			"$work/idle-$first")" 1.25
}

machine() {
	local cpu virt commit
	cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
	virt=$(systemd-detect-virt 2>/dev/null || true)
	commit=$(git -C "$here/.." log -1 --format=%h 2>/dev/null || true)
	echo "- machine: $(nproc) × ${cpu:-$(uname -m)}, $(awk '/^MemTotal/ { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo), virtualisation: ${virt:-unknown}"
	echo "- kernel: $(uname -r), control groups: $(stat -fc %T /sys/fs/cgroup | sed 's/cgroup2fs/version 2/; s/tmpfs/version 1 or hybrid/'), file system: $(stat -fc %T "$work")"
	echo "- date: $(date -u +%F), commit: ${commit:-none}, load when it began and ended: $load_then, $(cut -d ' ' -f 1 /proc/loadavg)${BENCH_NICE:+, all at nice $BENCH_NICE}"
	echo "- peers: $(peer_versions)"
}

report() {
	local who first=${everybody%% *}
	local -A title=([root]=root [user]='an ordinary user')
	echo '# How fast and how small'
	echo
	echo 'Made by bench/run.sh. Whole commands, in turns within one run: figures of one table may'
	echo 'be compared, those of two runs may not. One root file system (busybox) for all.'
	echo
	machine
	[ -z "$skipped" ] || printf '\nNot measured:\n%s\n' "$skipped"
	printf '\n## Aims\n\n'
	aims
	for who in $everybody; do
		printf '\n## A cold start of true, as %s\n\n' "${title[$who]}"
		table "cold-$who"
	done
	[ ! -s "$work/cold-v2" ] || { printf '\n%s\n\n' "$crun_note" && table cold-v2; }
	for who in $everybody; do
		printf '\n## One more true in a sandbox that runs, as %s\n\n' "${title[$who]}"
		table "exec-$who"
	done
	[ ! -s "$work/exec-v2" ] || { printf '\n%s\n\n' "$crun_note" && table exec-v2; }
	printf '\n## Idle sandboxes (container wall, as %s)\n\n' "${title[$first]}"
	echo '| sandboxes | PSS of each, KiB | keeper | warder | start of each, ms | brig ls, ms |'
	echo '|---:|---:|---:|---:|---:|---:|'
	awk -F '\t' '{ printf "| %d | %.0f | %.0f | %.0f | %.1f | %.1f |\n", $1, ($4 + $5) / $1,
		$4 / $1, $5 / $1, $2 / 1000, $3 / 1000 }' "$work/idle-$first" 2>/dev/null
	printf '\nPSS is of the keeper and the warder: the program in the sandbox is not brig'"'"'s.\n'
	printf '\n## Where a cold start goes\n\n'
	[ ! -s "$work/calls" ] || { cat "$work/calls" && echo; }
	printf '| stage of the keeper | median ms |\n|---|---:|\n'
	cat "$work/stages-$first" 2>/dev/null
}

# publish NAME: the report, $work/NAME, to standard output, and with --write into doc/, where what
# was written by hand stays.
publish() {
	local doc=$here/../doc/$1
	cat "$work/$1"
	[ -n "$write" ] || return 0
	! [ -e "$doc" ] || sed -n '/^<!-- by hand/,$p' "$doc" >"$work/by-hand"
	{ cat "$work/$1"; [ ! -s "$work/by-hand" ] || { echo; cat "$work/by-hand"; }; } >"$doc"
}

load_then=$(cut -d ' ' -f 1 /proc/loadavg)

clean_up() {
	local who
	for who in $everybody; do
		[ -d "$work/$who/ws" ] || continue
		as "$who" "$brig" rm --all --force >/dev/null 2>&1
		end_exec_peers "$who" "brig-bench-$$-$who"
		as "$who" "$brig" prune --force >/dev/null 2>&1
	done
	# what a user's sandbox made belongs to ids that only a user namespace reaches
	rm -rf "$work" 2>/dev/null ||
		as user unshare --map-auto --map-root-user rm -rf "$work/user" 2>/dev/null
	rm -rf "$work"
}
