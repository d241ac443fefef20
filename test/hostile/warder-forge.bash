# SPDX-License-Identifier: Apache-2.0
# Trick: take the warder's stream to the keeper, by pidfd_getfd(), and speak in its place:
#	unknown frames, lengths that are lies, output that nobody granted, ends of commands
#	that never were, error messages with escape sequences, half a frame.
# Gain: a bug in the keeper, which runs outside with the caller's rights.
# Expect: chroot=stops nspawn=stops container=stops
#
# Root inside may do so in the chroot and nspawn walls. The keeper has to end the sandbox
# or go on, soon, without a crash, without a mad amount of memory, and without printing
# what it was told as it is.
can=0
for mode in 0 1 2 3 4 5; do
	name=forge-$WALL-$ROLE-$mode
	# shellcheck disable=SC2086
	timeout -k 5 30 "$BRIG" run --name "$name" --wall "$WALL" $AS -v "$T/bin:/hostile:ro" "$WS" \
		-- /hostile/warder-forge "$mode" >"$T/said" 2>&1 </dev/null
	status=$?
	! grep -qa "$(printf '\033]0')" "$T/said" || escaped "the terminal got escape sequences"
	! grep -qaE 'keeper is gone|not valid JSON' "$T/said" ||
		escaped "the command line heard somebody else than the keeper: $(tail -n 1 "$T/said")"
	[ "$status" != 124 ] || escaped "brig waits for ever after mode $mode"
	log=$BRIG_HOME/state/sandboxes/$name/keeper.log
	! grep -qaE 'Sanitizer|runtime error' "$log" 2>/dev/null || escaped "the keeper crashed: $(head -n 3 "$log")"
	"$BRIG" inspect "$name" 2>/dev/null | grep -q '"status": "crashed"' && escaped "the keeper died of mode $mode"
	# an error told in time is one of the start, after which nothing stays
	timeout -k 5 20 "$BRIG" rm --force "$name" >"$T/gone" 2>&1 ||
		grep -q "no sandbox '$name'" "$T/gone" ||
		escaped "the keeper is stuck after mode $mode: $(tail -n 1 "$T/gone")"
	[ "$status" = 77 ] || can=$((can + 1))
done
stopped "the keeper took it all, $can times of 6"
