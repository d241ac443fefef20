#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The audit log: what is in it, and that what was done to it shows.
# run as: root range plain
. "$(dirname "$0")/lib.sh"

if ! works nspawn; then
	skip "the audit log" "the nspawn wall doesn't run here"
	finish
fi
mkdir -p "$T/ws" && cd "$T/ws" || exit 1
log() { brig audit --json "$@"; }
dir=$BRIG_HOME/state/sandboxes/one
file=$dir/audit.jsonl

check "make one" brig create --name one --wall nspawn --net none -e TOKEN=sk-hidden -- sleep 1000
refuses "it has no log before it ran" "no audit log" brig audit one
check "start it" brig start one
check "a command in it" brig exec -e PASS=sk-hidden-too one -- echo 'two words'
printf 'a\tb\033[31m' >"$T/odd"
check "one with odd bytes" brig exec one -- printf '%s' "$(cat "$T/odd")"
check "a port" brig ports --publish 80 one
check "and off again" brig ports --unpublish 80 one
check "it goes on after a stop" brig stop -t 1 one

prints "its events are in order" "start exec exec exec ports ports stop" \
	bash -c 'brig audit --json one | jq -r .type | xargs'
prints "they are numbered" "1 2 3 4 5 6 7" bash -c 'brig audit --json one | jq -r .seq | xargs'
shows "the start says what was started" '"wall":"nspawn","image":"host"' log one
shows "and with what words" '"argv":\["sleep","1000"\]' log one
shows "an exec has its words" '"argv":\["echo","two words"\]' log --type exec one
shows "the stop has its reason" '"reason":"stopped"' log --type stop one
prints "no value of the environment is in it" 0 bash -c "grep -c sk-hidden '$file'; true"
prints "nothing that a terminal would obey is shown" 0 bash -c "brig audit one | grep -c $'\033'; true"
shows "a person can read it" 'Z  exec +argv=echo two words' brig audit one
prints "only its owner can" 600 stat -c %a "$file"

shows "it verifies" "^7 events, unbroken; head [0-9a-f]{64}$" brig audit verify one
head=$(brig audit verify --json one | jq -r .head)
prints "the head is the hash of the last line" "$head" \
	bash -c "tail -n 1 '$file' | tr -d '\n' | sha256sum | cut -d' ' -f1"
prints "each line has the hash of the one before" "$(sed -n 3p "$file" | tr -d '\n' | sha256sum | cut -d' ' -f1)" \
	bash -c "sed -n 4p '$file' | jq -r .prev"
shows "it goes on with the next start" "^1[0-9] events" \
	bash -c 'brig start one >/dev/null && brig exec one -- true && brig stop -t 1 one >/dev/null && brig audit verify one'
check "and holds the head that was noted" brig audit verify --head "$head" one
refuses "a head is 64 digits" "64 hex digits" brig audit verify --head abc one

# broken NAME LINE SED: what was changed shows, and where.
cp "$file" "$T/whole"
broken() {
	sed "$3" "$T/whole" >"$file"
	status "$1" 1 brig audit verify one
	prints "$1, and where" "$2" bash -c 'brig audit verify --json one | jq -r .line'
	cp "$T/whole" "$file"
}
broken "a changed word" 3 '2s/echo/evil/;2s/sleep/sheep/'
broken "a removed line" 3 3d
broken "a line that was written twice" 4 3p
broken "lines that changed places" 2 '2{h;d};3{G}'
sed '6,$d' "$T/whole" >"$file"
check "an end that was cut off is not seen by itself" brig audit verify one
status "but against the head that was noted" 1 brig audit verify --head "$head" one
cp "$T/whole" "$file"

truncate -s -20 "$file"
check "a line that a crash cut short is no break" brig audit verify one
check "the log goes on after it" bash -c 'brig exec one -- true && brig audit verify one'
shows "and says so" '"type":"torn"' log one

check "a killed keeper leaves a log that verifies" bash -c 'brig start one >/dev/null &&
	kill -9 "$(jq .keeper "$0"/run.json)" && sleep 0.2 && brig exec one -- true && brig audit verify one' "$dir"
brig audit -f one >"$T/followed" 2>&1 &
pid=$!
check "follow ends with a sandbox that doesn't run" timeout 10 tail --pid="$pid" -f /dev/null
check "start it to be followed" brig start one
brig audit -f --type exec one >"$T/followed" 2>&1 &
pid=$!
brig exec one -- echo followed >/dev/null
seen() { grep -q 'argv=echo followed' "$T/followed"; }
check "follow shows what comes" eventually 10 seen
brig stop -t 1 one >/dev/null
check "and ends with it" timeout 10 tail --pid="$pid" -f /dev/null

# What the network roles report, summed up.
now=2026-01-31T12:00:00.000000000Z
{
	echo '{"seq":1,"time":"'$now'","type":"net","host":"a.example","port":443,"proto":"https","method":"GET","path":"/v1","verdict":"allow","rule":"allow a.example","up":10,"down":2048,"count":1}'
	echo '{"seq":2,"time":"'$now'","type":"net","host":"a.example","port":443,"proto":"https","method":"GET","path":"/v1","verdict":"allow","rule":"allow a.example","up":10,"down":2048,"count":1}'
	echo '{"seq":3,"time":"'$now'","type":"net","host":"evil\u001b[31m.example","port":80,"verdict":"deny","reason":"no rule allows it"}'
} >"$file"
shows "verdicts are summed up" "one +allow +a.example:443 +https +GET /v1 +allow a.example +2 +20 B +4.0 KiB +2026-01-31T12:00:00Z" \
	brig policy log one
shows "denials have their reason" 'deny +evil\\x1b\[31m.example:80 +no rule allows it +1' brig policy log one
prints "denied shows no others" 1 bash -c 'brig policy log --denied --json one | jq length'
prints "as JSON" 2 bash -c 'brig policy log --json | jq ".[0].count"'
check "remove it" brig rm one
check "the log goes with it" test ! -e "$file"
finish
