#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Published ports: connections from the host to servers inside.
# time: 600
# also: WALL=sentry
. "$(dirname "$0")/lib.sh"

if ! works nspawn; then
	skip "published ports" "the nspawn wall doesn't run here"
	finish
fi
python=$(command -v /usr/bin/python3) || {
	skip "published ports" "no python3 in /usr/bin"
	finish
}
wall=${WALL:-$(works container && echo container || echo nspawn)}
works "$wall" || {
	skip "published ports" "the $wall wall doesn't run here"
	finish
}
mkdir -p "$T/ws" && cd "$T/ws" || exit 1

# What serves inside: ports and what each does.
cat >server.py <<'PY'
import hashlib, os, socket, struct, sys, threading

def source(c):                  # 8101: so many bytes, then their digest on request
    n = int(c.makefile('rb').readline())
    h = hashlib.sha256()
    while n:
        part = os.urandom(min(n, 1 << 16))
        h.update(part)
        c.sendall(part)
        n -= len(part)
    c.sendall(h.hexdigest().encode())

def sink(c):                    # 8102: everything until the end of input, then its digest
    h = hashlib.sha256()
    while True:
        part = c.recv(1 << 16)
        if not part:
            break
        h.update(part)
    c.sendall(h.hexdigest().encode())

def echo(c):                    # 8103
    while True:
        part = c.recv(1 << 16)
        if not part:
            return
        c.sendall(part)

def first(c):                   # 8104: says all and ends first, then listens
    c.sendall(b'hello\n')
    c.shutdown(socket.SHUT_WR)
    got = b''
    while True:
        part = c.recv(100)
        if not part:
            break
        got += part
    open('/tmp/first', 'wb').write(got)

def reset(c):                   # 8105
    c.recv(1)
    c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))

def stall(c):                   # 8106: never reads
    threading.Event().wait()

def serve(port, what, family=socket.AF_INET, at='127.0.0.1'):
    s = socket.socket(family)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((at, port))
    s.listen(512)
    def one(c):
        try:
            what(c)
        except OSError:
            pass
        c.close()
    def loop():
        while True:
            threading.Thread(target=one, args=(s.accept()[0],), daemon=True).start()
    threading.Thread(target=loop, daemon=True).start()

for port, what in (8101, source), (8102, sink), (8103, echo), (8104, first), (8105, reset), (8106, stall):
    serve(port, what)
serve(8107, echo, socket.AF_INET6, '::1')
print('ready', flush=True)
threading.Event().wait()
PY

# What asks outside: CASE PORT.
cat >client.py <<'PY'
import hashlib, os, socket, sys, threading, time
case, port = sys.argv[1], int(sys.argv[2])

def dial(host='127.0.0.1'):
    return socket.create_connection((host, port), timeout=20)

def rest(c):
    got = b''
    while True:
        part = c.recv(1 << 16)
        if not part:
            return got
        got += part

if case == 'down':
    n = 64 << 20
    c = dial()
    c.sendall(b'%d\n' % n)
    got = rest(c)
    assert len(got) == n + 64, len(got)
    assert hashlib.sha256(got[:n]).hexdigest().encode() == got[n:]
elif case == 'up':
    c = dial()
    h = hashlib.sha256()
    for _ in range(1024):
        part = os.urandom(1 << 16)
        h.update(part)
        c.sendall(part)
    c.shutdown(socket.SHUT_WR)
    assert rest(c) == h.hexdigest().encode()
elif case == 'both':
    c = dial()
    data = os.urandom(8 << 20)
    def send():
        c.sendall(data)
        c.shutdown(socket.SHUT_WR)
    t = threading.Thread(target=send)
    t.start()
    assert rest(c) == data
    t.join()
elif case == 'first':
    c = dial()
    assert rest(c) == b'hello\n'
    time.sleep(0.3)
    c.sendall(b'still here')
    c.close()
