#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# kernel-test.sh - the guest kernels: built or kept, booted, and asked what they can.
#
# User-mode Linux runs as it is, with a read-only image as its root; the microVM's kernel in
# QEMU's machine of that name, without KVM. kernel/probe.c is the first process of both, and
# says what it finds. Times are limits here, and no measurements: doc/kernels.md has those.
# hostile-sentry/stub-tricks.c is the first process of user-mode Linux, too: a program's attacks
# on that kernel, without a jail around it.
#
#	KERNEL_ONLY	uml or microvm
#	KERNEL_BUILD	"yes": build what is missing, which takes a quarter of an hour; else
#			skip it, for no wall starts these kernels yet
#
# run as: root
# time: 3000
. "$(dirname "$0")/lib.sh"
. "$here/tricks-lib.sh"
top=$(cd "$here/.." && pwd)
# seconds in which a kernel that does not hang comes to its end, on a busy machine
LIMIT=90

for tool in gcc mkfs.erofs; do
	PATH=$PATH:/usr/sbin:/sbin command -v "$tool" >/dev/null || {
		skip "the guest kernels" "$tool is not installed"
		finish
	}
done
[ "$(uname -m)" = x86_64 ] || {
	skip "the guest kernels" "they are of x86-64"
	finish
}
PATH=$PATH:/usr/sbin:/sbin
ulimit -c 0

# --- the script that builds them --------------------------------------------------------------

refuses "an unknown kernel is refused" "neither an option nor a kernel" \
	"$top/kernel/build.sh" minix
refuses "a tarball without its digest is refused" "needs its digest" \
	"$top/kernel/build.sh" --source linux.tar.xz uml
echo nothing >"$T/linux.tar.xz"
refuses "a tarball with another digest is refused" "not the file with that digest" \
	env BRIG_KERNEL_CACHE="$T/cache" "$top/kernel/build.sh" --source "$T/linux.tar.xz" \
	--sha256 "$(printf '0%.0s' {1..64})" uml
refuses "what is not kept is not built when nobody wants that" "no source is kept" \
	env BRIG_KERNEL_CACHE="$T/cache" "$top/kernel/build.sh" --no-build uml
prints "a refusal leaves nothing in the cache" "" \
	find "$T/cache" -mindepth 1 ! -name lock

# A source of a few files, with the given version, to see what the script does with it.
tiny_linux() {
	mkdir -p "$T/tiny/linux-$1"
	printf 'VERSION := %s\nkernelversion:\n\t@echo $(VERSION)\n' "$1" >"$T/tiny/linux-$1/Makefile"
	tar -C "$T/tiny" -cJf "$T/tiny-$1.tar.xz" "linux-$1"
}
tiny_build() {
	BRIG_KERNEL_CACHE=$T/cache "$top/kernel/build.sh" --source "$T/tiny-$1.tar.xz" --sha256 \
		"$(sha256sum "$T/tiny-$1.tar.xz" | cut -c1-64)" "$2"
}
out=$(BRIG_KERNEL_CACHE=$T/cache "$top/kernel/build.sh" --source x --sha256 \
	"$(printf '0%.0s' {1..64})" uml 2>&1)
if [[ $out == *"tools are missing"* ]]; then
	skip "old, new and strange sources are refused" "${out#kernel: }"
else
	tiny_linux 6.1
	tiny_linux 8.1
	tiny_linux 7.2
	refuses "a Linux that is too old is refused" "made of Linux 7.1 to 8.0, not of 6.1" \
		tiny_build 6.1 uml
	refuses "a Linux that is too new is refused" "not of 8.1" tiny_build 8.1 microvm
	refuses "a patch that does not apply is named" \
		"patch uml/0001-[a-z-]*.patch does not apply to Linux 7.2" tiny_build 7.2 uml
	refuses "a source that can't be configured is refused" "can't be configured" \
		tiny_build 7.2 microvm
	prints "a build that failed leaves nothing" "" \
		find "$T/cache" -mindepth 1 -maxdepth 1 ! -name lock ! -name 'source-*'
fi

# kernel_get NAME: prints its folder. What is said while it is built is for the log.
kernel_get() {
	"$top/kernel/build.sh" --no-build "$1" 2>/dev/null && return
	[ "${KERNEL_BUILD:-}" = yes ] || {
		echo "it is not in the cache; KERNEL_BUILD=yes builds it" >"$T/why"
		return 1
	}
	"$top/kernel/build.sh" "$1" 2>"$T/why"
}

# got NAME: sets 'kernel' to its folder, or skips it: a machine may lack tools or a network.
got() {
	[ -z "${KERNEL_ONLY:-}" ] || [ "$KERNEL_ONLY" = "$1" ] || return 1
	if kernel=$(kernel_get "$1"); then
		ok "$1 is built"
		echo "# $1: $(head -n 1 "$kernel/made-of"), $(stat -c %s "$kernel/kernel") bytes"
	elif grep -qE 'tools are missing|offer no|not in the cache|has no suite' "$T/why"; then
		skip "$1 is built" "$(tail -n 1 "$T/why")"
		return 1
	else
		not_ok "$1 is built" "$(tail -n 20 "$T/why")"
		return 1
	fi
}

