#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# run as: root range plain
#
# 'brig image' from the command line: an image of umoci's comes in, sandboxes run on it, and
# it goes again, but not while one stands on it. What images may be is image-test.sh's.

here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"

# A sandbox's name is this run's own, and so is the image's.
c=i$$
name=test.example/brig/cli:$$

for tool in umoci skopeo jq; do
	command -v "$tool" >/dev/null || {
		skip "brig image" "$tool is not installed"
		finish
	}
done
if ! works container; then
	skip "brig image" "the container wall does not run here"
	finish
fi

make_layout() {
	local rootless=
	[ "$(id -u)" = 0 ] || rootless=--rootless
	umoci init --layout lay &&
		umoci new --image lay:one &&
		umoci unpack $rootless --image lay:one bundle &&
		mkdir -p bundle/rootfs/{bin,etc,tmp} &&
		cp "$(command -v busybox)" bundle/rootfs/bin/busybox &&
		ln bundle/rootfs/bin/busybox bundle/rootfs/bin/sh &&
		ln bundle/rootfs/bin/busybox bundle/rootfs/bin/head &&
		ln bundle/rootfs/bin/busybox bundle/rootfs/bin/cat &&
		echo root:x:0:0:root:/:/bin/sh >bundle/rootfs/etc/passwd &&
		umoci repack --image lay:one bundle &&
		umoci config --image lay:one --config.cmd /bin/sh --config.cmd -c \
			--config.cmd 'echo $WORD' --config.env WORD=hello &&
		umoci tag --image lay:one two &&
		rm -rf bundle && umoci unpack $rootless --image lay:two bundle &&
		echo more >bundle/rootfs/etc/more && umoci repack --image lay:two bundle
}

check "umoci makes a layout of two images" make_layout

prints "no images are listed as none" 0 sh -c "brig image ls --json | jq length"
shows "an image is imported from a layout" '^sha256:[0-9a-f]{64}$' \
	brig image import --quiet "oci:lay:one" "$name"
check "its path, which it is known by, too, is forgotten" brig image rm oci:lay:one
shows "ls shows it" "${name//./\\.} .* [0-9.]+ [KM]?i?B " brig image ls
prints "ls --json has its name" "$name" sh -c "brig image ls --json | jq -r '.[].name'"
digest=$(brig image ls -q)
shows "ls -q shows its digest" '^sha256:[0-9a-f]{64}$' echo "$digest"
short=${digest#sha256:} short=${short:0:12}
prints "inspect knows it by name" "$digest" sh -c "brig image inspect $name | jq -r '.[].digest'"
prints "inspect knows it by digits" "hello" sh -c \
	"brig image inspect $short | jq -r '.[].env[0] | sub(\"WORD=\"; \"\")'"
refuses "inspect of none" "not in the store" brig image inspect none/such
mkdir ws && cd ws || exit
prints "its command runs" hello brig run --rm --image "$name"
prints "a command of ours runs on it" "root:x:0:0:root:/:/bin/sh" \
	brig run --rm --image "$name" -- head -n 1 /etc/passwd
check "a sandbox stands on it" brig create --name "$c" --image "$name" . -- sh -c true
shows "ls says that it is in use" "1 sandbox" brig image ls
refuses "rm of one in use is refused" "in use" brig image rm "$name"
check "... and it still runs" brig start -a "$c"
check "rm --force takes its name" brig image rm --force "$name"
check "... and its sandbox runs on" brig start -a "$c"
check "prune leaves it" brig image prune
check "... so that its sandbox still runs on" brig start -a "$c"
check "the sandbox goes" brig rm "$c"
check "prune takes what nothing needs" brig image prune
prints "... and there are none" "" brig image ls -q
prints "... and no layers on disk" 0 sh -c \
	"find '$BRIG_HOME/data/store/layers' -mindepth 2 2>/dev/null | wc -l"
cd "$T" || exit

shows "run brings an image in by itself" "^more$" \
	brig run --rm -q --image "oci:lay:two" ./ws -- cat /etc/more
check "... which prune leaves" brig image prune
prints "... with its name" 1 sh -c "brig image ls -q | wc -l"
check "prune --all takes it" brig image prune --all
prints "... so that there are none" "" brig image ls -q
refuses "pull of a path that isn't there" "none|No such" brig image pull oci:none:x
refuses "pull of the host image" "nothing to pull" brig image pull host
refuses "rm of none" "not in the store" brig image rm none/such
refuses "an unknown verb names the nearest" "did you mean 'prune'" brig image prume
finish
