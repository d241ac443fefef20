#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# deb-test.sh - the Debian package: what is in it, that it is the same when it is made again,
# that it installs into an empty root and works from there.
# run as: root
. "$(dirname "$0")/lib.sh"

command -v dpkg-shlibdeps >/dev/null || { skip "a package is made" "dpkg-dev is not installed"; finish; }
prefix=$(dirname "$(dirname "$(readlink -f "$BRIG")")")
export SOURCE_DATE_EPOCH=1700000000
make_deb() {
	mkdir -p "$T/$1" && "$here/../scripts/deb.sh" "$T/$1" "$prefix" 2>"$T/said" | tail -n 1
}
deb=$(make_deb one)
check "a package is made" [ -s "$deb" ]
[ -s "$deb" ] || { cat "$T/said"; finish; }
again=$(make_deb two)
check "made again it is the same, byte by byte" cmp "$deb" "$again"

field() { dpkg-deb -f "$deb" "$1"; }
prints "its version is brig's" "$(brig version | awk 'NR == 1 { print $2 }')" field Version
prints "its architecture is this machine's" "$(dpkg --print-architecture)" field Architecture
shows "it depends on the C library" 'libc6 \(>= ' field Depends
shows "the programs of the network's are seen, too" 'libcurl4.*libssl3|libssl3.*libcurl4' field Depends
shows "what helps is recommended" 'uidmap' field Recommends

dpkg-deb -c "$deb" >list
check "all of it is root's" bash -c "! awk '{ print \$2 }' list | grep -vx root/root"
check "nobody else may write to it" bash -c "! grep -E '^[-d].{4}w|^[-d].{7}w' list"
check "no set-user-ID program is in it" bash -c "! grep -E '^.{3}s|^.{6}s' list"
missing=
while read -r file; do
	case $file in share/man/*) file+=.gz ;; esac
	grep -q " ./usr/$file\$" list || missing+="$file "
done < <(cd "$prefix" && find . -type f | sed 's|^\./||')
check "all that 'make install' installs is in it" [ -z "$missing" ]
for file in usr/share/doc/brig/copyright usr/share/doc/brig/changelog.gz; do
	check "$file is in it" grep -q " ./$file\$" list
done
if command -v lintian >/dev/null; then
	check "lintian finds no error" lintian --allow-root --fail-on error "$deb"
else
	skip "lintian finds no error" "it is not installed"
fi

# into an empty root; what it depends on is this machine's
mkdir -p root/var/lib/dpkg/{info,updates,triggers}
: >root/var/lib/dpkg/status
check "it installs" dpkg --root="$T/root" --force-depends --force-not-root --force-script-chrootless -i "$deb"
prints "it is known as installed" "install ok installed" \
	dpkg-query --admindir="$T/root/var/lib/dpkg" -W -f '${Status}\n' brig
check "its files are whole" bash -c "cd '$T/root' && md5sum -c --quiet var/lib/dpkg/info/brig.md5sums"
installed=$T/root/usr/bin/brig
prints "the installed program runs" "$(brig version)" env -u BRIG_LIBEXEC -u BRIG_DATADIR "$installed" version
if works container; then
	prints "and a sandbox in it" inside env -u BRIG_LIBEXEC -u BRIG_DATADIR "$installed" run --rm -q \
		--wall container --net none "$T/one" -- echo inside
else
	skip "and a sandbox in it" "the container wall doesn't run here"
fi
check "it goes again" dpkg --root="$T/root" --force-not-root --force-script-chrootless -r brig
check "and leaves nothing" [ -z "$(find "$T/root/usr" -type f 2>/dev/null)" ]
finish
