# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# guest-agent.sh - a real agent in a microVM, and ten microVMs side by side: what takes the emulator
# minutes. Sourced by guest-kvm.sh. The agent and what stands in for its API are on the second disk.

AGENT=/mnt

# The agent reads and edits a file of a git workspace; see agent-test.sh, which does it elsewhere.
agent_edits() {
	local work=$W/project stub
	mount -o ro /dev/vdb $AGENT || return 1
	rm -rf "$work" && mkdir "$work" && git -C "$work" init -q
	printf 'colour = red\n' >"$work/settings.txt"
	git -C "$work" add settings.txt
	git -C "$work" -c user.name=t -c user.email=t@example.com commit -qm start
	python3 $AGENT/agent-stub.py $T/api.sock "$work/settings.txt" $T/api.log >$T/stub.out 2>&1 &
	stub=$!
	until_true 60 [ -S $T/api.sock ] || return 1
	ANTHROPIC_BASE_URL=http://127.0.0.1:8787 ANTHROPIC_API_KEY=sk-ant-test PATH=$AGENT/prefix/bin:$PATH \
		timeout 120 /opt/brig/bin/brig run -d --name agent --wall microvm -m 1g --timeout 900 \
		-v $T/api.sock:/run/api.sock -v $AGENT/agent-relay.py:/run/relay.py:ro \
		claude "$work" -- -p "make the colour blue" >$out 2>$err </dev/null || {
		cat $err
		return 1
	}
	brig exec -d agent -- /usr/bin/python3 /run/relay.py 8787 /run/api.sock || return 1
	[ "$(timeout 900 /opt/brig/bin/brig wait agent)" = 0 ] || {
		brig logs agent | tail -n 10
		return 1
	}
	kill $stub
	brig logs agent | tail -n 3
	brig logs agent | grep -q "The colour is blue now" && [ "$(cat "$work/settings.txt")" = "colour = blue" ] &&
		[ "$(git -C "$work" status --short)" = " M settings.txt" ] && brig rm agent
}

# Each has a number of its own, in memory and in its workspace, and none sees another's.
ten() {
	local i
	for i in 0 1 2 3 4 5 6 7 8 9; do
		mkdir -p "$W/ten$i"
		ends 0 brig run -d --wall microvm -m 128m --name "ten$i" "$W/ten$i" -- sh -c \
			"echo $i >/dev/shm/number; echo $i >number; sleep 1000" || return 1
	done
	[ "$(brig ls -q --running | grep -c '^ten')" = 10 ] && [ "$(pgrep -x brig-vmm | wc -l)" -ge 10 ] || return 1
	for i in 0 1 2 3 4 5 6 7 8 9; do
		until_true 60 [ -s "$W/ten$i/number" ] || return 1
		prints "$i $i ten$i" brig exec "ten$i" -- sh -c 'echo $(cat /dev/shm/number number) $(hostname)' || return 1
		[ "$(ls "$W/ten$i")" = number ] || return 1
	done
	# one of them is killed; the others don't notice
	kill -KILL "$(pgrep -x brig-vmm | head -n 1)"
	until_true 20 sh -c "[ \$(/opt/brig/bin/brig ls -q --running </dev/null | grep -c '^ten') = 9 ]" || return 1
	for i in 0 1 2 3 4 5 6 7 8 9; do
		brig rm -f "ten$i" >/dev/null || return 1
	done
	until_true 20 sh -c '! pgrep -x brig-vmm'
}
