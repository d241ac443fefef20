#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# run as: root range plain
# time: 600
# also: WALL=sentry
#
# Files between host and sandbox: cp both ways, what overlay workspaces hold (diff, apply,
# discard), what was held back from a workspace in place, and undo. Each with the tricks
# that a hostile sandbox plays on whoever copies from it.

here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"

# Names of sandboxes are this run's own.
tag=f$$
wall=${WALL:-container}
works container || [ -n "${WALL:-}" ] || wall=chroot
works "$wall" || {
	skip "files between host and sandbox" "the $wall wall doesn't run here"
	finish
}

# not COMMAND...: it fails.
not() { ! "$@"; }

# same FILE TEXT: the file holds just this.
same() { [ "$(cat "$1")" = "$2" ] || { echo "'$1' holds: $(cat "$1")" && return 1; }; }

# mode FILE MODE: permissions as stat(1) has them.
mode() { [ "$(stat -c %a "$1")" = "$2" ] || { stat "$1" && return 1; }; }

mine() { [ "$(stat -c %u "$1")" = "$(id -u)" ] || { stat "$1" && return 1; }; }

empty() { [ -z "$(ls -A "$1")" ] || { ls -la "$1" && return 1; }; }

# stopped NAME: it doesn't run any more.
stopped() { brig ls --json | jq -e --arg n "$1" '.[] | select(.name == $n) | .status == "exited"'; }

copies_by_the_rules_of_docker_cp() {
	local c=$tag-cp
	mkdir ws out src src/d && cd ws || return
	echo one >../src/one
	echo two >../src/d/two
	ln -s one ../src/link
	chmod 640 ../src/one
	check "a sandbox to copy with is made" brig create --wall "$wall" --name "$c" .
	check "a file goes into a directory" brig cp ../src/one "$c:/tmp"
	prints "... and is there, with its mode" "640 one" \
		brig exec "$c" -- sh -c 'echo $(stat -c %a /tmp/one) $(cat /tmp/one)'
	check "... and the sandbox was stopped again" eventually 10 stopped "$c"
	check "a file goes by a new name" brig cp ../src/one "$c:/tmp/uno"
	check "a directory goes into a directory" brig cp ../src "$c:/tmp"
	check "a directory goes as a new name" brig cp ../src "$c:/tmp/tree"
	check "its contents go into a directory" brig cp ../src/. "$c:/tmp/uno.d/"
	prints "... and all of them are there" "one two one two one two" brig exec "$c" -- sh -c \
		'cd /tmp; echo $(cat src/one src/d/two tree/one tree/d/two uno.d/one uno.d/d/two)'
	check "a link goes as a link" brig cp ../src/link "$c:/tmp/l1"
	check "a link is followed by -L" brig cp -L ../src/link "$c:/tmp/l2"
	prints "... so that one is a link and one a file" "one one" brig exec "$c" -- sh -c \
		'test -h /tmp/l1 && test ! -h /tmp/l2 && echo $(readlink /tmp/l1) $(cat /tmp/l2)'
	refuses "a file doesn't go into a directory that is missing" "no such directory" \
		brig cp ../src/one "$c:/tmp/missing/"
	refuses "a directory doesn't go over a file" "no directory" brig cp ../src "$c:/tmp/uno"
	refuses "a file that is missing on the host" "No such file" brig cp ../src/none "$c:/tmp"
	check "a file comes out" brig cp "$c:/tmp/one" ../out
	check "a tree comes out" brig cp "$c:/tmp/src" ../out/
	check "a path inside begins at the root" brig cp "$c:tmp/one" ../out/rel
	check "... and what came out is what went in" diff -r ../src ../out/src
	check "... and is the caller's" mine ../out/src/d/two
	check "... and is whole" same ../out/rel one
	refuses "a file that is missing inside" "in '$c': .*No such file" brig cp "$c:/none" ../out
	refuses "not from sandbox to sandbox" "from sandbox to sandbox" brig cp "$c:/x" "$c:/y"
	refuses "not from host to host" "in a sandbox" brig cp ../src/one ../out/x
	refuses "not from a sandbox that isn't there" "no sandbox" brig cp "no-$tag:/x" ../out
	refuses "not for a user that isn't there" "no-one" \
		brig cp -u no-one ../src/one "$c:/tmp/x"
	echo colon >./a:b
	check "a name with a colon is the host's after ./" brig cp ./a:b "$c:/tmp/colon"
	check "root inside can be the one who writes" brig cp -u 0 ../src/one "$c:/root/one"
	check "a running sandbox is copied to and from" sh -c \
		"brig start $c >/dev/null && brig cp ../src/d $c:/tmp/d2 && brig cp $c:/tmp/d2 ../out"
	brig rm -f "$c" >/dev/null
	cd "$T" && rm -rf ws out src
}

