#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# gate.sh [--quick] [--write] PREFIX - what the gate costs, beside no gate and other proxies.
#
# One web server (nginx) on the loopback of a network namespace made for this; reached directly,
# from a sandbox through the gate, and through squid and mitmproxy where they are. Everything in
# one run, in turns; the table goes to standard output, with --write into doc/bench-gate.md. Root.
#
# streams		bytes a second of one and of 64 downloads at once (curl)
# requests		requests a second over 16 kept connections (wrk)
# latency		of one request after another on one kept connection (wrk)
# memory		of gate, injector and vault with 1,000 open connections
# verdict		of one decision with 10,000 rules (verdict.c)
set -u

here=$(cd "$(dirname "$0")" && pwd)
rounds=5 size=400 seconds=4 write='' prefix=''
for word in "$@"; do
	case $word in
	--quick) rounds=2 size=200 seconds=2 ;;
	--write) write=yes ;;
	-*) echo "usage: bench/gate.sh [--quick] [--write] PREFIX" >&2 && exit 2 ;;
	*) prefix=$(readlink -f "$word") || exit 2 ;;
	esac
done
[ "$(id -u)" = 0 ] || { echo "bench/gate.sh takes root: it makes network namespaces" >&2 && exit 2; }
brig=$prefix/bin/brig
work=$(mktemp -d "${TMPDIR:-/tmp}/brig-gate-bench.XXXXXX") || exit 1
chmod 755 "$work"
export BRIG_HOME=$work/home SSL_CERT_FILE=$work/ca.pem
pids=()

note() { echo "bench: $*" >&2; }

