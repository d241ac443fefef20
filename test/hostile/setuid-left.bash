# SPDX-License-Identifier: Apache-2.0
# Trick: leave programs with set-user-ID, set-group-ID and file capabilities in the
#	workspace, for somebody else on the host to run.
# Gain: another user of the machine becomes the caller (root, if brig was run by root).
# Expect: chroot=stops nspawn=stops container=stops
#
# Looked at after the session; while it lasts such a file is there.
sandbox "$WS" -- sh -c 'mkdir d; for f in su d/su; do cp /bin/true $f; chmod 6755 $f; done
	cp /bin/true cap; setcap cap_setuid,cap_sys_admin+ep cap 2>/dev/null; true' >"$T/said" 2>&1
[ -e "$WS/d/su" ] || untried "nothing was made: $(tail -n 1 "$T/said")"
for file in su d/su; do
	[ ! -u "$WS/$file" ] && [ ! -g "$WS/$file" ] ||
		escaped "$file is set-ID: $(stat -c '%A %U' "$WS/$file")"
done
caps=$(getcap -n "$WS/cap" 2>/dev/null)
case $caps in
"" | *rootid=*) ;; # those of a user namespace's root are nothing on the host
*) escaped "it has the host's ${caps#*/ws/}" ;;
esac
stopped "the bits are off afterwards${caps:+; the capabilities hold in the sandbox alone}"
