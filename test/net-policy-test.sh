#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Presets and rules, names and addresses, and what changes while a sandbox runs.
# run as: root
# time: 300
. "$(dirname "$0")/lib.sh"
. "$here/net/net-lib.sh"

world_up api.example.com=93.184.216.34,2606:2800::34 evil.example.com=93.184.216.35 \
	two.example.com=93.184.216.36 a.two.example.com=93.184.216.37 b.a.two.example.com=93.184.216.38 \
	six.example.com=2606:2800::6 private.example.com=10.9.9.9 mixed.example.com=93.184.216.39,10.9.9.9 \
	meta.example.com=169.254.169.254 loop.example.com=127.0.0.1 own.example.com=11.0.0.2 \
	api.anthropic.com=160.79.104.10 registry.npmjs.org=104.16.0.34 ghcr.io=140.82.112.33 example.org=93.184.216.50 net.example.com=93.184.216.53

cp "$here/net/clients/ws.js" "$T/ws.js"
# what listens on the host itself: on its loopback, and everywhere
for at in "127.0.0.1 9000" "0.0.0.0 9001"; do
	mkdir -p "$T/host-www" && echo "of the host" >"$T/host-www/index.html"
	nsenter -t "$world_host" -n "$PYTHON" -m http.server --bind "${at% *}" -d "$T/host-www" "${at#* }" >/dev/null 2>&1 &
	world_pids+=($!)
done

# codes BOX URL...: the status of each, 000 where there is no answer.
codes() {
	local name=$1
	shift
	inside "$name" 'for u; do curl -s -g -m 6 -o /dev/null -w "%{http_code}\n" "$u"; done | xargs' sh "$@"
}

# nothing NAME: the world saw no request since world_forget, and was asked for no such name.
unseen() { ! grep -q . "$world_dir/requests"; }
unasked() { ! grep -q "$1" "$world_dir/questions"; }

presets() {
	local s
	check "a sandbox with no network starts, $1" box none --net none
	prints "it has a loopback and nothing else, $1" lo inside none "sed -n 's/^ *\([a-z0-9]*\):.*/\1/p' /proc/net/dev | xargs"
	refuses "no rule goes with it, $1" "--net none" b create --wall "$WALL" --net none --allow api.example.com -- true
	check "a locked one starts, $1" box locked --net locked
	world_forget
	prints "locked reaches nothing, $1" "000 000 000 000" codes locked https://api.example.com/ http://api.example.com/ \
		https://93.184.216.34/ "http://[2606:2800::34]/"
	check "... and the world saw nothing of it, $1" unseen
	check "... nor was it asked, $1" unasked .
	check "a balanced one starts, $1" box balanced --net balanced
	prints "balanced reaches AI, packages, containers, $1" "200 200 200" codes balanced https://api.anthropic.com/ \
		https://registry.npmjs.org/ https://ghcr.io/
	prints "... and nothing else, $1" "000 000" codes balanced https://api.example.com/ https://93.184.216.34/
	check "an open one starts, $1" box open --net open --deny evil.example.com
	prints "open reaches public names and addresses, $1" "200 200 200" codes open https://api.example.com/ \
		http://93.184.216.34/ "http://[2606:2800::34]/"
	world_forget
	prints "... but what a rule denies, $1" "000 000" codes open https://evil.example.com/ http://evil.example.com/
	prints "... but private, link-local, metadata, $1" "000 000 000 000 000" codes open http://10.9.9.9/ \
		http://169.254.169.254/latest/ "http://[::ffff:10.9.9.9]/" "http://[fe80::1]/" "http://[fd00::1]/"
	prints "... but the host's own addresses, $1" "000 000 000" codes open http://11.0.0.2:9001/ \
		"http://[2a00:11::2]:9001/" http://127.0.0.1:9000/
	prints "... but the host's loopback by its name, $1" "000" codes open http://host.brig.internal:9000/
	prints "... but names that lead there, $1" "000 000 000 000" codes open http://private.example.com/ \
		http://meta.example.com/ http://loop.example.com:9000/ http://own.example.com:9001/
	check "... and the world saw nothing of it, $1" unseen
	check "the four are removed, $1" b rm -f none locked balanced open
}

