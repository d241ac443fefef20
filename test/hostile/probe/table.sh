#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# table.sh FOLDER NAME... - the heads of these attempts (../run.sh says what is in them) as a table
#	in C, for brig-probe.
set -eu
folder=$1
shift

echo '#include "probe.h"'
for name in "$@"; do
	echo "int probe_$(echo "$name" | tr - _)(int argc, char **argv);"
done
echo 'const struct probe probes[] = {'
for name in "$@"; do
	awk -v name="$name" '
		function out(s) { gsub(/\\/, "\\\\", s); gsub(/"/, "\\\"", s); gsub(/\t/, " ", s); return s }
		!/^ \*/ { if (seen) exit; next }
		{ seen = 1; line = $0; sub(/^ \*[\/ ]?/, "", line) }
		match(line, /^[A-Z][a-z]+( [a-z-]+)?: */) {
			key = substr(line, 1, RLENGTH); sub(/: *$/, "", key)
			text[key] = substr(line, RLENGTH + 1); rest = 0; next }
		line == "" { rest++; key = rest ? "Remark" : key; next }
		{ text[key] = text[key] (text[key] == "" ? "" : " ") line }
		END {
			c = name; gsub(/-/, "_", c)
			printf "\t{ \"%s\", probe_%s, \"", name, c
			n = split("Trick Gain Expect,Expect root,Expect user,Expect user-root,Expect plain,Layer,Layer container,Layer chroot,Harm chroot,Options,Under,Setup,Refusal,Remark", k, ",")
			printf "%s\\t%s", out(text["Trick"]), out(text["Gain"])
			for (i = 1; i <= n; i++) {
				if (i == 1) k[i] = "Expect"
				printf "\\t%s", out(text[k[i]])
			}
			print "\" }," }' "$folder/$name.c"
done
echo '	{ 0 },'
echo '};'