clean_up() {
	"$brig" rm -f --all >/dev/null 2>&1
	[ ${#pids[@]} = 0 ] || kill "${pids[@]}" 2>/dev/null
	sleep 0.3
	rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# ---- the far side

make_certificates() {
	(cd "$work" &&
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=bench CA" \
			-keyout ca.key -out ca.pem -addext basicConstraints=critical,CA:TRUE &&
		openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=bench" -keyout key.pem -out cert.csr &&
		openssl x509 -req -in cert.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out cert.pem \
			-extfile <(echo "subjectAltName=DNS:host.brig.internal,DNS:localhost,IP:127.0.0.1")) 2>/dev/null
}

host() { nsenter -t "$ns" -n "$@"; }

start_servers() {
	mkdir -p "$work/www/v1"
	head -c "${size}M" /dev/zero >"$work/www/big"
	echo hello >"$work/www/small"
	cp "$work/www/small" "$work/www/v1/small"
	ln -s ../big "$work/www/v1/big"
	cat >"$work/nginx.conf" <<-CONF
		worker_processes 1; worker_rlimit_nofile 20000; daemon off; error_log $work/nginx.log; pid $work/nginx.pid;
		events { worker_connections 8192; }
		http {
			access_log off; sendfile on; keepalive_requests 100000000; keepalive_timeout 300s;
			client_body_temp_path $work/t1; proxy_temp_path $work/t2; fastcgi_temp_path $work/t3;
			uwsgi_temp_path $work/t4; scgi_temp_path $work/t5;
			server { listen 127.0.0.1:8080; root $work/www; }
			server { listen 127.0.0.1:8443 ssl; root $work/www; ssl_certificate $work/cert.pem;
				ssl_certificate_key $work/key.pem; ssl_session_cache shared:s:1m; }
			server { listen 127.0.0.1:443 ssl; root $work/www; ssl_certificate $work/cert.pem;
				ssl_certificate_key $work/key.pem; ssl_session_cache shared:s:1m; }
		}
	CONF
	unshare -n sleep 100000 &
	ns=$!
	pids+=("$ns")
	sleep 0.3
	host ip link set lo up
	host nginx -c "$work/nginx.conf" &
	pids+=($!)
	sleep 0.5
}

start_peers() {
	peers=()
	if command -v squid >/dev/null; then
		printf 'http_port 127.0.0.1:3128\nhttp_access allow all\naccess_log none\ncache deny all\npid_filename %s/squid.pid\ncache_log /dev/null\ncoredump_dir %s\nshutdown_lifetime 1 second\n' \
			"$work" "$work" >"$work/squid.conf"
		host squid -N -f "$work/squid.conf" 2>/dev/null &
		pids+=($!)
		peers+=(squid)
	fi
	if command -v mitmdump >/dev/null; then
		host mitmdump -q --mode reverse:https://127.0.0.1:443 -p 9443 --listen-host 127.0.0.1 \
			--set confdir="$work/mitm" --set ssl_verify_upstream_trusted_ca="$work/ca.pem" \
			--set stream_large_bodies=1m >/dev/null 2>&1 &
		pids+=($!)
		peers+=(mitmproxy)
	fi
	sleep 4
}

# ---- measuring

median() { sort -g | awk '{ v[NR] = $1 } END { print (NR % 2) ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

inside() { host "$brig" exec bench -- "$@"; }

# stream N URL [CURL OPTIONS...]: MiB a second, of N downloads at once; where: host or inside
stream() {
	local where=$1 n=$2 url=$3 i out=()
	shift 3
	for ((i = 0; i < n; i++)); do out+=(-o /dev/null "$url"); done
	local bytes=$((n == 1 ? size : size / 8 * n)) t0 t1
	[ "$n" = 1 ] || set -- -Z --parallel-max "$n" -r "0-$((size * 1024 * 1024 / 8 - 1))" "$@"
	t0=$(date +%s%N)
	"$where" curl -sS --http1.1 -k "$@" "${out[@]}" >/dev/null || echo "FAILED $url" >&2
	t1=$(date +%s%N)
	awk -v b="$bytes" -v t=$((t1 - t0)) 'BEGIN { printf "%.0f\n", b / (t / 1e9) }'
}

# load WHERE CONNECTIONS URL: "requests/s p50_us p99_us"
load() {
	"$1" wrk -t1 -c"$2" -d"${seconds}s" --latency "$3" 2>/dev/null | awk '
		function us(v) { return v ~ /us$/ ? v + 0 : v ~ /ms$/ ? v * 1000 : v * 1000000 }
		$1 == "50%" { p50 = us($2) } $1 == "99%" { p99 = us($2) } $1 == "Requests/sec:" { r = $2 }
		END { printf "%.0f %.0f %.0f\n", r, p50, p99 }'
}

# what, command...: rounds of it, in a file of its own; interleaved by the caller
take() { local file=$work/r.$1; shift; "$@" >>"$file"; }
result() { awk -v k="${2:-1}" '{ print $k }' "$work/r.$1" 2>/dev/null | median; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { if (b > 0) printf "%.2f", a / b; else print "-" }'; }

pss_of() { # of the roles, in KiB
	local total=0 p kib
	for p in $(pgrep -x "$1"); do
		[ "$(readlink "/proc/$p/exe")" = "$prefix/libexec/brig/$1" ] || continue
		kib=$(awk '/^Pss:/ { print $2 }' "/proc/$p/smaps_rollup")
		total=$((total + kib))
	done
	echo "$total"
}

hold() { # hold PORT: a thousand TLS connections, kept for as long as standard input is open
	inside /usr/bin/python3 -c '
import socket, ssl, sys
c = ssl.create_default_context(); c.check_hostname = False; c.verify_mode = ssl.CERT_NONE
held = []; socket.setdefaulttimeout(10)
for i in range(1000):
    s = socket.create_connection(("host.brig.internal", int(sys.argv[1])))
    s = c.wrap_socket(s, server_hostname="host.brig.internal")
    s.sendall(b"GET /v1/small HTTP/1.1\r\nHost: host.brig.internal%s\r\n\r\n" % (b"" if sys.argv[1] == "443" else b":" + sys.argv[1].encode()))
    s.recv(4096)
    held.append(s)
print("held", flush=True)
import time; time.sleep(6)' "$1"
}

note "servers and peers"
make_certificates && start_servers && start_peers
host "$brig" create --name bench --net locked --allow host.brig.internal:8080 --allow host.brig.internal:8443 \
	--allow 'https://host.brig.internal/v1/**' -- sleep 100000 >/dev/null &&
	host "$brig" start bench >/dev/null || exit 1
inside curl -sS http://host.brig.internal:8080/small >/dev/null || exit 1
inside curl -sS https://host.brig.internal/v1/small >/dev/null || exit 1

g=host.brig.internal
for ((round = 1; round <= rounds; round++)); do
	note "round $round of $rounds"
	for n in 1 64; do
		take "direct-$n" stream host $n http://127.0.0.1:8080/big
		take "pass-$n" stream inside $n http://$g:8080/big
		[[ " ${peers[*]} " != *" squid "* ]] || take "squid-$n" stream host $n http://127.0.0.1:8080/big -p -x http://127.0.0.1:3128
		take "tls-direct-$n" stream host $n https://127.0.0.1/v1/big
		take "open-$n" stream inside $n https://$g/v1/big
		[[ " ${peers[*]} " != *" mitmproxy "* ]] || take "mitm-$n" stream host $n https://127.0.0.1:9443/v1/big
	done
	for c in 1 16; do
		take "l-direct-$c" load host $c http://127.0.0.1:8080/small
		take "l-pass-$c" load inside $c http://$g:8080/small
		take "l-tls-direct-$c" load host $c https://127.0.0.1/v1/small
		take "l-tls-pass-$c" load inside $c https://$g:8443/v1/small
		take "l-open-$c" load inside $c https://$g/v1/small
		[[ " ${peers[*]} " != *" mitmproxy "* ]] || take "l-mitm-$c" load host $c https://127.0.0.1:9443/v1/small
	done
done

note "memory"
"$brig" kill bench >/dev/null; "$brig" wait bench >/dev/null 2>&1; host "$brig" start bench >/dev/null
inside curl -sS http://host.brig.internal:8080/small >/dev/null
m0=$(($(pss_of brig-gate) + $(pss_of brig-injector) + $(pss_of brig-vault)))
hold 8443 >/dev/null & sleep 4; mp=$(pss_of brig-gate); wait $!
hold 443 >/dev/null & sleep 5; mo=$(pss_of brig-gate); moi=$(pss_of brig-injector); wait $!

note "verdicts"
"$here/../build/bench/verdict" 10000 >"$work/verdict" 2>/dev/null

report() {
	echo "# What the gate costs"
	echo
	echo "Made by bench/gate.sh on $(date +%F), kernel $(uname -r), load $(cut -d" " -f1 /proc/loadavg)."
	echo "nginx (one worker) on loopback; medians of $rounds rounds in one run; $(nproc) CPUs, so client, gate and server share them."
	echo
	echo "| | direct | through the gate | ratio | peer | peer's ratio |"
	echo "|---|---:|---:|---:|---|---:|"
	for n in 1 64; do
		local d p s t o m
		d=$(result direct-$n) p=$(result pass-$n) s=$(result squid-$n) t=$(result tls-direct-$n) o=$(result open-$n) m=$(result mitm-$n)
		echo "| passed through, $n stream$([ $n = 1 ] || echo s), MiB/s | $d | $p | $(ratio "$p" "$d") | squid ${s:-–} | $(ratio "${s:-0}" "$d") |"
		echo "| opened TLS, $n stream$([ $n = 1 ] || echo s), MiB/s | $t | $o | $(ratio "$o" "$t") | mitmproxy ${m:-–} | $(ratio "${m:-0}" "$t") |"
	done
	echo "| requests/s in clear, 16 kept, passed through | $(result l-direct-16) | $(result l-pass-16) | $(ratio "$(result l-pass-16)" "$(result l-direct-16)") | | |"
	echo "| requests/s TLS, 16 kept, passed through | $(result l-tls-direct-16) | $(result l-tls-pass-16) | $(ratio "$(result l-tls-pass-16)" "$(result l-tls-direct-16)") | | |"
	echo "| requests/s TLS, 16 kept, opened | $(result l-tls-direct-16) | $(result l-open-16) | $(ratio "$(result l-open-16)" "$(result l-tls-direct-16)") | mitmproxy $(result l-mitm-16) | $(ratio "$(result l-mitm-16)" "$(result l-tls-direct-16)") |"
	echo
	echo "| latency of a request on a kept connection, µs | direct p50 | p99 | gate p50 | p99 | added p50 |"
	echo "|---|---:|---:|---:|---:|---:|"
	local a b
	for kind in pass tls-pass open mitm; do
		a=l-direct-1
		[ $kind = pass ] || a=l-tls-direct-1
		b=l-$kind-1
		[ -f "$work/r.$b" ] || continue
		echo "| $kind | $(result $a 2) | $(result $a 3) | $(result $b 2) | $(result $b 3) | $(awk -v x="$(result $b 2)" -v y="$(result $a 2)" 'BEGIN { print x - y }') |"
	done
	echo
	echo "Memory (PSS): gate, injector and vault after one request $((m0 / 1024)) MiB; the gate with 1,000 connections passed through $((mp / 1024)) MiB; with 1,000 opened $((mo / 1024)) MiB, the injector then $((moi / 1024)) MiB."
	if [ -s "$work/verdict" ]; then
		echo
		echo "A verdict with 10,000 rules, ns:"
		awk -F'\t' '{ printf "%s%s %s", (NR > 1 ? "; " : ""), $1, $3 } END { print "." }' "$work/verdict"
	fi
}

report | tee "$work/report.md"
if [ -n "$write" ]; then
	! [ -e "$here/../doc/bench-gate.md" ] ||
		sed -n '/^<!-- by hand/,$p' "$here/../doc/bench-gate.md" >"$work/by-hand"
	{ cat "$work/report.md"; [ ! -s "$work/by-hand" ] || { echo; cat "$work/by-hand"; }; } \
		>"$here/../doc/bench-gate.md"
fi
