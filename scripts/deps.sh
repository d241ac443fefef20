#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# deps.sh [--check] GROUP... - installs the packages of packages.txt that are missing.
#
# Root installs them; anybody else, and root with --check, gets the one line that would, and
# status 1. Where there is no apt-get it only looks, and names what it doesn't find.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
install=yes
if [ "${1:-}" = --check ]; then
	install=
	shift
fi

# Is it there, by the package manager's word, or by the program or library that it brings?
there() {
	dpkg-query -W -f='${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed && return 0
	[ -n "$2" ] || return 1
	command -v "$2" >/dev/null 2>&1 || [ -x "/usr/sbin/$2" ] || [ -x "/sbin/$2" ] ||
		pkg-config --exists "$2" 2>/dev/null
}

# A release may have another version of it only.
offered() {
	apt-cache policy "$1" 2>/dev/null | grep -q 'Candidate: [^(]'
}

missing=
for group in "$@"; do
	while read -r of package shows; do
		[ "$of" = "$group" ] || continue
		case $package in
		\?*)
			package=${package#?}
			offered "$package" || continue
			;;
		esac
		there "$package" "$shows" || missing="$missing $package"
	done <"$here/packages.txt"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
	echo "Missing, by the names that Debian gives them:$missing" >&2
	exit 1
fi
if [ -z "$install" ] || [ "$(id -u)" != 0 ]; then
	echo "Some packages are missing. This installs them:" >&2
	[ "$(id -u)" = 0 ] && sudo= || sudo='sudo '
	echo "${sudo}apt-get install -y --no-install-recommends$missing" >&2
	exit 1
fi
echo "Installing$missing"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# shellcheck disable=SC2086 # a list of words
for step in update "install -y --no-install-recommends$missing"; do
	if ! apt-get -o DPkg::Lock::Timeout=120 $step >"$log" 2>&1; then
		tail -n 20 "$log" >&2
		echo "apt-get $step failed" >&2
		exit 1
	fi
done
