#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# fuzz.sh BUILD SECONDS - runs every fuzz target of a build with -Dfuzz=true for a while, from
# its seeds; what is new is kept in BUILD/corpus, a crash in BUILD/crashes.
set -u
here=$(cd "$(dirname "$0")" && pwd)
build=$1 seconds=$2
passed=0 failed=0
# what is undefined is a crash, too
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
mkdir -p "$build/crashes"
while read -r program; do
	name=$(basename "$program" -fuzz)
	corpus=$build/corpus/$name
	mkdir -p "$corpus"
	if "$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=0 \
		-artifact_prefix="$build/crashes/$name-" "$corpus" "$here/seeds/$name" \
		>"$build/$name.log" 2>&1; then
		passed=$((passed + 1))
		echo "ok - $name: $(grep -oE '^Done [0-9]+ runs' "$build/$name.log")"
	else
		failed=$((failed + 1))
		echo "not ok - $name"
		tail -n 40 "$build/$name.log" | sed 's/^/#   /'
	fi
done < <(find "$build/src" -type f -name '*-fuzz' -perm -u+x | sort)
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
