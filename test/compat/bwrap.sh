#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Probe: bubblewrap makes a sandbox in the sandbox
# Expect: container=no sentry=yes
# Needs: bwrap
set -eu
mkdir -p box
b() { timeout 30 bwrap --unshare-all --die-with-parent --ro-bind /usr /usr --symlink usr/lib /lib --symlink usr/lib64 /lib64 \
	--symlink usr/bin /bin --proc /proc --dev /dev --tmpfs /tmp --bind "$PWD/box" /box --chdir /box "$@"; }
[ "$(b sh -c 'echo $(ls /)')" = "bin box dev lib lib64 proc tmp usr" ]
b sh -c 'echo made >file; ! touch /usr/x 2>/dev/null'
[ "$(cat box/file)" = made ]
[ "$(b sh -c 'ls -d /proc/[0-9]* | wc -l')" -le 5 ]
b --uid 0 --gid 0 sh -c '[ "$(id -u)" = 0 ]'
rm -r box
