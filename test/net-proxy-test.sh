#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A host that reaches the world by a proxy: so do its sandboxes, and none of them sees it.
# run as: root
# time: 120
. "$(dirname "$0")/lib.sh"
. "$here/net/net-lib.sh"

secret=sk-real-$RANDOM$RANDOM-value password=pass-$RANDOM$RANDOM-word

world_up proxy.example.com=93.184.216.99 direct.example.com=93.184.216.36 api.example.com=93.184.216.34 \
	unlisted=93.184.216.50 www.inner.example=93.184.216.51
# what only the proxy knows
echo '{"api.example.com": "93.184.216.34", "hidden.example.com": "93.184.216.50", "evil.example.com": "93.184.216.50"}' \
	>"$world_dir/proxy-zone.json"
sed -i 's/"api.example.com": [^]]*\], //' "$world_dir/zone.json"
: >"$world_dir/proxied"
for words in 3128 "3129 someone:$password"; do
	# shellcheck disable=SC2086 # words
	nsenter -t "$world_far" -n "$PYTHON" "$here/net/upstream-proxy.py" "$world_dir" $words &
	world_pids+=($!)
done

codes() {
	local name=$1
	shift
	inside "$name" 'for u; do curl -s -g -m 8 -o /dev/null -w "%{http_code}\n" "$u"; done | xargs' sh "$@"
}
proxied() { grep -qE -e "$1" "$world_dir/proxied"; }
forget() { : >"$world_dir/proxied"; world_forget; }
not_seen() { ! grep -q . "$world_dir/requests"; }
remembers() { "$PYTHON" "$here/net/remembers.py" "$@"; }
forgot() {
	local s=0
	remembers "$@" || s=$?
	[ "$s" = 1 ]
}

proxy() {
	local via=http://proxy.example.com:3128
	if ! works "$WALL"; then
		skip "an upstream proxy for $1" "the $WALL wall doesn't run here"
		return
	fi
	printf '%s\n' "$secret" | b secret set mykey --host api.example.com --env MY_KEY >/dev/null
	HOST_ENV=("https_proxy=$via" "http_proxy=$via" "no_proxy=direct.example.com")
	forget
	check "a sandbox starts, $1" box box --net locked --allow hidden.example.com --allow direct.example.com \
		--allow api.example.com --secret mykey --allow nowhere.example.com
	prints "a name that the host can't look up is reached, passed through, $1" 200 codes box https://hidden.example.com/
	check "... by the proxy, by its name, $1" proxied "^CONNECT hidden.example.com:443 -"
	prints "... and in clear, $1" 200 codes box http://hidden.example.com/
	check "... by the proxy, too, $1" proxied "hidden.example.com(:80|/)"
	prints "... and opened, with a secret, $1" 200 inside box \
		"curl -s -m 8 -o /dev/null -w '%{http_code}' https://api.example.com/ -H \"x-api-key: \$MY_KEY\""
	prints "... which the server gets, $1" "$secret" header x-api-key
	check "... by the proxy, $1" proxied "^CONNECT api.example.com:443 -"
	check "... which didn't see it, $1" not proxied "$secret"
	prints "... and by the gate as a proxy, $1" 200 inside box \
		"curl -s -m 8 -x http://gate.brig.internal:3128 -o /dev/null -w '%{http_code}' https://hidden.example.com/"
	forget
	prints "what no_proxy names goes straight, $1" "200 200" codes box https://direct.example.com/ http://direct.example.com/
	check "... and not by the proxy, $1" not proxied direct
	forget
	prints "what no rule allows isn't asked of the proxy, $1" "000 000" codes box https://evil.example.com/ http://evil.example.com/
	check "... nor what has an address, $1" [ "$(codes box https://93.184.216.50/)" = 000 ]
	check "... it saw nothing of it, $1" not proxied .
	check "... and the world neither, $1" not_seen
	prints "what the proxy doesn't reach isn't reached, $1" "000" codes box https://nowhere.example.com/
	check "it is removed, $1" b rm -f box
}

credentials() {
	works "$WALL" || return
	HOST_ENV=("https_proxy=http://someone:$password@proxy.example.com:3129" "http_proxy=http://someone:$password@proxy.example.com:3129")
	forget
	check "a sandbox with credentials for the proxy starts, $1" box box --net locked --allow hidden.example.com \
		--allow 'https://api.example.com/**'
	prints "the proxy takes them, passed through, opened, in clear, $1" "200 200 200" codes box https://hidden.example.com/ \
		https://api.example.com/ http://hidden.example.com/
	check "... from the gate, and not from the sandbox, $1" proxied "$(printf 'someone:%s' "$password" | base64 -w0)"
	check "the injector has them, $1" remembers "$(role box injector)" "$password"
	check "the gate has not, $1" forgot "$(role box gate)" "$password"
	# the words of a command are in the log, so the pattern mustn't be the password
	check "nor has any program inside, $1" not inside box "grep -qa '[p]${password#p}' /proc/[0-9]*/environ"
	check "nor a file of the sandbox, $1" not grep -rqF -e "$password" "$(where box)"
	check "it is removed, $1" b rm -f box
	HOST_ENV=("https_proxy=http://someone:wrong-word@proxy.example.com:3129")
	check "a sandbox with wrong ones starts, $1" box box --net locked --allow hidden.example.com --allow 'https://api.example.com/**'
	prints "... and reaches nothing, $1" "000 502" codes box https://hidden.example.com/ https://api.example.com/
	check "... nor is told them, $1" not sh -c "grep -rqF wrong-word '$(where box)'"
	check "it is removed, $1" b rm -f box
	HOST_ENV=("https_proxy=http://proxy.example.com:9")
	check "a sandbox with a proxy that isn't there starts, $1" box box --net locked --allow direct.example.com
	prints "... and nothing goes past it, $1" "000" codes box https://direct.example.com/
	check "it is removed, $1" b rm -f box
	HOST_ENV=()
}

# What is no proxy is said at the start, and not by connections that fail; without its password.
nonsense() {
	local value
	for value in nonsense://x http:// http://: "http://u:$password@" "http://u:$password@ x" "http://u:$password@:3128" "socks6://x"; do
		HOST_ENV=("https_proxy=$value")
		refuses "'${value//$password/...}' is no proxy" "https_proxy holds no address of a proxy" box box --net locked
		check "... which shows no password" not grep -qF -e "$password" "$T/box.log"
	done
	for value in proxy.example.com:3128 "HTTP://u:p@proxy.example.com:3128/" "[2001:db8::1]:3128" socks5h://proxy.example.com; do
		HOST_ENV=("all_proxy=$value")
		check "'$value' is one" box box --net locked
		b rm -f box >/dev/null
	done
	HOST_ENV=()
}

who root
WALL=container
works "$WALL" && nonsense
proxy "root in a container"
credentials "root in a container"
if user_is range; then
	who brig-range
	WALL=nspawn
	proxy "a user in nspawn"
	credentials "a user in nspawn"
	WALL=sentry
	proxy "a user behind the sentry"
	credentials "a user behind the sentry"
else
	skip "an upstream proxy for a user" "there is no user brig-range"
fi
net_finish
