#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# page.sh BRIG FOLDER NAME - writes one manual page to standard output.
#
# brig(1) is FOLDER/brig.1.in with the list of commands in it; brig-VERB(1) is made from the
# program's own tables, with the prose of FOLDER/brig-VERB.in, if there is one, in front of
# the section SEE ALSO.
set -eu

brig=$1 folder=$2 name=$3

if [ "$name" = brig ]; then
	"$brig" help --man >"$PWD/.commands.$$"
	trap 'rm -f "$PWD/.commands.$$"' EXIT
	sed -e "/^@COMMANDS@\$/{r $PWD/.commands.$$" -e 'd;}' "$folder/brig.1.in"
	exit 0
fi
page=$("$brig" help --man "${name#brig-}")
if [ -f "$folder/$name.in" ]; then
	printf '%s\n' "${page%.Sh SEE ALSO*}" | sed '/^$/d'
	cat "$folder/$name.in"
	printf '.Sh SEE ALSO%s\n' "${page##*.Sh SEE ALSO}"
else
	printf '%s\n' "$page"
fi