copies_what_is_odd() {
	local c=$tag-odd odd
	mkdir ws out src && cd ws || return
	odd="../src/$(printf 'new\nline')"
	echo x >"$odd"
	echo x >../src/-rf
	echo x >../src/..two
	echo x >"../src/ sp ace "
	printf x >"../src/$(printf 'latin\351')"
	echo x >"../src/$(printf 'n%.0s' $(seq 255))"
	mkdir "../src/$(printf 'esc\033[31m')"
	truncate -s 2G ../src/sparse
	echo end >>../src/sparse
	mkfifo ../src/fifo
	brig create --wall "$wall" --name "$c" . >/dev/null
	brig start "$c" >/dev/null
	check "odd names, a hole of 2 GiB and a FIFO go in" brig cp ../src "$c:/tmp/src"
	check "... and come out" brig cp "$c:/tmp/src" ../out
	rm ../src/fifo
	check "... as they were, but for the FIFO" diff -r ../src ../out/src
	check "... the hole still a hole" \
		sh -c '[ "$(du -k ../out/src/sparse | cut -f1)" -lt 10000 ]'
	brig exec "$c" -- sh -c 'mkdir /tmp/many && cd /tmp/many && for i in 1 2 3 4 5 6 7 8; do
		mkdir $i; (cd $i && seq 500 | xargs touch); done'
	check "4,000 files come out" brig cp "$c:/tmp/many" ../out
	prints "... all of them" 4000 sh -c 'find ../out/many -type f | wc -l'
	brig exec "$c" -- sh -c 'cd /tmp && d=; for i in $(seq 250); do d=$d/d; done
		mkdir -p deep$d && mkdir sec && echo s >sec/ret && echo o >sec/open && chmod 0 sec/ret'
	status "a tree too deep comes out as far as it may, with status 1" 1 \
		brig cp "$c:/tmp/deep" ../out
	if [ "$(id -u)" = 0 ] && [ "$wall" = chroot ]; then
		skip "a file that can't be read gives status 1" "root reads all"
	else
		brig exec -u 0 "$c" -- chown 0 /tmp/sec/ret
		status "a file that can't be read gives status 1" "$([ "$(brig exec "$c" -- \
			cat /tmp/sec/ret 2>/dev/null)" = s ] && echo 0 || echo 1)" \
			brig cp "$c:/tmp/sec" ../out
		check "... and the others come" same ../out/sec/open o
	fi
	brig exec "$c" -- sh -c 'rm -rf /tmp/sec'
	brig rm -f "$c" >/dev/null
	cd "$T" && rm -rf ws out src
}

