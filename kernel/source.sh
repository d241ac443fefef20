# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# source.sh - finds, checks and unpacks the source of Linux. Sourced by build.sh.
#
# A source is Debian's package linux-source-X.Y of this system's suites or of newer ones, or a
# tarball whose digest is given. apt finds and checks the package: its signature on the suite,
# and the package's digest in it. The sources list and all of apt's state are ours, under the
# cache, so that nothing of the system's changes and no root is needed. Linux is unpacked as it
# came; nothing of a package is run.

# The suites that have what an older system's own lack. Debian's keys sign all of them.
NEWER_SUITES="trixie-backports forky sid"
LONGTERM_SUITES="trixie bookworm-backports"
PINNED=7.2

# What a kernel of ours compiles nothing of. Their Kconfig files and Makefiles stay.
UNUSED="drivers/gpu drivers/media drivers/staging drivers/infiniband drivers/net/ethernet
	drivers/net/wireless sound fs/xfs fs/btrfs fs/bcachefs fs/ocfs2 fs/smb
	arch/alpha arch/arc arch/arm arch/arm64 arch/csky arch/hexagon arch/loongarch arch/m68k
	arch/microblaze arch/mips arch/nios2 arch/openrisc arch/parisc arch/powerpc arch/riscv
	arch/s390 arch/sh arch/sparc arch/xtensa"

# source_link: the name under which the last source for these options is kept.
source_link() { echo "$cache/last-${series:-default}"; }

# source_kept: the source for the options that is there already, checked, if it is new enough.
source_kept() {
	local dir link
	if [ -n "$tarball" ]; then
		dir=$cache/source-$sha256
	else
		link=$(source_link)
		# a link's own time is when apt was asked last
		[ -z "$update" ] && [ -n "$(find "$link" -maxdepth 0 -mtime -7 2>/dev/null)" ] ||
			[ -n "$no_build" ] || return 1
		dir=$(readlink -e "$link") || return 1
	fi
	source_whole "$dir" || return 1
	echo "$dir"
}

# source_whole DIR: it holds what its name says.
source_whole() {
	local name
	name=$(echo "$1"/archive.*)
	[ -f "$name" ] && echo "${1##*/source-}  $name" | sha256sum -c --status
}

# source_get: a folder with the archive, 'version' and 'origin'. Under the lock.
source_get() {
	local dir
	# whoever held the lock before us may have got it
	if dir=$(source_kept); then
		echo "$dir"
	elif [ -n "$tarball" ]; then
		source_tarball
	elif dir=$(source_debian); then
		ln -sfnr "$dir" "$(source_link)"
		echo "$dir"
	elif dir=$(readlink -e "$(source_link)") && source_whole "$dir"; then
		say "no package to be had now; using the one that is kept"
		echo "$dir"
	else
		die "Debian's suites offer no linux-source${series:+-$series}; give --source" \
			"and --sha256 of a tarball"
	fi
}

# source_keep ARCHIVE SHA256 VERSION ORIGIN: an entry of it, renamed into place.
source_keep() {
	local dir=$cache/source-$2 new=${1%/*}
	echo "$3" >"$new/version"
	echo "$4" >"$new/origin"
	chmod -R a+rX "$new"
	sync -f "$new"
	rm -rf --one-file-system "$dir"
	mv -T "$new" "$dir" || die "'$dir' can't be made"
	echo "$dir"
}

source_tarball() {
	local new name=${tarball##*/}
	new=$(mktemp -d "$cache/new.XXXXXX") || die "'$cache' can't be written"
	say "getting $name"
	case $tarball in
	https://*) curl -fL --proto =https --retry 3 -sS -o "$new/archive.${name##*.}" "$tarball" ;;
	*://*) die "'$tarball' is neither a file nor an https URL" ;;
	*) cp -- "$tarball" "$new/archive.${name##*.}" ;;
	esac || die "'$tarball' can't be had"
	echo "$sha256  $new/archive.${name##*.}" | sha256sum -c --status ||
		die "'$tarball' is not the file with that digest"
	source_keep "$new/archive.${name##*.}" "$sha256" "$name" "$name"
}

# apt_own TOOL WORD...: with our sources list and state.
apt_own() {
	local tool=$1
	shift
	"$tool" -o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::sourceparts="$apt/none" \
		-o Dir::State::lists="$apt/lists" -o Dir::Cache="$apt" \
		-o Dir::Etc::preferences="$apt/none/none" -o Dir::Etc::preferencesparts="$apt/none" \
		-o Acquire::Languages=none -o APT::Sandbox::User="$(id -un)" \
		-o Acquire::Retries=2 -o Acquire::AllowInsecureRepositories=false \
		-o APT::Get::AllowUnauthenticated=false \
		-o Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false "$@"
}

