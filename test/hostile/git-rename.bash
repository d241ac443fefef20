# SPDX-License-Identifier: Apache-2.0
# Trick: rename .git, or the directory that holds the repository, copy it back with hooks
#	of one's own in it, all pins and read-only mounts being on the old one.
# Gain: a program that the host's git runs at the next commit.
# Setup: git
# Expect: chroot=stops nspawn=stops container=stops
mkdir -p "$WS/deep/er"
git init -q "$WS/deep/er/repo"
sandbox "$WS" -- sh -c '
	plant() { mkdir -p "$1/hooks"; printf "#!/bin/sh\ntouch /tmp/owned\n" >"$1/hooks/pre-commit"
		chmod +x "$1/hooks/pre-commit"; }
	umount .git/hooks .git/config .git deep/er/repo/.git/hooks deep/er/repo/.git deep/er deep 2>/dev/null
	mv .git moved 2>/dev/null; cp -r moved .git 2>/dev/null; plant .git
	mv deep/er deep/away 2>/dev/null; cp -r deep/away deep/er 2>/dev/null; plant deep/er/repo/.git
	mv deep other 2>/dev/null; cp -r other deep 2>/dev/null; plant deep/er/repo/.git
	cp -r .git fresh; plant fresh; touch ran' >"$T/said" 2>&1
[ -e "$WS/ran" ] || untried "the sandbox did not run: $(tail -n 1 "$T/said")"
for hook in "$WS/.git" "$WS/deep/er/repo/.git" "$WS/fresh" "$WS/moved" "$WS/other/er/repo/.git" \
	"$WS/deep/away/repo/.git"; do
	[ ! -e "$hook/hooks/pre-commit" ] || escaped "$hook/hooks/pre-commit is in place"
done
stopped "no hook is in place afterwards"
