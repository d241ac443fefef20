#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# compare-test.sh - brig compare: what it prints, and that it leaves nothing behind. No figure
# is judged here.
# run as: root range plain
# time: 900
. "$(dirname "$0")/lib.sh"

walls=
for wall in chroot nspawn container; do
	! works "$wall" || walls+=${walls:+,}$wall
done
walls=$(cut -d, -f 1,2 <<<"$walls")
TMPDIR=$T
export TMPDIR
left() { find "$T" -maxdepth 1 -name 'brig-compare.*'; brig ls -q; }

# errors
refuses "an unknown wall names the walls" "did you mean 'container'" brig compare --walls contaner
refuses "no rounds at all" "at least 1" brig compare --rounds 0
refuses "more agents than can be counted" "at most 1000" brig compare --agents 100000
refuses "an unknown option names the nearest" "did you mean '--rounds'" brig compare --round 1
refuses "no words" "unexpected argument" brig compare container
if [ -z "$walls" ]; then
	skip "brig compare" "no wall runs here"
	finish
fi

# JSON
check "two walls, as JSON" bash -c "brig compare --rounds 1 --agents 2 --walls $walls --json >all.json"
has() { jq -e "$1" all.json; }
first=${walls%%,*} second=${walls##*,}
check "native and the walls asked for are rows, and no others" \
	has "[.approaches[].name] == [\"native\", \"$first\", \"$second\"]"
for wall in "$first" "$second"; do
	row=".approaches[] | select(.name == \"$wall\")"
	check "$wall runs" has "$row | .runs"
	check "$wall: start-up is a median with its spread" \
		has "$row | .start_ms | .n == 1 and .median > 0 and .p10 <= .median and .median <= .p90"
	check "$wall: memory of one and of two" \
		has "$row | .memory_kib.median > 0 and .memory_total_kib > 0 and .memory_of_many_kib.n == 2"
	check "$wall: small things were measured" has "$row | .figures_us |
		[.system_call, .page_fault, .fork_exec, .file_read, .file_write, .ls_proc] | all(.median > 0)"
	check "$wall: it sees no file of the host's by its path" has "$row | .sees.host_files | not"
	check "$wall: it has the host's kernel" has "$row | .sees.own_kernel | not"
done
check "native sees the host's files, processes and network" has \
	'.approaches[0] | .sees | .host_files and .host_processes and .host_network'
if [[ ,$walls, = *,nspawn,* ]]; then
	check "behind nspawn they are hidden" has '.approaches[] | select(.name == "nspawn") | .sees |
		(.host_processes or .host_network or .climbs_out) | not'
fi
if [ "$first" = chroot ]; then
	check "behind chroot processes and network are visible" has \
		'.approaches[1] | .sees | .host_processes and .host_network'
fi
check "nothing is left behind" [ -z "$(left)" ]

check "a peer is a row, or says why not" bash -c "brig compare --peers --rounds 1 --agents 1 --walls $second --json |
	jq -e '.approaches[-1] | .name == \"bwrap\" and .kind == \"peer\" and
		((.runs and .start_ms.n == 1 and .memory_kib.median > 0) or (.why | length) > 10)'"

# a wall that can't be had
check "a wall that can't be run says why" bash -c "BRIG_LIBEXEC='$T/libexec'
	mkdir \$BRIG_LIBEXEC && cp -p '$(dirname "$BRIG")'/../libexec/brig/brig-{measure,warder,workloads} \$BRIG_LIBEXEC
	export BRIG_LIBEXEC
	brig compare --rounds 1 --agents 1 --walls sentry --json | jq -e '.approaches[1] |
		.runs == false and (.why | length) > 10'"

# as text
brig compare --rounds 1 --agents 2 --walls "$first,sentry" --html page.html --markdown >all.md 2>said </dev/null
check "the page has nothing from elsewhere and no script" bash -c \
	'! grep -qiE "<script|https?:|src=|url\(|@import" page.html'
check "the page has four plots and four tables" bash -c \
	'[ "$(grep -c "<svg viewBox=\"0 0 400" page.html) $(grep -c "<table>" page.html)" = "4 4" ]'
check "the page's marks come in pairs" /usr/bin/python3 -c '
import html.parser, sys
class P(html.parser.HTMLParser):
    open = []
    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "line", "rect", "path"): self.open.append(tag)
    def handle_startendtag(self, tag, attrs): pass
    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, tag
p = P(); p.feed(open("page.html").read()); p.close()
sys.exit(p.open != [])'
refuses "a page that can't be written is known before anything runs" "write '/proc/none" \
	brig compare --html /proc/none
check "Markdown has four tables" [ "$(grep -c '^## ' all.md)" = 4 ]
check "each row has as many cells as its head" awk -F'|' '/^## / { n = 0 }
	/^\|/ { if (!n) n = NF; if (NF != n) bad = 1 } END { exit bad }' all.md
check "no progress where nobody looks" [ ! -s said ]

# attempts to escape
refuses "probes have no page" "alone" brig compare --probes --html x.html
check "every probe behind $second ends as it is expected to" bash -c \
	"brig compare --probes --walls $second --json >probes.json"
of() { jq -e "$1" probes.json; }
check "more than fifty were made" of '.probes | length > 50'
check "none is unlike what is expected" of '[.probes[] | select(.expected | not)] == []'
check "none is broken" of '[.probes[] | select(.outcome == "broken")] == []'
check "what was stopped names the layer" of '[.probes[] | select(.outcome == "stopped") | .layer | length > 0] | all'
check "what was not stopped says why that is expected" of \
	'[.probes[] | select(.outcome == "out") | .why | length > 10] | all'
check "a workspace that was deleted comes back" of \
	'.probes[] | select(.outcome == "lost") | .detail | test("20 of 20 files were deleted; brig undo brought 20 back")'
if [ "$first" = chroot ]; then
	check "behind the chroot wall something gets out, as expected" bash -c "brig compare --probes --walls chroot --json |
		jq -e '([.probes[] | select(.outcome == \"out\")] | length > 3) and ([.probes[].expected] | all) and
			([.probes[] | select(.outcome == \"left out\")] | length == 2)'"
fi
check "the attempts leave nothing behind" [ -z "$(left)" ]

# interrupted
brig compare --rounds 50 --walls "$walls" >/dev/null 2>said </dev/null &
job=$!
eventually 20 eval '[ -n "$(brig ls -q)" ]'
kill -INT "$job"
wait "$job"
check "interrupted, it is brig's failure" [ $? = 125 ]
check "it says so" grep -q 'interrupted' said
check "and leaves nothing behind" [ -z "$(left)" ]
finish
