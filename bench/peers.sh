# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# peers.sh - the others, each with what it needs to run here, or a loud word why it can't.
# Sourced by run.sh. Each add_X tries one run first.
# shellcheck disable=SC2154,SC2034 # work, user, commands and the like are lib.sh's, and it reads

crun_in_v2=''
crun_note='crun refuses hybrid control groups. So it was measured by itself in a mount namespace that shows version 2 alone, without limits; bwrap beside it is the yardstick.'

# have PROGRAM WHO: is it installed?
have() {
	command -v "$1" >/dev/null && return
	skip "$1 as $2: it is not installed"
	return 1
}

# works WHAT WHO COMMAND...: does it run here? Its last words are the reason if not.
works() {
	local what=$1 who=$2
	shift 2
	# in a file of that one's: a peer may want to own its standard error
	as "$who" timeout 30 sh -c '"$@" >/dev/null 2>../me/why </dev/null' sh "$@" && return
	skip "$what as $who: $(grep . "$work/$who/me/why" | tail -n 1 | sed 's/^time=.*msg=//' | cut -c 1-200)"
	return 1
}

# bundle WHO: OCI bundles for that one's root: 'true', and 'sleep' to exec into.
bundle() {
	local dir=$work/$1/oci how='' argv kind
	command -v runc >/dev/null || return 0
	[ "$1" = root ] || how=--rootless
	for kind in true sleep; do
		as "$1" mkdir -p "$dir/$kind"
		as "$1" runc spec $how -b "$dir/$kind" || return 0
		argv='"/bin/true"'
		[ $kind = true ] || argv='"/bin/sleep", "3600"'
		sed -i -e 's/"terminal": true/"terminal": false/' -e "s|\"sh\"|$argv|" \
			-e "s|\"path\": \"rootfs\"|\"path\": \"$work/$1/root\"|" \
			-e 's/"readonly": true/"readonly": false/' "$dir/$kind/config.json"
	done
}

add_runc() {
	local -a runc=(runc --root "$work/$1/run/runc" run -b "$work/$1/oci/true")
	have runc "$1" && works runc "$1" "${runc[@]}" try && add runc "${runc[@]}" '@P@-@N@'
}

add_crun() {
	local -a crun=(crun --cgroup-manager=disabled --root "$work/$1/run/crun")
	have crun "$1" || return
	if as "$1" "${crun[@]}" run -b "$work/$1/oci/true" try 2>&1 </dev/null | grep -q hybrid; then
		[ "$1" != root ] || crun_in_v2=yes
		[ "$1" = root ] || skip "crun as $1: it refuses hybrid control groups"
		return
	fi
	works crun "$1" "${crun[@]}" run -b "$work/$1/oci/true" try2 &&
		add crun "${crun[@]}" run -b "$work/$1/oci/true" '@P@-@N@'
}

add_bwrap() {
	local -a bwrap=(bwrap --unshare-all --bind "$1" / --proc /proc --dev /dev /bin/true)
	have bwrap "$now" && works bwrap "$now" "${bwrap[@]}" && add bwrap "${bwrap[@]}"
}

# Needs neither systemd nor its bus: --keep-unit and --register=no. It makes directories in the
# root, hence a copy, and leaves an empty one in /run, which end_exec_peers removes.
add_nspawn() {
	local root=$work/$1/nspawn-root
	local -a nspawn=(systemd-nspawn -q --register=no --keep-unit --resolv-conf=off
		--timezone=off --link-journal=no -M "brig-bench-$$" -D "$root" /bin/true)
	if [ "$1" != root ]; then
		skip 'systemd-nspawn as user: it is for root'
		return
	fi
	have systemd-nspawn "$1" && cp -a "$work/tree" "$root" && works systemd-nspawn "$1" "${nspawn[@]}" &&
		add systemd-nspawn "${nspawn[@]}"
}

