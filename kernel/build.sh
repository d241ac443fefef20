#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# build.sh - builds brig's guest kernels, and keeps them.
#
#	kernel/build.sh [OPTION...] KERNEL...
#
# KERNEL is uml (the sentry's, user-mode Linux) or microvm (x86-64 by PVH). Prints one folder
# a kernel, which holds 'kernel', 'config', 'version' and 'made-of'; what it does meanwhile goes
# to standard error.
#
#	--linux SERIES	a series of Debian's packages, as 7.2 or 6.12; default: the newest
#			package of 7.2, else of the highest other 7.x that is offered
#	--source FILE	a tarball of kernel.org, a file or an https URL, with ...
#	--sha256 HEX	... the digest that it must have
#	--update	look for newer packages now, not only once a week
#	--no-build	print what is kept already, or fail
#	--check		only see whether the patches apply and the configuration comes out
#	--jobs N	compile N files at a time; default: as many as there are CPUs
#
# BRIG_KERNEL_CACHE, or /var/cache/brig-kernel where that can be written, or brig-kernel in
# the user's own cache, keeps two kinds of entries, each named after what it is made of:
# source-DIGEST, a package or tarball as it came, and KERNEL-KEY, a kernel. An entry is made
# under another name and renamed when it is whole, by one build at a time.
set -uo pipefail
shopt -s inherit_errexit nullglob

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/source.sh"

# The fragments of each kernel, and the versions of Linux that its patches are kept for.
declare -A fragments=(
	[uml]="base agent docker closed uml"
	[microvm]="base agent docker closed microvm"
)
declare -A arch=([uml]=um [microvm]=x86)
declare -A target=([uml]=linux [microvm]=vmlinux)
declare -A oldest=([uml]=7.1 [microvm]=6.12)
BEYOND=8.0

say() { echo "kernel: $*" >&2; }
die() {
	say "$*"
	exit 1
}

usage() {
	sed -n '3,/^set /{/^# \?/!d;s/^# \?//p}' "${BASH_SOURCE[0]}" >&2
	exit "$1"
}

# What is under way, so that it ends with us: a compiler's process, and folders half made.
maker='' locked=''
clean() {
	[ -z "$maker" ] || { kill "$maker" && wait "$maker"; } 2>/dev/null
	[ -z "$locked" ] || rm -rf --one-file-system "$cache"/new.*
}
trap clean EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

cache_find() {
	local dir
	for dir in "${BRIG_KERNEL_CACHE:-}" /var/cache/brig-kernel \
		"${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/brig-kernel"; do
		[ -n "$dir" ] && mkdir -p "$dir" 2>/dev/null && [ -w "$dir" ] && {
			(cd "$dir" && pwd)
			return
		}
	done
	return 1
}

# lock: one build at a time. Whoever holds it may remove what a killed one left.
lock() {
	exec 9>"$cache/lock" || die "'$cache/lock' can't be opened"
	flock -n 9 || {
		say "another build is under way in $cache; waiting for it"
		flock 9 || die "'$cache/lock' can't be locked"
	}
	locked=yes
	rm -rf --one-file-system "$cache"/new.*
}

# prune: what nobody used for a month, and all but the last few.
prune() {
	find "$cache" -mindepth 1 -maxdepth 1 \( -name 'source-*' -o -name 'uml-*' \
		-o -name 'microvm-*' \) -mtime +30 -exec rm -rf --one-file-system {} +
	prune_but 3 "$cache"/source-*
	prune_but 12 "$cache"/uml-* "$cache"/microvm-*
	# a link to what is gone
	find "$cache" -mindepth 1 -maxdepth 1 -name 'last-*' -xtype l -delete
}

