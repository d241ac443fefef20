#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Probe: apt updates from a repository, and installs a package with what it depends on
# Expect: container=yes sentry=yes
# Needs: apt-get apt-cache dpkg-deb
# As: root
set -eu
rm -rf repo root && mkdir -p repo root/etc/apt/{apt.conf.d,preferences.d,sources.list.d,trusted.gpg.d} \
	root/var/lib/apt/lists/partial root/var/cache/apt/archives/partial root/var/lib/dpkg/{updates,info}
: >root/var/lib/dpkg/status
: >root/var/lib/dpkg/available
deb() { # deb NAME DEPENDS
	mkdir -p "$1/DEBIAN" "$1/usr/share/$1"
	printf 'Package: %s\nVersion: 1\nArchitecture: all\nMaintainer: p <p@example.com>\n%sDescription: a probe\n' \
		"$1" "${2:+Depends: $2
}" >"$1/DEBIAN/control"
	echo text >"$1/usr/share/$1/file"
	dpkg-deb --root-owner-group -b "$1" "repo/$1.deb" >/dev/null
	{ cat "$1/DEBIAN/control" && printf 'Filename: ./%s.deb\nSize: %s\nSHA256: %s\n\n' "$1" \
		"$(stat -c %s "repo/$1.deb")" "$(sha256sum <"repo/$1.deb" | cut -d ' ' -f 1)"; } >>repo/Packages
	rm -r "$1"
}
deb probe-needed ''
deb probe-main probe-needed
echo "deb [trusted=yes] copy:$PWD/repo ./" >root/etc/apt/sources.list
cat >apt.conf <<EOF
Dir "$PWD/root";
Dir::Etc "$PWD/root/etc/apt";
Dir::State::status "$PWD/root/var/lib/dpkg/status";
Dir::Bin::methods "/usr/lib/apt/methods";
Dir::Log "$PWD/root";
APT::Sandbox::User "root";
APT::Architecture "$(dpkg --print-architecture)";
Dpkg::Options:: "--root=$PWD/root";
Dpkg::Options:: "--log=/dev/null";
Dpkg::Options:: "--force-bad-path";
Dpkg::Use-Pty "true";
EOF
export APT_CONFIG=$PWD/apt.conf DEBIAN_FRONTEND=noninteractive
out=$(timeout 60 apt-get -q update 2>&1 && timeout 60 apt-get -qy install probe-main 2>&1) || { echo "$out"; exit 1; }
apt-cache policy probe-main | grep -q 'Installed: 1'
[ "$(cat root/usr/share/probe-main/file root/usr/share/probe-needed/file)" = "text
text" ]
timeout 60 apt-get -qqy remove probe-needed >/dev/null 2>&1
apt-cache policy probe-main | grep -q 'Installed: (none)'
rm -rf repo root apt.conf
