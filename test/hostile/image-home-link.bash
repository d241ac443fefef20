# SPDX-License-Identifier: Apache-2.0
# Trick: an image in which the way to the home directory and to the workspace leads over
#	links: to a directory of the host's, to /proc, to itself.
# Gain: brig makes directories, changes owners and mounts where the link leads.
# Expect: chroot=stops nspawn=stops container=stops
mkdir -p "$OUT/victim"
before=$(stat -c '%u %g %a' "$OUT/victim")
first=${WS#/} first=${first%%/*}
for target in "$OUT/victim" "../../../../../../..$OUT/victim" /proc /proc/1/root "/$first"; do
	image=$OUT/image
	rm -rf "$image"
	mkdir -p "$image"/{bin,etc,proc,sys,dev}
	cp "$(command -v busybox)" "$image/bin/sh" || untried "there is no static busybox"
	for name in home root "$first"; do ln -s "$target" "$image/$name"; done
	said=$(sandbox -q --image "$image" "$WS" -- /bin/sh -c 'echo ran' 2>&1)
	[ -z "$(ls -A "$OUT/victim")" ] || escaped "something was made in $OUT/victim"
	[ "$(stat -c '%u %g %a' "$OUT/victim")" = "$before" ] || escaped "$OUT/victim has another owner"
	[ ! -e "$OUT/brig" ] || escaped "something was made beside"
done
stopped "links are followed inside the image alone (${said##*$'\n'})"
