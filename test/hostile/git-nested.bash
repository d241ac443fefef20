# SPDX-License-Identifier: Apache-2.0
# Trick: make new repositories: in a directory below, bare, as a .git file that points to
#	one elsewhere, each with hooks; and a worktree.
# Gain: a program that the host's git runs when the person works in there.
# Expect: chroot=stops nspawn=stops container=stops
sandbox "$WS" -- sh -c '
	make() { mkdir -p "$1/hooks" "$1/objects" "$1/refs"; echo "ref: refs/heads/main" >"$1/HEAD"
		printf "[core]\n\trepositoryformatversion = 0\n\tfsmonitor = touch /tmp/owned\n" >"$1/config"
		printf "#!/bin/sh\ntouch /tmp/owned\n" >"$1/hooks/post-checkout"; chmod +x "$1/hooks/post-checkout"; }
	mkdir -p new a/b/c; make new/.git; make a/b/c/.git; make bare.git; make hidden
	mkdir pointed; echo "gitdir: ../hidden" >pointed/.git; touch ran' >"$T/said" 2>&1
[ -e "$WS/ran" ] || untried "the sandbox did not run: $(tail -n 1 "$T/said")"
for repo in new/.git a/b/c/.git bare.git hidden; do
	[ ! -x "$WS/$repo/hooks/post-checkout" ] || escaped "$repo/hooks/post-checkout is in place"
	! grep -qs fsmonitor "$WS/$repo/config" || escaped "$repo/config has a command"
done
stopped "neither hooks nor commands are in place afterwards"
