# SPDX-License-Identifier: Apache-2.0
# Trick: two sandboxes share a workspace. One swaps directories for links to a repository
#	of the host's, without pause, while the other one ends and brig looks through it.
# Gain: brig, with the caller's rights, moves away or writes what the link leads to.
# Expect: chroot=stops nspawn=stops container=stops
git init -q "$OUT/victim-repo"
printf '#!/bin/sh\n' >"$OUT/victim-repo/.git/hooks/pre-commit"
chmod +x "$OUT/victim-repo/.git/hooks/pre-commit"
git -C "$OUT/victim-repo" config alias.mine '!true'
before=$(cd "$OUT/victim-repo" && find . -printf '%p %s %m %u\n' | sort | sha256sum)
# shellcheck disable=SC2086
"$BRIG" run -d -q --name guard-race --wall "$WALL" $AS "$WS" -- sh -c "
	mkdir real real/.git real/.git/hooks; echo x >real/.git/hooks/pre-commit; chmod +x real/.git/hooks/pre-commit
	cp -r real keep
	while :; do mv real r2; ln -s '$OUT/victim-repo' real; rm real; mv r2 real
		[ -e real/.git/hooks/pre-commit ] || cp -r keep/. real; done" >/dev/null 2>&1 ||
	untried "the sandbox doesn't start"
for _ in 1 2 3 4 5 6 7 8; do sandbox -q --new "$WS" -- sh -c 'echo > "f$$"' >/dev/null 2>&1; done
"$BRIG" rm --force guard-race >/dev/null 2>&1
after=$(cd "$OUT/victim-repo" && find . -printf '%p %s %m %u\n' | sort | sha256sum)
[ "$before" = "$after" ] || escaped "the host's repository was changed"
stopped "the host's repository is as it was"
