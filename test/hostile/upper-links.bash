# SPDX-License-Identifier: Apache-2.0
# Trick: in the sandbox's own writable layer, replace /etc, /var, /run, /home, /tmp and /root
#	by links to a directory of the host's, and have the sandbox started again: brig puts
#	its root together before it enters it.
# Gain: brig makes files and directories where the links lead, with the caller's rights.
# Expect: chroot=stops nspawn=stops container=stops
#
# It takes root inside, whatever the role's own user is.
mkdir -p "$OUT/victim"
chmod 777 "$OUT/victim"
before=$(stat -c '%u %g %a' "$OUT/victim")
for place in etc var run home tmp root usr/local srv; do
	name=upper-$WALL-$ROLE-${place//\//-}
	timeout 60 "$BRIG" run -q --name "$name" --wall "$WALL" -u root "$WS" -- sh -c "
		mkdir -p '$OUT/victim'; mv /$place /moved-${place//\//-}
		ln -s '$OUT/victim' /$place" >"$T/said" 2>&1 </dev/null
	timeout 60 "$BRIG" start -a "$name" >"$T/said" 2>&1 </dev/null
	"$BRIG" rm --force "$name" >/dev/null 2>&1
	made=$(ls -A "$OUT/victim")
	rm -rf "$OUT/victim"/* 2>/dev/null || unshare -r --map-auto rm -rf "$OUT/victim"/*
	[ -z "$made" ] || escaped "with /$place a link, brig made ${made//$'\n'/ } outside"
	[ "$(stat -c '%u %g %a' "$OUT/victim")" = "$before" ] ||
		escaped "with /$place a link, brig changed the owner of what it leads to"
done
stopped "nothing was made where the links lead: ${place:+$(tail -n 1 "$T/said")}"
