# SPDX-License-Identifier: Apache-2.0
# Trick: file names, error messages and names of programs with terminal escape sequences,
#	so that brig itself prints them: what was held back, a program that is not found,
#	the list.
# Gain: a terminal that shows something else than what is, or types by itself.
# Expect: chroot=stops nspawn=stops container=stops
evil=$(printf 'x\033]0;owned\007\033[2Jy')
said=$(sandbox "$WS" -- sh -c "mkdir -p '$evil/.git/hooks'; cd '$evil/.git'
	echo 'ref: refs/heads/main' >HEAD; mkdir objects refs; printf '[core]\n\tfsmonitor = x\n' >config
	printf '#!/bin/sh\n' >hooks/pre-commit; chmod +x hooks/pre-commit" 2>&1)
said+=$(sandbox "$WS" -- "./$evil-missing" 2>&1)
said+=$(sandbox -w "/$evil" "$WS" -- true 2>&1)
said+=$(sandbox -u "$evil" "$WS" -- true 2>&1)
said+=$(sandbox --name "$evil" "$WS" -- true 2>&1)
mkdir "$WS/$evil-ws"
said+=$("$BRIG" create --name escape-names --wall "$WALL" "$WS/$evil-ws" 2>&1; "$BRIG" ls 2>&1
	"$BRIG" inspect escape-names 2>&1; "$BRIG" rm --force escape-names 2>&1
	"$BRIG" inspect "$evil" 2>&1; "$BRIG" exec "$evil" -- true 2>&1; "$BRIG" logs "$evil" 2>&1
	"$BRIG" "$evil" 2>&1; "$BRIG" run "--$evil" 2>&1; "$BRIG" run --image "$evil" "$WS" 2>&1)
case $said in
*$'\033'*) escaped "brig printed $(printf '%s\n' "$said" | grep -a $'\033' | head -n 1 | od -An -c | head -n 3 | tr -s ' \n' ' ')" ;;
*$'\007'*) escaped "brig rang the bell" ;;
esac
stopped "escaped in $(printf '%s\n' "$said" | grep -acF '\x1b') lines"
