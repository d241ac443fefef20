# SPDX-License-Identifier: Apache-2.0
# Trick: an image in which /proc, /sys or /dev is a symbolic link, to another directory
#	inside, to a directory of the host's, or out by "..".
# Gain: what brig mounts and makes there lands elsewhere; masks guard the wrong place
#	(CVE-2019-19921 and others of runc).
# Expect: chroot=stops nspawn=stops container=stops
#
# brig refuses such an image. Nothing may be made where the link leads.
mkdir -p "$OUT/victim"
for name in proc sys dev; do
	for target in tmp "$OUT/victim" "../../../../../..$OUT/victim"; do
		image=$OUT/image
		rm -rf "$image"
		mkdir -p "$image/bin" "$image/tmp"
		cp "$(command -v busybox)" "$image/bin/sh" || untried "there is no static busybox"
		ln -s "$target" "$image/$name"
		said=$(sandbox -q --image "$image" "$WS" -- /bin/sh -c 'echo ran' 2>&1)
		[ "$said" != ran ] || escaped "ran an image with /$name -> $target"
		[ -z "$(ls -A "$OUT/victim")" ] || escaped "something was made in $OUT/victim"
	done
done
stopped "refused: ${said#brig: }"
