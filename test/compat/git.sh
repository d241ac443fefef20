#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Probe: git: a history, gc, a damage that fsck finds, stash, rebase, status that is quick to see
# Expect: container=yes sentry=yes
# Needs: git
# Time: 120
# In: workspace tmp
set -eu
export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=p GIT_AUTHOR_EMAIL=p@example.com \
	GIT_COMMITTER_NAME=p GIT_COMMITTER_EMAIL=p@example.com
rm -rf repo && git init -q -b main repo && cd repo
git config gc.auto 0
for i in $(seq 30); do
	mkdir -p "d$i"
	echo "$i" >"d$i/file"
	echo "$i" >>all
	git add -A
	git commit -qm "commit $i"
done
[ -z "$(git status --porcelain)" ]
# within one second and of one size
echo x >d7/file && [ "$(git status --porcelain)" = " M d7/file" ]
git stash -q && [ "$(cat d7/file)" = 7 ] && git stash pop -q && [ "$(cat d7/file)" = x ]
git checkout -q d7/file
git switch -qc side HEAD~5 && echo side >side && git add side && git commit -qm side
git rebase -q main && [ "$(git rev-list --count HEAD)" = 31 ] && git switch -q main
git merge -q --ff-only side
before=$(git rev-parse HEAD)
git gc -q --prune=now
[ "$(git count-objects -v | sed -n 's/^count: //p')" = 0 ]
[ "$(git count-objects -v | sed -n 's/^packs: //p')" = 1 ]
git fsck --strict --full 2>&1
[ "$(git rev-parse HEAD)" = "$before" ]
git grep -q side
# one at a time, by its lock
: >.git/index.lock
! git add all 2>/dev/null
rm .git/index.lock
pack=$(ls .git/objects/pack/*.pack)
chmod u+w "$pack"
printf 'damage' | dd of="$pack" bs=1 seek=200 conv=notrunc status=none
! git fsck --full >/dev/null 2>&1
cd .. && rm -rf repo
