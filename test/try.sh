#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# try.sh BRIG - a first sandbox, which shows what it sees of this machine and what it can't do.
set -u

brig=$(readlink -f "$1") || exit 1
work=$(mktemp -d "${TMPDIR:-/tmp}/brig-try.XXXXXX") || exit 1
export BRIG_HOME=$work/brig
outside=
end() {
	[ -z "$outside" ] || kill "$outside" 2>/dev/null
	"$brig" rm --all --force >/dev/null 2>&1
	"$brig" prune --force >/dev/null 2>&1
	# a sandbox that ended is removed behind one's back, by whoever may remove its files
	for _ in {1..100}; do
		rm -rf "$work" 2>/dev/null && break
		sleep 0.1
	done
}
trap end EXIT
trap 'exit 130' INT TERM
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$'\033[1m' off=$'\033[0m'; else bold='' off=''; fi

if ! "$brig" doctor >"$work/doctor" 2>&1; then
	cat "$work/doctor"
	exit 1
fi
mkdir "$work/project"
echo 'made outside' >"$work/project/notes"
cd "$work/project" || exit 1
sleep 1000 &
outside=$!

cat >look <<'END'
show() {
	printf '\n%s$ %s%s\n' "$bold" "$1" "$off"
	said=$(sh -c "$1" 2>&1 | grep . | head -n 12)
	printf '%s\n' "${said:-(nothing)}"
}
title() { printf '\n%s== %s ==%s\n' "$bold" "$1" "$off"; }
title 'What it sees'
show 'id'
show 'hostname'
show 'ls -C /'
show 'ls -ld /proc/[0-9]* | wc -l    # processes'
show 'pwd; ls -l'
show 'cat notes; echo "made inside" >>notes'
title "What it can't do"
show "ls -A $host_home    # your home directory"
show "kill $outside    # a process of yours"
show 'cat /etc/shadow'
show 'touch /usr/bin/evil'
show 'cat /proc/net/dev | sed 1,2d    # networks'
show 'mount -t tmpfs none /mnt'
END

"$brig" run --rm --name try --env host_home="$HOME" --env outside="$outside" --env bold="$bold" \
	--env off="$off" shell . -- sh ./look
status=$?

printf '\n%s== Outside again ==%s\n\n' "$bold" "$off"
cat notes
if [ "$status" != 0 ] || ! grep -q 'made inside' notes || ! kill -0 "$outside"; then
	printf '\nSomething went wrong: the sandbox ended with %s.\n' "$status"
	exit 1
fi
cat <<END

That was ${1#"$PWD"/}. Install it with 'sudo make install'. Then, in a project of yours:

  brig run                 a shell in a sandbox
  brig run claude          Claude Code in one; 'brig agent ls' shows the others
  brig doctor              what this machine can do
END
