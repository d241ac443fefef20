# SPDX-License-Identifier: Apache-2.0
# Trick: the workspace holds brig's own directories, as a home does: write a record with
#	other mounts and a weaker wall, or speak to the control socket.
# Gain: the next start of that sandbox gives everything.
# Expect: chroot=stops nspawn=stops container=stops
home=$WS/home
mkdir -p "$home"
export BRIG_HOME=$home/brig
"$BRIG" create -q --name other --wall "$WALL" "$WS" -- true >/dev/null 2>&1
said=$(sandbox -q --name inner "$WS" -- sh -c '
	for f in home/brig/state/sandboxes/*/record.json; do
		[ ! -w "$f" ] || ! echo >>"$f" || echo "wrote $f"; done
	mv home/brig/state/sandboxes/other home/brig/state/sandboxes/mine 2>/dev/null && echo moved the record
	for s in home/brig/run/*.sock; do [ ! -w "$s" ] || echo "may use $s"; done' 2>&1)
"$BRIG" rm --force other inner mine >/dev/null 2>&1
case $said in *wrote* | *moved* | *'may use'*) escaped "$(printf '%s\n' "$said" | tail -n 1)" ;; esac
stopped "${said:-nothing of brig\'s is there to write}"
