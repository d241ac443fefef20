#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A world for tests of the network: two network namespaces, "host", in which brig is run, and
# "world", to which the host's only route leads. Sourced after lib.sh; takes root.
#
#	world_up NAME=ADDRESS[,ADDRESS...] ...	addresses of the world's, by name
#	in_host [USER] COMMAND...		run in the host's namespace
#	world_ca				the CA that the world's certificates are of
#	world_requests, world_questions		what was asked of it
#	world_down

world_dir=
world_pids=()

world_down() {
	[ ${#world_pids[@]} -eq 0 ] || kill "${world_pids[@]}" 2>/dev/null
	world_pids=()
}

# A process that does nothing but keep a new network namespace; its pid to $REPLY.
world_ns() {
	unshare -n sleep 100000 &
	REPLY=$!
	world_pids+=("$REPLY")
	while [ "$(readlink /proc/$REPLY/ns/net)" = "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
}

world_certificates() {
	local names=$1
	(cd "$world_dir" && umask 022 &&
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 \
			-subj "/CN=test world CA" -keyout ca.key -out ca.pem \
			-addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign &&
		openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=world" \
			-keyout key.pem -out cert.csr &&
		openssl x509 -req -in cert.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -out leaf.pem \
			-extfile <(echo "subjectAltName=$names") &&
		cat leaf.pem ca.pem >cert.pem) 2>/dev/null
}

world_up() {
	local pair addr names='DNS:*.example.com' zone='"ttl": 30'
	world_dir=$T/world
	mkdir -p "$world_dir/www" "$world_dir/git"
	chmod 755 "$world_dir"
	world_ns && world_host=$REPLY
	world_ns && world_far=$REPLY
	ip link add w0 netns "$world_far" type veth peer name h0 netns "$world_host"
	nsenter -t "$world_host" -n sh -c 'ip link set lo up; ip link set h0 up
		ip addr add 11.0.0.2/24 dev h0; ip -6 addr add 2a00:11::2/64 dev h0 nodad
		ip route add default via 11.0.0.1; ip -6 route add default via 2a00:11::1'
	nsenter -t "$world_far" -n sh -c 'ip link set lo up; ip link set w0 up
		ip addr add 11.0.0.1/24 dev w0; ip -6 addr add 2a00:11::1/64 dev w0 nodad'
	for pair in "$@"; do
		names+=",DNS:${pair%%=*}"
		zone+=", \"${pair%%=*}\": [\"$(echo "${pair#*=}" | sed 's/,/", "/g')\"]"
		for addr in $(echo "${pair#*=}" | tr , ' '); do
			case $addr in
			127.* | ::1 | 169.254.* | fe80:* | 0.0.0.0 | 11.0.0.2) ;;
			*) nsenter -t "$world_far" -n ip addr add "$addr" dev lo 2>/dev/null ;;
			esac
		done
	done
	echo "{$zone}" >"$world_dir/zone.json"
	world_certificates "$names"
	echo "nameserver 11.0.0.1" >"$world_dir/resolv.conf"
	printf '127.0.0.1 localhost\n::1 localhost\n' >"$world_dir/hosts"
	: >"$world_dir/requests"
	: >"$world_dir/questions"
	nsenter -t "$world_far" -n /usr/bin/python3 "$here/net/world.py" "$world_dir" 2>"$world_dir/log" &
	world_pids+=($!)
	eventually 10 test -e "$world_dir/ready"
}

world_ca() { echo "$world_dir/ca.pem"; }
world_requests() { cat "$world_dir/requests"; }
world_questions() { cat "$world_dir/questions"; }
world_forget() { : >"$world_dir/requests"; : >"$world_dir/questions"; }

# in_host COMMAND...: as root; as_user in_host needs no more than setpriv inside
in_host() {
	nsenter -t "$world_host" -n unshare -m sh -c '
		mount --bind "$1/resolv.conf" /etc/resolv.conf && mount --bind "$1/hosts" /etc/hosts &&
		shift && exec "$@"' sh "$world_dir" \
		env SSL_CERT_FILE="$world_dir/ca.pem" "$@"
}
