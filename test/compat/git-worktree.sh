#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Probe: git worktrees, and clones by hard links, that share no file they should not
# Expect: container=yes sentry=yes
# Needs: git
# In: workspace tmp
set -eu
export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=p GIT_AUTHOR_EMAIL=p@example.com \
	GIT_COMMITTER_NAME=p GIT_COMMITTER_EMAIL=p@example.com
rm -rf repo tree copy other && git init -q -b main repo && cd repo
for i in $(seq 200); do echo "$i" >"f$i"; done
ln -s f1 link && chmod +x f2
git add -A && git commit -qm all
git worktree add -q ../tree -b work
[ "$(cat ../tree/f200)" = 200 ] && [ "$(readlink ../tree/link)" = f1 ] && [ -x ../tree/f2 ]
(cd ../tree && echo new >f1 && git commit -qam new && [ -z "$(git status --porcelain)" ])
[ "$(cat f1)" = 1 ] && git merge -q work && [ "$(cat f1)" = new ]
git worktree list | grep -q /tree
git worktree remove ../tree && [ ! -e ../tree ]
cd ..
git clone -q repo copy
# the objects are the same files, with two names
object=$(cd repo && git rev-parse HEAD)
object=objects/${object:0:2}/${object:2}
[ "$(stat -c %i "repo/.git/$object")" = "$(stat -c %i "copy/.git/$object")" ]
[ "$(stat -c %h "copy/.git/$object")" = 2 ]
git -C copy fsck --full
git clone -q --no-hardlinks "file://$PWD/repo" other
git -C other fsck --full && [ "$(cat other/f1)" = new ]
git -C copy push -q origin HEAD:refs/heads/pushed && git -C repo rev-parse -q --verify pushed >/dev/null
rm -rf repo
[ "$(cat copy/f1)" = new ] && git -C copy fsck --full
rm -rf copy other
