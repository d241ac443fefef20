#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# lab-test.sh - brig on kernels other than this machine's, in QEMU, without KVM.
#
# What this machine may not have is there: nothing but cgroup version 2, a systemd that
# delegates groups to users, old and new kernels, a kernel without Landlock. The kernels and
# the root are Debian packages; lab/image.sh says where they are kept.
#
#	BRIG		the program under test, in a tree as 'make install' makes it; with
#			BRIG_LIBEXEC and BRIG_DATADIR it may be anywhere
#	UNITS		a folder of unit tests, to be run there as well
#	LAB_ONLY	the one machine to boot: old, new, bare
#	LAB_RUN		the parts of lab/guest.sh to run: as_root,session_user; of lab/guest-kvm.sh:
#			life,snapshot,many,agent
#	LAB_FULL	not empty: what takes long, too: ten microVMs side by side, and a real agent
#			from npm in one
#	LAB_KEEP	not empty: keep what the machines said
#	LAB_TIMEOUT	seconds after which a machine is taken to hang
#
# run as: root
# time: 1500
HERE=$(cd "$(dirname "$0")" && pwd)
. "$HERE/lab/image.sh"

BRIG=$(command -v "${BRIG:-brig}")
BRIG=$(readlink -f "$BRIG")
PREFIX=$(dirname "$(dirname "$BRIG")")
LIBEXEC=${BRIG_LIBEXEC:-$PREFIX/libexec/brig}
DATADIR=${BRIG_DATADIR:-$PREFIX/share/brig}
# A machine takes one to two minutes of a CPU that it has for itself; what hangs inside has
# shorter limits of its own.
LAB_TIMEOUT=${LAB_TIMEOUT:-600}
passed=0 failed=0 skipped=0 number=0
machines=()

T=$(mktemp -d "${TMPDIR:-/tmp}/brig-lab.XXXXXX") || exit 1
finish() {
	local pid
	for pid in "${machines[@]}"; do
		kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
	done
	if [ -n "${LAB_KEEP:-}" ]; then echo "# kept: $T"; else rm -rf "$T"; fi
	echo "1..$number"
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" = 0 ]
}
trap finish EXIT

skip_all() {
	number=$((number + 1))
	skipped=$((skipped + 1))
	echo "ok $number - the lab boots # SKIP $1"
	exit 0
}

for tool in qemu-system-x86_64 debootstrap busybox mke2fs cpio apt-get dpkg-deb strip; do
	PATH=$PATH:/usr/sbin:/sbin command -v $tool >/dev/null ||
		skip_all "$tool is not installed"
done
[ "$(uname -m)" = x86_64 ] || skip_all "the lab is one of x86-64"
[ -x "$BRIG" ] || skip_all "there is no program to test: set BRIG"
PATH=$PATH:/usr/sbin:/sbin

# --- what the machines are given ------------------------------------------------------------

# An image as 'docker save' makes it, of this many layers, the lowest a busybox.
make_image() {
	local dir=$T/image-$1 i layers='' diffs=''
	mkdir -p "$dir/root/bin" "$dir/root/tmp" "$dir/root/etc"
	cp "$(command -v busybox)" "$dir/root/bin/busybox"
	for i in sh id ls cat touch mkdir rm tail sleep stat seq echo true; do
		ln "$dir/root/bin/busybox" "$dir/root/bin/$i"
	done
	echo root:x:0:0::/root:/bin/sh >"$dir/root/etc/passwd"
	for i in $(seq "$1"); do
		mkdir -p "$dir/root/layers" "$dir/$i"
		echo "$i" >"$dir/root/layers/top"
		echo "$i" >"$dir/root/layers/$i"
		tar -C "$dir/root" --owner=0 --group=0 -cf "$dir/$i/layer.tar" . || return 1
		rm -rf "$dir/root"
		layers="$layers,\"$i/layer.tar\""
		diffs="$diffs,\"sha256:$(sha256sum "$dir/$i/layer.tar" | cut -c1-64)\""
	done
	echo '{"architecture":"amd64","os":"linux","config":{"Cmd":["/bin/sh"]},' \
		"\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[${diffs#,}]}}" >"$dir/config.json"
	echo "[{\"Config\":\"config.json\",\"RepoTags\":[\"lab:$1\"],\"Layers\":[${layers#,}]}]" \
		>"$dir/manifest.json"
	tar -C "$dir" -cf "$2" .
}

