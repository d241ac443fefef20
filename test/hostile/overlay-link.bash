# SPDX-License-Identifier: Apache-2.0
# Trick: in an overlay workspace, replace a directory by a link to a directory of the
#	host's and write "in" it; then the person applies the changes.
# Gain: brig writes where the link leads.
# Expect: chroot=stops nspawn=stops container=stops
mkdir -p "$WS/d" "$OUT/victim"
echo old >"$WS/d/file"
echo old >"$OUT/victim/file"
name=overlay-$WALL-$ROLE
# shellcheck disable=SC2086
timeout 60 "$BRIG" run -q --name "$name" --wall "$WALL" $AS "$WS:overlay" -- sh -c "
	echo new >d/file; mv d e; ln -s '$OUT/victim' d; ln -s ../../../../../../../$CANARY_FILE link
	echo hostile >e/file" >"$T/said" 2>&1 </dev/null || {
	"$BRIG" rm --force "$name" >/dev/null 2>&1
	untried "no overlay here: $(tail -n 1 "$T/said")"
}
[ "$(cat "$WS/d/file")" = old ] || escaped "the workspace changed without apply"
timeout 60 "$BRIG" apply "$name" >"$T/said" 2>&1 </dev/null
first=$(tail -n 1 "$T/said")
# now the directory is a link out here as well, and the sandbox writes through again
timeout 60 "$BRIG" apply "$name" >>"$T/said" 2>&1 </dev/null
"$BRIG" rm --force "$name" >/dev/null 2>&1
[ "$(cat "$OUT/victim/file")" = old ] || escaped "apply wrote through the link"
[ "$(ls "$OUT/victim")" = file ] || escaped "apply made something behind the link"
stopped "apply: $first"
