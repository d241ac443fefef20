#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Real programs through the gate: where TLS is passed through, and where it is opened.
# run as: root
# time: 400
. "$(dirname "$0")/lib.sh"
. "$here/net/net-lib.sh"

api=https://api.example.com h2=https://h2.example.com

world_up api.example.com=93.184.216.34,2606:2800::34 h2.example.com=93.184.216.40 \
	git.example.com=93.184.216.41 npm.example.com=93.184.216.42 pypi.example.com=93.184.216.43 \
	deb.example.com=93.184.216.44 cargo.example.com=93.184.216.45 evil.example.com=93.184.216.35

# ---- what the world has

make_git() {
	git init -q --bare "$world_dir/git/repo"
	git -C "$world_dir/git/repo" config http.receivepack true
	git init -q "$T/seed" && head -c 20000000 /dev/urandom >"$T/seed/large"
	echo one >"$T/seed/file"
	git -C "$T/seed" -c user.name=t -c user.email=t@example.com -c core.compression=0 \
		commit -q --allow-empty -m nothing
	git -C "$T/seed" add . && git -C "$T/seed" -c user.name=t -c user.email=t@example.com \
		-c core.compression=0 commit -q -m start
	git -C "$T/seed" push -q "$world_dir/git/repo" HEAD:main
	git -C "$world_dir/git/repo" symbolic-ref HEAD refs/heads/main
}

# A registry of one package: its metadata, and its tarball.
make_npm() {
	local www=$world_dir/www/npm
	mkdir -p "$www/-" "$T/npm/package"
	echo '{"name":"leftish","version":"1.0.0","main":"index.js"}' >"$T/npm/package/package.json"
	echo 'module.exports = "from the registry"' >"$T/npm/package/index.js"
	tar -C "$T/npm" -czf "$www/-/leftish-1.0.0.tgz" package
	cat >"$www/leftish" <<-JSON
		{"name":"leftish","dist-tags":{"latest":"1.0.0"},"versions":{"1.0.0":{"name":"leftish",
		"version":"1.0.0","main":"index.js","dist":{"shasum":"$(sha1sum "$www/-/leftish-1.0.0.tgz" | cut -d' ' -f1)",
		"tarball":"https://npm.example.com/files/npm/-/leftish-1.0.0.tgz"}}}}
	JSON
}

