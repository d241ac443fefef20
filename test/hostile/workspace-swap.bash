# SPDX-License-Identifier: Apache-2.0
# Trick: two directories are shared, one above the other. The sandbox replaces a directory
#	between the two by a link to elsewhere, and is started again: brig mounts by name.
# Gain: any directory of the caller's that has the same last name.
# Expect: chroot=stops nspawn=stops container=stops
mkdir -p "$WS/a/keys" "$OUT/home/keys"
cp "$SECRET_FILE" "$OUT/home/keys/secret"
name=swap-$WALL-$ROLE
# shellcheck disable=SC2086
"$BRIG" create -q --name "$name" --wall "$WALL" -v "$WS/a/keys:/keys" "$WS" \
	-- sh -c "cat /keys/secret 2>/dev/null; mv a b && ln -s '$OUT/home' a" >/dev/null 2>&1 ||
	untried "the sandbox can't be made"
first=$(timeout 30 "$BRIG" start -a "$name" 2>&1 </dev/null)
[ -L "$WS/a" ] || { mv "$WS/a" "$WS/b"; ln -s "$OUT/home" "$WS/a"; }
second=$(timeout 30 "$BRIG" start -a "$name" 2>&1 </dev/null)
"$BRIG" rm --force "$name" >/dev/null 2>&1
case $first$second in *brig-secret-*) escaped "the second start showed what the link leads to" ;; esac
stopped "${second##*$'\n'}"