# prune_but N ENTRY...: the N used last stay.
prune_but() {
	local keep=$1 entry
	shift
	[ $# -gt "$keep" ] || return 0
	while IFS= read -r entry; do
		rm -rf --one-file-system "$entry"
	done < <(stat -c '%Y %n' "$@" | sort -rn | tail -n +$((keep + 1)) | cut -d' ' -f2-)
}

# at_least A B: version A is B or newer.
at_least() { [ "$(printf '%s\n' "$1" "$2" | sort -V | head -n 1)" = "$2" ]; }

# wanted KERNEL VERSION: the lines of its fragments that hold for this version, as in .config.
wanted() {
	local name files=()
	for name in ${fragments[$1]}; do
		files+=("$here/config/$name.fragment")
	done
	awk -v have="$2" '
		function number(v,  part) {
			split(v, part, ".")
			return part[1] * 1000 + part[2]
		}
		/^#/ || NF == 0 { next }
		!/^CONFIG_[A-Z0-9_]+=/ {
			print FILENAME ": not an option: " $0 >"/dev/stderr"
			exit 1
		}
		NF > 2 && $(NF - 1) == ">=" {
			if (number(have) < number($NF)) next
			sub(/[ \t]*>= [0-9.]+$/, "")
		}
		NF > 2 && $(NF - 1) == "<" {
			if (number(have) >= number($NF)) next
			sub(/[ \t]*< [0-9.]+$/, "")
		}
		{ print }' "${files[@]}"
}

# differs WANTED CONFIG: the options that came out otherwise than a fragment says.
differs() {
	awk '
		{ name = $0; sub(/=.*/, "", name); value = substr($0, length(name) + 2) }
		FNR == NR {
			if (name in want && want[name] != value)
				print name " is asked for as " want[name] " and as " value
			want[name] = value
			next
		}
		/^CONFIG_/ { got[name] = value }
		END {
			for (name in want) {
				is = (name in got) ? got[name] : "n"
				if (is != want[name]) print name " is " is ", not " want[name]
			}
		}' "$1" "$2" | sort
}

patches() { printf '%s\n' "$here"/patches/common/*.patch "$here/patches/$1"/*.patch; }

# recipe KERNEL: a word for all that the kernel is made of but its source. Of the scripts it is
# the functions that make it: another message is not another kernel.
recipe() {
	local file
	{
		echo "$1 ${fragments[$1]} $UNUSED"
		declare -f wanted differs run_make compile configure build source_unpack
		for file in $(patches "$1"); do
			echo "${file#"$here"}"
			cat "$file"
		done
		for file in ${fragments[$1]}; do
			cat "$here/config/$file.fragment"
		done
		"${CC:-gcc}" --version
		ld --version
	} | sha256sum | cut -c1-64
}

# run_make DIR WORD...: in an environment of its own, so that nothing of ours gets in. The date
# is the one of the recipe, none, so that the same recipe makes the same kernel.
run_make() {
	local dir=$1
	shift
	env -i PATH="$PATH" HOME=/nonexistent LC_ALL=C TZ=UTC \
		KBUILD_BUILD_TIMESTAMP="Thu Jan  1 00:00:00 UTC 1970" \
		KBUILD_BUILD_USER=brig KBUILD_BUILD_HOST=brig KBUILD_BUILD_VERSION=1 \
		nice -n 19 make -C "$dir/src" O="$dir/out" ARCH="${arch[$kernel]}" \
		CC="${CC:-gcc}" "$@"
}

# compile DIR: with progress, once a second for a person, once a minute for a log.
compile() {
	local dir=$1 began=$SECONDS next=0 count status
	run_make "$dir" -j"$jobs" "${target[$kernel]}" >"$dir/log" 2>&1 9>&- &
	maker=$!
	while kill -0 "$maker" 2>/dev/null; do
		sleep 1
		[ "$SECONDS" -ge "$next" ] || continue
		count=$(grep -c '^  \(CC\|AS\|USER\) ' "$dir/log")
		if [ -t 2 ]; then
			printf '\rkernel: %s: %d files compiled, %d s ' "$kernel" "$count" \
				$((SECONDS - began)) >&2
			next=$SECONDS
		else
			say "$kernel: $count files compiled, $((SECONDS - began)) s"
			next=$((SECONDS + 60))
		fi
	done
	wait "$maker"
	status=$?
	maker=
	[ ! -t 2 ] || echo >&2
	[ "$status" = 0 ] && return
	grep -B 2 -A 8 -m 1 -iE 'error|undefined' "$dir/log" >&2 || tail -n 20 "$dir/log" >&2
	die "$kernel did not compile"
}

# configure: $source unpacked into $work, patched, and configured as the fragments say. Sets
# $version.
configure() {
	local file bad
	mkdir "$work/src" "$work/out"
	say "$kernel: unpacking $(cat "$source/version")"
	source_unpack "$source" "$work/src" || die "'$source' does not unpack"
	version=$(run_make "$work" -s --no-print-directory kernelversion 9>&-) ||
		die "'$source' is no Linux"
	at_least "$version" "${oldest[$kernel]}" && ! at_least "$version" "$BEYOND" ||
		die "$kernel is made of Linux ${oldest[$kernel]} to $BEYOND, not of $version"
	for file in $(patches "$kernel"); do
		patch -p1 -N -s --no-backup-if-mismatch -d "$work/src" <"$file" >"$work/log" 2>&1 || {
			sed 's/^/  /' "$work/log" >&2
			die "patch ${file#"$here/patches/"} does not apply to Linux $version"
		}
	done
	wanted "$kernel" "$version" >"$work/wanted" || die "a fragment is not right"
	run_make "$work" -s KCONFIG_ALLCONFIG="$work/wanted" allnoconfig >"$work/log" 2>&1 9>&- &&
		run_make "$work" -s olddefconfig >>"$work/log" 2>&1 9>&- || {
		tail -n 20 "$work/log" >&2
		die "Linux $version can't be configured"
	}
	bad=$(differs "$work/wanted" "$work/out/.config")
	[ -z "$bad" ] || {
		sed 's/^/  /' <<<"$bad" >&2
		die "$kernel's configuration of Linux $version is not what the fragments say"
	}
}

# build: $kernel from $source, into $entry.
build() {
	local work version file
	work=$(mktemp -d "$cache/new.XXXXXX") || die "'$cache' can't be written"
	configure
	say "$kernel: compiling Linux $version"
	compile "$work"
	mkdir "$work/entry"
	strip -o "$work/entry/kernel" "$work/out/${target[$kernel]}" || die "strip failed"
	bootable "$work/entry/kernel"
	cp "$work/out/.config" "$work/entry/config"
	echo "$version" >"$work/entry/version"
	{
		echo "source: $(cat "$source/origin")"
		echo "sha256: ${source##*/source-}"
		echo "compiler: $("${CC:-gcc}" --version | head -n 1)"
		echo "linker: $(ld --version | head -n 1)"
		echo "fragments: ${fragments[$kernel]}"
		for file in $(patches "$kernel"); do echo "patch: ${file#"$here/patches/"}"; done
	} >"$work/entry/made-of"
	chmod -R a+rX "$work/entry"
	sync -f "$work/entry"
	mv -T "$work/entry" "$entry" || die "'$entry' can't be made"
	rm -rf --one-file-system "$work"
}

