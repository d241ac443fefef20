# SPDX-License-Identifier: Apache-2.0
# image-lib.sh - what the tests of images share: counting, registries, images. Sourced by bash.

passed=0 failed=0 skipped=0 number=0
started=()

# check NAME COMMAND...: one test; what the command says is shown when it fails.
check() {
	local name=$1 out
	shift
	number=$((number + 1))
	if out=$("$@" 2>&1); then
		passed=$((passed + 1))
		echo "ok $number $name"
	else
		failed=$((failed + 1))
		echo "not ok $number $name"
		printf '%s\n' "$out" | sed 's/^/# /'
	fi
}

skip() {
	number=$((number + 1))
	skipped=$((skipped + 1))
	echo "ok $number $1 # SKIP $2"
}

# Ends everything this script started, by its id, and says how it went.
finish() {
	local pid
	for pid in "${started[@]}"; do
		kill "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
	clean_store
	rm -rf "$T"
	echo "1..$number"
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" = 0 ]
}

# Layers belong to subordinate ids; the tool that made them removes them.
clean_store() {
	local dir
	for dir in "$T"/home*; do
		[ -d "$dir" ] || continue
		rm -rf "$dir" 2>/dev/null
		[ -d "$dir" ] && unshare -Ur --map-auto rm -rf "$dir"
	done
}

free_port() {
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# wait_for PORT: until something listens there, at most 10 seconds.
wait_for() {
	local i
	for i in $(seq 100); do
		(exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return 0
		sleep 0.1
	done
	echo "nothing listens on port $1 after 10 seconds" >&2
	return 1
}

# start_registry VAR [HTPASSWD]: a registry of its own folder; its port goes to VAR.
start_registry() {
	local port auth=
	port=$(free_port)
	[ -n "$2" ] && auth="auth: {htpasswd: {realm: test, path: $2}}"
	cat >"$T/registry-$port.yml" <<-END
		version: 0.1
		log: {level: error}
		storage: {filesystem: {rootdirectory: $T/registry-$port}, delete: {enabled: true}}
		http: {addr: "127.0.0.1:$port"}
		$auth
	END
	docker-registry serve "$T/registry-$port.yml" >"$T/registry-$port.log" 2>&1 &
	started+=($!)
	printf -v "$1" %s "$port"
	wait_for "$port"
}

# start_stub VAR ARG...: image-stub.py in front of a registry.
start_stub() {
	local var=$1 port
	shift
	port=$(free_port)
	python3 "$HERE/image-stub.py" "$port" "$@" >"$T/stub-$port.log" 2>&1 &
	started+=($!)
	printf -v "$var" %s "$port"
	wait_for "$port"
}

# push LAYOUT:TAG NAME [ARG...]: by skopeo, over http.
push() {
	local from=$1 to=$2
	shift 2
	skopeo --insecure-policy copy -q --dest-tls-verify=false "$@" "oci:$from" "docker://$to"
}

# Where the layers of an image are, bottom to top: store_layers DIGEST
store_layers() {
	local home=$BRIG_HOME/data/store id
	jq -r '.layers[].diff_id' "$home/images/sha256-${1#sha256:}.json" | while read -r id; do
		echo "$home"/layers/*/"$(echo "${id#sha256:}" | cut -c1-16)/d"
	done
}
