# SPDX-License-Identifier: Apache-2.0
# Trick: an image in which /etc, /etc/passwd, /etc/group or /etc/hosts is a link to a file
#	of the host's, by absolute path and by "..", or to /proc and /dev.
# Gain: brig adds the line of a user there, to a file of the host's.
# Expect: chroot=stops nspawn=stops container=stops
mkdir -p "$OUT/victim"
for target in "$CANARY_FILE" "../../../../../../..$CANARY_FILE" /proc/self/fd/3 /proc/1/mem \
	/dev/full "$OUT/victim/new"; do
	image=$OUT/image
	rm -rf "$image"
	mkdir -p "$image"/{bin,tmp,etc,proc,sys,dev}
	cp "$(command -v busybox)" "$image/bin/sh" || untried "there is no static busybox"
	for name in passwd group hosts; do ln -s "$target" "$image/etc/$name"; done
	said=$(sandbox -q --image "$image" "$WS" -- /bin/sh -c 'echo ran' 2>&1)
	[ "$(cat "$CANARY_FILE")" = canary ] || escaped "$CANARY_FILE was changed"
	[ -z "$(ls -A "$OUT/victim")" ] || escaped "something was made in $OUT/victim"
done
rm -rf "${image:?}/etc"
ln -s "$OUT/victim" "$image/etc"
said=$(sandbox -q --image "$image" "$WS" -- /bin/sh -c 'echo ran' 2>&1)
[ -z "$(ls -A "$OUT/victim")" ] || escaped "something was made in $OUT/victim"
stopped "links are followed inside the image alone (${said##*$'\n'})"