elif case == 'reset':
    c = dial()
    c.sendall(b'x')
    try:
        got = c.recv(10)
    except ConnectionResetError:
        sys.exit(0)
    sys.exit('an end, not a reset: %r' % got)
elif case == 'refused':
    start = time.time()
    try:
        got = dial().recv(10)
    except ConnectionResetError:
        got = b''
    assert got == b'' and time.time() - start < 5
elif case == 'many':
    all = [dial() for _ in range(200)]
    for i, c in enumerate(all):
        c.sendall(b'%d' % i)
    for i, c in enumerate(all):
        assert c.recv(10) == b'%d' % i
    for c in all:
        c.close()
elif case == 'churn':
    for i in range(500):
        c = dial()
        c.sendall(b'%d' % i)
        c.shutdown(socket.SHUT_WR)
        assert rest(c) == b'%d' % i
        c.close()
elif case == 'over':
    all, refused = [], 0
    for i in range(300):
        try:
            all.append(dial())
        except OSError:
            refused += 1
    for c in all:
        try:
            c.sendall(b'x')
            refused += c.recv(1) != b'x'
        except OSError:
            refused += 1
    assert 40 <= refused <= 60, refused
elif case == 'stall':
    c = dial()
    c.settimeout(2)
    sent = 0
    try:
        while sent < 200 << 20:
            sent += c.send(b'x' * 65536)
        sys.exit('nothing held it up')
    except socket.timeout:
        pass
    # others are not held up by it
    port = int(sys.argv[3])
    d = dial()
    d.sendall(b'ping')
    assert d.recv(10) == b'ping'
elif case == 'v6':
    c = dial('::1')
    c.sendall(b'six')
    assert c.recv(10) == b'six'
elif case == 'ping':
    c = dial()
    c.sendall(b'ping')
    assert c.recv(10) == b'ping'
elif case == 'closed':
    try:
        dial()
    except ConnectionRefusedError:
        sys.exit(0)
    sys.exit('somebody listens')