# found NAME FILE: what the probe said becomes lines of ours.
found() {
	local line ended=
	while IFS= read -r line; do
		line=${line%$'\r'}
		case $line in
		"ok "*) ok "[$1] ${line#ok }" ;;
		"no "*) not_ok "[$1] ${line#no }" ;;
		end) ended=yes ;;
		esac
	done <"$2"
	[ -n "$ended" ] || not_ok "[$1] the probe comes to its end" "$(tail -n 20 "$2")"
}

# --- user-mode Linux --------------------------------------------------------------------------

mkdir -p "$T/root"/{dev,proc,sys,tmp,mnt}
gcc -std=gnu11 -O2 -static -o "$T/root/init" "$top/kernel/probe.c" ||
	not_ok "the probe compiles"
tricks_build "$T/root/tricks" || not_ok "the program of tricks compiles"
mkfs.erofs -zlz4 "$T/root.erofs" "$T/root" >/dev/null 2>&1 || not_ok "an image is made"

# uml WORD...: with the image as its root. Its directory can be written, and its home can't.
# Of two words init= the last one counts.
uml() {
	HOME=/nonexistent TMPDIR=/nonexistent timeout -k 5 $LIMIT "$kernel/kernel" mem=256M \
		ubd0r="$T/root.erofs" root=/dev/ubda ro rootfstype=erofs init=/init \
		con=null con0=fd:0,fd:1 "$@" </dev/null 2>&1
}

if got uml; then
	for mode in seccomp=on seccomp=off "seccomp=on ncpus=2"; do
		# shellcheck disable=SC2086 # words of the command line
		uml quiet $mode >"$T/uml.out"
		state=$?
		found "uml $mode" "$T/uml.out"
		status "[uml $mode] it ends well" 0 test "$state" = 0
		[ "$mode" != "seccomp=on ncpus=2" ] ||
			check "[uml $mode] it has two CPUs" grep -q '^cpus 2' "$T/uml.out"
	done
	for mode in "seccomp=on ncpus=1" "seccomp=on ncpus=2"; do
		# shellcheck disable=SC2086 # words of the command line
		uml quiet $mode init=/tricks >"$T/uml.out"
		state=$?
		tricks_lines "$T/uml.out" ", uml $mode"
		status "[uml $mode] it ends well after the tricks" 0 test "$state" = 0
	done
	uml >"$T/uml.out"
	check "nothing is calibrated at boot" grep -q 'lpj=' "$T/uml.out"
	status "... in a loop that waits" 1 grep -q 'Calibrating' "$T/uml.out"
	status "... nor ptys probed" 1 grep -q 'host ptys' "$T/uml.out"
	(uml quiet quit) >"$T/uml.out" 2>/dev/null
	state=$?
	status "[uml] a panic ends otherwise" 0 test "$state" != 0 -a "$state" != 124
	check "... and is said" grep -q 'Attempted to kill init' "$T/uml.out"
	if command -v strace >/dev/null; then
		HOME=$T/home strace -f -o "$T/calls" "$kernel/kernel" mem=256M \
			ubd0r="$T/root.erofs" root=/dev/ubda ro rootfstype=erofs init=/init \
			con=null con0=fd:0,fd:1 quiet seccomp=on off </dev/null >/dev/null 2>&1
		status "no file is made on the host" 1 \
			grep -qE '(mkdir|O_CREAT|O_TMPFILE|unlink|rename)' "$T/calls"
		calls=$(grep -c '(' "$T/calls")
		status "a boot makes less than 5000 host calls" 0 \
			test "$calls" -gt 100 -a "$calls" -lt 5000
	else
		skip "no file is made on the host" "strace is not installed"
	fi
fi

# --- the microVM's kernel ---------------------------------------------------------------------

if got microvm; then
	if command -v qemu-system-x86_64 >/dev/null; then
		timeout -k 5 $LIMIT qemu-system-x86_64 -accel tcg -cpu max -m 256 \
			-M microvm,x-option-roms=off,isa-serial=on,acpi=off,rtc=on \
			-nodefaults -no-user-config -display none -no-reboot \
			-kernel "$kernel/kernel" -append "console=ttyS0 quiet reboot=t panic=-1 \
				root=/dev/vda ro rootfstype=erofs init=/init microvm" \
			-drive "id=root,file=$T/root.erofs,format=raw,if=none,readonly=on" \
			-device virtio-blk-device,drive=root \
			-device virtio-rng-device \
			-serial "file:$T/microvm.out" </dev/null >"$T/qemu.out" 2>&1
		state=$?
		found microvm "$T/microvm.out"
		status "[microvm] the machine ends" 0 test "$state" = 0
	else
		skip "[microvm] boots" "qemu-system-x86_64 is not installed"
	fi
fi
finish
