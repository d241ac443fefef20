#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# install-kernels.sh BUILD PREFIX - puts the guests' kernels that were built (make kernel)
#	beside brig's other programs. Without them the walls that bring one say how to get it.
#
# A copy is kept in BUILD: who installs may be somebody else than who built, with another cache.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)

if kernel=$("$here/kernel/build.sh" --no-build uml 2>/dev/null); then
	cmp -s "$kernel/kernel" "$1/linux-uml" || install -m 755 "$kernel/kernel" "$1/linux-uml"
fi
[ -f "$1/linux-uml" ] || {
	echo "without the sentry wall: its kernel is not built (make kernel)"
	exit 0
}
install -D -m 755 "$1/linux-uml" "$2/libexec/brig/linux-uml"