copies_from_who_means_harm() {
	local c=$tag-evil i
	mkdir ws out victim && cd ws || return
	echo precious >../victim/file
	brig create --wall "$wall" --name "$c" . >/dev/null
	brig start "$c" >/dev/null
	brig exec "$c" -- sh -c "cd /tmp && echo evil >f && chmod 6755 f && mkdir t && cp f t/f &&
		chmod 6755 t/f && chmod 3777 t && ln -s $T/victim t/v && ln -s $T/victim/file t/l"
	check "set-id files come out" brig cp "$c:/tmp/f" ../out/f
	check "... without the bits" mode ../out/f 755
	check "a tree with links to the host comes out" brig cp "$c:/tmp/t" ../out/t
	check "... without set-id bits beneath" mode ../out/t/f 755
	check "... the links as links" test -h ../out/t/l
	# the same names once more, now a file and a directory: through the links of before?
	brig exec "$c" -- sh -c 'cd /tmp/t && rm v l && echo evil >l && mkdir v && echo evil >v/file'
	refuses "a directory doesn't go over a link of before" "v" brig cp "$c:/tmp/t/." ../out/t
	check "... and nothing was written through it" same ../victim/file precious
	# a link that the sandbox puts where the copy is to go
	ln -s ../victim/file ../out/here
	refuses "a link that is the destination is not followed" "symbolic link" \
		brig cp "$c:/tmp/f" ../out/here
	brig exec "$c" -- ln -s "$T/victim" "$T/ws/way"
	refuses "a link in the workspace doesn't lead a copy out of it" "out of the workspace" \
		brig cp "$c:/tmp/f" "$T/ws/way/file"
	refuses "... nor by a relative path" "out of the workspace" brig cp "$c:/tmp/f" way/file
	refuses "... nor as a directory" "out of the workspace" brig cp "$c:/tmp/f" way/
	refuses "... nor what is copied in" "out of the workspace" brig cp way/file "$c:/tmp/got"
	ln -s ws ../alias
	refuses "... nor through another name of the workspace" "out of the workspace" \
		brig cp "$c:/tmp/f" ../alias/way/file
	check "... and nothing was written" same ../victim/file precious
	# the same in the moment between looking and writing
	brig exec -d "$c" -- sh -c "cd $T/ws && mkdir -p real && while :; do
		mv real aside && ln -s $T/victim real && rm real && mv aside real; done"
	for i in $(seq 60); do
		timeout 20 brig cp "$c:/tmp/f" "$T/ws/real/f$i" >/dev/null 2>&1
	done
	prints "a race for the destination writes nothing outside" file ls ../victim
	brig kill "$c" >/dev/null 2>&1
	brig rm -f "$c" >/dev/null
	mkdir -p ws2 && cd ws2 || return
	brig create --wall "$wall" --name "$c" . >/dev/null
	brig exec "$c" -- sh -c 'mkdir /tmp/q && cd /tmp/q && touch "$(printf "a\033[31mb")" &&
		chmod 0 a*'
	brig cp "$c:/tmp/q" "$T/out" >"$T/said" 2>&1
	check "what a sandbox says has no control characters" not grep -q "$(printf '\033')" "$T/said"
	brig rm -f "$c" >/dev/null
	cd "$T" && rm -rf ws out victim alias
}

# A project with a repository, and a sandbox that changed it as an overlay.
make_overlay() { # NAME
	rm -rf ws && mkdir ws && cd ws || return
	for x in a b c; do echo $x >$x; done
	mkdir d && echo 1 >d/1
	ln -s a l
	git init -q .
	brig run --wall "$wall" --name "$1" .:overlay -- sh -c '
		echo x >>a && rm b && chmod 755 c && rm -rf d && echo file >d && ln -sf b l &&
		mkdir -p n/m && echo new >n/m/f && chmod 4755 n/m/f &&
		printf "\033[31mred\n" >esc && touch "$(printf "we\nird")"' >/dev/null
}

overlays_hold_applies_put() {
	local o=$tag-ov W=$T/ws
	make_overlay "$o" || return
	check "an overlay leaves the host as it was" same a a
	prints "diff lists what it holds" "M $W/a
D $W/b
M $W/c
T $W/d
A $W/esc
M $W/l
A $W/n/
A $W/n/m/
A $W/n/m/f
A $W/we\\x0aird" brig diff "$o"
	prints "diff --json has the names as they are" 'we
ird' sh -c "brig diff --json $o | jq -r '.changes[-1].path'"
	shows "diff -p shows lines" '^\+x$' brig diff -p "$o"
	prints "... which patch(1) takes" "a
x" sh -c "brig diff -p $o | sed '/^diff --git a.b /,\$d' >p &&
		patch -s -o - a p && rm p"
	shows "on a terminal control characters are shown" 'x1b\[31mred' \
		script -qec "brig diff -p $o" /dev/null
	refuses "rm refuses while changes are held" "not applied" brig rm "$o"
	refuses "undo tells that nothing is to be undone" "brig discard" brig undo "$o"
	refuses "a path in no workspace" "no overlay workspace" brig apply /etc "$o"
	check "apply of one path" brig apply n/m "$o"
	check "... puts it there" same n/m/f new
	check "... and the way to it, without set-id bits" mode n/m/f 755
	check "... and nothing else" same a a
	check "apply of the rest" brig apply "$o"
	prints "... puts it there" "a x,,755,file,b" sh -c \
		'echo $(cat a),$(cat b 2>/dev/null),$(stat -c %a c),$(cat d),$(readlink l)'
	check "... as the caller's own" mine esc
	prints "... and then holds nothing" "" brig diff "$o"
	check "apply of nothing is fine" brig apply "$o"
	check "rm has no objection any more" brig rm "$o"
	cd "$T" || return
}

