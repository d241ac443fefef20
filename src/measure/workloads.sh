#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# brig-workloads - what agents do all day, as commands to be timed: behind the walls by
#	`brig compare`, and beside other sandboxes by bench/workloads.sh.
#
#	brig-workloads list		WORD <TAB> NAME <TAB> PROGRAM <TAB> BEFORE <TAB> COMMAND, a line
#					each: PROGRAM has to be there, BEFORE isn't timed; both are
#					for sh, in the directory of the data
#	brig-workloads prepare DIR [WORD...]	what they work on, or these of them
set -eu

tab=$(printf '\t')
# row WORD NAME PROGRAM BEFORE COMMAND
row() { printf '%s\n' "$1$tab$2$tab$3$tab$4$tab$5"; }

# shellcheck disable=SC2016 # the shell inside expands
list() {
	row bash 'bash -c true' bash true 'exec bash -c true'
	row fork '100 × fork and exec' sh true 'i=0; while [ $i -lt 100 ]; do /bin/true; i=$((i + 1)); done'
	row imports 'python3, imports' python3 true \
		'exec python3 -c "import json, http.client, sqlite3, ssl, asyncio, subprocess, email.mime.text, unittest"'
	row node 'node -e 0' node true 'exec node -e 0'
	row npm 'npm --version' npm true 'exec npm --version'
	row git 'git clone and status' git 'rm -rf clone' \
		'git clone -q --no-hardlinks repo clone && git -C clone status'
	row gcc 'gcc -O2 hello' gcc true 'exec gcc -O2 -o hello hello.c'
	row untar 'untar 2,000 files' tar 'rm -rf out; mkdir out' 'exec tar -xf files.tar -C out'
	row grep 'grep -r, 3,400 files' grep true '! grep -rq needle tree'
	row loop 'python3, a loop' python3 true \
		'exec python3 -c "exec(\"n = 0\nfor i in range(3000000):\n    n += i\")"'
	row make1 'make -j1, 30 files' make 'make -sC build clean' 'exec make -sj1 -C build'
	row make2 'make -j2, 30 files' make 'make -sC build clean' 'exec make -sj2 -C build'
	row install 'npm install, offline' npm 'rm -rf app/node_modules app/package-lock.json' \
		'cd app && exec npm install --silent --offline --no-audit --no-fund ./lib.tgz'
}

# files DIR A B SIZE: DIR/d0/f0.c and so on, of SIZE bytes of this script, 100 a directory
files() {
	i=$2
	while [ "$i" -lt "$3" ]; do
		mkdir -p "$1/d$((i / 100))"
		head -c "$4" "$text" >"$1/d$((i / 100))/f$i.c"
		i=$((i + 1))
	done
}

make_untar() {
	i=0
	while [ "$i" -lt 2000 ]; do
		mkdir -p "many/d$((i / 50))"
		head -c $((i * 7 % 4000 + 100)) "$text" >"many/d$((i / 50))/f$i"
		i=$((i + 1))
	done
	tar -cf files.tar many
	rm -r many
}

make_git() {
	git init -q repo
	files repo 0 500 4000
	git -C repo add .
	git -C repo -c user.name=b -c user.email=b@example.com -c commit.gpgsign=false commit -qm all
}

make_build() {
	[ ! -d build ] || return 0
	mkdir build
	i=0
	while [ "$i" -lt 30 ]; do
		{
			printf '#include <%s.h>\n' stdio stdlib string sys/socket
			for j in 1 2 3 4 5 6; do
				printf 'int f%d_%d(int x, char *s) { for (int i = 0; i < x; i++) s[i] = (char)(i * %d + (int)strlen(s)); return atoi(s); }\n' \
					"$i" "$j" "$j"
			done
		} >"build/f$i.c"
		i=$((i + 1))
	done
	printf 'OBJ := $(patsubst %%.c,%%.o,$(wildcard *.c))\nall: $(OBJ)\n%%.o: %%.c\n\tgcc -O2 -c -o $@ $<\nclean:\n\trm -f *.o\n' \
		>build/Makefile
}

make_install() {
	mkdir -p app/lib
	echo '{ "name": "lib", "version": "1.0.0", "main": "i.js" }' >app/lib/package.json
	echo '{ "name": "app", "version": "1.0.0" }' >app/package.json
	i=0
	while [ "$i" -lt 100 ]; do
		i=$((i + 1))
		echo "module.exports = $i" >"app/lib/$i.js"
	done
	(cd app && npm pack --silent ./lib >/dev/null && mv lib-1.0.0.tgz lib.tgz)
}

prepare() {
	cd "$1"
	shift
	[ $# -gt 0 ] || set -- untar grep git gcc make1 install
	for word in "$@"; do
		case $word in
		untar) make_untar ;;
		grep) files tree 0 3400 4000 ;;
		git) make_git ;;
		gcc) printf '#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n' >hello.c ;;
		make1 | make2) make_build ;;
		install) make_install ;;
		*) ;;
		esac
	done
}

text=$(readlink -f "$0")
case ${1:-} in
list) list ;;
prepare)
	[ $# -ge 2 ] || exit 2
	shift
	prepare "$@"
	;;
*) echo 'usage: brig-workloads list | prepare DIR [WORD...]' >&2 && exit 2 ;;
esac
