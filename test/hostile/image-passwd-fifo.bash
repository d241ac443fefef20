# SPDX-License-Identifier: Apache-2.0
# Trick: an image in which /etc/passwd is a named pipe, a directory, a socket, or huge.
# Gain: a brig that waits for ever, or for all memory.
# Expect: chroot=stops nspawn=stops container=stops
image=$OUT/image
for kind in fifo directory huge; do
	rm -rf "$image"
	mkdir -p "$image"/{bin,tmp,etc,proc,sys,dev}
	cp "$(command -v busybox)" "$image/bin/sh" || untried "there is no static busybox"
	case $kind in
	fifo) mkfifo "$image/etc/passwd" "$image/etc/group" "$image/etc/hosts" ;;
	directory) mkdir "$image/etc/passwd" "$image/etc/group" "$image/etc/hosts" ;;
	huge) truncate -s 1T "$image/etc/passwd" ;;
	esac
	start=$SECONDS
	said=$(sandbox -q --image "$image" "$WS" -- /bin/sh -c 'echo ran' 2>&1)
	status=$?
	[ $((SECONDS - start)) -lt 30 ] && [ "$status" -lt 128 ] ||
		escaped "a $kind stalled brig: $status after $((SECONDS - start)) s: $said"
done
stopped "no wait, and a word: ${said##*$'\n'}"
