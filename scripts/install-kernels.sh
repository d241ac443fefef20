#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# install-kernels.sh PREFIX - puts the guests' kernels that were built (make kernel) beside
#	brig's other programs. Without them the walls that bring one say how to get it.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
target=$1/libexec/brig

kernel=$("$here/kernel/build.sh" --no-build uml 2>/dev/null) || {
	echo "without the sentry wall: its kernel is not built (make kernel)"
	exit 0
}
install -D -m 755 "$kernel/kernel" "$target/linux-uml"