# The first file system: busybox, the kernel's modules, brig and the tests.
make_initrd() {
	local kernel=$1 out=$2 top=$T/initrd-$3 name
	mkdir -p "$top"/{bin,proc,sys,dev,modules,brig/{bin,libexec/brig,share,lab}}
	cp "$(command -v busybox)" "$top/bin/busybox"
	"$top/bin/busybox" --list | while read -r name; do
		[ "$name" = busybox ] || ln -s busybox "$top/bin/$name"
	done
	cp "$HERE/lab/init" "$top/init"
	cp "$kernel"/modules/*.ko "$top/modules/"
	echo "$LAB_MODULES" >"$top/modules/order"
	strip -o "$top/brig/bin/brig.bin" "$BRIG"
	[ "$3" = "${3#kvm}" ] || for name in brig-vmm brig-boot linux-microvm; do
		cp "$LIBEXEC/$name" "$top/brig/libexec/brig/"
	done
	# most of what is tested here are control groups and ids: it takes no network, which
	# would only cost time; what does calls brig.bin
	cat >"$top/brig/bin/brig" <<-'END'
		#!/bin/bash
		case "$1 $*" in
		*chroot*) ;;
		run\ * | create\ *) set -- "$1" --net none "${@:2}" ;;
		esac
		exec /opt/brig/bin/brig.bin "$@"
	END
	chmod +x "$top/brig/bin/brig"
	cp "$(command -v busybox)" "$top/brig/bin/busybox"
	for name in brig-warder brig-image brig-gate brig-injector brig-vault; do
		strip -o "$top/brig/libexec/brig/$name" "$LIBEXEC/$name"
	done
	cp -r "$DATADIR" "$top/brig/share/brig"
	cp "$HERE"/lab/guest*.sh "$T"/layers-*.tar "$top/brig/lab/"
	for name in ${UNITS:+"$UNITS"/*-test}; do
		strip -o "$top/brig/lab/${name##*/}" "$name"
	done
	(cd "$top" && find . | cpio -o -H newc --quiet -R 0:0) >"$out"
	rm -rf "$top"
}

# The emulated processor counts as this one does.
tsc_khz() {
	cat >"$T/tsc.c" <<-'END'
		#include <stdio.h>
		#include <time.h>
		#include <x86intrin.h>
		static double now(void)
		{
			struct timespec t;
			clock_gettime(CLOCK_MONOTONIC, &t);
			return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
		}
		int main(void)
		{
			double from = now(), ms;
			unsigned long long tsc = __rdtsc();
			while ((ms = now() - from) < 200)
				;
			printf("%.0f\n", (double)(__rdtsc() - tsc) / ms);
			return 0;
		}
	END
	gcc -O1 -o "$T/tsc" "$T/tsc.c" && "$T/tsc"
}

# boot NAME KERNEL COMMAND-LINE: in the background; what it says comes to $T/NAME.
boot() {
	local name=$1 kernel=$2 words=$3 cpu=max memory=768 root=$ROOT disk=()
	# Hardware for virtual machines in it. Without XSAVE: the emulator doesn't intercept what
	# sets its size, and a guest in it takes another one for its own.
	[ "$name" = "${name#kvm}" ] || {
		cpu=EPYC,+svm,+npt,-xsave memory=1536
		words="$words mitigations=off tsc=reliable tsc_early_khz=$(tsc_khz)"
	}
	[ "$name" != kvm-full ] || {
		memory=3584 root=$FULL_ROOT
		disk=(-drive "if=virtio,format=raw,readonly=on,file=$T/agent.ext4")
	}
	make_initrd "$kernel" "$T/$name.initrd" "$name" || return 1
	: >"$T/$name"
	(
		# one that spins is ended by the CPU it used, however busy this machine is
		ulimit -t $((LAB_TIMEOUT / 2))
		trap 'kill "$emulator" 2>/dev/null' TERM
		# the emulator trips some kernels now and then while they boot: again, if none of
		# our programs had said a word yet
		for _ in 1 2 3; do
			timeout -k 5 "$LAB_TIMEOUT" qemu-system-x86_64 -accel tcg,tb-size=256 \
				-cpu "$cpu" -m "$memory" -smp 1 -nodefaults -no-user-config -display none \
				-no-reboot -kernel "$kernel/vmlinuz" -initrd "$T/$name.initrd" \
				-append "console=ttyS0 quiet panic=-1 $words" \
				-drive "if=virtio,format=raw,snapshot=on,file=$root" "${disk[@]}" \
				-serial "file:$T/$name.console" -serial "file:$T/$name" \
				</dev/null >"$T/$name.qemu" 2>&1 &
			emulator=$!
			wait "$emulator"
			[ ! -s "$T/$name" ] || break
		done
	) &
	machines+=($!)
}