# An index of one wheel, which is an archive with a list in it.
make_pip() {
	local www=$world_dir/www/simple/leftish
	mkdir -p "$www"
	(cd "$www" && "$PYTHON" -c 'import zipfile
z, d = zipfile.ZipFile("leftish-1.0-py3-none-any.whl", "w"), "leftish-1.0.dist-info/"
z.writestr("leftish.py", "word = \"from the index\"\n")
z.writestr(d + "METADATA", "Metadata-Version: 2.1\nName: leftish\nVersion: 1.0\n")
z.writestr(d + "WHEEL", "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
z.writestr(d + "RECORD", "leftish.py,,\n" + d + "METADATA,,\n" + d + "WHEEL,,\n" + d + "RECORD,,\n")')
	echo '<html><a href="leftish-1.0-py3-none-any.whl">leftish-1.0-py3-none-any.whl</a></html>' \
		>"$www/index.html"
}

# A flat repository of Debian's, without a package in it but a list.
make_deb() {
	mkdir -p "$world_dir/www/deb"
	printf 'Package: leftish\nVersion: 1.0\nArchitecture: all\nMaintainer: t <t@example.com>\nFilename: ./x.deb\nSize: 1\nSHA256: %064d\nDescription: none\n' 0 \
		>"$world_dir/www/deb/Packages"
}

# A sparse registry of one crate (doc.rust-lang.org/cargo, "Registry Index").
make_cargo() {
	local www=$world_dir/www/cargo
	mkdir -p "$www/le/ft" "$T/crate/leftish-1.0.0/src"
	printf '[package]\nname = "leftish"\nversion = "1.0.0"\n' >"$T/crate/leftish-1.0.0/Cargo.toml"
	echo 'pub const WORD: &str = "from the registry";' >"$T/crate/leftish-1.0.0/src/lib.rs"
	tar -C "$T/crate" -czf "$www/leftish-1.0.0.crate" leftish-1.0.0
	echo '{"dl":"https://cargo.example.com/files/cargo/{crate}-{version}.crate"}' >"$www/config.json"
	echo '{"name":"leftish","vers":"1.0.0","deps":[],"features":{},"yanked":false,"cksum":"'"$(sha256sum \
		"$www/leftish-1.0.0.crate" | cut -d' ' -f1)"'"}' >"$www/le/ft/leftish"
	mkdir -p "$T/programs/crate/src"
	printf '[package]\nname = "own"\nversion = "1.0.0"\n[dependencies]\nleftish = { version = "1", registry = "world" }\n' \
		>"$T/programs/crate/Cargo.toml"
	echo 'fn main() {}' >"$T/programs/crate/src/main.rs"
}

# cargo itself, and not the program of rustup's that looks for it in a home.
find_cargo() {
	local cargo
	cargo=$(HOME=~root ~root/.cargo/bin/rustup which cargo 2>/dev/null || command -v cargo) &&
		cp -L "$cargo" "$p/cargo" && HOME=$T "$p/cargo" --version >/dev/null 2>&1 || rm -f "$p/cargo"
}

make_programs() {
	mkdir -p "$T/programs" && cp "$here/net/clients/"* "$T/programs/"
	have go && (cd "$T/programs" && HOME=$T GOCACHE=$T/go GO111MODULE=off GOFLAGS='' go build -o goclient main.go)
	find_cargo
	have javac && javac -d "$T/programs" "$T/programs/Client.java"
	chmod -R a+rX "$T/programs"
}

have() { [ -x "/usr/bin/$1" ]; }
mkdir -p "$world_dir/www"
p=$T/programs
# size BYTES: of what goes up and down from here on
size() {
	bytes=$1
	head -c "$bytes" /dev/urandom >"$world_dir/www/large"
	cp "$world_dir/www/large" "$T/large.new" && mv "$T/large.new" "$T/large"
	large=$(sha256sum <"$T/large" | cut -d' ' -f1)
}
make_git
make_npm
make_pip
make_deb
make_cargo
make_programs

# ---- the programs; each in box $1, of which the names of checks say $2

# needs PROGRAM NAME
needs() {
	have "$1" && return
	skip "$2" "there is no $1"
	return 1
}

small_clients() {
	local x=$1 m=$2
	shows "curl speaks HTTP/1.1, $m" '"path": "/hello"' inside "$x" "curl -sS --http1.1 $api/hello"
	shows "curl in clear, $m" '"path": "/hello"' inside "$x" "curl -sS http://api.example.com/hello"
	shows "wget, $m" '"path": "/hello"' inside "$x" "wget -qO- $api/hello"
	shows "python's urllib, $m" "^200$" inside "$x" "$PYTHON -c 'import urllib.request as u
print(u.urlopen(\"$api/\").status)'"
	shows "openssl s_client trusts what it is shown, $m" "Verify return code: 0" \
		inside "$x" "openssl s_client -connect api.example.com:443 -servername api.example.com -verify_return_error </dev/null"
}

language_clients() {
	local x=$1 m=$2
	! needs node "node's fetch, $m" ||
		prints "node's fetch, $m" 200 inside "$x" "node -e 'fetch(\"$api/\").then(r => console.log(r.status))'"
	! needs node "node's agent keeps its connection, $m" ||
		prints "node's agent keeps its connection, $m" "reused 19" inside "$x" "node $p/agent.js $api/"
	if "$PYTHON" -c 'import requests' 2>/dev/null; then
		shows "python's requests keep one session, $m" "^200 200$" inside "$x" "$PYTHON -c 'import requests
s = requests.Session()
print(s.get(\"$api/\").status_code, s.post(\"$api/\", data=b\"x\" * 100000).status_code)'"
	fi
	! needs go "a program in Go, $m" ||
		shows "a program in Go, $m" "HTTP/2.0 200" inside "$x" "$p/goclient $api/ $h2/ $h2/big?n=1000000"
	! needs java "a program in Java, $m" ||
		shows "a program in Java, $m" "HTTP_2 200" inside "$x" "java -cp $p Client $api/ $h2/ $h2/big?n=1000000"
	! needs gnutls-cli "GnuTLS, $m" ||
		shows "GnuTLS, $m" "HTTP/1.1 200" inside "$x" \
			"(printf 'GET / HTTP/1.1\r\nHost: api.example.com\r\n\r\n'; sleep 0.5) | gnutls-cli api.example.com"
}

package_clients() {
	local x=$1 m=$2
	# over HTTP/2 the libcurl 7.88 with GnuTLS that Debian 12's git has sends some of a large
	# upload twice, or stalls, whenever its socket takes less than was offered
	check "git clones and pushes, $m" inside "$x" "cd \$(mktemp -d) && git clone -q https://git.example.com/git/repo . &&
		[ \$(stat -c %s large) = 20000000 ] && head -c 5000000 /dev/urandom >more && git add more &&
		git -c user.name=t -c user.email=t@example.com commit -qm more && git -c http.version=HTTP/1.1 push -q origin HEAD:refs/heads/from-$x-$WHO-$WALL"
	shows "... and the far side has it, $m" "^5000000$" git -C "$world_dir/git/repo" cat-file -s "from-$x-$WHO-$WALL:more"
	! needs npm "npm installs from a registry, $m" ||
		prints "npm installs from a registry, $m" "from the registry" inside "$x" "cd \$(mktemp -d) &&
			npm install --silent --no-audit --no-fund --registry https://npm.example.com/files/npm/ leftish &&
			node -p 'require(\"leftish\")'"
	if "$PYTHON" -m pip --version >/dev/null 2>&1; then
		prints "pip installs from an index, $m" "from the index" inside "$x" "d=\$(mktemp -d) &&
			$PYTHON -m pip install -q --disable-pip-version-check --no-cache-dir --target \$d \
				--index-url https://pypi.example.com/files/simple leftish &&
			PYTHONPATH=\$d $PYTHON -c 'import leftish; print(leftish.word)'"
	fi
	if [ -x "$p/cargo" ]; then
		prints "cargo fetches from a registry, $m" 'pub const WORD: &str = "from the registry";' inside "$x" "d=\$(mktemp -d) && cp -r $p/crate \$d/own &&
			cd \$d/own && CARGO_REGISTRIES_WORLD_INDEX=sparse+https://cargo.example.com/files/cargo/ \
			$p/cargo -q vendor vendor >/dev/null && cat vendor/leftish/src/lib.rs"
	else
		skip "cargo fetches from a registry, $m" "there is no cargo"
	fi
	! needs apt-get "apt reads its lists in clear, $m" ||
		shows "apt reads its lists in clear, $m" "^Package: leftish$" inside "$x" "d=\$(mktemp -d) && cd \$d &&
			echo 'deb [trusted=yes] http://deb.example.com/files/deb ./' >list && mkdir -p lists/partial cache &&
			touch status && o=\"-o Dir::Etc::sourcelist=\$d/list -o Dir::Etc::sourceparts=- -o Dir::State=\$d
			-o Dir::State::status=\$d/status -o Dir::Cache=\$d/cache -o APT::Sandbox::User=root\" &&
			apt-get -qq \$o update && apt-cache \$o show leftish"
}

heavy_clients() {
	local x=$1 m=$2
	shows "$((bytes / 1000000)) MB come down whole, $m" "^$large" inside "$x" "curl -sS $api/files/large | sha256sum"
	shows "$((bytes / 1000000)) MB go up whole, $m" "$large" inside "$x" "curl -sS -T $T/large $api/up"
	shows "chunked, of unknown length, $m" "$large" \
		inside "$x" "cat $T/large | curl -sS -H Expect: -T - $api/up"
	shows "$((bytes / 1000000)) MB go up by HTTP/2, $m" "$large" inside "$x" "curl -sS --http2 -T $T/large $h2/up"
	shows "HTTP/2 is what both sides speak, $m" "^.*\"http\": 2.*2\$" \
		inside "$x" "curl -sS --http2 $h2/ -w '%{http_version}' | tr -d '\n'"
	! needs nghttp "trailers come, as gRPC has them, $m" ||
		shows "trailers come, as gRPC has them, $m" "grpc-status: 0" \
			inside "$x" "nghttp -v -H 'te: trailers' -H 'content-type: application/grpc' -d /etc/hostname $h2/call"
	! needs h2load "200 requests on 4 connections of HTTP/2, $m" ||
		shows "200 requests on 4 connections of HTTP/2, $m" "200 succeeded, 0 failed" \
			inside "$x" "h2load -n 200 -c 4 -m 10 $h2/"
	shows "events come as they are sent, $m" "5 events" inside "$x" "$PYTHON $p/events.py $api/events"
	! needs node "a WebSocket over TLS, $m" ||
		shows "a WebSocket over TLS, $m" "echo 4" \
			inside "$x" "node --experimental-websocket --no-warnings $p/ws.js wss://api.example.com/ws"
	! needs node "a WebSocket in clear, $m" ||
		shows "a WebSocket in clear, $m" "echo 4" \
			inside "$x" "node --experimental-websocket --no-warnings $p/ws.js ws://api.example.com/ws"
}

through_proxy() {
	local x=$1 m=$2 via=http://gate.brig.internal:3128
	shows "curl by the gate as a proxy, TLS, $m" '"path": "/p"' inside "$x" "https_proxy=$via curl -sS $api/p"
	shows "... in clear, $m" '"path": "/p"' inside "$x" "http_proxy=$via curl -sS http://api.example.com/p"
	shows "... a tunnel for what is clear, $m" '"path": "/p"' inside "$x" "curl -sS -p -x $via http://api.example.com/p"
	shows "... and none to what no rule allows, $m" "^403$" \
		inside "$x" "curl -s -o /dev/null -w '%{http_connect}' -x $via https://evil.example.com/; true"
	shows "... nor in clear, $m" "^403$" \
		inside "$x" "curl -s -o /dev/null -w '%{http_code}' -x $via http://evil.example.com/"
	shows "wget by the proxy, $m" '"path": "/p"' inside "$x" "https_proxy=$via wget -qO- $api/p"
	check "git by the proxy, $m" inside "$x" "https_proxy=$via git ls-remote -q https://git.example.com/git/repo main"
	! needs npm "npm by the proxy, $m" ||
		check "npm by the proxy, $m" inside "$x" "https_proxy=$via npm view --registry https://npm.example.com/files/npm/ leftish"
	! needs go "a program in Go by the proxy, $m" ||
		shows "a program in Go by the proxy, $m" "HTTP/2.0 200" inside "$x" "HTTPS_PROXY=$via $p/goclient $h2/"
}

# Whom the guest sees at the other end, and what the log says of it.
passed() {
	shows "the certificate is the world's, $2" "CN = test world CA" \
		inside "$1" "openssl s_client -connect api.example.com:443 -servername api.example.com </dev/null 2>/dev/null | openssl x509 -noout -issuer"
	check "the log has TLS as passed through, $2" logged "$1" '.host == "api.example.com" and .proto == "tls" and .verdict == "allow"'
	check "... and nothing opened, $2" not verdict "$1" '.proto == "https"'
}

opened() {
	shows "the certificate is of the sandbox's own CA, $2" "CN = .*brig" \
		inside "$1" "openssl s_client -connect api.example.com:443 -servername api.example.com </dev/null 2>/dev/null | openssl x509 -noout -issuer"
	check "the log has method and path, $2" logged "$1" '.host == "api.example.com" and .proto == "https" and .method == "GET" and .path == "/hello"'
	check "... with the bytes that went, $2" logged "$1" '.path == "/up" and .up >= '"$bytes"
	if needs certutil "the NSS database has the CA, $2"; then
		shows "the NSS database has the CA, $2" "C" inside "$1" "certutil -L -d sql:/run/brig/nssdb"
		! have tstclnt || shows "NSS trusts what it is shown, $2" "HTTP/1.1 200" inside "$1" \
			"(printf 'GET / HTTP/1.1\r\nHost: api.example.com\r\nConnection: close\r\n\r\n'; sleep 0.5) |
			timeout 2 tstclnt -h api.example.com -p 443 -d sql:/run/brig/nssdb -V tls1.2:tls1.3 2>&1; true"
	fi
}

pass_rules=() open_rules=()
for name in api h2 git npm pypi deb cargo; do
	pass_rules+=(--allow "$name.example.com")
	open_rules+=(--allow "https://$name.example.com/**" --allow "http://$name.example.com/**")
done
share=(-v "$T/programs:$p:ro" -v "$T/large:$T/large:ro" -v "$world_dir/ca.pem:$world_dir/ca.pem:ro")

all_clients() {
	local each
	for each in small_clients language_clients package_clients heavy_clients through_proxy; do
		"$each" "$@"
	done
}

# both BOX WORD CLIENTS...: a sandbox of each kind
both() {
	local word=$1 each
	shift
	if ! works "$WALL"; then
		skip "clients of $word" "the $WALL wall doesn't run here"
		return
	fi
	check "a sandbox that passes TLS through starts, $word" box pass --net locked "${share[@]}" "${pass_rules[@]}"
	check "a sandbox that opens TLS starts, $word" box open --net locked "${share[@]}" "${open_rules[@]}"
	for each in "$@"; do
		"$each" pass "passed through, $word"
		"$each" open "opened, $word"
	done
	passed pass "passed through, $word"
	opened open "opened, $word"
	shows "the audit log is unbroken, passed through, $word" unbroken b audit verify pass
	shows "the audit log is unbroken, opened, $word" unbroken b audit verify open
	check "both are removed, $word" b rm -f pass open
}

who root
size 100000000
WALL=container both "root in a container" all_clients
size 10000000
WALL=nspawn both "root in nspawn" small_clients heavy_clients
WALL=sentry both "root behind the sentry" all_clients
if user_is range; then
	who brig-range
	WALL=container both "a user in a container" all_clients
	WALL=nspawn both "a user in nspawn" small_clients heavy_clients
else
	skip "clients of a user" "there is no user brig-range"
fi
if user_is plain; then
	who brig-plain
	WALL=container both "a user without a range" small_clients heavy_clients
else
	skip "clients of a user without a range" "there is no user brig-plain"
fi
net_finish
