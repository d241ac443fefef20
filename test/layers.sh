#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# layers.sh - proves that an #include points down:
#
#	base <- linux <- image, gate, sentry, vmm <- wall <- sandbox <- compare <- cli, oci
#
# guest, which runs inside of every sandbox, uses base alone; boot, which makes one for a kernel of
# its own, and measure, which measures in them and outside, also linux; sandbox speaks its protocol. Of
# gate the layers above use what needs no cryptography: rules, what is in clear of the store of
# secrets, and what its programs are told.
here=$(cd "$(dirname "$0")" && pwd)
src=$(cd "$here/../src" && pwd) || exit 1
passed=0 failed=0 number=0

declare -A may=(
	[base]="base"
	[linux]="base linux"
	[guest]="base guest"
	[boot]="base linux boot"
	[measure]="base linux measure"
	[image]="base linux image"
	[gate]="base linux gate"
	[sentry]="base linux sentry"
	[vmm]="base linux vmm"
	[wall]="base linux image sentry vmm wall"
	[sandbox]="base linux image gate wall guest sandbox"
	[compare]="base linux wall sandbox compare"
	[cli]="base linux image gate wall guest sandbox compare cli"
	[oci]="base linux image gate wall guest sandbox oci"
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
		grep -vE '^./(image|gate)/')"
judge "above the gate only its light half is used" \
	"$(grep -rnE '#[[:space:]]*include "gate/' --include='*.[ch]' wall sandbox cli |
		grep -vE '"gate/(policy/[a-z-]+|pins|roles|vault/(trust|vault-service|vault-store|vault-text))\.h"')"
judge "that half has no cryptography" \
	"$(grep -lE 'include <openssl|include "gate/vault/vault-(seal|key|ca|cert)' gate/pins.[ch] gate/policy/*.[ch] \
		gate/vault/{trust,vault-service,vault-store,vault-text}.[ch])"
judge "every file says its licence" "$(find . -name '*.[ch]' -exec grep -L \
	'SPDX-License-Identifier: Apache-2.0' {} +)"
# the keeper is a program of its own, whatever file its main is in
judge "only a program's main prints" \
	"$(grep -nE '\<(printf|puts|perror|fprintf)\(' -r base linux image gate wall sandbox --include='*.c' |
		grep -vE '(-test|-fuzz|-main|-gen|-lab|-rig|test-[a-z]+)\.c:|/(progress|brig-[a-z]+|[a-z-]*tool|keeper|keeper-start|keeper-net|keeper-audit|starter|connector|vault-serve)\.c:' |
		grep -vE 'snprintf|fprintf\(f\b|fprintf\(file\b')"
echo "1..$number"
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