overlays_meet_the_host() {
	local o=$tag-meet
	make_overlay "$o" || return
	sleep 0.1
	echo host >>a
	rm -r d && ln -s "$T/victim" d
	mkdir -p "$T/victim"
	status "what the host changed too is not applied" 1 brig apply "$o"
	prints "... the host's stays" "a host" sh -c 'echo $(cat a)'
	shows "... and the overlay keeps its own" "^M .*/a$" brig diff "$o"
	check "with --force the sandbox's is taken" brig apply --force "$o"
	prints "... all of it" "a x,file" sh -c 'echo $(cat a),$(cat d)'
	check "... and nothing went through a link" empty "$T/victim"
	brig rm -f "$o" >/dev/null
	cd "$T" || return

	make_overlay "$o" || return
	check "discard throws it away" brig discard "$o"
	prints "... all of it" "" brig diff "$o"
	prints "... and the sandbox sees the host's again" "a 1" \
		brig exec "$o" -- sh -c 'echo $(cat a d/1)'
	brig rm -f "$o" >/dev/null
	cd "$T" || return
}

overlays_of_a_running_sandbox() {
	local o=$tag-run i
	rm -rf ws && mkdir -p ws/d victim && cd ws || return
	brig run -d --wall "$wall" --name "$o" .:overlay -- sleep 600 >/dev/null
	brig exec "$o" -- sh -c 'echo 1 >new; for i in $(seq 300); do echo $i >d/$i; done'
	refuses "discard refuses while it runs" "is running" brig discard "$o"
	if [ "$wall" != chroot ]; then
		check "apply pauses a running sandbox and puts its changes" brig apply "$o"
		check "... all of them" same new 1
		shows "... and it runs on" running sh -c "brig ls | grep $o"
		prints "... holding nothing new" "" brig diff "$o"
		brig exec "$o" -- sh -c 'echo 2 >new'
		check "... and what it does then is applied, too" brig apply "$o"
		check "... over what was applied before" same new 2
	else
		skip "apply pauses a running sandbox" "the chroot wall can't pause"
	fi
	brig exec "$o" -- sh -c 'for i in $(seq 300); do echo $i$i >d/$i; done'
	brig stop "$o" >/dev/null
	# whoever else may write there swaps the directory for a link meanwhile
	(cd "$T/ws" && end=$((SECONDS + 6)) && while [ $SECONDS -lt $end ]; do
		mv d aside && ln -s "$T/victim" d && rm d && mv aside d
	done) 2>/dev/null &
	for i in 1 2 3 4 5; do
		timeout 60 brig apply --force "$o" >/dev/null 2>&1
	done
	wait
	check "a race during apply writes nothing outside" empty "$T/victim"
	brig rm -f "$o" >/dev/null
	cd "$T" || return
}