# gVisor: the installed one, else Debian's package, of a newer suite if that can be had.
runsc=''
find_runsc() {
	local list=$work/newer.list
	[ -z "$runsc" ] || return 0
	runsc=$(command -v runsc) && return
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian ${BENCH_SUITE:-trixie} main" >"$list"
	mkdir -p "$work/apt/lists/partial" "$work/apt/cache/archives/partial" "$work/apt/x"
	local -a apt=(apt-get -qq -o "Dir::Etc::sourcelist=$list" -o Dir::Etc::sourceparts=-
		-o "Dir::State::lists=$work/apt/lists" -o "Dir::Cache=$work/apt/cache" -o APT::Sandbox::User=root)
	note "gVisor's runsc is not installed: looking for Debian's package"
	if ! (cd "$work/apt" && timeout 120 "${apt[@]}" update && timeout 120 "${apt[@]}" download runsc &&
		dpkg -x ./*.deb x) >/dev/null 2>&1; then
		runsc=$(fetch runsc runsc) && return
		runsc=none
		return
	fi
	runsc=$(find "$work/apt/x" -name runsc -type f | grep .) || runsc=none
}

add_runsc() {
	local platform
	local -a run
	if [ "$1" != root ]; then
		skip 'runsc as user: rootless it needs set-up of its own'
		return
	fi
	find_runsc
	if [ "$runsc" = none ]; then
		skip 'runsc: not installed, and no Debian package of it could be had'
		return
	fi
	for platform in systrap ptrace; do
		run=("$runsc" --root "$work/$1/run/runsc" --network=none "--platform=$platform" run
			-bundle "$work/$1/oci/true")
		as "$1" timeout 30 "${run[@]}" "try-$platform" >/dev/null 2>&1 </dev/null || continue
		add "runsc ($platform)" "${run[@]}" '@P@-@N@'
		return
	done
	works runsc "$1" "${run[@]}" try
}

add_runc_exec() {
	local -a runc=(runc --root "$work/$1/run/runc")
	command -v runc >/dev/null && works 'runc exec' "$1" "${runc[@]}" run -d \
		-b "$work/$1/oci/sleep" "$2" && add 'runc exec' "${runc[@]}" exec "$2" /bin/true
}

add_crun_exec() {
	local -a crun=(crun --cgroup-manager=disabled --root "$work/$1/run/crun")
	[ -z "$crun_in_v2" ] && command -v crun >/dev/null || return
	as "$1" "${crun[@]}" run -d -b "$work/$1/oci/sleep" "$2" >/dev/null 2>&1 </dev/null &&
		add 'crun exec' "${crun[@]}" exec "$2" /bin/true
}

end_exec_peers() {
	as "$1" runc --root "$work/$1/run/runc" delete -f "$2" >/dev/null 2>&1
	as "$1" crun --cgroup-manager=disabled --root "$work/$1/run/crun" delete -f "$2" >/dev/null 2>&1
	rmdir "/run/systemd/nspawn/propagate/brig-bench-$$" 2>/dev/null
}

# Under a /sys/fs/cgroup of version 2 alone, in a mount namespace of its own.
crun_section() {
	local id=brig-bench-$$-v2
	local -a crun=(crun --cgroup-manager=disabled --root "$work/root/run/crun")
	local -a v2=(unshare -m --propagation private sh -c
		'mount -t cgroup2 none /sys/fs/cgroup && exec "$@"' sh)
	note 'crun, in a mount namespace with version 2 control groups alone'
	if ! as root "${v2[@]}" "${crun[@]}" run -b "$work/root/oci/true" try3 2>"$work/why" </dev/null; then
		skip "crun: $(tail -n 1 "$work/why")"
		return
	fi
	as root "${v2[@]}" "$measure" turns -n "$rounds" -s 30 crun "${crun[@]}" run -b "$work/root/oci/true" \
		'@P@-@N@' ::: bwrap bwrap --unshare-all --bind "$work/root/root" / --proc /proc \
		--dev /dev /bin/true >"$work/cold-v2"
	# shellcheck disable=SC2016 # the inner shell expands
	as root "${v2[@]}" sh -c '
		measure=$1 rounds=$2 id=$3 sleep=$4
		shift 4
		"$@" run -d -b "$sleep" "$id" </dev/null >/dev/null 2>&1 &&
			"$measure" turns -n "$rounds" -s 30 "crun exec" "$@" exec "$id" /bin/true
		"$@" delete -f "$id" >/dev/null 2>&1' sh "$measure" "$rounds" "$id" \
		"$work/root/oci/sleep" "${crun[@]}" >"$work/exec-v2"
}

peer_versions() {
	local out=''
	command -v runc >/dev/null && out="$out, $(runc --version | head -n 1)"
	command -v crun >/dev/null && out="$out, $(crun --version | head -n 1)"
	command -v bwrap >/dev/null && out="$out, $(bwrap --version)"
	command -v systemd-nspawn >/dev/null && out="$out, systemd-nspawn $(systemd-nspawn --version | awk 'NR == 1 { print $2 }')"
	[ -z "$runsc" ] || [ "$runsc" = none ] || out="$out, $("$runsc" --version | head -n 1)"
	echo "${out#, }"
}
