#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Probe: user namespaces nest: root of one's own, mounts, processes, a network
# Expect: container=no sentry=yes
# Needs: unshare ip
set -eu
[ "$(unshare -Ur id -u)" = 0 ]
[ "$(unshare -Ur unshare -Ur unshare -Ur id -u)" = 0 ]
unshare -Urm sh -ec 'mount -t tmpfs none /mnt; echo text >/mnt/file; mount --bind /mnt /media; [ "$(cat /media/file)" = text ]'
[ ! -e /mnt/file ]
[ "$(unshare -Urpf --mount-proc sh -c 'echo $$; ls -d /proc/[0-9]*' | head -n 1)" = 1 ]
unshare -Urn sh -ec 'ip link set lo up; ip link add name probe0 type veth peer name probe1; ip addr add 10.9.8.1/24 dev probe0; ip link set probe0 up; ip addr show probe0 | grep -q 10.9.8.1'
[ "$(unshare -Uru sh -c 'hostname probed && hostname')" = probed ]
unshare -UrmpfC --mount-proc true