what_the_host_would_run() {
	local h=$tag-held W=$T/ws
	rm -rf ws && mkdir ws && cd ws || return
	git init -q .
	brig run --wall "$wall" --name "$h" . -- sh -c 'mkdir sub && cd sub && git init -q . &&
		printf "#!/bin/sh\n" >.git/hooks/pre-commit && chmod +x .git/hooks/pre-commit &&
		git config core.fsmonitor /evil && git config user.name x &&
		echo evil >../.envrc && echo good >../f' >/dev/null 2>&1
	check "a hook made inside is not there afterwards" not test -e sub/.git/hooks/pre-commit
	check "a good file is" same f good
	shows "diff tells what was held back, and why" "^H $W/sub/.git/hooks/pre-commit .*hook" \
		brig diff "$h"
	shows "... and the lines of a configuration" 'fsmonitor = "/evil"' brig diff "$h"
	prints "... with --json too" 3 sh -c "brig diff --json $h | jq '.held | length'"
	refuses "rm refuses" "held back" brig rm "$h"
	refuses "apply tells how" "brig apply --held" brig apply "$h"
	refuses "an id that isn't" "not all" brig apply --held 77 "$h"
	check "apply --held PATH releases one" brig apply --held .envrc "$h"
	check "... which is there again" same .envrc evil
	check "... and no other" not test -e sub/.git/hooks/pre-commit
	check "discard --held ID drops one" sh -c \
		"brig discard --held \$(brig diff --json $h | jq -r '.held[0].id') $h"
	prints "... and one is left" 1 sh -c "brig diff --json $h | jq '.held | length'"
	check "discard --held drops all" brig discard --held "$h"
	check "... and rm has no objection any more" brig rm "$h"
	brig run --wall "$wall" --name "$h" .:overlay -- sh -c \
		'echo evil >.git/hooks/post-commit && chmod +x .git/hooks/post-commit &&
		git config core.pager evil && git config user.name me' >/dev/null 2>&1
	status "apply holds a hook and a command back" 1 brig apply "$h"
	check "... the hook" not test -e .git/hooks/post-commit
	prints "... of the configuration only the command" "me,/" sh -c \
		'echo "$(git config user.name),$(git config core.pager)/"'
	check "apply --held puts them there" brig apply --held "$h"
	prints "... both" "evil evil" sh -c \
		'echo $(cat .git/hooks/post-commit) $(git config core.pager)'
	brig rm -f "$h" >/dev/null
	cd "$T" || return
}

# The names in a workspace, with all that an undo promises.
tree() { (cd "$1" && find . -printf '%p %y %m %l ' \( -type f -exec md5sum {} ';' -o -print \)) | sort; }

# kinds NAME: of the restore points, the newest first.
kinds() { brig undo --json "$1" | jq -r 'map(.kind) | join(" ")'; }

undo_goes_without_reflinks() {
	local u=$tag-undo way=copies d=$BRIG_HOME/state/sandboxes/$tag-undo
	rm -rf ws && mkdir ws && cd ws || return
	case $(stat -f -c %T .) in btrfs | xfs | bcachefs | zfs) way= ;; esac
	mkdir keep gone && echo 1 >keep/1 && echo 2 >gone/2 && echo a >a && chmod 600 a &&
		ln a a2 && ln -s a l && head -c 3000000 /dev/urandom >large
	tree . >"$T/first"
	sleep 0.1
	brig create --wall "$wall" --name "$u" . >/dev/null
	refuses "undo before any session" "restore point|no session" brig undo "$u"
	brig exec "$u" -- sh -c 'rm -rf gone l && echo evil >>a && chmod 777 keep && mkdir new &&
		echo n >new/n && mv keep/1 keep/one'
	tree . >"$T/second"
	if [ -z "$way" ]; then
		skip "undo without reflinks" "$(stat -f -c %T .) may have reflinks"
	else
		prints "without reflinks a restore point is of copies" copies kinds "$u"
		shows "... and the list says so, and what it takes" "copies +[23]\.[0-9]+ MiB" brig undo --list "$u"
		check "undo brings back what an 'rm -rf' took" brig undo "$u"
		tree . >"$T/now"
		check "... all of it" diff "$T/first" "$T/now"
		check "undo once more is undone" brig undo "$u"
		tree . >"$T/now"
		check "... all of it" diff "$T/second" "$T/now"
		check "--to goes further back" brig undo --to 1 "$u"
		tree . >"$T/now"
		check "... all the way" diff "$T/first" "$T/now"
		brig exec "$u" -- true
		tree . >"$T/third"
		brig exec "$u" -- sh -c 'echo evil >>large'
		prints "what did not change is copied once" true sh -c \
			"brig undo --json $u | jq 'map(.disk) | sort | .[0] < 1000000'"
		check "... and what did comes back" brig undo "$u"
		tree . >"$T/now"
		check "... as it was" diff "$T/third" "$T/now"
		undo_has_bounds "$u" "$d"
	fi
	check "rm takes restore points, too" brig rm -f "$u"
	check "... all of them" not test -e "$d"
	cd "$T" || return
}

