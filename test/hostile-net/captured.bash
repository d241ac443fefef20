# SPDX-License-Identifier: Apache-2.0
# Trick: the gate itself is taken over (planted.c): its memory is read, system calls are
#	tried, and the injector is asked for what the policy and the grants forbid
# Gain: the secrets and the key of the certificate authority, or the host
# Control: none, it holds its own: the dump has what is known to be in it
cc=${CC:-cc}
command -v "$cc" >/dev/null || untried "there is no C compiler"
lib=$T/captured
if [ ! -x "$lib/find-key" ]; then
	mkdir -p "$lib"
	real=$(cd "${BRIG_LIBEXEC:-$(dirname "$BRIG")/../libexec/brig}" && pwd)
	ln -sf "$real"/* "$lib/"
	rm "$lib/brig-gate"
	printf '#!/bin/sh\nLD_PRELOAD=%s exec %s\n' "$lib/planted.so" "$real/brig-gate" >"$lib/brig-gate"
	chmod 755 "$lib" "$lib/brig-gate"
	"$cc" -shared -fPIC -O1 -w -o "$lib/planted.so" "$folder/planted.c" &&
		"$cc" -O2 -w -o "$lib/find-key" "$folder/find-key.c" -lcrypto ||
		{ echo "broken: it doesn't compile"; exit 3; }
fi
me+=("BRIG_LIBEXEC=$lib")
unbox captured
box captured "${LOCKED[@]}" || { echo "broken: $(cat "$T/box")"; exit 3; }
gate() { inside captured env PYTHONDONTWRITEBYTECODE=1 FRESH=1 python3 /hostile/gate.py "$@"; }
sentinel=$(inside captured sh -c 'echo $NET_KEY' | tr -d '\r')

# its memory
rm -f "$home/ws/dump"
gate mem "$home/ws/dump" "$sentinel" || exit 3
size=$(stat -c %s "$home/ws/dump")
[ "$size" -gt 500000 ] || { echo "broken: the dump has $size bytes"; exit 3; }
grep -aqF "$sentinel" "$home/ws/dump" || { echo "broken: not even the stand-in is in the dump"; exit 3; }
for form in "$REAL" "$(printf %s "$REAL" | base64 -w 0 | cut -c1-30)" "${REAL:5:24}"; do
	! grep -aqF -e "$form" "$home/ws/dump" || escaped "the secret is in the gate's memory"
done
! grep -aq 'PRIVATE KEY-----' "$home/ws/dump" || escaped "a private key is in the gate's memory"
# the key of its own leaf certificates is there, and is found: the search works
inside captured python3 -c 'import ssl; print(ssl.get_server_certificate(("key.example.com", 443)))' \
	>"$T/leaf.$ROLE.pem" 2>/dev/null
"$lib/find-key" "$T/leaf.$ROLE.pem" "$home/ws/dump" || { echo "broken: the leaf's own key isn't found"; exit 3; }
! "$lib/find-key" "$(state_of captured)/trust/ca.pem" "$home/ws/dump" ||
	escaped "the key of the certificate authority is in the gate's memory"
rm -f "$home/ws/dump"
verdict locked

# the injector, which looks again
key=x-api-key=$sentinel
for what in "evil.example.com 93.184.216.35 443 tls" "key.example.com 93.184.216.35 443 tls" \
	"key.example.com 93.184.216.37 80 clear" "key.example.com 93.184.216.38 443 tls" \
	"api.example.com 93.184.216.34 443 tls" "key.example.com 93.184.216.37 443 tls"; do
	# shellcheck disable=SC2086 # words
	said=$(gate exchange $what "$key" 2>&1 </dev/null)
	! grep -qF -e "$REAL" <<<"$said" || escaped "the injector told the secret: $what"
	verdict secret
done
[[ $said = *captured* ]] || { echo "broken: the injector serves nothing: $said"; exit 3; }

# system calls
for what in open exec fork ptrace unix code vm; do
	said=$(gate try "$what" 2>/dev/null </dev/null)
	[[ $said != *done* ]] || escaped "the gate may: $what"
	eventually 5 gate exchange api.example.com 93.184.216.34 80 clear </dev/null
done
said=$(gate try datagram 2>/dev/null </dev/null)
[[ $said != *done* ]] || escaped "the gate may send datagrams to any socket of this host"
unbox captured
stopped "no secret, no key of the authority, no system call beyond the promise"