names() {
	sed -i 's/"ttl": [0-9]*/"ttl": 1/' "$world_dir/zone.json"
	check "a sandbox with rules for names starts, $1" box names --net locked --allow api.example.com \
		--allow '*.two.example.com' --allow mixed.example.com --allow six.example.com
	prints "a name is reached by TLS and in clear, $1" "200 200" codes names https://api.example.com/ http://api.example.com/
	prints "... on no other port, $1" "000 000" codes names http://api.example.com:8080/ https://api.example.com:8443/
	prints "*. is one label, $1" "200 000 000" codes names https://a.two.example.com/ https://two.example.com/ https://b.a.two.example.com/
	prints "a name that has only IPv6 is reached, $1" 200 codes names https://six.example.com/
	world_forget
	status "a name that no rule allows isn't there, $1" 2 inside names "getent ahosts evil.example.com"
	check "... and nobody was asked, $1" unasked evil
	prints "an answer is without its private address, $1" 93.184.216.39 \
		inside names "getent ahostsv4 mixed.example.com | awk '{ print \$1 }' | sort -u"
	world_forget
	prints "another name's address isn't reached under an allowed one, $1" 000 inside names \
		"curl -s -m 5 -o /dev/null -w '%{http_code}' --resolve api.example.com:443:93.184.216.35 https://api.example.com/; true"
	prints "an address that was never an answer isn't reached, $1" 000 codes names https://93.184.216.38/
	prints "... nor another name at an allowed address, $1" 000 inside names \
		"curl -s -m 5 -o /dev/null -w '%{http_code}' --connect-to evil.example.com:443:api.example.com:443 https://evil.example.com/; true"
	check "... of all that the world saw nothing, $1" unseen
	check "such a name is in the log, $1" logged names '.host == "evil.example.com" and .verdict == "deny"'
	# the name moves: what it was stays good for a while, what it is now at once
	sed -i 's/93.184.216.34/93.184.216.50/' "$world_dir/zone.json"
	sleep 1.2
	prints "a name that moves is followed, $1" "200 93.184.216.50" inside names \
		"curl -4 -s -o /dev/null -w '%{http_code} %{remote_ip}' https://api.example.com/"
	# the name turns inward
	sed -i 's/93.184.216.50", "2606:2800::34/10.9.9.9", "10.9.9.9/' "$world_dir/zone.json"
	sleep 1.2
	world_forget
	prints "a name that turns to a private address leads nowhere, $1" "000" codes names http://api.example.com/
	check "... and the world saw nothing, $1" unseen
	sed -i 's/"ttl": 1/"ttl": 30/; s/10.9.9.9", "10.9.9.9/93.184.216.34", "2606:2800::34/' "$world_dir/zone.json"
	check "it is removed, $1" b rm -f names
}

rules() {
	check "a sandbox with rules of every kind starts, $1" box rules --net locked --allow '**.two.example.com' \
		--deny b.a.two.example.com --allow 93.184.216.52/30:80 --allow '[2606:2800::6]:8080' \
		--allow two.example.com:8000-8100 --allow tls://example.org --allow private.example.com --allow 10.9.9.9:80 \
		--allow host.brig.internal:9000 --allow evil.example.com:22 \
		--allow 'https://api.example.com/v1/** GET,POST' --deny 'https://api.example.com/v1/admin/**' \
		--allow 'http://api.example.com/open/*'
	prints "**. is any depth, and a denial beats it, $1" "200 000" codes rules https://a.two.example.com/ https://b.a.two.example.com/
	prints "a network with a port is reached by address, $1" "200 000 000" codes rules http://93.184.216.53/ \
		http://93.184.216.53:8080/ http://93.184.216.50/
	prints "... and an IPv6 address with its port, $1" "200 000" codes rules "http://[2606:2800::6]:8080/" "http://[2606:2800::6]/"
	prints "a range of ports, $1" "200 000 000" codes rules http://two.example.com:8080/ https://two.example.com:8443/ https://two.example.com/
	prints "tls:// is TLS and nothing else, $1" "200 000" codes rules https://example.org/ http://example.org/
	prints "a private service takes a rule for its name and one for its address, $1" "200 200 000" codes rules \
		http://10.9.9.9/ http://private.example.com/ https://private.example.com/
	prints "the host's loopback is reached by its rule, $1" "200 000" codes rules http://host.brig.internal:9000/ http://host.brig.internal:9001/
	shows "a server that speaks first is heard, on a port that a rule names, $1" "^SSH-2.0-world" \
		inside rules "bash -c 'exec 3<>/dev/tcp/evil.example.com/22 && head -n 1 <&3'"
	prints "a path and its methods, $1" "200 403 403" codes rules https://api.example.com/v1/x https://api.example.com/v2 \
		https://api.example.com/v1/admin/x
	prints "... not by another method, $1" 403 inside rules "curl -s -X DELETE -o /dev/null -w '%{http_code}' https://api.example.com/v1/x"
	prints "... nor by an escape or dots, $1" "403 403 400" inside rules "for p in v1/%61dmin/x v1/x/../admin/x v1/..%2fv2; do
		curl -s --path-as-is -o /dev/null -w '%{http_code}\n' https://api.example.com/\$p; done | xargs"
	prints "a path in clear, $1" "200 403" codes rules http://api.example.com/open/x http://api.example.com/open/x/y
	shows "a refusal says why, and what would allow it, $1" "brig policy allow" inside rules "curl -s https://api.example.com/v2"
	agree "$1"
	check "it is removed, $1" b rm -f rules
}