undo_has_bounds() { # NAME DIRECTORY
	local u=$1 d=$2 n
	n=$(brig undo --json "$u" | jq '.[0].number')
	echo more >>large
	shows "over a bound a session says so, how large it is, and what helps" \
		"no restore point: .* has .*MiB in .* files: more than 1.0 KiB .*:overlay.*BRIG_UNDO" \
		env BRIG_UNDO=1k sh -c "brig run --wall $wall --name bound . -- true 2>&1; brig rm -f bound >/dev/null"
	shows "... and one that is of a wrong kind" "no restore point: BRIG_UNDO: " \
		env BRIG_UNDO=much sh -c "brig run --wall $wall --name bound . -- true 2>&1; brig rm -f bound >/dev/null"
	prints "with off nothing is said" "" env BRIG_UNDO=off sh -c \
		"brig run --wall $wall --name bound . -- true 2>&1 | grep 'restore point'; brig rm -f bound >/dev/null"
	BRIG_UNDO=1k brig exec "$u" -- true
	prints "it has none, and nothing half-made" "$n" sh -c \
		"brig undo --json $u | jq '.[0].number'; ls $d/undo | grep -x $((n + 1)) || true"
	brig exec "$u" -- true
	prints "... and another bound counts at once" $((n + 1)) sh -c \
		"brig undo --json $u | jq '.[0].number'"
	prints "BRIG_UNDO=off turns them off" $((n + 1)) env BRIG_UNDO=off sh -c \
		"brig exec $u -- true; brig undo --json $u | jq '.[0].number'"
	# as a keeper that was killed leaves it
	mkdir -p "$d/undo/900/0/tree" && echo half >"$d/undo/900/0/tree/large"
	brig exec "$u" -- true
	check "what a killed keeper left of one goes" not test -e "$d/undo/900"
	prints "... and doesn't count" $((n + 2)) sh -c "brig undo --json $u | jq '.[0].number'"
}

undo_brings_back() {
	local u=$tag-undo m=$T/btrfs
	truncate -s 300M btrfs.img && mkdir "$m" || return
	if [ "$(id -u)" != 0 ]; then
		skip "undo on btrfs" "only root can mount one"
		return
	fi
	if ! { mkfs.btrfs -q btrfs.img && mount -o loop btrfs.img "$m"; } >/dev/null 2>&1; then
		skip "undo on btrfs" "no mkfs.btrfs, loop device or btrfs here"
		return
	fi
	local home=$BRIG_HOME
	export BRIG_HOME=$m/brig
	mkdir "$m/ws" && cd "$m/ws" || return
	mkdir keep gone && echo 1 >keep/1 && echo 2 >gone/2 && echo a >a && chmod 600 a &&
		ln a a2 && ln -s a l
	cp -a . "$m/before"
	brig run -d --wall "$wall" --name "$u" . -- sleep 600 >/dev/null
	refuses "undo refuses while it runs" "is running" brig undo "$u"
	brig exec "$u" -- sh -c 'rm -rf gone l && echo evil >>a && chmod 777 keep && mkdir new &&
		echo n >new/n && mv keep/1 keep/one'
	brig stop "$u" >/dev/null
	shows "undo --list shows the restore point" "start of a session +clones" brig undo --list "$u"
	check "undo brings back what an 'rm -rf' took" brig undo "$u"
	check "... all of it" diff -r --no-dereference . "$m/before"
	prints "... modes and links" "600 2 755" sh -c 'echo $(stat -c %a a) $(stat -c %h a) $(stat -c %a keep)'
	check "undo once more is undone" brig undo "$u"
	check "... all of it" same new/n n
	prints "... --to goes further back" 0 sh -c "brig undo --to 1 $u >/dev/null 2>&1; echo \$?"
	check "... all the way" diff -r --no-dereference . "$m/before"
	for _ in 1 2 3 4 5; do brig exec "$u" -- true; done
	prints "three are kept" 3 sh -c "brig undo --json $u | jq length"
	brig rm -f "$u" >/dev/null
	cd "$T" || return
	eventually 10 umount "$m"
	export BRIG_HOME=$home
}

# A mount of this script's goes with it, however it ends.
trap '[ ! -e "$T/btrfs/ws" ] || umount "$T/btrfs"; unfinished' EXIT

copies_by_the_rules_of_docker_cp
copies_what_is_odd
copies_from_who_means_harm
overlays_hold_applies_put
overlays_meet_the_host
overlays_of_a_running_sandbox
what_the_host_would_run
undo_goes_without_reflinks
undo_brings_back
finish
