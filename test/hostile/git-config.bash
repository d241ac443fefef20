# SPDX-License-Identifier: Apache-2.0
# Trick: plant commands in git's configuration: core.fsmonitor, core.hooksPath, an alias, a
#	filter with its .gitattributes, an include of a file beside; in .git/config, in
#	config.worktree, and in a replaced file.
# Gain: a program that the host's git runs at "git status", by a prompt that shows it.
# Setup: git
# Expect: chroot=stops nspawn=stops container=stops
sandbox "$WS" -- sh -c '
	umount .git/config .git 2>/dev/null
	printf "[core]\n\tfsmonitor = \"touch /tmp/owned; false\"\n\thooksPath = evil\n[include]\n\tpath = ../evil.cfg\n" >>.git/config
	printf "[core]\n\tfsmonitor = touch /tmp/owned\n" >evil.cfg
	cp .git/config new 2>/dev/null && printf "[core]\n\tsshCommand = touch /tmp/owned\n\tfsmonitor = x\n" >>new && mv new .git/config
	git config core.fsmonitor "touch /tmp/owned" 2>/dev/null
	git config filter.x.clean "touch /tmp/owned" 2>/dev/null
	git config extensions.worktreeConfig true 2>/dev/null
	printf "[core]\n\tfsmonitor = touch /tmp/owned\n" >.git/config.worktree
	echo "* filter=x" >.gitattributes; touch ran' >"$T/said" 2>&1
[ -e "$WS/ran" ] || untried "the sandbox did not run: $(tail -n 1 "$T/said")"
for key in core.fsmonitor core.hooksPath core.sshCommand filter.x.clean include.path; do
	value=$(git -C "$WS" config --includes --get "$key") && escaped "$key is '$value'"
done
stopped "no command is in git's configuration afterwards"