PY
client() { "$python" "$T/ws/client.py" "$@"; }
free_port() {
	"$python" -c 'import socket
s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
# chosen GUEST: the host's port that was chosen for it.
chosen() { brig ports web --json | jq -r --argjson g "$1" '.[] | select(.guest == $g) | .host'; }
ready() { brig logs web | grep -q ready; }

p=$(free_port)
check "a sandbox with ports starts" \
	brig run -d --name web --wall "$wall" --net none -p "$p:8103" -p 8101 -p 8102 -p 8104 -p 8105 \
	-p 8106 -p 8107 -p 9 -- "$python" server.py
check "its servers come up" eventually 20 ready
shows "ports lists them" "^localhost:$p +8103$" brig ports web
shows "and as JSON" '"guest": ?8101' brig ports --json web
check "a port that was given is listened on" client ping "$p"
check "64 MiB come down whole" client down "$(chosen 8101)"
check "64 MiB go up whole, and the answer comes after the end of input" client up "$(chosen 8102)"
check "8 MiB go both ways at once" client both "$p"
check "a server may end first, and goes on hearing" client first "$(chosen 8104)"
said() { [ "$(brig exec web -- cat /tmp/first)" = "still here" ]; }
check "what was said after that arrives" eventually 5 said
check "a reset inside is one outside" client reset "$(chosen 8105)"
check "nobody listening inside closes at once" client refused "$(chosen 9)"
check "a server on ::1 only is reached" client ping "$(chosen 8107)"
check "200 connections at a time" client many "$p"
check "500 connections, one after the other" client churn "$p"
check "a server that doesn't read stops its client, and no other" client stall "$(chosen 8106)" "$p"
check "no more than 256 at a time" client over "$p"
check "and when they are gone, others" eventually 10 client ping "$p"
if "$python" -c 'import socket; socket.socket(socket.AF_INET6).bind(("::1", 0))' 2>/dev/null; then
	check "the host's ::1 has it too" client v6 "$p"
else
	skip "the host's ::1 has it too" "no IPv6 here"
fi
outside=$(hostname -I 2>/dev/null | awk '{print $1}')
if [ -n "$outside" ]; then
	check "no other address has it" "$python" -c "
import socket
try:
    socket.create_connection(('$outside', $p), timeout=2)
except OSError:
    raise SystemExit(0)
raise SystemExit(1)"
else
	skip "no other address has it" "no other address"
fi

# Live.
q=$(free_port)
prints "publish says what it did" "127.0.0.1:$q -> 8103" brig ports --publish "$q:8103" web
check "and it works at once" client ping "$q"
refuses "twice is refused" "published already" brig ports --publish "$q:8103" web
refuses "so is another one at that port" "published already" brig ports --publish "$q:8101" web
"$python" -c "
import socket, time
s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(); print(s.getsockname()[1], flush=True); time.sleep(60)" >taken &
holder=$!
eventually 5 test -s taken
refuses "what another program has is refused, with a hint" "another program listens" brig ports --publish "$(cat taken):8103" web
kill "$holder"
out=$(brig ports --publish 8103 web)
r=${out#127.0.0.1:} r=${r% -> *}
check "a free port is printed" client ping "$r"
check "unpublish by what was asked" brig ports --unpublish "$q:8103" web
check "nobody listens there any more" client closed "$q"
check "unpublish by the port that was chosen" brig ports --unpublish "$r:8103" web
check "that is gone, too" client closed "$r"
check "the others stay" client ping "$p"
refuses "what is not published can't be taken back" "not published" brig ports --unpublish 7777 web
refuses "UDP is refused" "only TCP" brig ports --publish 53:53/udp web
refuses "nonsense is refused" "a port is a number" brig ports --publish 1:99999 web
check "every address, when asked for" brig ports --publish "0.0.0.0:$q:8103" web
if [ -n "$outside" ]; then
	check "reaches it from there" "$python" -c "
import socket
c = socket.create_connection(('$outside', $q), timeout=5)
c.sendall(b'x')
assert c.recv(1) == b'x'"
fi

# A restart keeps them.
check "stop" brig stop -t 1 web
check "nobody listens while it is stopped" client closed "$p"
shows "but it is remembered" "localhost:$p +8103" brig ports web
check "start" brig start web
check "the servers come up again" eventually 20 client ping "$p"
check "what was published live is there again" client ping "$q"
check "stop again" brig stop -t 1 web
check "a stopped one forgets a port" brig ports --unpublish "0.0.0.0:$q:8103" web
check "and takes one" brig ports --publish "$q:8107" web
check "start again" brig start web
check "which is there when it runs" eventually 20 client ping "$q"
check "remove it" brig rm -f web
check "and all is gone" client closed "$p"

# An exec that started the sandbox ends it, whoever is connected.
"$python" - "$p" <<'PY' &
import socket, sys, time
for _ in range(200):
    try:
        c = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
        c.recv(1)
        break
    except OSError:
        time.sleep(0.05)
PY
waiter=$!
brig create --name brief --wall "$wall" --net none -p "$p:8103" -- true >/dev/null
check "a connection doesn't keep a sandbox that an exec started" timeout 30 brig exec brief -- sleep 1
ended() { brig ls --json --all 2>/dev/null | jq -e '.[] | select(.name == "brief") | .status != "running"'; }
check "it has ended" eventually 10 ended
kill "$waiter" 2>/dev/null
wait "$waiter" 2>/dev/null

refuses "a port that is taken fails the start, and says which" "publish port" \
	bash -c '"$0" -c "
import socket, subprocess, sys
s = socket.socket(); s.bind((\"127.0.0.1\", 0)); s.listen()
sys.exit(subprocess.call([\"brig\", \"run\", \"--rm\", \"--wall\", \"$1\", \"-p\", \"%d:80\" % s.getsockname()[1], \"--\", \"true\"]))"' \
	"$python" "$wall"
refuses "the chroot wall has none" "shares the host's network" brig run --rm --wall chroot -p 80 -- true
finish
