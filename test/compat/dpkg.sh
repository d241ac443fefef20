#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Probe: dpkg builds, installs, verifies and removes a package, scripts and all
# Expect: container=yes sentry=yes
# Needs: dpkg dpkg-deb
# As: root
set -eu
rm -rf pkg root && mkdir -p pkg/DEBIAN pkg/usr/share/probe pkg/etc root/var/lib/dpkg/updates root/var/lib/dpkg/info
: >root/var/lib/dpkg/status
: >root/var/lib/dpkg/available
printf 'Package: probe\nVersion: 1\nArchitecture: all\nMaintainer: p <p@example.com>\nDescription: a probe\n' >pkg/DEBIAN/control
echo /etc/probe.conf >pkg/DEBIAN/conffiles
echo conf >pkg/etc/probe.conf
for i in $(seq 100); do echo "$i" >"pkg/usr/share/probe/$i"; done
ln -s 1 pkg/usr/share/probe/link
dpkg-deb --root-owner-group -b pkg probe.deb >/dev/null
d() { dpkg --root="$PWD/root" --log=/dev/null --force-not-root --force-script-chrootless --force-bad-path "$@"; }
d -i probe.deb >/dev/null
d -s probe | grep -q 'Status: install ok installed'
[ "$(cat root/usr/share/probe/100)" = 100 ] && [ "$(readlink root/usr/share/probe/link)" = 1 ]
sed -i 's/Version: 1/Version: 2/' pkg/DEBIAN/control && rm pkg/usr/share/probe/50
dpkg-deb --root-owner-group -b pkg probe.deb >/dev/null
d -i probe.deb >/dev/null && [ ! -e root/usr/share/probe/50 ]
d -V probe
echo damaged >root/usr/share/probe/7 && d -V probe | grep -q probe/7
d -r probe >/dev/null && [ -e root/etc/probe.conf ] && [ ! -e root/usr/share/probe ]
d -P probe >/dev/null && [ ! -e root/etc/probe.conf ]
rm -rf pkg root probe.deb
