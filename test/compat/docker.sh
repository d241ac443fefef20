#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Probe: a Docker engine starts, imports an image and runs it
# Expect: container=no sentry=yes
# Needs: dockerd docker busybox
# As: root
# Native: never
# Time: 150
set -eu
# everything it keeps in memory, so that any root will do
mkdir -p /var/lib/docker /run/docker-probe
mount -t tmpfs none /var/lib/docker
mountpoint -q /sys/fs/cgroup && [ -w /sys/fs/cgroup ] && mkdir -p /sys/fs/cgroup/probe 2>/dev/null &&
	rmdir /sys/fs/cgroup/probe || mount -t cgroup2 none /sys/fs/cgroup
export DOCKER_HOST=unix:///run/docker-probe/sock
dockerd -H "$DOCKER_HOST" --exec-root /run/docker-probe/exec -p /run/docker-probe/pid >dockerd.log 2>&1 &
pid=$!
trap 'tail -n 5 dockerd.log; kill "$pid"' EXIT
for _ in $(seq 300); do
	docker version >/dev/null 2>&1 && break
	kill -0 "$pid" 2>/dev/null
	sleep 0.2
done
docker version
mkdir -p box/bin && cp "$(command -v busybox)" box/bin/ && ln -sf busybox box/bin/sh
tar -C box -c . | docker import - probe >/dev/null
[ "$(docker run --rm --network none probe /bin/sh -c 'echo inside $((6 * 7))')" = "inside 42" ]
# on its bridge, and with a limit
docker run --rm -m 64m probe /bin/busybox ip addr show eth0 | grep -q 'inet 172\.'
[ "$(docker run --rm probe /bin/sh -c 'exit 5' >/dev/null; echo $?)" = 5 ]
docker info 2>/dev/null | grep 'Storage Driver'
trap - EXIT
kill "$pid"
wait "$pid" || true
