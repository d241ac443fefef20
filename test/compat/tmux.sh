#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Probe: tmux: a session, typed keys, what the screen shows, two panes, its end
# Expect: container=yes sentry=yes
# Needs: tmux
set -eu
export TMUX_TMPDIR=$PWD TERM=xterm SHELL=/bin/sh
t() { timeout 20 tmux -f /dev/null -L probe "$@"; }
shows() {
	local i
	for i in $(seq 100); do
		t capture-pane -p -t "$1" | grep -q "$2" && return
		sleep 0.1
	done
	echo "the screen does not show '$2':"
	t capture-pane -p -t "$1"
	return 1
}
trap 't kill-server 2>/dev/null' EXIT
t new-session -d -s one -x 80 -y 24 'sh -i'
t send-keys -t one 'echo a$((40 + 2))b' Enter
shows one 'a42b'
t send-keys -t one 'stty size; tty' Enter
shows one '^24 80'
shows one '^/dev/pts/'
t split-window -t one -h 'sh -i'
t send-keys -t one.1 'cat' Enter 'typed' Enter C-d
shows one.1 'typed'
t send-keys -t one.1 'sleep 1000' Enter
sleep 0.3
t send-keys -t one.1 C-c
t send-keys -t one.1 'echo status=$?' Enter
shows one.1 'status=130'
t resize-window -t one -x 100 -y 30
t kill-session -t one
trap - EXIT
t kill-server 2>/dev/null || true
rm -rf tmux-*
