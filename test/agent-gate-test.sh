#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A real agent from the npm registry works through the gate: it speaks TLS to what it takes for
# its API, a stand-in in another network namespace with a certificate of a test CA, and knows
# only a placeholder of its key; the stand-in sees the real one.
#
# run as: root
# time: 600
. "$(dirname "$0")/lib.sh"
. "$here/net/world.sh"

test_dir=$here
version=2.1.197
key=sk-ant-api03-the-real-key-of-this-test-0123456789
api=160.79.104.10
stub=

prefix=/var/cache/brig-test/claude-code-$version
if [ ! -x "$prefix/bin/claude" ]; then
	skip "a real agent works through the gate" "agent-test.sh brings the agent, and could not"
	finish
fi

end() {
	[ -z "$stub" ] || kill "$stub" 2>/dev/null
	world_down
}
WORLD_LEAVE=443 world_up "api.anthropic.com=$api" "evil.example.com=93.184.216.35" || {
	not_ok "the world is there" "$(cat "$world_dir/log")"
	finish
}

# as USER COMMAND...: brig in the host's namespace, as root or as an ordinary user
as() {
	local user=$1
	shift
	if [ "$user" = root ]; then
		in_host env HOME=/root "$@"
	else
		in_host setpriv --reuid "$user" --regid "$user" --init-groups \
			env HOME="$T/$user" BRIG_HOME="$T/$user/brig" "$@"
	fi
}

edit_through() {
	local user=$1 wall=$2 work=$T/$1/$2/project name=gate-$2
	mkdir -p "$work"
	git -C "$work" init -q
	printf 'colour = red\n' >"$work/settings.txt"
	git -C "$work" add settings.txt
	git -C "$work" -c user.name=t -c user.email=t@example.com commit -qm start
	[ "$user" = root ] || chown -R "$user" "$T/$user"
	: >"$T/seen"
	nsenter -t "$world_far" -n /usr/bin/python3 "$test_dir/agent-stub.py" "$api:443" \
		"$work/settings.txt" "$T/seen" "$world_dir/cert.pem" "$world_dir/key.pem" 2>/dev/null &
	stub=$!
	eventually 10 nsenter -t "$world_far" -n sh -c "ss -ltn | grep -q $api:443"

	check "the agent edits a file through the gate ($wall, $user)" \
		as "$user" env ANTHROPIC_API_KEY="$key" PATH="$prefix/bin:$PATH" \
		timeout 120 brig run --name "$name" --wall "$wall" --net locked claude "$work" -- \
		-p "make the colour blue"
	prints "the file is edited, on the host ($wall, $user)" "colour = blue" cat "$work/settings.txt"
	shows "the stand-in saw the real key ($wall, $user)" "/v1/messages.* $key" cat "$T/seen"
	shows "the agent's environment has a placeholder ($wall, $user)" "ANTHROPIC_API_KEY=sk-ant-api03-" \
		as "$user" brig exec "$name" -- env
	refuses "and not the key ($wall, $user)" "^$" \
		sh -c "$(declare -f as in_host); world_host=$world_host world_dir=$world_dir T=$T
			as $user brig exec $name -- env | grep -F '$key'"
	refuses "no file of the sandbox's holds the key ($wall, $user)" "^$" \
		grep -rlF "$key" "$([ "$user" = root ] && echo "$BRIG_HOME" || echo "$T/$user/brig")/state"
	shows "what went through is in the log ($wall, $user)" "api.anthropic.com:443 .*POST /v1/messages" \
		as "$user" brig policy log "$name"
	status "a host that its recipe doesn't name is denied ($wall, $user)" 6 \
		as "$user" brig exec "$name" -- curl -s https://evil.example.com/
	check "its audit log is whole ($wall, $user)" as "$user" brig audit verify "$name"
	kill "$stub" 2>/dev/null
	stub=
	check "it is removed ($wall, $user)" as "$user" brig rm -f "$name"
}

for wall in container nspawn sentry; do
	edit_through root "$wall"
done
if id brig-range >/dev/null 2>&1; then
	edit_through brig-range container
else
	skip "an ordinary user's agent works through the gate" "there is no user 'brig-range'"
fi
end
finish