# What a machine said becomes lines of ours. One that never came to its end has failed.
collect() {
	local name=$1 kernel=$2 line ended=
	while IFS= read -r line; do
		line=${line%$'\r'}
		case $line in
		"ok - "*" # SKIP "*)
			skipped=$((skipped + 1)) number=$((number + 1))
			echo "ok $number - [$name] ${line#ok - }"
			;;
		"ok - "*)
			passed=$((passed + 1)) number=$((number + 1))
			echo "ok $number - [$name] ${line#ok - }"
			;;
		"not ok - "*)
			failed=$((failed + 1)) number=$((number + 1))
			echo "not ok $number - [$name] ${line#not ok - }"
			;;
		"# the end") ended=yes ;;
		*) echo "#   ${line#\# }" ;;
		esac
	done <"$T/$name"
	[ -n "$ended" ] && return
	failed=$((failed + 1)) number=$((number + 1))
	echo "not ok $number - [$name] the machine ($kernel) comes to its end"
	tail -n 15 "$T/$name.qemu" "$T/$name.console" | tr -d '\r' | sed 's/^/#   /'
}

CACHE=$(lab_cache) || skip_all "no directory to keep kernels in can be written"
OLD=$(kernel_get "$CACHE" "$(kernel_package linux-image-cloud-amd64)") ||
	skip_all "no kernel can be had from Debian's packages"
# a newer one where the release offers it: backports, or the next release's by name
NEW=$(kernel_package linux-image-6.12-cloud-amd64)
NEW=$([ -z "$NEW" ] || kernel_get "$CACHE" "$NEW")
ROOT=$(root_get "$CACHE" "$BRIG" "$LIBEXEC"/brig-{image,gate,injector,vault}) ||
	skip_all "no root can be made of Debian's packages"
make_image 3 "$T/layers-3.tar" && make_image 60 "$T/layers-60.tar" || exit 1

# --- the machines, two at a time --------------------------------------------------------------

run() {
	local at=$SECONDS name kernel words names=()
	while [ $# -gt 0 ]; do
		name=$1 kernel=$2 words=$3
		shift 3
		[ -z "${LAB_ONLY:-}" ] || [ "$LAB_ONLY" = "$name" ] || continue
		boot "$name" "$kernel" "$words"
		names+=("$name" "$(cat "$kernel/version")")
	done
	wait "${machines[@]}" 2>/dev/null
	machines=()
	for ((i = 0; i < ${#names[@]}; i += 2)); do
		collect "${names[i]}" "${names[i + 1]}"
	done
	[ ${#names[@]} = 0 ] || echo "# ${names[*]}: $((SECONDS - at)) s"
}

systemd="systemd.unit=lab.service systemd.show_status=0 systemd.log_target=null${LAB_RUN:+ lab.run=$LAB_RUN}"
if [ -n "$NEW" ]; then
	run old "$OLD" "$systemd" new "$NEW" "$systemd"
else
	run old "$OLD" "$systemd"
	number=$((number + 1)) skipped=$((skipped + 1))
	echo "ok $number - [new] a newer kernel # SKIP Debian's packages have none here"
fi
run bare "$OLD" "lab=bare lsm=yama cgroup_disable=memory"
if [ -f "$LIBEXEC/linux-microvm" ] && [ -n "$NEW" ]; then
	run kvm "$NEW" "lab=kvm${LAB_RUN:+ lab.run=$LAB_RUN}"
else
	number=$((number + 1)) skipped=$((skipped + 1))
	echo "ok $number - [kvm] virtual machines # SKIP the microvm's kernel is not built (make kernel), or there is no newer one to run it on"
fi

# --- what takes long --------------------------------------------------------------------------

# The agent that agent-test.sh installs, and what stands in for its API, as a disk.
agent_disk() {
	local dir=$T/agent prefix
	prefix=$(find /var/cache/brig-test "${XDG_CACHE_HOME:-$HOME/.cache}/brig-test" -maxdepth 1 \
		-name 'claude-code-*' ! -name '*.new' 2>/dev/null | head -n 1)
	[ -n "$prefix" ] || return 1
	mkdir -p "$dir" && cp -a "$prefix" "$dir/prefix" && cp "$HERE"/agent-{stub,relay}.py "$dir" &&
		truncate -s 1500M "$T/agent.ext4" && mke2fs -q -t ext4 -d "$dir" "$T/agent.ext4" && rm -rf "$dir"
}

if [ -n "${LAB_FULL:-}" ]; then
	LAB_PACKAGES=$LAB_PACKAGES,python3,git,ca-certificates
	if [ -f "$LIBEXEC/linux-microvm" ] && [ -n "$NEW" ] && agent_disk &&
		FULL_ROOT=$(root_get "$CACHE" "$BRIG" "$LIBEXEC"/brig-{image,gate,injector,vault}); then
		run kvm-full "$NEW" "lab=kvm lab.run=${LAB_RUN:-many,agent}"
	else
		number=$((number + 1)) skipped=$((skipped + 1))
		echo "ok $number - [kvm-full] a real agent in a microVM # SKIP agent-test.sh has not installed one here, or there is no machine to run it on"
	fi
fi
