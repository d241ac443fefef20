#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Probe: a program of 40 files is built by make with two jobs, in C, and one of Go
# Expect: container=yes sentry=yes
# Needs: gcc make
# Time: 180
set -eu
mkdir -p made && cd made
for i in $(seq 40); do
	printf '#include <stdio.h>\n#include <string.h>\nint f%d(int x) { char b[64]; snprintf(b, sizeof(b), "%%d", x); return (int)strlen(b) + %d; }\n' "$i" "$i" >"f$i.c"
done
{
	for i in $(seq 40); do echo "int f$i(int);"; done
	echo '#include <stdio.h>'
	echo 'int main(void) { int n = 0;'
	for i in $(seq 40); do echo "n += f$i($i);"; done
	echo 'printf("%d\n", n); return 0; }'
} >main.c
printf 'OBJ := $(patsubst %%.c,%%.o,$(wildcard *.c))\nprog: $(OBJ)\n\t$(CC) -o $@ $^\n%%.o: %%.c\n\t$(CC) -O1 -c -o $@ $<\n' >Makefile
make -sj2
[ "$(./prog)" = $((820 + 9 + 31 * 2)) ]
# nothing to do, and then one file to do: times are told apart
make -q
sleep 0.02 && touch f7.c
! make -q
[ "$(make -n | grep -c -- -c)" = 1 ]
cd .. && rm -r made
if command -v go >/dev/null; then
	mkdir -p gone && cd gone
	printf 'package main\nimport ("fmt"; "sync")\nfunc main() { var w sync.WaitGroup; c := make(chan int, 100); for i := 0; i < 100; i++ { w.Add(1); go func(i int) { defer w.Done(); c <- i }(i) }; w.Wait(); close(c); n := 0; for i := range c { n += i }; fmt.Println(n) }\n' >main.go
	[ "$(GOCACHE=$PWD/cache GOFLAGS=-mod=mod GO111MODULE=off GOPATH=$PWD/path timeout 150 go run main.go)" = 4950 ]
	cd .. && chmod -R u+w gone && rm -r gone
fi
