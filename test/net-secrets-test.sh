#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Secrets on their way out: what servers see, what programs inside see, and what is refused.
# run as: root
# time: 200
. "$(dirname "$0")/lib.sh"
. "$here/net/net-lib.sh"

api=https://api.example.com
first=sk-real-$RANDOM$RANDOM-first-value second=sk-real-$RANDOM$RANDOM-second-value

world_up api.example.com=93.184.216.34 two.example.com=93.184.216.36 git.example.com=93.184.216.41 \
	api.anthropic.com=160.79.104.10

git init -q --bare "$world_dir/git/repo"
git init -q "$T/seed"
git -C "$T/seed" -c user.name=t -c user.email=t@example.com commit -q --allow-empty -m start
git -C "$T/seed" push -q "$world_dir/git/repo" HEAD:main

# what the recipe of an agent would start: it says what it has, and asks its API
mkdir -p "$T/bin"
cat >"$T/bin/claude" <<'EOT'
#!/bin/sh
echo "the agent has $ANTHROPIC_API_KEY"
curl -sS https://api.anthropic.com/v1/messages -H "x-api-key: $ANTHROPIC_API_KEY"
EOT
chmod 755 "$T/bin" "$T/bin/claude"

put() {
	local value=$1
	shift
	printf '%s\n' "$value" | b secret set "$@"
}

# seen VALUE: did anything of it reach the world in the requests since world_forget?
seen() { grep -qF -e "$1" "$world_dir/requests"; }
# nowhere VALUE: not in what the sandbox's directory holds, nor in what was printed so far
nowhere() { ! grep -rlF -e "$1" "$(where "${2:-box}")" "$T/said"; }
# said ARG...: as inside, and kept
said() { inside "$@" 2>&1 | tee -a "$T/said"; }
remembers() { "$PYTHON" "$here/net/remembers.py" "$@"; }
forgot() {
	local s=0
	remembers "$@" || s=$?
	[ "$s" = 1 ]
}

secrets() {
	local key
	: >"$T/said"
	check "a secret is stored, $1" put "$first" mykey --host api.example.com --host git.example.com --env MY_KEY
	check "a sandbox that may use it starts, $1" box box --net locked --secret mykey --allow api.example.com \
		--allow 'https://two.example.com/**' --allow git.example.com
	check "one that may not starts beside it, $1" box other --net locked --allow 'https://api.example.com/**'
	key=$(inside box 'echo "$MY_KEY"')
	check "what it has is a stand-in, $1" [ "${#key}" -ge 24 ]
	prints "... and nothing the other has, $1" "" inside other 'echo "$MY_KEY"'
	uses "$1"
	refused "$1" "$key"
	rotates "$1"
	leaves_nothing "$1"
	check "a secret that is removed goes at once, $1" b secret rm mykey
	world_forget
	inside box "curl -s -m 5 -o /dev/null $api/gone -H \"x-api-key: \$MY_KEY\""
	check "... and is sent no more, $1" not seen "$second"
	shows "the audit log is unbroken, $1" unbroken b audit verify box
	check "both are removed, $1" b rm -f box other
}

