#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# layers.sh - proves that an #include points down:
#
#	base <- linux <- image <- wall <- sandbox <- cli, oci
#
# guest, which runs inside of every sandbox, uses base alone; sandbox speaks its protocol.
here=$(cd "$(dirname "$0")" && pwd)
src=$(cd "$here/../src" && pwd) || exit 1
passed=0 failed=0 number=0

declare -A may=(
	[base]="base"
	[linux]="base linux"
	[guest]="base guest"
	[image]="base linux image"
	[wall]="base linux image wall"
	[sandbox]="base linux image wall guest sandbox"
	[cli]="base linux image wall guest sandbox cli"
	[oci]="base linux image wall guest sandbox oci"
)

# judge NAME FOUND: nothing found is good.
judge() {
	number=$((number + 1))
	if [ -z "$2" ]; then
		passed=$((passed + 1))
		echo "ok $number - $1"
	else
		failed=$((failed + 1))
		echo "not ok $number - $1"
		printf '%s\n' "$2" | sed 's/^/#   /'
	fi
}

cd "$src" || exit 1
for folder in */; do
	folder=${folder%/}
	allowed=${may[$folder]:-}
	[ -n "$allowed" ] || {
		judge "src/$folder has a place among the layers" "give it one in test/layers.sh"
		continue
	}
	judge "src/$folder includes $allowed alone" "$(grep -rnE '^#[[:space:]]*include "' \
		--include='*.[ch]' --include='*.inc' "$folder" |
		grep -vE ":#[[:space:]]*include \"(${allowed// /|})/" |
		grep -vE ':#[[:space:]]*include "[^/"]+\.(inc|h)"')"
done
judge "json-c is behind base/json.h alone" \
	"$(grep -rlE '#[[:space:]]*include <json-c/' --include='*.[ch]' . | grep -vx './base/json.c')"
judge "the command line, keeper and warder link no curl, archive or crypto" \
	"$(grep -rlE '#[[:space:]]*include <(curl|archive|openssl)' --include='*.[ch]' . |
		grep -v '^./image/')"
judge "every file says its licence" "$(find . -name '*.[ch]' -exec grep -L \
	'SPDX-License-Identifier: Apache-2.0' {} +)"
# the keeper is a program of its own, whatever file its main is in
judge "only a program's main prints" \
	"$(grep -nE '\<(printf|puts|perror|fprintf)\(' -r base linux image wall sandbox --include='*.c' |
		grep -vE '(-test|-fuzz|-main|-gen|test-[a-z]+)\.c:|/(progress|brig-image|[a-z-]*tool|keeper|keeper-start)\.c:' |
		grep -vE 'snprintf|fprintf\(f\b|fprintf\(file\b')"
echo "1..$number"
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
