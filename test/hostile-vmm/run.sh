#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# run.sh [ATTACK...] - guests that attack brig-vmm: one file each, a kernel of a few kilobytes that
#	runs on /dev/kvm, also where that one runs no Linux.
#
# Each is run beside a neighbour, with all devices: whatever it does, its VMM goes on or ends as it
# should, never by a signal (a bad access, a call that its filter lacks), uses no more memory than
# its guest may have and some, changes nothing but its own disk, directory and frames, and the
# neighbour goes on working with its memory as it was. run.py has the host's side.
#
#	SANITIZED	a folder with a brig-vmm that has ASan and UBSan, to be attacked as well
#	SEED		for the numbers of chance, which else are the same each time
#
# run as: root range
# time: 900
set -u
folder=$(cd "$(dirname "$0")" && pwd)
. "$folder/../lib.sh"

VMM=${BRIG_LIBEXEC:-$(dirname "$(readlink -f "$BRIG")")/../libexec/brig}/brig-vmm

give_up() {
	skip "guests that attack the VMM" "$1"
	finish
}

[ "$(uname -m)" = x86_64 ] || give_up "they are programs for x86"
[ -r /dev/kvm ] && [ -w /dev/kvm ] || give_up "there is no /dev/kvm for $(id -un)"
command -v "${CC:-cc}" >/dev/null && command -v ld >/dev/null || give_up "there is no C compiler"

# object SOURCE: to $T/NAME.o
object() {
	"${CC:-cc}" -m32 -march=i386 -O1 -ffreestanding -fno-pic -fno-stack-protector -nostdinc \
		-isystem "$("${CC:-cc}" -print-file-name=include)" -fno-asynchronous-unwind-tables \
		-Wall -Wextra -Werror -Wno-main -c -o "$T/$(basename "$1" .c).o" "$1"
}

# build SOURCE: to $T/NAME.bin
build() {
	local name
	name=$(basename "$1" .c)
	object "$1" && ld -m elf_i386 -T "$folder/guest/guest.ld" --oformat binary -o "$T/$name.bin" \
		"$T/$name.o" "$T/guest.o" "$T/virtio.o"
}

object "$folder/guest/guest.c" && object "$folder/guest/virtio.c" && build "$folder/guest/neighbour.c" ||
	{ not_ok "the neighbour compiles"; finish; }

for file in "$folder"/*.c; do
	name=$(basename "$file" .c)
	[ $# = 0 ] || [[ " $* " == *" $name "* ]] || continue
	seeds=$(sed -n 's/^ \* seeds: //p' "$file")
	build "$file" >"$T/said" 2>&1 || { not_ok "$name compiles" "$(cat "$T/said")"; continue; }
	for vmm in "$VMM" ${SANITIZED:+"$SANITIZED/brig-vmm"}; do
		for ((i = 0; i < ${seeds:-1}; i++)); do
			seed=$((${SEED:-1} + i)) what=$name
			[ "${seeds:-1}" = 1 ] || what+=", seed $seed"
			[ "$vmm" = "$VMM" ] || what+=", sanitized"
			check "$what" /usr/bin/python3 "$folder/run.py" "$vmm" "$file" "$T/$name.bin" \
				"$T/neighbour.bin" "$seed"
		done
	done
done
finish