uses() {
	world_forget
	shows "it is put into a header, $1" '"path": "/h"' said box "curl -sS $api/h -H \"x-api-key: \$MY_KEY\""
	prints "... as the server has it, $1" "$first" header x-api-key
	shows "what the server repeats is masked, $1" '"x-api-key": "\*+"' tail -n 1 "$T/said"
	world_forget
	check "it goes behind a word, $1" said box "curl -sS $api/h -H \"Authorization: Bearer \$MY_KEY\""
	prints "... as the server has it, $1" "Bearer $first" header authorization
	world_forget
	check "it is the password of Basic credentials, $1" said box "curl -sS $api/h -u \"me:\$MY_KEY\""
	prints "... as the server has it, $1" "Basic $(printf 'me:%s' "$first" | base64 -w0)" header authorization
	world_forget
	check "it goes into a query, $1" said box "curl -sS \"$api/q?a=1&key=\$MY_KEY&b=2\""
	check "... as the server has it, $1" asked ".path == \"/q?a=1&key=$first&b=2\""
	world_forget
	check "by HTTP/1.1, from Python, $1" said box "$PYTHON -c 'import os, urllib.request as u
print(u.urlopen(u.Request(\"$api/h\", headers={\"x-api-key\": os.environ[\"MY_KEY\"]})).read())'"
	prints "... as the server has it, $1" "$first" header x-api-key
	world_forget
	check "by the gate as a proxy, $1" said box "https_proxy=http://gate.brig.internal:3128 curl -sS $api/h -H \"x-api-key: \$MY_KEY\""
	prints "... as the server has it, $1" "$first" header x-api-key
	world_forget
	check "git clones with it, $1" said box 'cd $(mktemp -d) && git clone -q "https://me:$MY_KEY@git.example.com/auth/git/repo" .'
	check "... as the server has it, $1" seen "Basic $(printf 'me:%s' "$first" | base64 -w0)"
	check "the log names the secret that went, $1" eventually 4 named
	check "what was printed doesn't hold it, $1" not grep -qF -e "$first" "$T/said"
}

named() { grep -q '"type":"secret".*mykey' "$(where box)/audit.jsonl"; }

refused() {
	local key=$2
	world_forget
	prints "to another host it is refused, $1" 403 said box "curl -s -o /dev/null -w '%{http_code}' https://two.example.com/ -H \"x-api-key: \$MY_KEY\""
	prints "... in clear as well, $1" 403 said box "curl -s -o /dev/null -w '%{http_code}' http://api.example.com/ -H \"x-api-key: \$MY_KEY\""
	prints "... and in a path, $1" 403 said box "curl -s -o /dev/null -w '%{http_code}' $api/p/\$MY_KEY"
	shows "... with the reason, $1" "mykey" said box "curl -s $api/p/\$MY_KEY"
	check "... and the world saw none of it, $1" not grep -q . "$world_dir/requests"
	inside box "curl -s -o /dev/null $api/body -d \"key=\$MY_KEY\""
	check "in a body it stays what it is, $1" not seen "$first"
	world_forget
	inside other "curl -s -o /dev/null $api/h -H 'x-api-key: $key'"
	prints "another sandbox's stand-in is worth nothing, $1" "$key" header x-api-key
}

rotates() {
	local log=$T/loop.log
	world_forget
	inside box "for i in \$(seq 60); do curl -s -m 5 -o /dev/null -w '%{http_code}\n' $api/turn -H \"x-api-key: \$MY_KEY\" || echo no; done" \
		>"$log" 2>&1 &
	eventually 5 seen "$first"
	check "a new value comes while requests go, $1" put "$second" mykey
	world_forget
	check "... and is used, $1" eventually 5 seen "$second"
	wait $!
	prints "... and none of them failed, $1" "60 200" sh -c "sort '$log' | uniq -c | xargs"
	world_forget
	inside box "curl -s -o /dev/null $api/h -H \"x-api-key: \$MY_KEY\""
	prints "... and the old one is gone, $1" "$second" header x-api-key
}

leaves_nothing() {
	local value role
	inside box 'env; cat /proc/1/environ; cat /proc/*/environ' >>"$T/said" 2>/dev/null
	{
		b inspect box
		b logs box
		b audit box
		b audit --json box
		b policy log --json box
		b secret ls --json
	} >>"$T/said" 2>&1
	for value in "$first" "$second"; do
		check "no file of the sandbox holds a value, nor any output, $1" nowhere "$value"
		check "... nor a file of brig's, $1" not grep -rqF -e "$value" "$BRIG_HOME"
	done
	role=$(role box injector)
	check "the injector has it in its memory, $1" remembers "$role" "$second"
	role=$(role box gate)
	check "... and the gate has not, $1" forgot "$role" "$second"
	check "... nor the keeper, $1" forgot "$(jq .keeper "$(where box)/run.json")" "$second"
}

# An agent's key, as the caller has it in his environment.
agent() {
	local key=sk-ant-api03-real-$RANDOM$RANDOM$RANDOM
	: >"$T/said"
	world_forget
	HOST_ENV=("ANTHROPIC_API_KEY=$key" "PATH=$T/bin:$PATH")
	(cd "$W" && b run --name agent --wall "$WALL" --net locked claude .) >"$T/said" 2>&1 </dev/null
	shows "an agent's key stays outside, $1" "the agent has sk-ant-api03-" cat "$T/said"
	check "... what it has is another, $1" not grep -qF -e "$key" "$T/said"
	prints "... and its API gets the real one, $1" "$key" header x-api-key
	HOST_ENV=()
	check "... which no file of the sandbox holds, $1" nowhere "$key" agent
	check "... nor any of brig's, $1" not grep -rqF -e "$key" "$BRIG_HOME"
	check "the sandbox is removed, $1" b rm -f agent
	refuses "... and its key went with it, $1" "no secret" b secret rm --sandbox agent anthropic
}

both() {
	if works "$WALL"; then
		secrets "$1"
		agent "$1"
	else
		skip "secrets of $1" "the $WALL wall doesn't run here"
	fi
}

who root
WALL=container both "root in a container"
WALL=nspawn both "root in nspawn"
WALL=sentry both "root behind the sentry"
if user_is range; then
	who brig-range
	WALL=container both "a user in a container"
	WALL=nspawn both "a user in nspawn"
else
	skip "secrets of a user" "there is no user brig-range"
fi
if user_is plain; then
	who brig-plain
	WALL=container both "a user without a range"
	WALL=sentry both "a user without a range, behind the sentry"
else
	skip "secrets of a user without a range" "there is no user brig-plain"
fi
net_finish
