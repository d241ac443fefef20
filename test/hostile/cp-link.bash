# SPDX-License-Identifier: Apache-2.0
# Trick: what brig cp is to copy out holds a link, and then a file "in" it; and the
#	directory that it copies into is swapped for a link by a sandbox that shares it.
# Gain: brig writes where the link leads.
# Expect: chroot=stops nspawn=stops container=stops
mkdir -p "$OUT/victim" "$OUT/into"
name=cp-$WALL-$ROLE
# shellcheck disable=SC2086
"$BRIG" run -d -q --name "$name" --wall "$WALL" $AS "$WS" -- sh -c "
	mkdir -p /tmp/x/d; echo hostile >/tmp/x/d/file; ln -s '$OUT/victim' /tmp/x/l
	ln -s '$CANARY_FILE' /tmp/x/canary
	mkdir to; while :; do mv to t2; ln -s '$OUT/victim' to; rm to; mv t2 to; mkdir -p to; done" \
	>/dev/null 2>&1 || untried "the sandbox doesn't start"
eventually 5 "$BRIG" exec "$name" -- test -e /tmp/x/canary
said=$(timeout 30 "$BRIG" cp "$name:/tmp/x" "$OUT/into/" 2>&1 </dev/null) || {
	case $said in *nknown* | *'no verb'*) "$BRIG" rm --force "$name" >/dev/null 2>&1
		untried "there is no cp" ;; esac; }
# a second time, over the links that came the first time
timeout 30 "$BRIG" exec "$name" -- sh -c 'rm -rf /tmp/x/l /tmp/x/canary; mkdir /tmp/x/l
	echo hostile >/tmp/x/l/file; echo hostile >/tmp/x/canary' >/dev/null 2>&1 </dev/null
said+=$(timeout 30 "$BRIG" cp "$name:/tmp/x" "$OUT/into/" 2>&1 </dev/null)
for _ in 1 2 3 4 5 6 7 8; do
	timeout 30 "$BRIG" cp "$name:/tmp/x/d" "$WS/to/" >/dev/null 2>&1 </dev/null
done
"$BRIG" rm --force "$name" >/dev/null 2>&1
left=$(ls -A "$OUT/victim")
rm -rf "$OUT/into"
[ -z "$left" ] || escaped "cp wrote $left behind the link"
stopped "cp: ${said:-nothing was written behind a link}"
