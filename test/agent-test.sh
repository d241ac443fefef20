#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A real agent from the npm registry, pointed at a stand-in for its API, edits a file of a git
# workspace from inside the container wall. The sandbox has no network; the stand-in's unix socket
# is mounted in, and a few lines inside make it a port of the sandbox's own loopback.
#
# time: 600
. "$(dirname "$0")/lib.sh"

test_dir=$here
version=2.1.197
port=8787
stub=

# Installed once a machine, outside the tree; whoever comes second reads the first one's.
agent_prefix() {
	local dir
	for dir in /var/cache/brig-test "${XDG_CACHE_HOME:-$HOME/.cache}/brig-test" "$T/npm"; do
		dir=$dir/claude-code-$version
		if [ -x "$dir/bin/claude" ]; then
			echo "$dir"
			return
		fi
		mkdir -p "$dir.new" 2>/dev/null && [ -w "$dir.new" ] || continue
		npm install --silent --no-audit --no-fund --global --prefix "$dir.new" \
			"@anthropic-ai/claude-code@$version" >"$T/npm.log" 2>&1 || return 1
		# newer clients of npm run no install scripts unasked; this one puts the program in place
		(cd "$dir.new/lib/node_modules/@anthropic-ai/claude-code" && node install.cjs) \
			>>"$T/npm.log" 2>&1 || return 1
		chmod -R a+rX "$dir.new"
		mv "$dir.new" "$dir" && echo "$dir"
		return
	done
	return 1
}

end_stub() {
	[ -z "$stub" ] || kill "$stub" 2>/dev/null
	stub=
}

edit_through() {
	local wall=$1 name=agent-$1 work=$T/$1/project
	mkdir -p "$work"
	git -C "$work" init -q
	printf 'colour = red\n' >"$work/settings.txt"
	git -C "$work" add settings.txt
	git -C "$work" -c user.name=t -c user.email=t@example.com commit -qm start
	/usr/bin/python3 "$test_dir/agent-stub.py" "$T/$wall/api.sock" "$work/settings.txt" \
		"$T/$wall/log" >"$T/$wall/stub.out" 2>&1 &
	stub=$!
	eventually 10 test -S "$T/$wall/api.sock"

	check "the agent starts in the $wall wall" \
		env ANTHROPIC_BASE_URL="http://127.0.0.1:$port" ANTHROPIC_API_KEY=sk-ant-test \
		PATH="$prefix/bin:$PATH" brig run -d --name "$name" --wall "$wall" --net none --timeout 120 \
		-v "$T/$wall/api.sock:/run/api.sock" -v "$test_dir/agent-relay.py:/run/relay.py:ro" \
		claude "$work" -- -p "make the colour blue"
	check "its port to the API is opened in the $wall wall" \
		brig exec -d "$name" -- /usr/bin/python3 /run/relay.py "$port" /run/api.sock
	prints "the agent ends well in the $wall wall" 0 timeout 120 brig wait "$name"
	shows "what it said is in the log ($wall)" "The colour is blue now" brig logs "$name"
	end_stub
	prints "the file is edited, on the host ($wall)" "colour = blue" cat "$work/settings.txt"
	prints "and nothing else is ($wall)" " M settings.txt" git -C "$work" status --short
	prints "the file belongs to the caller ($wall)" "$(id -u)" stat -c %u "$work/settings.txt"
	shows "the stand-in saw the agent's requests ($wall)" "/v1/messages.*sk-ant-test" cat "$T/$wall/log"
	check "it is removed ($wall)" brig rm "$name"
}

refuses "a missing agent names the command that installs it" "npm install -g @anthropic-ai/claude-code" \
	env PATH="$(dirname "$BRIG"):/usr/bin:/bin" brig run claude "$T"

if ! command -v npm >/dev/null || ! prefix=$(agent_prefix); then
	skip "a real agent edits a file" "npm can't bring @anthropic-ai/claude-code: $(tail -n 1 "$T/npm.log" 2>/dev/null)"
	finish
fi
for wall in container nspawn sentry; do
	if works "$wall"; then
		edit_through "$wall"
	else
		skip "a real agent edits a file in the $wall wall" "the wall does not work here"
	fi
done
finish
