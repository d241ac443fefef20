#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# run.sh [--quick] [--write] PREFIX - whole commands of brig beside those of other sandboxes.
#
# PREFIX is an installed tree (PREFIX/bin/brig, PREFIX/libexec/brig). The table goes to standard
# output, with --write to doc/bench.md as well; what happens meanwhile to standard error.
#
# Run by root it measures as root and as an ordinary user: $BENCH_USER, or the first of
# brig-bench, brig-range and tester that exists. Run by anybody else, as that user alone.
#
# On a machine that others use too, BENCH_NICE=-20 puts all that is measured, peers included,
# before the rest; the report says so.
#
# Everything that is compared was run in turns within one run (src/measure/turns.c says how), on one root
# file system: busybox, as a directory; for brig also as an imported image. Everything is kept
# in one directory and is gone at the end, and only what was started here is ended here.
set -u

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=bench/lib.sh
. "$here/lib.sh"
# shellcheck source=bench/peers.sh
. "$here/peers.sh"

rounds=40 counts='1 10 100 500' write='' prefix=''
for word in "$@"; do
	case $word in
	--quick) rounds=10 counts='1 10 50' ;;
	--write) write=yes ;;
	-*) echo "usage: bench/run.sh [--quick] [--write] PREFIX" >&2 && exit 2 ;;
	*) prefix=$(readlink -f "$word") || exit 2 ;;
	esac
done
brig=$prefix/bin/brig measure=$prefix/libexec/brig/brig-measure
[ -x "$brig" ] || { echo "bench: '$brig' is not there: build and install it first" >&2 && exit 2; }

work=$(mktemp -d "${TMPDIR:-/tmp}/brig-bench.XXXXXX") || exit 1
chmod 711 "$work"
trap clean_up EXIT
trap 'exit 130' INT TERM
find_user
make_root "$work/tree" || exit 1
tar_image "$work/tree" "$work/image.tar" || exit 1

# cold WHO: a whole 'run' of a command that does nothing.
cold() {
	local who=$1 root=$work/$1/root
	use "$who"
	# without a network, as the others here have none; and with one that leads to the gate
	add 'brig, container' "$brig" run --rm --net none --wall container --image "$root" -- /bin/true
	add 'brig, container, network' "$brig" run --rm --net locked --wall container --image "$root" -- \
		/bin/true
	import_image "$who" &&
		add 'brig, container, OCI image' "$brig" run --rm --net none --wall container \
			--image bench -- /bin/true
	add 'brig, nspawn' "$brig" run --rm --net none --wall nspawn --image "$root" -- /bin/true
	add 'brig, chroot' "$brig" run --rm --wall chroot --image "$root" -- /bin/true
	add_runc "$who"
	add_crun "$who"
	add_bwrap "$root"
	add_nspawn "$who"
	add_runsc "$who"
	measure "cold-$who" "$rounds"
}

# into WHO: one more command in a sandbox that runs.
into() {
	local who=$1 id=brig-bench-$$-$1
	use "$who"
	if as "$who" "$brig" run -d --name bench-exec --net none --wall container --image "$work/$who/root" -- \
		/bin/sleep 3600 >/dev/null; then
		add 'brig exec' "$brig" exec bench-exec -- /bin/true
	else
		skip "brig exec as $who: the sandbox did not start"
	fi
	add_runc_exec "$who" "$id"
	add_crun_exec "$who" "$id"
	measure "exec-$who" "$rounds"
	as "$who" "$brig" rm --force bench-exec >/dev/null 2>&1
	end_exec_peers "$who" "$id"
}

# idle WHO: memory and time as there are more and more of them.
idle() {
	local who=$1 have=0 n dir=$work/$1/home/state/sandboxes
	use "$who"
	for n in $counts; do
		add start "$brig" run -d --name "idle-$n-@N@" --net none --wall container \
			--image "$work/$who/root" -- /bin/sleep 86400
		warm_ups=0 seconds=120 measure "idle-start" "$((n - have))" || break
		have=$((have + $(field idle-start start 2)))
		sleep 1
		add ls "$brig" ls
		measure "idle-ls" 10
		printf '%s\t%s\t%s\t%s\n' "$have" "$(field idle-start start 3)" "$(field idle-ls ls 3)" \
			"$(pss_of "$dir")" >>"$work/idle-$who"
		[ "$have" = "$n" ] || { skip "$n idle sandboxes: in 2 minutes $have were started" && break; }
	done
	note "ending $have sandboxes"
	as "$who" "$brig" rm --all --force >/dev/null 2>&1
}

# stages WHO: what the keeper says of its own steps.
stages() {
	local who=$1 i
	use "$who"
	for i in $(seq 12); do
		as "$who" BRIG_TRACE=1 "$brig" run --name "trace-$i" --net none --wall container \
			--image "$work/$who/root" -- /bin/true >/dev/null 2>&1
		cat "$work/$who/home/state/sandboxes/trace-$i/keeper.log" 2>/dev/null
	done >"$work/stages-raw"
	as "$who" "$brig" rm --all --force >/dev/null 2>&1
	median_stages <"$work/stages-raw" >"$work/stages-$who"
}

for who in $everybody; do
	prepare "$who" || continue
	note "cold starts as $who"
	cold "$who"
	note "exec as $who"
	into "$who"
done
[ -z "$crun_in_v2" ] || crun_section
first=${everybody%% *}
note "idle sandboxes as $first"
idle "$first"
note "stages as $first"
stages "$first"
count_calls "$first"

report >"$work/bench.md"
publish bench.md