# check: that $source can be patched and configured.
check() {
	local work version
	work=$(mktemp -d "$cache/new.XXXXXX") || die "'$cache' can't be written"
	configure
	rm -rf --one-file-system "$work"
	echo "$kernel: Linux $version is as wanted"
}

# bootable FILE: it is of the kind that its machine starts.
bootable() {
	case $kernel in
	uml)
		"$1" --version >/dev/null 2>&1 || die "the kernel does not even tell its version"
		! readelf -lW "$1" | grep -q INTERP || die "the kernel is not linked statically"
		;;
	microvm)
		readelf -nW "$1" 2>/dev/null | grep -qE '^ *Xen .*0x00000012' ||
			die "the kernel has no entry by PVH"
		;;
	esac
}

# get: the folder of $kernel, made if it has to be.
get() {
	source=$(source_kept) || {
		[ -z "$no_build" ] || die "no source is kept for $kernel"
		lock
		source=$(source_get) || exit 1
	}
	if [ -n "$check" ]; then
		lock
		check
		locked=
		exec 9>&-
		return
	fi
	entry=$cache/$kernel-$( (recipe "$kernel"; echo "${source##*/}") | sha256sum | cut -c1-16)
	if ! [ -d "$entry" ]; then
		[ -z "$no_build" ] || die "$kernel is not built"
		lock
		[ -d "$entry" ] || build
		prune
	fi
	touch "$entry" "$source" 2>/dev/null
	locked=
	exec 9>&-
	echo "$entry"
}

series='' tarball='' sha256='' update='' no_build='' check='' jobs=$(nproc)
kernels=()
while [ $# -gt 0 ]; do
	case $1 in
	--linux | --source | --sha256 | --jobs)
		[ $# -ge 2 ] || die "$1 needs a value"
		case $1 in
		--linux) series=$2 ;;
		--source) tarball=$2 ;;
		--sha256) sha256=$2 ;;
		--jobs) jobs=$2 ;;
		esac
		shift
		;;
	--update) update=yes ;;
	--no-build) no_build=yes ;;
	--check) check=yes ;;
	-h | --help) usage 0 ;;
	uml | microvm) kernels+=("$1") ;;
	*) die "'$1' is neither an option nor a kernel (uml, microvm)" ;;
	esac
	shift
done
[ ${#kernels[@]} -gt 0 ] || usage 2
[ -z "$series" ] || [[ $series =~ ^[0-9]+\.[0-9]+$ ]] || die "'$series' is no series of Linux"
[[ $jobs =~ ^[1-9][0-9]*$ ]] || die "'$jobs' is no number of jobs"
[ -z "$tarball" ] || [[ $sha256 =~ ^[0-9a-f]{64}$ ]] ||
	die "a tarball needs its digest: --sha256 and 64 digits"
[ "$(uname -m)" = x86_64 ] || die "the guest kernels are built on x86-64 only"

missing=
while read -r tool package; do
	command -v "$tool" >/dev/null || missing+=" $package"
done <<END
${CC:-gcc} gcc
make make
flex flex
bison bison
bc bc
patch patch
xz xz-utils
ld binutils
flock util-linux
END
[ -f /usr/include/libelf.h ] || missing+=" libelf-dev"
[ -z "$missing" ] || [ -n "$no_build" ] ||
	die "some tools are missing; apt-get install --no-install-recommends$missing"

cache=$(cache_find) || die "no directory to keep kernels in can be written"
umask 022
for kernel in "${kernels[@]}"; do
	get
done
