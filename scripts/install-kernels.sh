#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# install-kernels.sh BUILD PREFIX - puts the guests' kernels that were built (make kernel)
#	beside brig's other programs. Without them the walls that bring one say how to get it.
#
# A copy is kept in BUILD: who installs may be somebody else than who built, with another cache.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)

put() { # put KERNEL WALL BUILD PREFIX
	local kernel
	if kernel=$("$here/kernel/build.sh" --no-build "$1" 2>/dev/null); then
		cmp -s "$kernel/kernel" "$3/linux-$1" || install -m 755 "$kernel/kernel" "$3/linux-$1"
	fi
	if [ -f "$3/linux-$1" ]; then
		install -D -m 755 "$3/linux-$1" "$4/libexec/brig/linux-$1"
	else
		echo "without the $2 wall: its kernel is not built (make kernel)"
	fi
}

put uml sentry "$1" "$2"
put microvm microvm "$1" "$2"
