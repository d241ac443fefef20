# SPDX-License-Identifier: Apache-2.0
# Trick: have brig exec start a script whose interpreter is /proc/self/exe, so that it is
#	brig's own program that becomes the command; meanwhile another command opens every
#	/proc/PID/exe for writing (CVE-2019-5736 as it was used against docker exec).
# Gain: brig's program on the host, run at the next start with the caller's rights.
# Expect: chroot=stops nspawn=stops container=stops
printf '#!/proc/self/exe\n' >"$WS/evil"
chmod 755 "$WS/evil"
# shellcheck disable=SC2086
"$BRIG" run -d -q --name exe-exec --wall "$WALL" $AS -v "$T/bin:/hostile:ro" -e x=y \
	"$WS" -- /hostile/exe-overwrite again >/dev/null 2>&1 || untried "the sandbox doesn't start"
tries=0
for _ in 1 2 3 4 5 6 7 8 9 10; do
	# shellcheck disable=SC2086
	timeout 10 "$BRIG" exec $AS exe-exec -- "$WS/evil" >/dev/null 2>&1 </dev/null
	tries=$((tries + 1))
done
said=$("$BRIG" logs exe-exec 2>&1)
"$BRIG" rm --force exe-exec >/dev/null 2>&1
case $said in *escaped:*) escaped "${said#*escaped: }" ;; esac
stopped "$tries times, and the program stayed as it was"
