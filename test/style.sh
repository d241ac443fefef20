#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# style.sh PREFIX - the look of the house: clang-format, shellcheck, and mandoc on the manual
# pages that were installed in PREFIX.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
top=$(cd "$here/.." && pwd)
prefix=${1:-$top/build/stage/prefix}
cd "$top" || exit 1

# each TOOL NAME COMMAND FILE...: one test for all files, which names the bad ones.
mapfile -t sources < <(find src kernel bench -name '*.[ch]' | sort)
# a library is looked at where it is sourced
mapfile -t scripts < <({ find test man scripts bench kernel -name '*.sh' ! -name '*lib.sh' ! -name '*-cases.sh'
	echo .ci/run; } | sort)
mapfile -t pages < <(find "$prefix/share/man/" -name '*.[15]' | sort)

if command -v clang-format >/dev/null; then
	bad=
	for file in "${sources[@]}"; do
		clang-format --dry-run -Werror "$file" 2>/dev/null || bad+="$file "
	done
	if [ -z "$bad" ]; then ok "clang-format likes ${#sources[@]} files"; else
		not_ok "clang-format likes every file" "make format would change: $bad"
	fi
else
	skip "clang-format" "it is not installed"
fi
if command -v shellcheck >/dev/null; then
	check "shellcheck likes ${#scripts[@]} scripts" shellcheck -x -P SCRIPTDIR \
		-S warning -e SC2034,SC2154 "${scripts[@]}"
else
	skip "shellcheck" "it is not installed"
fi
if command -v mandoc >/dev/null; then
	check "mandoc likes ${#pages[@]} manual pages" mandoc -T lint -W warning "${pages[@]}"
else
	skip "mandoc" "it is not installed"
fi
finish