# as HOST ADDRESS:PORT: the status when the server there is asked for HOST in clear
as_host() {
	inside shared "curl -s -g -m 6 -o /dev/null -w '%{http_code}' -H 'Host: $1' http://$2/; true"
}

# What shares an address isn't reached by it; where any protocol may go, neither.
shared() {
	check "a sandbox that denies names starts, $1" box shared --net open --deny evil.example.com
	prints "a host that is denied isn't reached at another's address, $1" 403 as_host evil.example.com 93.184.216.34
	prints "... on no port, $1" 403 as_host evil.example.com:8080 93.184.216.34:8080
	prints "one that is not denied is, looked up or not, $1" 200 as_host two.example.com 93.184.216.34
	prints "... and one in TLS, $1" 200 inside shared \
		"curl -s -o /dev/null -w '%{http_code}' --connect-to two.example.com:443:93.184.216.34:443 https://two.example.com/"
	shows "... and another protocol, $1" "^SSH-2.0-world" inside shared "bash -c 'exec 3<>/dev/tcp/93.184.216.34/22 && head -n 1 <&3'"
	check "the log has it, $1" logged shared '.host == "evil.example.com" and .verdict == "deny" and .proto == "http"'
	check "the denial goes, $1" b policy rm --sandbox shared "deny evil.example.com"
	prints "... and nobody looks at names any more, $1" 200 as_host evil.example.com 93.184.216.34
	check "it is removed, $1" b rm -f shared
	check "a sandbox that allows a name and a port starts, $1" box shared --net locked --allow api.example.com:8080 \
		--allow host.brig.internal:9000
	prints "the name is reached there, $1" 200 codes shared http://api.example.com:8080/
	prints "... and no other at its address, $1" 403 inside shared \
		"curl -s -o /dev/null -w '%{http_code}' -H 'Host: evil.example.com:8080' http://api.example.com:8080/"
	prints "... nor without its port, $1" 421 inside shared \
		"curl -s -o /dev/null -w '%{http_code}' -H 'Host: api.example.com' http://api.example.com:8080/"
	prints "... HTTP/2 in clear goes on as HTTP/1.1, $1" "2 200" inside shared \
		"curl -s -o /dev/null -w '%{http_version} %{http_code}' --http2-prior-knowledge http://api.example.com:8080/"
	prints "... and is held to the name as well, $1" 403 inside shared \
		"curl -s -o /dev/null -w '%{http_code}' --http2-prior-knowledge -H 'Host: evil.example.com:8080' http://api.example.com:8080/"
	prints "... but what isn't HTTP is the server's to refuse, $1" 'HTTP/0.9' inside shared \
		"printf 'EHLO x\r\n' | $PYTHON -c 'import socket, sys
s = socket.create_connection((\"api.example.com\", 8080))
s.sendall(sys.stdin.buffer.read())
print(*{w for w in s.makefile(errors=\"replace\").read().split() if \"0.9\" in w})'"
	prints "the host's loopback is nobody else's, whatever is asked for, $1" 200 inside shared \
		"curl -s -o /dev/null -w '%{http_code}' -H 'Host: localhost:9000' http://host.brig.internal:9000/"
	check "it is removed, $1" b rm -f shared
}

# What 'policy check' says is what happens.
agree() {
	local url want got odd=
	for url in https://a.two.example.com/ https://b.a.two.example.com/ https://two.example.com/ https://example.org/ \
		http://example.org/ http://93.184.216.53/ http://93.184.216.50/ http://host.brig.internal:9000/ \
		http://host.brig.internal:9001/ https://api.example.com/v1/x https://api.example.com/v2 \
		https://api.example.com/v1/admin/x http://api.example.com/open/x http://api.example.com/open/x/y http://10.9.9.9/; do
		b policy check --sandbox rules "$url" >/dev/null 2>&1 && want=200 || want=no
		got=$(codes rules "$url")
		[ "$got" = 200 ] || got=no
		[ "$want" = "$got" ] || odd+="$url: check says $want, and it is $got
"
	done
	if [ -z "$odd" ]; then ok "policy check says what happens, $1"; else not_ok "policy check says what happens, $1" "$odd"; fi
}

says() { grep -q -e "$2" "$1"; }

# ended PID FILE: the program in the background ends soon, and not well.
cut_off() {
	local pid=$1 s=0
	timeout 5 tail --pid="$pid" -f /dev/null || return 1
	wait "$pid" || s=$?
	[ "$s" != 0 ] && [ "$s" != 124 ]
}

# an open connection of this kind ends when a rule comes that denies it
cuts() {
	local what=$1 url=$2 log=$T/cut.log pid
	if ! command -v node >/dev/null; then
		skip "$what is cut off by a denial" "there is no node"
		return
	fi
	LIMIT=40 inside live "node --experimental-websocket --no-warnings $T/ws.js $url 30" >"$log" 2>&1 &
	pid=$!
	check "$what goes on for a while" eventually 10 says "$log" "echo 3"
	b policy deny --sandbox live two.example.com >/dev/null
	check "... and a denial cuts it off" cut_off "$pid"
	prints "... and no other comes" 000 codes live https://two.example.com/
	b policy rm --sandbox live "deny two.example.com" >/dev/null
	prints "... until the denial is taken back" 200 codes live https://two.example.com/
}

live() {
	local pid
	check "a locked sandbox to change starts, $1" box live --net locked -v "$T/ws.js:$T/ws.js:ro"
	b policy log -f live >"$T/follow" 2>&1 &
	pid=$!
	prints "nothing is allowed at first, $1" 000 codes live https://two.example.com/
	check "allow takes it, $1" b policy allow --sandbox live two.example.com
	prints "... for the next connection, $1" 200 codes live https://two.example.com/
	check "a global rule comes into it as well, $1" b policy allow a.two.example.com
	prints "... for the next connection, $1" 200 codes live https://a.two.example.com/
	check "... and goes again, $1" b policy rm a.two.example.com
	prints "... for the next connection, $1" 000 codes live https://a.two.example.com/
	cuts "a WebSocket that is passed through, $1" wss://two.example.com/ws
	cuts "a WebSocket in clear, $1" ws://two.example.com/ws
	check "a path comes in, $1" b policy allow --sandbox live 'https://two.example.com/**'
	check "... and the name goes, $1" b policy rm --sandbox live "allow two.example.com"
	check "... and clear text comes back, $1" b policy allow --sandbox live 'http://two.example.com/**'
	cuts "a WebSocket that is opened, $1" wss://two.example.com/ws
	prints "a request with method and path, $1" 200 codes live https://two.example.com/told/here
	prints "and one that is refused, $1" 000 codes live https://evil.example.com/
	check "log -f has the method and the path, $1" eventually 5 says "$T/follow" "allow .*two.example.com:443 .*https .*GET /told/here"
	check "... and what was denied, $1" eventually 5 says "$T/follow" "deny .*evil.example.com"
	kill "$pid"
	wait "$pid" 2>/dev/null
	inside live "for i in 1 2 3; do curl -s -o /dev/null 'https://two.example.com/big?n=1000000'; done"
	check "the log counts, $1" eventually 5 counted
	shows "the log's table has it, $1" "allow +two.example.com:443 +https +GET /big .* 3 " b policy log live
	check "the log's denials are denials, $1" denials
	shows "the audit log is unbroken, $1" unbroken b audit verify live
	check "it is removed, $1" b rm -f live
}

# Several at once: all of them return, and all is in force, here and in what is kept.
parallel() {
	local name pids=() pid s=0 rules
	check "a sandbox whose rules change starts, $1" box many --net open
	prints "its names are reached, $1" "200 200 200" codes many https://two.example.com/ https://evil.example.com/ https://example.org/
	for name in two.example.com evil.example.com; do
		LIMIT=20 b policy deny --sandbox many "$name" >"$T/many.$name" 2>&1 &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || s=$?
	done
	prints "two denials at once both return, $1" 0 echo "$s"
	check "... and so does a third, $1" b policy deny --sandbox many example.org
	prints "all three are in force, $1" "000 000 000" codes many https://two.example.com/ https://evil.example.com/ https://example.org/
	prints "... and what isn't denied is reached, $1" 200 codes many https://api.example.com/
	pids=() s=0
	for name in 1 2 3 4 5 6 7 8; do
		LIMIT=20 b policy "$([ $((name % 2)) = 0 ] && echo allow || echo deny)" --sandbox many "n$name.example.com" >>"$T/many.log" 2>&1 &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || s=$?
	done
	prints "eight changes at once all return, $1" 0 echo "$s"
	rules=$(b policy ls --sandbox many 2>/dev/null | grep -c 'n[1-8].example.com')
	prints "... and none is lost, $1" 8 echo "$rules"
	check "it is removed, $1" b rm -f many
}

denials() {
	b policy log --denied --json live | jq -e 'length > 0 and all(.[]; .verdict == "deny")'
}

counted() {
	b policy log --json live | jq -e 'any(.[]; .request == "GET /big" and .count == 3 and .down >= 3000000)'
}

# start, stop, exec; and two at once
lives() {
	local ca
	check "a sandbox starts, $1" box first --net locked --allow api.example.com
	ca=$(inside first "sha256sum </run/brig/ca.pem")
	prints "it has its network, $1" 200 codes first https://api.example.com/
	check "it stops, $1" b stop -t 1 first
	prints "an exec starts it with its network, $1" 200 codes first https://api.example.com/
	check "it starts, $1" b start first
	prints "it has its network again, $1" 200 codes first https://api.example.com/
	prints "its CA is what it was, $1" "$ca" inside first "sha256sum </run/brig/ca.pem"
	roots first "$1"
	check "another one starts beside it, $1" box second --net locked --allow two.example.com --allow 100.127.255.250:7777
	check "... with a CA of its own, $1" not sh -c '[ "$0" = "$1" ]' "$ca" "$(inside second "sha256sum </run/brig/ca.pem")"
	prints "each has its own rules, $1" "200 000" codes first https://api.example.com/ https://two.example.com/
	prints "... and the other its own, $1" "000 200" codes second https://api.example.com/ https://two.example.com/
	b exec -d first -- "$PYTHON" -m http.server 7777 >/dev/null 2>&1
	check "a server in the first is there, for the first, $1" eventually 10 serves first
	prints "... and not for the second, $1" "000 000" codes second http://100.127.255.250:7777/ "http://[fd62:7269:6700::2]:7777/"
	prints "... nor for the host, $1" 000 h sh -c "curl -s -m 3 -o /dev/null -w '%{http_code}' http://100.127.255.250:7777/; true"
	check "both are removed, $1" b rm -f first second
}

# entries NAME: of the Java store, and certificates of the bundle
entries() {
	keytool -list -keystore "$(where "$1")/trust/ca.jks" -storepass changeit 2>/dev/null |
		sed -n 's/.*contains \([0-9]*\) entr.*/\1/p'
	grep -c BEGIN "$(where "$1")/trust/ca-bundle.pem"
}

# What the host trusts changes; a start takes it over, in every form.
roots() {
	if ! command -v keytool >/dev/null; then
		skip "Java's store follows the host's roots, $2" "there is no keytool"
		return
	fi
	prints "Java's store has the roots of SSL_CERT_FILE and the CA, $2" "2 2" sh -c 'echo $1' sh "$(entries "$1")"
	check "the host trusts one more, $2" sh -c 'cp "$1" "$1.one" &&
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=another CA" -keyout /dev/null 2>/dev/null >>"$1" &&
		touch -d 2001-01-01 "$1"' sh "$world_dir/ca.pem"
	b stop -t 1 "$1" >/dev/null
	check "it starts with that, $2" b start "$1"
	prints "Java's store has it, $2" "3 3" sh -c 'echo $1' sh "$(entries "$1")"
	prints "its network is there, $2" 200 codes "$1" https://api.example.com/
	mv "$world_dir/ca.pem.one" "$world_dir/ca.pem"
	b stop -t 1 "$1" >/dev/null
	check "it starts without it again, $2" b start "$1"
	prints "Java's store has it no more, $2" "2 2" sh -c 'echo $1' sh "$(entries "$1")"
}

serves() { [ "$(codes "$1" http://100.127.255.250:7777/)" = 200 ]; }

all() {
	local word=$1 each
	shift
	if ! works "$WALL"; then
		skip "rules of $word" "the $WALL wall doesn't run here"
		return
	fi
	for each in "$@"; do
		"$each" "$word"
	done
}

who root
WALL=container all "root in a container" presets names rules shared live parallel lives
WALL=nspawn all "root in nspawn" presets lives
WALL=sentry all "root behind the sentry" presets names rules shared live parallel lives
if user_is range; then
	who brig-range
	WALL=container all "a user in a container" presets rules shared live parallel lives
	WALL=nspawn all "a user in nspawn" names
	WALL=sentry all "a user behind the sentry" presets rules
else
	skip "rules of a user" "there is no user brig-range"
fi
if user_is plain; then
	who brig-plain
	WALL=container all "a user without a range" presets names
else
	skip "rules of a user without a range" "there is no user brig-plain"
fi
net_finish