# sources_list: this system's own suites of Debian's, and the newer ones beside them.
sources_list() {
	local keys uri='' suite
	for keys in /usr/share/keyrings/debian-archive-keyring.{gpg,pgp} ''; do
		[ ! -f "$keys" ] || break
	done
	[ -n "$keys" ] || {
		say "Debian's keys are missing; apt-get install debian-archive-keyring"
		return 1
	}
	while IFS='|' read -r uri suite _; do
		echo "deb [arch=amd64 signed-by=$keys] $uri $suite main"
	done < <(debian_targets)
	uri=$(debian_targets | grep -v -e '-security/*|' | head -n 1 | cut -d'|' -f1)
	[ -n "$uri" ] || uri=${BRIG_DEBIAN_MIRROR:-}
	[ -n "$uri" ] || {
		say "this system has no suite of Debian's; give a mirror in BRIG_DEBIAN_MIRROR"
		return 1
	}
	for suite in $NEWER_SUITES $LONGTERM_SUITES; do
		# not twice, which apt would warn about
		debian_targets | grep -qF "|$suite|" ||
			echo "deb [arch=amd64 signed-by=$keys] $uri $suite main"
	done
}

debian_targets() {
	apt-get indextargets --format '$(REPO_URI)|$(CODENAME)|$(ORIGIN)|$(COMPONENT)' \
		'Created-By: Packages' 2>/dev/null | grep '|Debian|main$' | sort -u
}

# source_debian: the package that the options mean, by apt.
source_debian() {
	local apt=$cache/apt name version word new
	command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || {
		say "there is no apt-get here"
		return 1
	}
	mkdir -p "$apt/lists/partial" "$apt/archives/partial" "$apt/none"
	sources_list >"$apt/sources.list" || return 1
	say "asking apt for the source of Linux"
	# a suite that is gone leaves the others; what matters is whether the package is found
	apt_own apt-get update -qq >"$apt/log" 2>&1 || say "$(grep -m 1 '^[EW]:' "$apt/log")"
	name=$(apt_own apt-cache pkgnames linux-source- | package_pick) || return 1
	version=$(apt_own apt-cache madison "$name" | cut -d'|' -f2 | tr -d ' ' | sort -V | tail -n 1)
	word=$(cd "$apt" && apt_own apt-get download --print-uris "$name=$version" 2>/dev/null |
		grep -o 'SHA256:[0-9a-f]*' | cut -c8-)
	[ -n "$word" ] || {
		say "apt knows no digest of $name $version"
		return 1
	}
	if source_whole "$cache/source-$word"; then
		echo "$cache/source-$word"
		return
	fi
	new=$(mktemp -d "$cache/new.XXXXXX") || die "'$cache' can't be written"
	say "getting $name $version"
	(cd "$new" && apt_own apt-get download -qq "$name=$version" >&2) &&
		mv "$new"/*.deb "$new/archive.deb" &&
		echo "$word  $new/archive.deb" | sha256sum -c --status || {
		rm -rf --one-file-system "$new"
		say "$name $version can't be had"
		return 1
	}
	source_keep "$new/archive.deb" "$word" "$version" "$name $version"
}

# package_pick: of the names on standard input, the one that the options mean.
package_pick() {
	local names
	names=$(grep -E '^linux-source-[0-9]+\.[0-9]+$' | sort -V)
	if [ -n "$series" ]; then
		grep -Fx "linux-source-$series" <<<"$names"
	else
		grep -Fx "linux-source-$PINNED" <<<"$names" ||
			grep '^linux-source-7\.' <<<"$names" | tail -n 1 | grep .
	fi
}

# source_unpack SOURCE DIR: what a kernel of ours needs of it. The first element of each
# name, linux-X.Y, goes.
source_unpack() {
	local name dir=$2 part skip=() pipe
	name=$(echo "$1"/archive.*)
	for part in $UNUSED; do
		skip+=(--exclude="*/$part/*.[chS]" --exclude="*/$part/*.dts*")
	done
	skip+=(--exclude='*/Documentation/*.rst' --exclude='*/Documentation/*.yaml'
		--exclude='*/tools/perf/*.[ch]' --exclude='*/tools/perf/*.json'
		--exclude='*/tools/testing/*.[ch]')
	case $name in
	*.deb) pipe='dpkg-deb --fsys-tarfile "$1" | tar -xO --wildcards "./usr/src/*.tar.xz" | xz -dc' ;;
	*.xz) pipe='xz -dc "$1"' ;;
	*.gz) pipe='gzip -dc "$1"' ;;
	*.zst) pipe='zstd -dqc "$1"' ;;
	*) die "'$name' is no kind of archive that is known" ;;
	esac
	bash -o pipefail -c "$pipe" unpack "$name" |
		tar -x -C "$dir" --strip-components=1 --no-same-owner "${skip[@]}"
}
